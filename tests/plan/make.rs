//! Makers of the things that worlds are made of.

use std::collections::BTreeMap;

use eni_operator::api::{
    CloudState, CloudStatus, ConditionType, DetachPolicy, DetachPolicyType, NodeENI, NodeENIAttachment,
    NodeENIAttachmentSpec, NodeENIAttachmentStatus, Reason, Verdict, set_condition,
};
use eni_operator::model::{
    Attachment, AttachmentState, Card, ClusterId, Eni, EniId, Epoch, HeldPosition, Instance, InstanceId,
    InstanceState, InstanceType, Ownership, Position, SecurityGroup, Slot, Subnet, SubnetId, VpcId,
};
use eni_operator::plan::belief::{Listing, SlotView};
use eni_operator::plan::node::NodeFacts;
use eni_operator::plan::sweep::Rules;
use eni_operator::plan::{Settings, asks, record};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// When every world is observed, in seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;

/// How long a listing may lag in these tests, in seconds.
pub(crate) const LAG: i64 = 60;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    at(NOW - seconds)
}

pub(crate) fn seconds(number: i64) -> SignedDuration {
    SignedDuration::from_secs(number)
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId("c1".to_owned())
}

pub(crate) fn settings() -> Settings {
    Settings {
        cluster: cluster(),
        listing_lag: seconds(LAG),
        agent_required: true,
        hop_limit: None,
        sweep: Rules::default(),
    }
}

pub(crate) fn instance_id(n: u32) -> InstanceId {
    format!("i-{n:08x}").parse().unwrap()
}

pub(crate) fn subnet_id(n: u32) -> SubnetId {
    format!("subnet-{n:08x}").parse().unwrap()
}

pub(crate) fn eni_id(n: u32) -> EniId {
    format!("eni-{n:08x}").parse().unwrap()
}

pub(crate) fn vpc(n: u32) -> VpcId {
    format!("vpc-{n:08x}").parse().unwrap()
}

pub(crate) fn on(card: u32, device: u32) -> Position {
    Position { card, device }
}

/// A subnet of a zone and a VPC; its name is the number's.
pub(crate) fn subnet(n: u32, zone: &str, vpc_number: u32, free: u32) -> Subnet {
    Subnet {
        id: subnet_id(n),
        name: Some(format!("net-{n}")),
        vpc: vpc(vpc_number),
        zone: zone.to_owned(),
        cidr: format!("10.{n}.0.0/24"),
        free_addresses: free,
    }
}

