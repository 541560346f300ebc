//! Worlds of one `NodeENI`: nodes of every kind, two zones, two VPCs, slots of the present and of the past.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{
    CloudState, ConditionType, NODE_ENI_FINALIZER, NodeENI, NodeENIAttachment, NodeENIStatus, Reason,
    SubnetOffset,
};
use eni_operator::model::{Instance, InstanceId, InstanceState, Slot, Subnet, VpcId};
use eni_operator::plan::belief::Listing;
use eni_operator::plan::fanout::{Leftovers, World, instances};
use eni_operator::plan::instance::Sighting;
use eni_operator::plan::neighbours::Neighbours;
use eni_operator::plan::node::NodeFacts;
use eni_operator::plan::resolve::Network;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use serde_json::json;

use crate::make::{
    NOW, ago, at, eni, group, instance, labels, node, node_eni, recorded, slot_key, slot_object, subnet,
    subnet_id, vpc, with_cloud, with_condition,
};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Ec2,
    Auto,
    Fargate,
    Hybrid,
    Unnamed,
    OtherCloud,
}

#[derive(Debug, Clone)]
pub(crate) struct NodePlanned {
    pub(crate) kind: Kind,
    pub(crate) selected: bool,
    pub(crate) there: bool,
    pub(crate) zone_b: bool,
    pub(crate) other_vpc: bool,
    /// `None` for an instance that EC2 does not know.
    pub(crate) state: Option<InstanceState>,
}

#[derive(Debug, Clone)]
pub(crate) struct ChildPlanned {
    pub(crate) instance: u32,
    pub(crate) subnet: u32,
    pub(crate) release: bool,
    pub(crate) deleted: bool,
    pub(crate) paused: bool,
    pub(crate) state: Option<CloudState>,
    pub(crate) ready: Option<(Option<bool>, Reason)>,
    pub(crate) odd_offset: bool,
    /// Whether its ENI was made a moment ago.
    pub(crate) young: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) nodes: Vec<NodePlanned>,
    pub(crate) children: Vec<ChildPlanned>,
    pub(crate) ids: Vec<u32>,
    pub(crate) names: Vec<&'static str>,
    pub(crate) group: &'static str,
    pub(crate) one: bool,
    pub(crate) paused: bool,
    pub(crate) finalizer: bool,
    pub(crate) deleted: bool,
    pub(crate) given: Vec<u32>,
    /// Instances and subnets, and since when they have been seen.
    pub(crate) leftovers: Option<(Vec<(u32, u32)>, i64)>,
}

/// All subnets that there are: `shared` is a name once per zone, `twin` stands twice in one.
pub(crate) fn subnets() -> Vec<Subnet> {
    let named = |n, zone: &str, vpc, free, name: &str| Subnet {
        name: Some(name.to_owned()),
        ..subnet(n, zone, vpc, free)
    };
    vec![
        named(1, "a", 1, 10, "shared"),
        named(2, "b", 1, 20, "shared"),
        named(3, "a", 1, 30, "solo"),
        named(4, "a", 1, 10, "x"),
        named(5, "b", 1, 5, "twin"),
        named(6, "b", 1, 5, "twin"),
        named(7, "a", 2, 50, "shared"),
        named(8, "b", 2, 50, "x"),
    ]
}

fn node_planned() -> impl Strategy<Value = NodePlanned> {
    let kind = prop_oneof![
        12 => Just(Kind::Ec2), 1 => Just(Kind::Auto), 1 => Just(Kind::Fargate), 1 => Just(Kind::Hybrid),
        1 => Just(Kind::Unnamed), 1 => Just(Kind::OtherCloud),
    ];
    let state = prop_oneof![
        10 => Just(Some(InstanceState::Running)), 1 => Just(Some(InstanceState::Pending)),
        1 => Just(Some(InstanceState::Stopped)), 2 => Just(Some(InstanceState::Terminated)), 1 => Just(None),
    ];
    let flags =
        (prop::bool::weighted(0.8), prop::bool::weighted(0.85), any::<bool>(), prop::bool::weighted(0.1));
    (kind, flags, state).prop_map(|(kind, (selected, there, zone_b, other_vpc), state)| NodePlanned {
        kind,
        selected,
        there,
        zone_b,
        other_vpc,
        state,
    })
}

