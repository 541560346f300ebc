//! Objects that cannot be read, as a newer version's would be: they are there, and what is known of them is
//! kept.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::Stage;

/// A detach policy that this version does not know.
const UNKNOWN: &str = "Someday";

/// Lets the API server take a detach policy of any type, and returns when it does.
async fn loosen(stage: &Stage, kind: &str, name: &str) {
    let crd = format!("{kind}s.networking.k8s.aws");
    let rule = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/detachPolicy/properties/type/enum";
    let patch = json!([{ "op": "remove", "path": rule }]).to_string();
    stage.kubectl.run(&["patch", "crd", &crd, "--type=json", "-p", &patch]).unwrap();
    let change = json!({ "spec": { "detachPolicy": { "type": UNKNOWN } } }).to_string();
    let begun = std::time::Instant::now();
    while stage
        .kubectl
        .run(&["patch", kind, name, "--type=merge", "--dry-run=server", "-p", &change])
        .is_err()
    {
        assert!(begun.elapsed() < crate::stage::PATIENCE, "the rule stays in force");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn policy(type_: &str) -> Value {
    json!({ "spec": { "detachPolicy": { "type": type_ } } })
}

/// The changes that the controller makes over a while at rest. An event, a node's label and the counts come a
/// moment after what they tell of: so if there are changes, there is a second while.
async fn changes(stage: &Stage, time: Duration) -> Vec<xtask::chaos::Asked> {
    let mut seen = vec![];
    for _ in 0..2 {
        let before = stage.door.gate.count();
        tokio::time::sleep(time).await;
        seen = stage.door.gate.since(before).into_iter().filter(|asked| asked.changes).collect();
        if seen.is_empty() {
            break;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_eni_that_cannot_be_read_keeps_its_status_and_its_enis_and_can_be_deleted() {
    let Some(mut stage) = Stage::begun("undecodable").await else { return };
    stage.settles().await;
    loosen(&stage, "nodeeni", "undecodable").await;
    stage.patch("nodeeni", "undecodable", &policy(UNKNOWN));
    stage.until("it to be told", |stage| stage.condition("SpecValid")["reason"] == "Undecodable").await;
    for _ in 0..2 {
        let status = stage.get(&["nodeeni", "undecodable"])["status"].take();
        assert_eq!((&status["attached"], &status["desired"]), (&json!(12), &json!(12)), "{status}");
        assert_eq!(status["attachments"].as_array().unwrap().len(), 12);
        assert_eq!(status["subnetOffsets"].as_array().unwrap().len(), 6);
        assert_eq!(changes(&stage, Duration::from_secs(4)).await, []);
        // A new process knows nothing of what was written.
        stage.controller.kill().unwrap();
        stage.controller.start().unwrap();
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slots_object_that_cannot_be_read_is_there_for_all_purposes() {
    let Some(mut stage) = Stage::begun("illegible").await else { return };
    stage.settles().await;
    let slots = stage.get(&["nodeeniattachments"])["items"].take();
    let victim = slots[0]["metadata"]["name"].as_str().unwrap().to_owned();
    loosen(&stage, "nodeeniattachment", &victim).await;
    stage.controller.kill().unwrap();
    stage.patch("nodeeniattachment", &victim, &policy(UNKNOWN));
    stage.controller.start().unwrap();
    let told = |stage: &Stage| stage.condition("Degraded")["reason"] == "Undecodable";
    stage.until("it to be told", told).await;
    assert!(stage.condition("Degraded")["message"].as_str().unwrap().contains(&victim));
    let made = stage.world.region.made().unwrap();
    assert_eq!(changes(&stage, Duration::from_secs(6)).await, []);
    // Without it, everything else goes, and the NodeENI stays for as long as it does.
    stage.world.delete().await.unwrap();
    let one_left = |stage: &Stage| {
        stage.get(&["nodeeniattachments"])["items"].as_array().is_some_and(|all| all.len() == 1)
    };
    stage.until("the others to go", one_left).await;
    assert_eq!(changes(&stage, Duration::from_secs(6)).await, []);
    assert!(stage.world.node_eni().await.unwrap().is_some(), "it was taken for empty");
    stage.patch("nodeeniattachment", &victim, &policy("Force"));
    stage.settles().await;
    assert_eq!(stage.world.region.made().unwrap(), made, "an ENI was made again");
    stage.controller.kill().unwrap();
    stage.world.end().await.unwrap();
}
