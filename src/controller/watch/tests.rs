use super::*;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use k8s_openapi::api::core::v1::NodeCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

/// Watches without an API server, and whom they wake.
fn watches() -> (Watches, UnboundedReceiver<Wake<String>>, UnboundedReceiver<Wake<InstanceId>>) {
    // The process has chosen its provider already, or does so here.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
    let (node_enis, woken_node_enis) = unbounded();
    let (instances, woken_instances) = unbounded();
    let wakes = Wakes { node_enis, instances };
    (Watches::new(client, Arc::default(), wakes), woken_node_enis, woken_instances)
}

/// A node as the nth heartbeat of its kubelet leaves it.
fn node(heartbeat: i64, ready: &str, ready_since: i64) -> SlimNode {
    let time = |second| Some(Time(Timestamp::from_second(second).unwrap()));
    let mut node = SlimNode::default();
    node.metadata.name = Some("n".to_owned());
    node.metadata.resource_version = Some(heartbeat.to_string());
    node.spec.provider_id = Some("aws:///a/i-00000001".to_owned());
    node.status.conditions = ["MemoryPressure", "Ready"]
        .map(|type_| NodeCondition {
            type_: type_.to_owned(),
            status: ready.to_owned(),
            last_heartbeat_time: time(heartbeat),
            last_transition_time: time(ready_since),
            ..NodeCondition::default()
        })
        .into();
    node
}

#[tokio::test]
async fn a_thousand_heartbeats_wake_nobody_and_a_transition_does() {
    let (watches, mut node_enis, mut instances) = watches();
    let spec = serde_json::from_str(r#"{"nodeSelector":{}}"#).unwrap();
    let everywhere = Sight::Seen(Arc::new(NodeENI::new("all", spec)));
    watches.snapshot().set_node_eni("all", Some(everywhere));
    watches.node(Change::Seen(node(0, "True", 0)));
    while node_enis.try_recv().is_ok() {}
    while instances.try_recv().is_ok() {}
    let beats = (1..=1000).map(|n| Ok(Event::Apply(node(n, "True", 0))));
    watches.follow(futures::stream::iter(beats), &|| (), |one| watches.node(one)).await;
    assert!(node_enis.try_recv().is_err() && instances.try_recv().is_err());
    watches.node(Change::Seen(node(1001, "Unknown", 1001)));
    assert_eq!(node_enis.try_recv().unwrap().key, "all");
    assert_eq!(instances.try_recv().unwrap().key, "i-00000001".parse().unwrap());
}
