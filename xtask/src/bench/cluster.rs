//! Kubernetes, as far as it is measured: nodes and their heartbeats, `NodeENI`s, and who wrote how much.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use eni_operator::api::NodeENI;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::Instant;

use super::region::{Region, zone};

/// Requests at once.
const AT_ONCE: usize = 16;

/// How often a kubelet says that it is there: every ten seconds in its lease, and every five minutes, or when
/// something has changed, in its node. Here each node is written every ten seconds, which is worse.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Writes by resource.
pub(super) type Writes = BTreeMap<String, u64>;

/// The name of a node.
fn name(number: usize) -> String {
    format!("bench-{number:05}")
}

/// Makes a ready node for each instance.
pub(super) async fn make_nodes(client: &Client, region: &Region) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let make = |(number, instance): (usize, &String)| {
        let (nodes, instance) = (nodes.clone(), instance.clone());
        async move {
            let node = serde_json::from_value(json!({
                "metadata": {"name": name(number), "labels": {"bench": "true", "topology.kubernetes.io/zone": zone()}},
                "spec": {"providerID": format!("aws:///{}/{instance}", zone())},
            }))?;
            nodes.create(&PostParams::default(), &node).await.context("make a node")?;
            beat(&nodes, number, 0).await
        }
    };
    stream::iter(region.instances.iter().enumerate().map(make)).buffer_unordered(AT_ONCE).try_collect().await
}

/// A kubelet's heartbeat.
async fn beat(nodes: &Api<Node>, number: usize, second: u64) -> Result<()> {
    let at = format!("2026-01-01T{:02}:{:02}:{:02}Z", second / 3600 % 24, second / 60 % 60, second % 60);
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "KubeletReady",
        "lastHeartbeatTime": at, "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({"status": {"conditions": [ready]}});
    let patch = Patch::Strategic(&status);
    nodes.patch_status(&name(number), &PatchParams::default(), &patch).await.context("write a heartbeat")?;
    Ok(())
}

/// Lets all nodes' hearts beat for some time, evenly spread. Returns how many beats there were.
pub(super) async fn heartbeats(client: &Client, count: usize, time: Duration) -> Result<u64> {
    let nodes: Api<Node> = Api::all(client.clone());
    let begun = Instant::now();
    let mut beats = 0;
    while begun.elapsed() < time {
        let due = begun.elapsed().as_secs_f64() / HEARTBEAT.as_secs_f64() * f64::from(u32::try_from(count)?);
        while f64::from(u32::try_from(beats)?) < due {
            beat(&nodes, usize::try_from(beats)? % count, beats).await?;
            beats += 1;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(beats)
}

/// Makes a `NodeENI` for each subnet, for all nodes.
pub(super) async fn make_node_enis(client: &Client, region: &Region) -> Result<()> {
    let api: Api<NodeENI> = Api::all(client.clone());
    for (number, subnet) in region.subnets.iter().enumerate() {
        let object = serde_json::from_value(json!({
            "metadata": {"name": format!("bench-{number}")},
            "spec": {
                "nodeSelector": {"bench": "true"},
                "subnetID": subnet,
                "securityGroupIDs": [region.group],
                "deviceIndex": number + 1,
            },
        }))?;
        api.create(&PostParams::default(), &object).await.context("make a NodeENI")?;
    }
    Ok(())
}

/// Deletes all `NodeENI`s.
pub(super) async fn delete_node_enis(client: &Client) -> Result<()> {
    let api: Api<NodeENI> = Api::all(client.clone());
    let all = ListParams::default();
    api.delete_collection(&DeleteParams::default(), &all).await.context("delete the NodeENIs")?;
    Ok(())
}

/// How many ENIs the `NodeENI`s say are attached, and how many objects there are.
pub(super) async fn told(client: &Client) -> Result<(i64, usize)> {
    let api: Api<NodeENI> = Api::all(client.clone());
    let all = api.list(&ListParams::default()).await.context("list the NodeENIs")?.items;
    let attached = all.iter().filter_map(|one| one.status.as_ref()).map(|status| status.attached).sum();
    Ok((attached, all.len()))
}

/// What the API server has counted of writes, by resource and subresource.
pub(super) async fn writes(client: &Client) -> Result<Writes> {
    let request = axum::http::Request::get("/metrics").body(vec![]).context("ask for metrics")?;
    let text = client.request_text(request).await.context("read the API server's metrics")?;
    let mut writes = Writes::new();
    for line in text.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
        let label = |key: &str| {
            let (_, rest) = line.split_once(&format!("{key}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let verb = label("verb").unwrap_or_default();
        if !["POST", "PUT", "PATCH", "APPLY", "DELETE"].contains(&verb) {
            continue;
        }
        let count = line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).unwrap_or_default();
        let resource = match label("subresource").unwrap_or_default() {
            "" => label("resource").unwrap_or_default().to_owned(),
            sub => format!("{}/{sub}", label("resource").unwrap_or_default()),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = count as u64;
        *writes.entry(resource).or_default() += count;
    }
    Ok(writes)
}

/// What was written between two counts.
pub(super) fn between(before: &Writes, after: &Writes) -> Writes {
    let more = |(resource, count): (&String, &u64)| {
        let more = count - before.get(resource).copied().unwrap_or_default();
        (more > 0).then(|| (resource.clone(), more))
    };
    after.iter().filter_map(more).collect()
}
