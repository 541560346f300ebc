//! What must be true at the end, read from EC2's whole state and from the API server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// ENIs that bear the cluster's tag.
fn ours<'a>(state: &'a Value, cluster: &str) -> Vec<&'a Value> {
    let all = state["enis"].as_object().unwrap().values();
    all.filter(|eni| eni["tags"]["networking.k8s.aws/cluster-id"] == cluster).collect()
}

/// Each of six instances has one ENI in each of the two subnets of its zone, where it was asked for, and the
/// objects say so.
pub(crate) fn all_is_as_it_should_be(state: &Value, attachments: &[Value], cluster: &str) {
    let enis = ours(state, cluster);
    let mut slots: BTreeMap<(String, String), usize> = BTreeMap::new();
    for eni in &enis {
        let attachment = &eni["attachment"];
        let instance =
            attachment["instance_id"].as_str().unwrap_or_else(|| panic!("hangs on nothing: {eni}"));
        let subnet = &state["subnets"][eni["subnet_id"].as_str().unwrap()];
        let name = subnet["tags"]["Name"].as_str().unwrap();
        *slots.entry((instance.to_owned(), name.to_owned())).or_default() += 1;
        let index = if name == "first" { 2 } else { 3 };
        assert_eq!(attachment["device_index"], index, "{eni}");
        assert_eq!(attachment["status"], "attached", "{eni}");
        assert_eq!(attachment["delete_on_termination"], true, "{eni}");
        assert_eq!(state["instances"][instance]["zone"], subnet["zone"], "{eni}");
        assert_eq!(eni["tags"]["networking.k8s.aws/instance-id"], instance, "{eni}");
        assert_eq!(eni["tags"]["node.k8s.amazonaws.com/no_manage"], "true", "{eni}");
    }
    assert_eq!(slots.len(), 12, "{slots:?}");
    assert!(slots.values().all(|count| *count == 1), "doubled: {slots:?}");
    told_truly(&enis, attachments, cluster);
}

/// The objects name the ENIs that there are.
fn told_truly(enis: &[&Value], attachments: &[Value], cluster: &str) {
    let theirs: Vec<&Value> = attachments.iter().filter(|one| one["spec"]["nodeENI"] == cluster).collect();
    let named: BTreeSet<(String, String)> = theirs
        .iter()
        .map(|one| (text(&one["status"]["cloud"]["eniID"]), text(&one["spec"]["instanceID"])))
        .collect();
    let real: BTreeSet<(String, String)> =
        enis.iter().map(|eni| (text(&eni["id"]), text(&eni["attachment"]["instance_id"]))).collect();
    assert_eq!(named, real);
    assert_eq!(theirs.len(), 12);
}

/// Neither EC2 nor the API server has anything of the job.
pub(crate) fn nothing_is_left(state: &Value, attachments: &[Value], cluster: &str) {
    assert_eq!(ours(state, cluster), Vec::<&Value>::new());
    let left: Vec<&Value> = attachments.iter().filter(|one| one["spec"]["nodeENI"] == cluster).collect();
    assert_eq!(left, Vec::<&Value>::new());
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
