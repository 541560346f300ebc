//! A real API server, with a way to it from a node's namespace.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eni_operator::api::{ConditionType, NodeENIAttachment};
use eni_operator::model::MacAddress;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use xtask::testbed::{Bearer, Testbed, TestbedOptions};

use crate::agent::PATIENCE;
use crate::netns::NetNs;

/// A cluster, as its controller knows it.
pub(crate) struct Cluster {
    pub(crate) testbed: Testbed,
    runtime: Runtime,
    client: Client,
}

impl Cluster {
    /// None where its parts are not to be had, or namespaces are not.
    pub(crate) fn new() -> Option<Self> {
        Self::with(&TestbedOptions::default())
    }

    /// Likewise, with more than an API server.
    pub(crate) fn with(options: &TestbedOptions) -> Option<Self> {
        if !crate::netns::obtainable() || !Testbed::obtainable().unwrap() {
            return None;
        }
        let testbed = Testbed::start(options).unwrap();
        testbed.install_crds().unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async { testbed.kube_client().unwrap() });
        Some(Self { testbed, runtime, client })
    }

    /// What the agent on a node has: its own token, and the rights that the chart grants.
    pub(crate) fn kubeconfig_of(&self, node: &str) -> PathBuf {
        self.testbed.kubeconfig_of(Bearer::AgentOn(node)).unwrap()
    }

    fn slots(&self) -> Api<NodeENIAttachment> {
        Api::all(self.client.clone())
    }

    /// Makes a slot of a node, whose ENI has this address.
    pub(crate) fn put(&self, node: &str, name: &str, mac: MacAddress, alt_name: &str) {
        self.put_with(node, name, mac, &json!({ "altName": alt_name }));
    }

    /// Likewise, with more in its spec.
    pub(crate) fn put_with(&self, node: &str, name: &str, mac: MacAddress, spec: &Value) {
        let mut object = json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment",
            "metadata": { "name": name },
            "spec": {
                "nodeENI": name, "nodeName": node, "instanceID": "i-00000001", "zone": "z",
                "subnetID": "subnet-00000001", "offset": 0, "securityGroupIDs": [], "deviceIndex": 2,
                "deleteOnTermination": true, "description": "", "altName": name,
                "uniqueAltName": format!("u-{name}"), "mtu": 9001, "detachPolicy": { "type": "WaitForRelease" },
            },
        });
        let own = object["spec"].as_object_mut().unwrap();
        own.extend(spec.as_object().unwrap().clone());
        let now = "2026-01-01T00:00:00Z";
        let cloud = json!({
            "epoch": 1, "lastCreate": now, "lastChange": now, "eniID": "eni-00000001", "state": "Attached",
            "mac": mac.to_string(), "deviceIndex": 2,
        });
        self.runtime.block_on(async {
            let object: NodeENIAttachment = serde_json::from_value(object).unwrap();
            self.slots().create(&PostParams::default(), &object).await.unwrap();
            let status = Patch::Apply(json!({
                "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment",
                "status": { "cloud": cloud },
            }));
            let params = PatchParams::apply(eni_operator::api::CONTROLLER_MANAGER);
            self.slots().patch_status(name, &params, &status).await.unwrap();
        });
    }

    /// Changes a slot's spec.
    pub(crate) fn set(&self, name: &str, spec: &Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.runtime.block_on(self.slots().patch(name, &PatchParams::default(), &patch)).map(drop).unwrap();
    }

    pub(crate) fn get(&self, name: &str) -> NodeENIAttachment {
        self.runtime.block_on(self.slots().get(name)).unwrap()
    }

    /// Whether a slot has a condition, of its spec as it is now.
    pub(crate) fn says(&self, name: &str, type_: ConditionType, status: &str, reason: &str) -> bool {
        let slot = self.get(name);
        slot.condition(type_).is_some_and(|said| {
            said.status == status
                && said.reason == reason
                && said.observed_generation == slot.metadata.generation
        })
    }

    /// What is said of a slot, for people.
    pub(crate) fn told(&self, name: &str) -> String {
        serde_json::to_string(&self.get(name).status).unwrap()
    }

    /// Waits until a slot has a condition.
    #[track_caller]
    pub(crate) fn until_said(&self, name: &str, type_: ConditionType, status: &str, reason: &str) {
        let begun = Instant::now();
        while !self.says(name, type_, status, reason) {
            let told = self.told(name);
            assert!(begun.elapsed() < PATIENCE * 2, "waited for {type_:?}={status} {reason}: {told}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Who wrote what of a slot's status.
    pub(crate) fn managers(&self, name: &str) -> Vec<String> {
        let slot = self.get(name);
        let mut names: Vec<String> =
            slot.managed_fields().iter().filter_map(|entry| entry.manager.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Requests for slots that the API server has counted, by their verb, as it names them.
    pub(crate) fn requests(&self) -> Vec<(String, f64)> {
        let request = axum::http::Request::get("/metrics").body(vec![]).unwrap();
        let text = self.runtime.block_on(self.client.request_text(request)).unwrap();
        let lines = text.lines().filter(|line| {
            line.starts_with("apiserver_request_total{") && line.contains("resource=\"nodeeniattachments\"")
        });
        let counted = lines.filter_map(|line| {
            let verb = line.split("verb=\"").nth(1)?.split('"').next()?;
            Some((verb.to_owned(), line.rsplit(' ').next()?.parse().ok()?))
        });
        counted.collect()
    }

    /// Events about slots, by their reasons.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let api: Api<k8s_openapi::api::events::v1::Event> = Api::namespaced(self.client.clone(), "default");
        let all = self.runtime.block_on(api.list(&kube::api::ListParams::default())).unwrap();
        let each = all.items.into_iter();
        each.map(|event| (event.reason.unwrap_or_default(), event.reporting_controller.unwrap_or_default()))
            .collect()
    }
}

/// A way from a namespace to the API server, at the address that it has outside.
pub(crate) struct Door {
    closed: Arc<AtomicBool>,
}

impl Door {
    pub(crate) fn open(ns: &NetNs, cluster: &Cluster) -> Self {
        let address = cluster.testbed.server_url().trim_start_matches("https://").to_owned();
        let at = address.clone();
        let listener = ns.within(move || TcpListener::bind(at).unwrap());
        listener.set_nonblocking(true).unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = closed.clone();
        std::thread::spawn(move || {
            while !is_closed.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((inner, _)) => join(&inner, &address),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { closed }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

/// Joins two connections, until one of them ends.
fn join(inner: &TcpStream, address: &str) {
    let Ok(outer) = TcpStream::connect(address) else { return };
    inner.set_nonblocking(false).unwrap();
    for (mut from, mut to) in [
        (inner.try_clone().unwrap(), outer.try_clone().unwrap()),
        (outer.try_clone().unwrap(), inner.try_clone().unwrap()),
    ] {
        std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }
}