fn child_planned() -> impl Strategy<Value = ChildPlanned> {
    let lifecycle = prop_oneof![
        8 => Just((false, false)), 2 => Just((true, true)), 1 => Just((true, false)), 1 => Just((false, true)),
    ];
    let state = proptest::option::weighted(
        0.9,
        prop_oneof![
            5 => Just(CloudState::Attached), 1 => Just(CloudState::Available), 1 => Just(CloudState::Attaching),
        ],
    );
    let ready = proptest::option::weighted(
        0.9,
        prop_oneof![
            5 => Just((Some(true), Reason::AsSpecified)),
            1 => Just((Some(false), Reason::InProgress)),
            1 => Just((Some(false), Reason::SubnetFull)),
            1 => Just((None, Reason::NoAgent)),
        ],
    );
    let place = (1u32..7, 1u32..9);
    let odd = (prop::bool::weighted(0.1), prop::bool::weighted(0.05), prop::bool::weighted(0.2));
    (place, lifecycle, odd, state, ready).prop_map(
        |((instance, subnet), (release, deleted), (paused, odd_offset, young), state, ready)| ChildPlanned {
            instance,
            subnet,
            release,
            deleted,
            paused,
            state,
            ready,
            odd_offset,
            young,
        },
    )
}

/// Children in the subnets that are listed as a rule: others are what a former list left behind.
fn children() -> impl Strategy<Value = Vec<ChildPlanned>> {
    proptest::collection::vec(child_planned(), 0..8).prop_map(|mut children| {
        let mut seen = BTreeSet::new();
        children.retain(|child| seen.insert((child.instance, child.subnet)));
        children
    })
}

prop_compose! {
    pub(crate) fn planned()(
        nodes in proptest::collection::vec(node_planned(), 0..6),
        children in children(),
        ids in prop_oneof![
            8 => proptest::sample::subsequence(vec![1u32, 2, 3, 4, 5], 0..5).prop_shuffle(),
            1 => proptest::sample::subsequence(vec![1u32, 3, 7, 8, 9], 1..5).prop_shuffle(),
        ],
        names in prop_oneof![
            6 => Just(vec![]), 2 => Just(vec!["shared"]), 1 => Just(vec!["solo", "shared"]),
            1 => Just(vec!["twin"]), 1 => Just(vec!["none"]),
        ],
        group in prop_oneof![8 => Just("sg-00000001"), 1 => Just("web"), 1 => Just("missing"), 1 => Just("double")],
        (one, paused, deleted) in
            (prop::bool::weighted(0.25), prop::bool::weighted(0.1), prop::bool::weighted(0.12)),
        finalizer in prop::bool::weighted(0.93),
        given in proptest::sample::subsequence(vec![1u32, 2, 3, 4, 5, 6], 0..5).prop_shuffle(),
        leftovers in proptest::option::of((proptest::collection::vec((1u32..7, 1u32..9), 0..3), 0i64..120)),
        childless in prop::bool::weighted(0.2),
    ) -> Planned {
        let children = if childless { vec![] } else { children };
        Planned { nodes, children, ids, names, group, one, paused, finalizer, deleted, given, leftovers }
    }
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    planned().prop_map(|planned| make(&planned))
}

/// Worlds whose object is there, with its finalizer, and not paused.
pub(crate) fn alive_world() -> impl Strategy<Value = World> {
    planned().prop_map(|planned| make(&Planned { paused: false, deleted: false, finalizer: true, ..planned }))
}

pub(crate) fn paused_world() -> impl Strategy<Value = World> {
    planned().prop_map(|planned| make(&Planned { paused: true, deleted: false, finalizer: true, ..planned }))
}

pub(crate) fn deleting_world() -> impl Strategy<Value = World> {
    planned().prop_map(|planned| make(&Planned { deleted: true, ..planned }))
}

