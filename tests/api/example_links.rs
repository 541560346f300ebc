//! What the objects of one example say of each other: networks, links and resources that are really there.

use std::collections::BTreeMap;

use eni_operator::api::NodeENI;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;

use crate::{
    example::{Example, examples},
    table::all_good,
};

/// The annotation by which a pod asks for networks.
const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
/// The annotation by which a network asks for a device.
const RESOURCE: &str = "k8s.v1.cni.cncf.io/resourceName";

/// A network that a pod asks for.
struct Wanted {
    name: String,
    /// What it is to be called in the pod, if that is said.
    interface: Option<String>,
}

fn node_enis(example: &Example) -> Vec<NodeENI> {
    example.of_kind("NodeENI").map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

fn pods(example: &Example) -> Vec<Pod> {
    example.of_kind("Pod").map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

fn networks(example: &Example) -> impl Iterator<Item = &Value> {
    example.of_kind("NetworkAttachmentDefinition")
}

fn config(network: &Value) -> Value {
    serde_json::from_str(network["spec"]["config"].as_str().unwrap()).unwrap()
}

/// How many ENIs a `NodeENI` makes on a node, at most.
fn count(node_eni: &NodeENI) -> usize {
    let spec = &node_eni.spec;
    let one = |name: &Option<String>| usize::from(name.is_some());
    let many = |names: &Option<Vec<String>>| names.as_ref().map_or(0, Vec::len);
    one(&spec.subnet_id) + one(&spec.subnet_name) + many(&spec.subnet_ids) + many(&spec.subnet_names)
}

/// The alternative names of a `NodeENI`'s links.
fn links(node_eni: &NodeENI) -> Vec<String> {
    let spec = &node_eni.spec;
    let prefix = match spec.network_card_index {
        0 => spec.alt_name_prefix.clone(),
        card => format!("{}c{card}x", spec.alt_name_prefix),
    };
    (spec.device_index..).take(count(node_eni)).map(|index| format!("{prefix}{index}")).collect()
}

fn all_links(example: &Example) -> Vec<String> {
    node_enis(example).iter().flat_map(links).collect()
}

/// How many devices of each resource a node has.
fn resources(example: &Example) -> BTreeMap<String, usize> {
    let mut resources = BTreeMap::new();
    for node_eni in node_enis(example) {
        if let Some(name) = &node_eni.spec.dpdk_resource_name {
            *resources.entry(name.clone()).or_default() += count(&node_eni);
        }
    }
    resources
}

/// The networks that a pod asks for, in either form of the annotation.
fn wanted(pod: &Pod) -> Vec<Wanted> {
    let text = pod.annotations().get(NETWORKS).map_or("", |text| text.trim());
    if text.starts_with('[') {
        let list: Vec<Value> = serde_json::from_str(text).unwrap();
        return list.iter().map(from_json).collect();
    }
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(from_short).collect()
}

fn from_json(network: &Value) -> Wanted {
    Wanted {
        name: network["name"].as_str().unwrap().to_owned(),
        interface: network["interface"].as_str().map(str::to_owned),
    }
}

fn from_short(text: &str) -> Wanted {
    match text.split_once('@') {
        Some((name, interface)) => Wanted { name: name.to_owned(), interface: Some(interface.to_owned()) },
        None => Wanted { name: text.to_owned(), interface: None },
    }
}

/// Runs a check over all examples, and fails with all complaints.
fn check(complaints: impl Fn(&Example) -> Vec<String>) {
    let failures: Vec<_> = examples()
        .iter()
        .flat_map(|example| complaints(example).into_iter().map(|one| format!("{}: {one}", example.name)))
        .collect();
    all_good(&failures);
}

#[test]
fn networks_stand_on_links_of_the_same_example() {
    check(|example| {
        let links = all_links(example);
        let masters =
            networks(example).filter_map(|network| config(network)["master"].as_str().map(str::to_owned));
        masters.filter(|master| !links.contains(master)).map(|master| format!("no link {master}")).collect()
    });
}

#[test]
fn networks_bear_their_own_names() {
    check(|example| {
        let named = |network: &&Value| config(network)["name"] == network["metadata"]["name"];
        networks(example)
            .filter(|network| !named(network))
            .map(|network| network["metadata"].to_string())
            .collect()
    });
}

#[test]
fn networks_take_devices_that_the_same_example_offers() {
    check(|example| {
        let resources = resources(example);
        let asked =
            networks(example).filter_map(|network| network["metadata"]["annotations"][RESOURCE].as_str());
        asked.filter(|name| !resources.contains_key(*name)).map(str::to_owned).collect()
    });
}

#[test]
fn pods_ask_for_no_more_devices_than_a_node_has() {
    check(|example| {
        let resources = resources(example);
        let limits = pods(example).into_iter().flat_map(limits);
        let known = limits.filter(|(name, _)| name.contains('/'));
        known
            .filter(|(name, asked)| resources.get(name).is_none_or(|there| there < asked))
            .map(|(name, asked)| format!("{asked} of {name}"))
            .collect()
    });
}

/// What the containers of a pod ask for, in whole numbers.
fn limits(pod: Pod) -> Vec<(String, usize)> {
    let containers = pod.spec.into_iter().flat_map(|spec| spec.containers);
    let limits = containers.filter_map(|container| container.resources?.limits).flatten();
    limits.filter_map(|(name, quantity)| Some((name, quantity.0.parse().ok()?))).collect()
}

#[test]
fn pods_are_on_networks_of_the_same_example_and_namespace() {
    check(|example| {
        let there: Vec<_> = networks(example).map(|network| place(&network["metadata"])).collect();
        let asked = pods(example).into_iter().flat_map(|pod| {
            let namespace = pod.namespace().unwrap_or_default();
            wanted(&pod).into_iter().map(move |network| (namespace.clone(), network.name))
        });
        asked
            .filter(|network| !there.contains(network))
            .map(|network| format!("no network {network:?}"))
            .collect()
    });
}

fn place(metadata: &Value) -> (String, String) {
    let text = |word: &str| metadata[word].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// host-device renames the link inside the pod, and a link cannot get a name that it already has as another.
#[test]
fn interfaces_in_pods_are_not_called_as_the_links_are() {
    check(|example| {
        let links = all_links(example);
        let interfaces =
            pods(example).into_iter().flat_map(|pod| wanted(&pod)).filter_map(|one| one.interface);
        interfaces.filter(|name| links.contains(name) || name.len() > 15).collect()
    });
}
