//! The whole life of an installation.

use serde_json::json;

use crate::world::{NAMESPACE, World};

/// Whether a NodeENI's count is as it should be.
fn counts(world: &World, name: &str, field: &str, number: u64) -> bool {
    world.get(&format!("nodeeni {name}"))["status"][field].as_u64() == Some(number)
}

#[test]
fn from_the_documented_command_to_an_uninstall_that_leaves_nothing() {
    let Some(mut world) = World::new() else { return };
    world.helm("install", &["--create-namespace"]).unwrap();
    world.until("both controllers are ready", |world| world.ready("controller") == 2);
    world.until("the selected node has its agent", |world| world.ready("node-agent") == 1);
    ask(&world);
    world.until("an ENI is attached to the real node", |world| counts(world, "multus", "attached", 1));
    assert_eq!(world.enis().len(), 1);
    let shown = world.kubectl("get nodeeniattachment");
    println!("{shown}");
    assert!(shown.contains("node-a") && shown.contains("eni-"), "{shown}");
    world.until("the agent's words", |world| {
        let slots = world.get("nodeeniattachment");
        slots["items"][0]["status"]["host"]["observedGeneration"].is_u64()
    });
    // A node that is selected later gets its agent and its ENI.
    world.kubectl("label node node-b ng=multi-eni");
    world.until("two ENIs", |world| counts(world, "multus", "attached", 2) && world.ready("node-agent") == 2);
    // An upgrade replaces every pod and touches no ENI.
    let before: Vec<String> = ids(&world);
    world.helm("upgrade", &["--set", "logLevel=debug"]).unwrap();
    world.kubectl(&format!("rollout status -n {NAMESPACE} deployment/eni-controller --timeout=120s"));
    world.kubectl(&format!("rollout status -n {NAMESPACE} daemonset/eni-node-agent --timeout=120s"));
    world.say("upgraded");
    assert_eq!(ids(&world), before);
    // A controller that is killed is followed by the other.
    // One that ended gave the Lease back.
    world.until("a controller leads", |world| leader(world).is_some());
    let holder = leader(&world).unwrap();
    world.kubectl(&format!("delete pod -n {NAMESPACE} {holder} --grace-period=0 --force"));
    // A node that loses the label keeps its agent until its ENI is gone.
    world.kubectl("label node node-b ng-");
    world.until("the unselected node has neither ENI nor label nor agent", |world| {
        world.enis().len() == 1
            && counts(world, "multus", "attached", 1)
            && !world.get("node node-b")["metadata"]["labels"].to_string().contains("has-eni")
            && world.ready("node-agent") == 1
    });
    // The documented order of an uninstall.
    world.kubectl("delete nodeeni --all --timeout=150s");
    world.say("no NodeENI is left");
    assert!(world.enis().is_empty(), "{:?}", world.enis());
    world.uninstall();
    world.kubectl(
        "delete crd nodeenis.networking.k8s.aws nodeeniattachments.networking.k8s.aws --timeout=60s",
    );
    is_gone(&mut world);
    in_the_wrong_order(&mut world);
    with_every_optional_part(&mut world);
}

/// What people delete first, though it should go last.
fn in_the_wrong_order(world: &mut World) {
    world.helm("install", &[]).unwrap();
    world.until("both controllers are ready again", |world| world.ready("controller") == 2);
    ask(world);
    world.until("an ENI is attached", |world| counts(world, "multus", "attached", 1));
    let before = ids(world);
    world.kubectl(&format!("delete namespace {NAMESPACE} --timeout=120s"));
    world.say("the namespace is deleted");
    assert_eq!(ids(world), before);
    world.helm("install", &["--create-namespace"]).unwrap();
    world.until("both controllers are ready in a new one", |world| world.ready("controller") == 2);
    world.until("the ENI is counted", |world| counts(world, "multus", "attached", 1));
    assert_eq!(ids(world), before);
    // Its objects go first, and each waits for its finalizer.
    world.kubectl("delete crd nodeenis.networking.k8s.aws --timeout=120s");
    world.say("the CRD is deleted");
    assert!(world.enis().is_empty(), "{:?}", world.enis());
    world.uninstall();
    is_gone(world);
}

/// Installed again with all that can be had; an uninstall then sees to the NodeENIs by itself.
fn with_every_optional_part(world: &mut World) {
    world.helm("install", EVERYTHING).unwrap();
    world.until("both controllers run with every optional part", |world| world.ready("controller") == 2);
    world.until("so does the agent", |world| world.ready("node-agent") == 1);
    ask(world);
    world.until("an ENI is attached again", |world| counts(world, "multus", "attached", 1));
    let of_agents = world.get(&format!("pods -n {NAMESPACE} -l app.kubernetes.io/component=node-agent"));
    assert_eq!(of_agents["items"][0]["status"]["containerStatuses"][0]["restartCount"], 0);
    world.uninstall();
    assert!(world.enis().is_empty(), "{:?}", world.enis());
    is_gone(world);
}

/// Every part that needs nothing of somebody else.
const EVERYTHING: &[&str] = &[
    "--set",
    "nodeAgent.dpdk.enabled=true",
    "--set",
    "nodeAgent.networkd=true",
    "--set",
    "metrics.enabled=true",
    "--set",
    "metrics.dashboard.enabled=true",
    "--set",
    "networkPolicy.enabled=true",
    "--set",
    "uninstall.drain=true",
    "--set",
    "imds.autoConfigureHopLimit=true",
];

/// The controller's pod that leads, if one does.
fn leader(world: &World) -> Option<String> {
    let lease = world.get(&format!("lease -n {NAMESPACE} eni-operator-controller"));
    let holder = lease["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty())?;
    let pods = world.get(&format!("pods -n {NAMESPACE}"));
    let mut names = pods["items"].as_array().unwrap().iter().map(|pod| &pod["metadata"]["name"]);
    names.any(|name| name == holder).then(|| holder.to_owned())
}

/// Asks for an ENI on every node that has the documented command's label.
fn ask(world: &World) {
    world.apply(&json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI", "metadata": { "name": "multus" },
        "spec": {
            "nodeSelector": { "ng": "multi-eni" }, "subnetIDs": [world.subnet], "securityGroupIDs": [world.group],
            "deviceIndex": 2, "mtu": 9001,
        },
    }));
}

/// Nothing of the operator is left: no pod, no object without a namespace, no ENI.
fn is_gone(world: &mut World) {
    world.until("no pod is left", |world| {
        world.get(&format!("pods -n {NAMESPACE}"))["items"].as_array().unwrap().is_empty()
    });
    assert!(world.enis().is_empty());
    let kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,priorityclass";
    let left = world.kubectl(&format!("get {kinds} -l app.kubernetes.io/name=eni-operator -o name"));
    assert_eq!(left, "");
}

fn ids(world: &World) -> Vec<String> {
    let id = |eni: &serde_json::Value| eni["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = world.enis().iter().map(id).collect();
    ids.sort();
    ids
}