pub(crate) fn group(n: u32, group_name: &str, name: Option<&str>, vpc_number: u32) -> SecurityGroup {
    SecurityGroup {
        id: format!("sg-{n:08x}").parse().unwrap(),
        group_name: group_name.to_owned(),
        name: name.map(str::to_owned),
        vpc: vpc(vpc_number),
    }
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A node of an instance, with the label that the `NodeENI`s of these tests select.
pub(crate) fn node(name: &str, instance: u32) -> NodeFacts {
    NodeFacts {
        name: name.to_owned(),
        labels: labels(&[("ng", "a")]),
        provider_id: format!("aws:///x/{}", instance_id(instance)),
        ready: true,
        ..NodeFacts::default()
    }
}

/// The node of instance 1, which has been ready or not for some seconds.
pub(crate) fn node_since(ready: bool, for_seconds: i64) -> NodeFacts {
    NodeFacts { ready, ready_since: Some(ago(for_seconds)), ..node("node-1", 1) }
}

/// An instance whose primary ENI holds its position.
pub(crate) fn instance(n: u32, zone: &str) -> Instance {
    Instance {
        id: instance_id(n),
        state: InstanceState::Running,
        instance_type: "m6i.large".to_owned(),
        zone: zone.to_owned(),
        vpc: Some(vpc(1)),
        subnet: Some(subnet_id(0xffff)),
        metadata_hop_limit: None,
        held: vec![HeldPosition { at: on(0, 0), eni: eni_id(0xf000) }],
    }
}

/// What the type of [`instance`] carries, card by card.
pub(crate) fn type_with(limits: &[u32]) -> InstanceType {
    let cards = limits.iter().zip(0..).map(|(&max_enis, index)| Card { index, max_enis });
    InstanceType {
        name: "m6i.large".to_owned(),
        cards: cards.collect(),
        ipv4_addresses_per_eni: 10,
        ipv6_addresses_per_eni: 10,
        shared_attachments: None,
    }
}

/// A `NodeENI` named `n` with its finalizer on.
pub(crate) fn node_eni(spec: &serde_json::Value) -> NodeENI {
    let mut object = NodeENI::new("n", serde_json::from_value(spec.clone()).unwrap());
    object.metadata.uid = Some("uid-n".to_owned());
    object.metadata.generation = Some(1);
    object.metadata.finalizers = Some(vec![eni_operator::api::NODE_ENI_FINALIZER.to_owned()]);
    object
}

/// The object of the nth slot of instance 1: one subnet per slot.
pub(crate) fn slot_object(n: u32) -> NodeENIAttachment {
    let spec = NodeENIAttachmentSpec {
        node_eni: "n".to_owned(),
        node_name: "node-1".to_owned(),
        instance_id: instance_id(1).to_string(),
        zone: "a".to_owned(),
        subnet_id: subnet_id(n).to_string(),
        security_group_ids: vec!["sg-00000001".to_owned()],
        description: "d".to_owned(),
        device_index: 2,
        delete_on_termination: true,
        detach_policy: DetachPolicy { type_: DetachPolicyType::AfterTimeout, timeout_seconds: None },
        ..NodeENIAttachmentSpec::default()
    };
    let mut object = NodeENIAttachment { spec, ..NodeENIAttachment::default() };
    object.metadata.name = Some(slot_key(&object).object_name());
    object.metadata.uid = Some(format!("uid-{n}"));
    object.metadata.generation = Some(2);
    object.metadata.creation_timestamp = Some(Time(ago(9999)));
    object
}

/// The slot that an object is for.
pub(crate) fn slot_key(object: &NodeENIAttachment) -> Slot {
    Slot {
        node_eni: object.spec.node_eni.clone(),
        instance: object.spec.instance_id.parse().unwrap(),
        subnet: object.spec.subnet_id.parse().unwrap(),
    }
}

/// The epoch that ENIs of these tests bear.
pub(crate) const EPOCH: i64 = NOW - 5000;

/// An ENI of a slot, as EC2 lists it, as the slot wants it.
pub(crate) fn eni(object: &NodeENIAttachment, id: u32, attachment: Option<Attachment>) -> Eni {
    Eni {
        id: eni_id(id),
        subnet: slot_key(object).subnet,
        vpc: vpc(1),
        zone: "a".to_owned(),
        mac: format!("02:00:00:00:00:{:02x}", id % 256),
        private_ip: Some(std::net::Ipv4Addr::new(10, 0, 0, 9)),
        secondary_private_ips: vec![],
        ipv4_prefixes: vec![],
        ipv6_addresses: vec![],
        groups: object.spec.security_group_ids.iter().map(|id| id.parse().unwrap()).collect(),
        description: object.spec.description.clone(),
        source_dest_check: object.spec.source_dest_check.unwrap_or(true),
        tags: tags_of(object),
        available: attachment.is_none(),
        attachment,
    }
}

/// The tags of a slot's ENI: those of its create.
pub(crate) fn tags_of(object: &NodeENIAttachment) -> BTreeMap<String, String> {
    let spec = &object.spec;
    let ownership = Ownership {
        cluster: cluster(),
        slot: slot_key(object),
        epoch: Epoch(EPOCH),
        offset: u32::try_from(spec.offset).unwrap(),
    };
    let asked = format!("{}/{}", spec.network_card_index, spec.device_index);
    let mut tags = ownership.tags(&spec.node_name, "uid", &spec.tags);
    tags.insert("networking.k8s.aws/asked-position".to_owned(), asked);
    tags
}

/// The attachment of an ENI, by the number of the ENI or another.
pub(crate) fn attachment(n: u32, state: AttachmentState, at: Position) -> Attachment {
    Attachment {
        id: format!("eni-attach-{n:08x}").parse().unwrap(),
        instance: instance_id(1),
        at,
        state,
        delete_on_termination: true,
    }
}

/// An ENI of a slot in a state of the record's.
pub(crate) fn eni_in(object: &NodeENIAttachment, id: u32, state: CloudState, at: Position) -> Eni {
    let state = match state {
        CloudState::Available | CloudState::Deleted => return eni(object, id, None),
        CloudState::Attaching => AttachmentState::Attaching,
        CloudState::Attached => AttachmentState::Attached,
        CloudState::Detaching => AttachmentState::Detaching,
    };
    eni(object, id, Some(attachment(id, state, at)))
}

/// The record of an ENI in a state, last changed at a time.
pub(crate) fn recorded(
    object: &NodeENIAttachment,
    id: u32,
    state: CloudState,
    when: Timestamp,
) -> CloudStatus {
    let before = record::intended(Epoch(EPOCH), when);
    let cloud = record::of(&eni_in(object, id, state, on(0, 2)), &before);
    match state {
        CloudState::Deleted => record::deleted(&cloud, when),
        _ => cloud,
    }
}

/// The record of a create that was not answered.
pub(crate) fn asked(when: Timestamp) -> CloudStatus {
    record::intended(Epoch(EPOCH), when)
}

pub(crate) fn with_cloud(object: NodeENIAttachment, cloud: CloudStatus) -> NodeENIAttachment {
    let status = NodeENIAttachmentStatus { cloud: Some(cloud), ..object.status.clone().unwrap_or_default() };
    NodeENIAttachment { status: Some(status), ..object }
}

/// The object with one more condition, which speaks of its present generation.
pub(crate) fn with_condition(
    mut object: NodeENIAttachment,
    type_: ConditionType,
    holds: Option<bool>,
    reason: Reason,
) -> NodeENIAttachment {
    let generation = object.metadata.generation;
    let verdict = Verdict::new(type_, holds, reason, format!("{reason:?} it is"));
    set_condition(&mut object.status.get_or_insert_default().conditions, &verdict, generation, ago(900));
    object
}

/// What a pass over some slots has to ask.
pub(crate) fn asks<'a>(slots: impl IntoIterator<Item = &'a NodeENIAttachment>, now: Timestamp) -> asks::Asks {
    asks::of(slots, now, seconds(LAG))
}

/// The object marked for release and deleted some seconds ago.
pub(crate) fn leaving(mut object: NodeENIAttachment, for_seconds: i64) -> NodeENIAttachment {
    object.spec.release = true;
    object.metadata.deletion_timestamp = Some(Time(ago(for_seconds)));
    object
}

/// A slot that has been known for long, with a fresh listing.
pub(crate) fn view(object: NodeENIAttachment, enis: Vec<Eni>) -> SlotView {
    SlotView {
        attachment: object,
        listing: Some(Listing { at: at(NOW), enis }),
        newborn: false,
        known_since: ago(9999),
        retry_at: None,
    }
}