pub(crate) fn make(planned: &Planned) -> World {
    let node_eni = object(planned);
    let nodes: Vec<NodeFacts> =
        planned.nodes.iter().zip(1..).filter(|(one, _)| one.there).map(|(one, n)| facts(one, n)).collect();
    let children: Vec<NodeENIAttachment> =
        planned.children.iter().map(|child| child_object(child, planned)).collect();
    let leftovers = planned.leftovers.as_ref().filter(|_| !planned.deleted || children.is_empty());
    let leftovers = leftovers.map(|(places, since)| leftovers_at(places, *since, &children, planned));
    let asked = instances(&node_eni, &nodes, &children, leftovers.as_ref());
    let sightings: BTreeMap<InstanceId, Sighting> =
        asked.into_iter().map(|id| (id.clone(), sighting(&id, planned))).collect();
    World {
        now: at(NOW),
        network: network(&node_eni, &sightings),
        authority: eni_operator::plan::authority::Known::default(),
        leftovers,
        tagged: vec![],
        neighbours: Neighbours { types: Some(vec![]), cni_is_imds_only: false },
        held: None,
        node_eni,
        nodes,
        instances: sightings,
        children,
    }
}

/// ENIs without a slot: what EC2 lists, but for the slots that there are.
fn leftovers_at(
    places: &[(u32, u32)],
    since: i64,
    children: &[NodeENIAttachment],
    planned: &Planned,
) -> Leftovers {
    let there: BTreeSet<Slot> = children.iter().map(slot_key).collect();
    let orphan = |&(instance, subnet): &(u32, u32)| {
        let mut object = slot_object(subnet);
        object.spec.instance_id = crate::make::instance_id(instance).to_string();
        object.spec.node_name = format!("node-{instance}");
        object.spec.offset = offset(subnet, planned);
        (!there.contains(&slot_key(&object))).then(|| eni(&object, instance * 16 + subnet, None))
    };
    let enis = places.iter().filter_map(orphan).collect();
    Leftovers { listing: Listing { at: at(NOW), enis }, since: ago(since) }
}

fn object(planned: &Planned) -> NodeENI {
    let mut spec = json!({
        "nodeSelector": {"ng": "a"},
        "subnetIDs": planned.ids.iter().map(|n| subnet_id(*n).to_string()).collect::<Vec<_>>(),
        "subnetNames": planned.names,
        "subnetPolicy": if planned.one { "One" } else { "All" },
        "deviceIndex": 2,
        "paused": planned.paused,
    });
    let groups = if planned.group.starts_with("sg-") { "securityGroupIDs" } else { "securityGroupNames" };
    spec[groups] = json!([planned.group]);
    let mut object = node_eni(&spec);
    object.metadata.finalizers = planned.finalizer.then(|| vec![NODE_ENI_FINALIZER.to_owned()]);
    object.metadata.deletion_timestamp = planned.deleted.then(|| Time(ago(50)));
    let given = planned.given.iter().enumerate().map(|(place, n)| SubnetOffset {
        subnet_id: subnet_id(*n).to_string(),
        zone: zone_of(*n),
        offset: i64::try_from(place).unwrap(),
    });
    object.status = Some(NodeENIStatus { subnet_offsets: given.collect(), ..NodeENIStatus::default() });
    object
}

/// Zone of the nth subnet.
fn zone_of(n: u32) -> String {
    subnets().into_iter().find(|one| one.id == subnet_id(n)).map_or_else(|| "a".to_owned(), |one| one.zone)
}

fn facts(planned: &NodePlanned, n: u32) -> NodeFacts {
    let whole = node(&format!("node-{n}"), n);
    let mut labels_ = if planned.selected { whole.labels.clone() } else { labels(&[("ng", "b")]) };
    let provider_id = match planned.kind {
        Kind::Ec2 => whole.provider_id.clone(),
        Kind::Auto => {
            labels_.insert("eks.amazonaws.com/compute-type".to_owned(), "auto".to_owned());
            whole.provider_id.clone()
        }
        Kind::Fargate => format!("aws:///a/b/fargate-ip-10-0-0-{n}"),
        Kind::Hybrid => "eks-hybrid:///eu/c/mi-0123456789abcdef0".to_owned(),
        Kind::Unnamed => String::new(),
        Kind::OtherCloud => "kind://docker/kind/worker".to_owned(),
    };
    NodeFacts { labels: labels_, provider_id, ..whole }
}

