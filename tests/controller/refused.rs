//! A slot's object that Kubernetes refuses: the user is told, with the API server's words, once.

use serde_json::{Value, json};

use crate::stage::Stage;

const POLICY: &str = "no-attachments";

/// What the policy says.
const WORDS: &str = "no more attachments this quarter";

fn policy() -> [Value; 2] {
    let api_version = "admissionregistration.k8s.io/v1";
    [
        json!({
            "apiVersion": api_version, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": POLICY },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": ["networking.k8s.aws"], "apiVersions": ["*"], "operations": ["CREATE"],
                    "resources": ["nodeeniattachments"],
                }] },
                "validations": [{ "expression": "false", "message": WORDS }],
            },
        }),
        json!({
            "apiVersion": api_version, "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": POLICY },
            "spec": { "policyName": POLICY, "validationActions": ["Deny"] },
        }),
    ]
}

/// Waits until the policy is in force, or no more.
async fn until_in_force(stage: &Stage, wanted: bool) {
    let probe = probe(stage);
    let begun = std::time::Instant::now();
    while stage.kubectl.run(&["create", "--dry-run=server", "-f", &probe]).is_err() != wanted {
        assert!(begun.elapsed() < crate::stage::PATIENCE, "the policy is not as it was set");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Sets the policy up.
fn forbid(stage: &Stage) {
    let file = stage.testbed.folder().join("policy.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": policy() });
    std::fs::write(&file, list.to_string()).unwrap();
    stage.kubectl.run(&["apply", "-f", file.to_str().unwrap()]).unwrap();
}

/// A slot's object that somebody might make.
fn probe(stage: &Stage) -> String {
    let probe = stage.testbed.folder().join("probe.json");
    let object = json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment",
        "metadata": { "name": "probe" },
        "spec": {
            "nodeENI": "probe", "nodeName": "n", "instanceID": "i-00000001", "zone": "z",
            "subnetID": "subnet-00000001", "offset": 0, "securityGroupIDs": [], "deviceIndex": 1,
            "deleteOnTermination": true, "description": "", "altName": "a", "uniqueAltName": "b",
            "detachPolicy": { "type": "Force" },
        },
    });
    std::fs::write(&probe, object.to_string()).unwrap();
    probe.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_kubernetes_refuses_is_told_in_a_condition_and_an_event_and_made_once_it_may_be() {
    let Some(mut stage) = Stage::set("forbidden").await else { return };
    forbid(&stage);
    until_in_force(&stage, true).await;
    stage.controller.start().unwrap();
    stage.world.apply().await.unwrap();
    let told = |stage: &Stage| {
        let degraded = stage.condition("Degraded");
        degraded["reason"] == "APIRefused" && degraded["message"].as_str().unwrap().contains(WORDS)
    };
    stage.until("the refusal to be told", told).await;
    assert_eq!(stage.condition("Ready")["status"], "False");
    let before = stage.door.gate.count();
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let asked: Vec<_> = stage.door.gate.since(before).into_iter().filter(|one| one.changes).collect();
    assert!(asked.len() < 3, "it is asked again and again: {asked:?}");
    let events = stage.get(&["events.v1.events.k8s.io", "-n", "default"]);
    let about = |event: &&Value| event["regarding"]["name"] == "forbidden" && event["type"] == "Warning";
    let notes: Vec<&Value> = events["items"].as_array().unwrap().iter().filter(about).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0]["note"].as_str().unwrap().contains(WORDS), "{notes:?}");
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        stage.kubectl.run(&["delete", kind, POLICY]).unwrap();
    }
    until_in_force(&stage, false).await;
    // A changed spec does not wait for the end of the back-off.
    "asked again".clone_into(&mut stage.world.want.description);
    stage.world.apply().await.unwrap();
    stage.settles().await;
    assert_eq!(stage.condition("Degraded")["status"], "False");
    stage.end().await;
}