/// What EC2 tells of the nth node's instance; beyond the nodes, of instances without a node.
fn sighting(id: &InstanceId, planned: &Planned) -> Sighting {
    let n = u32::from_str_radix(&id.as_str()[2..], 16).unwrap();
    let Some(node) = planned.nodes.get(n as usize - 1) else {
        return if n.is_multiple_of(2) { Sighting::Absent } else { Sighting::Seen(instance(n, "a")) };
    };
    let Some(state) = node.state else { return Sighting::Absent };
    let gone = state == InstanceState::Terminated;
    Sighting::Seen(Instance {
        state,
        vpc: (!gone).then(|| vpc(if node.other_vpc { 2 } else { 1 })),
        ..instance(n, if node.zone_b { "b" } else { "a" })
    })
}

/// What EC2 tells of what the spec names.
pub(crate) fn network(object: &NodeENI, sightings: &BTreeMap<InstanceId, Sighting>) -> Network {
    let ids = eni_operator::plan::resolve::subnet_ids(&object.spec);
    let names = eni_operator::plan::resolve::subnet_names(&object.spec);
    let vpcs: BTreeSet<VpcId> = sightings
        .values()
        .filter_map(|one| match one {
            Sighting::Seen(instance) => instance.vpc.clone(),
            Sighting::NotAsked | Sighting::Absent => None,
        })
        .collect();
    let of_vpc = |vpc: &VpcId| {
        let has_name = |one: &Subnet| one.vpc == *vpc && names.contains(one.name.as_ref().unwrap());
        subnets().into_iter().filter(has_name).collect()
    };
    let groups = |number| {
        vec![
            group(10 + number, "web", None, number),
            group(20, "p", Some("double"), number),
            group(21, "q", Some("double"), number),
        ]
    };
    Network {
        subnets: subnets().into_iter().filter(|one| ids.contains(&one.id)).collect(),
        named_subnets: vpcs.iter().map(|vpc| (vpc.clone(), of_vpc(vpc))).collect(),
        groups: None,
        named_groups: vpcs
            .iter()
            .map(|one| (one.clone(), groups(if *one == vpc(1) { 1 } else { 2 })))
            .collect(),
    }
}

/// The place of a subnet: the recorded one, or one that nobody else has.
fn offset(subnet: u32, planned: &Planned) -> i64 {
    let place = planned.given.iter().position(|n| *n == subnet);
    place.map_or(i64::from(subnet) + 10, |place| i64::try_from(place).unwrap())
}

fn child_object(child: &ChildPlanned, planned: &Planned) -> NodeENIAttachment {
    let mut object = slot_object(child.subnet);
    object.spec.instance_id = crate::make::instance_id(child.instance).to_string();
    object.spec.node_name = format!("node-{}", child.instance);
    object.spec.zone = zone_of(child.subnet);
    object.spec.release = child.release;
    object.spec.paused = child.paused;
    object.spec.offset = offset(child.subnet, planned);
    object.spec.offset += i64::from(child.odd_offset) * i64::from(child.instance);
    object.metadata.name = Some(slot_key(&object).object_name());
    object.metadata.deletion_timestamp = child.deleted.then(|| Time(ago(20)));
    if let Some(state) = child.state {
        let cloud = recorded(
            &object,
            child.instance * 16 + child.subnet,
            state,
            ago(if child.young { 5 } else { 100 }),
        );
        object = with_cloud(object, cloud);
        let attached = Some(state == CloudState::Attached);
        object = with_condition(object, ConditionType::Attached, attached, Reason::Attached);
    }
    match child.ready {
        Some((holds, reason)) => with_condition(object, ConditionType::Ready, holds, reason),
        None => object,
    }
}
