//! Worlds of one instance, mostly such as make the planner act.

use eni_operator::api::{
    CloudState, CloudStatus, ConditionType, DetachPolicyType, HostStatus, NodeENIAttachment, Reason,
};
use eni_operator::model::{
    AttachmentState, Eni, Epoch, HeldPosition, Instance, InstanceState, InstanceType, Position,
};
use eni_operator::plan::belief::{Listing, SlotView};
use eni_operator::plan::full::Refusals;
use eni_operator::plan::instance::{Sighting, World};
use eni_operator::plan::node::{Going, NodeFacts};
use eni_operator::plan::{Settings, record};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use crate::make::{
    EPOCH, NOW, ago, at, attachment, eni, eni_id, eni_in, instance, node_since, on, recorded, seconds,
    settings, slot_object, type_with,
};

/// A tag that somebody else has put on an ENI.
pub(crate) const STRANGERS_TAG: [(&str, &str); 1] = [("backup", "daily")];

/// Number from which the ids of strangers' ENIs count.
pub(crate) const STRANGERS: u32 = 0xf000;

/// What is recorded of a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Recorded {
    Nothing,
    Asked,
    In(CloudState),
}

/// What EC2 lists of the slot's own ENI.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Listed {
    Nothing,
    /// What is recorded; an ENI in `Available` where nothing is.
    AsRecorded,
    /// Another state.
    In(CloudState),
    /// The recorded state, by another attachment at another position.
    Elsewhere,
    /// A state without a name.
    Unsettled,
}

/// One slot, before it is made.
#[derive(Debug, Clone)]
pub(crate) struct SlotPlanned {
    pub(crate) recorded: Recorded,
    pub(crate) listed: Listed,
    pub(crate) surplus: Vec<Option<CloudState>>,
    pub(crate) changed_ago: i64,
    pub(crate) created_before_that: i64,
    pub(crate) known_ago: i64,
    pub(crate) newborn: bool,
    pub(crate) retry_in: Option<i64>,
    pub(crate) release: bool,
    pub(crate) deleted_ago: Option<i64>,
    pub(crate) paused: bool,
    pub(crate) device: i64,
    pub(crate) card: i64,
    pub(crate) drift: bool,
    pub(crate) delete_on_termination: bool,
    pub(crate) source_dest_check: Option<bool>,
    pub(crate) policy: DetachPolicyType,
    pub(crate) met_agent: bool,
    pub(crate) released: Option<bool>,
    pub(crate) token_reused: bool,
    /// How many secondary addresses are wanted.
    pub(crate) count: Option<i64>,
}

/// A world, before it is made.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) slots: Vec<SlotPlanned>,
    pub(crate) strangers: Vec<Position>,
    pub(crate) limits: Vec<u32>,
    pub(crate) type_known: bool,
    pub(crate) asked: bool,
    pub(crate) sighting: Option<Option<InstanceState>>,
    pub(crate) own_shown: bool,
    pub(crate) node: Option<(bool, i64, Option<Option<i64>>)>,
    pub(crate) agent_required: bool,
}

fn state() -> impl Strategy<Value = CloudState> {
    prop_oneof![
        2 => Just(CloudState::Available),
        1 => Just(CloudState::Attaching),
        3 => Just(CloudState::Attached),
        1 => Just(CloudState::Detaching),
        1 => Just(CloudState::Deleted),
    ]
}

fn lifecycle() -> impl Strategy<Value = (bool, Option<i64>, bool)> {
    let long_ago = || prop_oneof![Just(0), Just(100), Just(400), Just(9999)];
    prop_oneof![
        5 => Just((false, None, false)),
        4 => long_ago().prop_map(|since| (true, Some(since), false)),
        1 => Just((true, None, false)),
        1 => long_ago().prop_map(|since| (false, Some(since), false)),
        1 => (any::<bool>(), proptest::option::of(long_ago())).prop_map(|(release, gone)| (release, gone, true)),
    ]
}

fn sightings() -> impl Strategy<Value = (Recorded, Listed, Vec<Option<CloudState>>)> {
    let recorded = prop_oneof![
        3 => Just(Recorded::Nothing),
        2 => Just(Recorded::Asked),
        7 => state().prop_map(Recorded::In),
    ];
    let listed = prop_oneof![
        3 => Just(Listed::Nothing),
        6 => Just(Listed::AsRecorded),
        3 => state().prop_map(Listed::In),
        1 => Just(Listed::Elsewhere),
        1 => Just(Listed::Unsettled),
    ];
    let surplus = prop_oneof![
        6 => Just(vec![]),
        1 => proptest::collection::vec(
            prop_oneof![4 => state().prop_map(Some), 1 => Just(None)], 1..3),
    ];
    (recorded, listed, surplus)
}

fn times() -> impl Strategy<Value = (i64, i64, i64, bool, Option<i64>)> {
    let age = || prop_oneof![Just(0i64), Just(5), Just(59), Just(60), Just(61), Just(400), Just(5000)];
    let later = prop_oneof![Just(0i64), Just(30), Just(100)];
    let retry = prop_oneof![8 => Just(None), 1 => Just(Some(20)), 1 => Just(Some(-1)), 1 => Just(Some(0))];
    (age(), later, age(), prop::bool::weighted(0.3), retry)
}

fn agent() -> impl Strategy<Value = (DetachPolicyType, bool, Option<bool>)> {
    let policy = prop_oneof![
        4 => Just(DetachPolicyType::AfterTimeout),
        2 => Just(DetachPolicyType::WaitForRelease),
        1 => Just(DetachPolicyType::Force),
    ];
    (policy, any::<bool>(), proptest::option::of(any::<bool>()))
}

fn wishes() -> impl Strategy<Value = (i64, i64, bool, bool, Option<bool>)> {
    let card = prop_oneof![5 => Just(0i64), 1 => Just(1)];
    (0i64..5, card, prop::bool::weighted(0.25), any::<bool>(), proptest::option::of(any::<bool>()))
}

prop_compose! {
    fn slot()(
        (recorded, listed, surplus) in sightings(),
        (changed_ago, created_before_that, known_ago, newborn, retry_in) in times(),
        (release, deleted_ago, paused) in lifecycle(),
        (policy, met_agent, released) in agent(),
        (device, card, drift, delete_on_termination, source_dest_check) in wishes(),
        (token_reused, count) in (prop::bool::weighted(0.1), proptest::option::weighted(0.4, 0i64..3)),
    ) -> SlotPlanned {
        SlotPlanned {
            recorded, listed, surplus, changed_ago, created_before_that, known_ago, newborn, retry_in,
            release, deleted_ago, paused, device: device.max(1 - card.min(1)), card, drift,
            delete_on_termination, source_dest_check, policy, met_agent, released, token_reused,
            count,
        }
    }
}

fn sighting() -> impl Strategy<Value = Option<Option<InstanceState>>> {
    prop_oneof![
        12 => Just(Some(Some(InstanceState::Running))),
        1 => Just(Some(Some(InstanceState::Stopped))),
        1 => Just(Some(Some(InstanceState::Pending))),
        1 => Just(Some(Some(InstanceState::Terminated))),
        1 => Just(Some(None)),
        1 => Just(None),
    ]
}

fn strangers() -> impl Strategy<Value = Vec<Position>> {
    let position =
        (prop_oneof![4 => Just(0u32), 1 => Just(1)], 0u32..5).prop_map(|(card, device)| on(card, device));
    proptest::collection::btree_set(position, 0..4).prop_map(|set| set.into_iter().collect())
}

prop_compose! {
    /// Worlds of one to five slots on one instance.
    pub(crate) fn planned()(
        slots in proptest::collection::vec(slot(), 1..6),
        strangers in strangers(),
        limits in prop_oneof![
            5 => (1u32..8).prop_map(|one| vec![one]), 2 => (1u32..8, 1u32..4).prop_map(|(a, b)| vec![a, b])
        ],
        (type_known, asked, own_shown) in
            (prop::bool::weighted(0.9), prop::bool::weighted(0.93), prop::bool::weighted(0.8)),
        sighting in sighting(),
        node in proptest::option::weighted(0.9, node_life()),
        agent_required in prop::bool::weighted(0.7),
    ) -> Planned {
        Planned { slots, strangers, limits, type_known, asked, sighting, own_shown, node, agent_required }
    }
}

/// A world and the settings under which it is planned.
pub(crate) fn world() -> impl Strategy<Value = (World, Settings)> {
    planned().prop_map(|planned| make(&planned))
}

/// A world in which record and listing agree, and no ENI is too many.
pub(crate) fn honest_world() -> impl Strategy<Value = (World, Settings)> {
    planned().prop_map(|mut planned| {
        for slot in &mut planned.slots {
            slot.surplus.clear();
            slot.listed = match slot.recorded {
                Recorded::In(_) => Listed::AsRecorded,
                Recorded::Nothing | Recorded::Asked => Listed::Nothing,
            };
        }
        make(&planned)
    })
}

/// A world of an instance on which EC2 takes fewer ENIs than its type's numbers say, and how many: those that
/// are there, and none to two more. No slot is to go.
pub(crate) fn crowded_world() -> impl Strategy<Value = (World, Settings, usize)> {
    (planned(), 0usize..3).prop_map(|(mut planned, more)| {
        for slot in &mut planned.slots {
            slot.surplus.clear();
            (slot.release, slot.deleted_ago, slot.paused, slot.card) = (false, None, false, 0);
            slot.recorded = match slot.recorded {
                Recorded::In(_) => Recorded::In(CloudState::Attached),
                Recorded::Nothing | Recorded::Asked => Recorded::Nothing,
            };
            slot.listed = Listed::AsRecorded;
            if slot.recorded == Recorded::Nothing {
                (slot.listed, slot.newborn, slot.token_reused) = (Listed::Nothing, true, false);
            }
        }
        (planned.limits, planned.sighting, planned.own_shown) =
            (vec![20], Some(Some(InstanceState::Running)), true);
        let (world, settings) = make(&planned);
        let Sighting::Seen(instance) = &world.instance else { panic!("it was seen") };
        let there = instance.held.iter().filter(|held| held.at.card == 0).count();
        (world, settings, there + more)
    })
}

/// Makes the world.
pub(crate) fn make(planned: &Planned) -> (World, Settings) {
    let slots: Vec<SlotView> =
        planned.slots.iter().zip(1..).map(|(slot, n)| view(slot, n, planned)).collect();
    let instance = sight(planned, &slots);
    let instance_type: Option<InstanceType> = planned.type_known.then(|| type_with(&planned.limits));
    let world = World {
        now: at(NOW),
        instance,
        instance_type,
        refusals: Refusals::default(),
        node: planned.node.map(made),
        held: None,
        slots,
    };
    (world, Settings { agent_required: planned.agent_required, ..settings() })
}

/// Whether a node is ready, for how long it has been so, and by when it is marked as about to go, if it is.
fn node_life() -> impl Strategy<Value = (bool, i64, Option<Option<i64>>)> {
    let ago = || prop_oneof![Just(0i64), Just(100), Just(400), Just(9999)];
    (prop::bool::weighted(0.8), ago(), proptest::option::weighted(0.15, proptest::option::of(ago())))
}

/// The node of the instance.
fn made((ready, for_seconds, going): (bool, i64, Option<Option<i64>>)) -> NodeFacts {
    let going = going.map(|since| Going { mark: "a mark".to_owned(), since: since.map(ago) });
    NodeFacts { going, ..node_since(ready, for_seconds) }
}

/// Position of a slot's ENI: no stranger's, and no other slot's.
fn place(n: u32, planned: &Planned) -> Position {
    let card = u32::try_from(planned.slots[n as usize - 1].card).unwrap();
    let free = (1..40).map(|device| on(card, device)).filter(|at| !planned.strangers.contains(at));
    free.skip(n as usize - 1).step_by(planned.slots.len()).next().unwrap()
}

fn view(slot: &SlotPlanned, n: u32, planned: &Planned) -> SlotView {
    let bare = object(slot, n);
    let at_ = place(n, planned);
    let cloud = cloud(slot, &bare, n, at_);
    let enis = enis(slot, &bare, n, at_);
    let mut attachment = bare;
    if cloud.is_some() {
        attachment.status.get_or_insert_default().cloud = cloud;
    }
    SlotView {
        attachment,
        listing: planned.asked.then_some(Listing { at: at(NOW), enis }),
        newborn: slot.newborn && slot.recorded == Recorded::Nothing,
        known_since: ago(slot.known_ago),
        retry_at: slot.retry_in.map(|wait| at(NOW + wait)),
    }
}

/// The object, but for its record.
fn object(slot: &SlotPlanned, n: u32) -> NodeENIAttachment {
    let mut object = slot_object(n);
    object.spec.release = slot.release;
    object.spec.paused = slot.paused;
    object.spec.device_index = slot.device;
    object.spec.network_card_index = slot.card;
    object.spec.delete_on_termination = slot.delete_on_termination;
    object.spec.source_dest_check = slot.source_dest_check;
    object.spec.detach_policy.type_ = slot.policy;
    object.spec.secondary_private_ip_count = slot.count;
    object.spec.tags = [("team".to_owned(), "a".to_owned())].into();
    object.metadata.deletion_timestamp = slot.deleted_ago.map(|since| Time(ago(since)));
    if slot.met_agent {
        object.status.get_or_insert_default().host = Some(HostStatus::default());
    }
    if let (true, Some(released)) = (slot.met_agent, slot.released) {
        object =
            crate::make::with_condition(object, ConditionType::Released, Some(released), Reason::InProgress);
    }
    if slot.token_reused && slot.recorded == Recorded::Asked {
        let reason = Reason::LookingForEarlierCreate;
        object = crate::make::with_condition(object, ConditionType::Created, Some(false), reason);
    }
    object
}

/// The record of a slot.
fn cloud(slot: &SlotPlanned, bare: &NodeENIAttachment, n: u32, place: Position) -> Option<CloudStatus> {
    let changed = ago(slot.changed_ago);
    let created = changed.checked_sub(seconds(slot.created_before_that)).unwrap();
    let cloud = match slot.recorded {
        Recorded::Nothing => return None,
        Recorded::Asked => record::intended(Epoch(EPOCH), changed),
        Recorded::In(state) => {
            let eni = drifted(eni_in(bare, n, state, place), slot.drift);
            let cloud = record::of(&eni, &recorded(bare, n, state, changed));
            if state == CloudState::Deleted { record::deleted(&cloud, changed) } else { cloud }
        }
    };
    Some(CloudStatus { last_create: Time(created), ..cloud })
}

/// What EC2 lists under the slot's tags.
fn enis(slot: &SlotPlanned, bare: &NodeENIAttachment, n: u32, place: Position) -> Vec<Eni> {
    let state = match (slot.listed, slot.recorded) {
        (Listed::In(state), _) => Some(state),
        (Listed::AsRecorded | Listed::Elsewhere, Recorded::In(state)) => Some(state),
        (Listed::AsRecorded, Recorded::Nothing | Recorded::Asked) => Some(CloudState::Available),
        (Listed::Elsewhere, _) => Some(CloudState::Attached),
        (Listed::Nothing | Listed::Unsettled, _) => None,
    };
    let own = state.filter(|state| *state != CloudState::Deleted).map(|state| eni_in(bare, n, state, place));
    let unsettled =
        (slot.listed == Listed::Unsettled).then(|| Eni { available: false, ..eni(bare, n, None) });
    let mut own = own.or(unsettled);
    if let (Listed::Elsewhere, Some(attachment)) =
        (slot.listed, own.as_mut().and_then(|eni| eni.attachment.as_mut()))
    {
        attachment.id = format!("eni-attach-{:08x}", 0x500 + n).parse().unwrap();
        attachment.at.device += 20;
    }
    let others = slot.surplus.iter().zip(1..).map(|(state, k)| surplus(bare, 0x100 * k + n, *state));
    own.map(|eni| drifted(eni, slot.drift)).into_iter().chain(others).collect()
}

/// Another ENI of the slot, which should not be.
fn surplus(bare: &NodeENIAttachment, id: u32, state: Option<CloudState>) -> Eni {
    let place = on(0, 60 + id / 0x100 * 10 + id % 0x100);
    match state {
        Some(state) => eni_in(bare, id, state, place),
        None => eni(bare, id, Some(attachment(id, AttachmentState::Unsettled, place))),
    }
}

/// An ENI whose attributes somebody has changed.
fn drifted(mut eni: Eni, drift: bool) -> Eni {
    if drift {
        eni.groups = vec!["sg-00000002".parse().unwrap()];
        eni.source_dest_check = !eni.source_dest_check;
        eni.secondary_private_ips.push("by hand".to_owned());
        eni.tags.remove("node.k8s.amazonaws.com/no_manage");
        eni.tags.extend(STRANGERS_TAG.map(|(key, value)| (key.to_owned(), value.to_owned())));
        if let Some(attachment) = eni.attachment.as_mut() {
            attachment.delete_on_termination = false;
        }
    }
    eni
}

/// What EC2 tells of the instance: the primary's position, strangers', and ours if they are shown.
fn sight(planned: &Planned, slots: &[SlotView]) -> Sighting {
    let Some(seen) = planned.sighting else { return Sighting::NotAsked };
    let Some(state) = seen else { return Sighting::Absent };
    let whole = instance(1, "a");
    let strangers = planned.strangers.iter().filter(|at| **at != on(0, 0)).zip(1..);
    let strangers = strangers.map(|(at, n)| HeldPosition { at: *at, eni: eni_id(STRANGERS + n) });
    let own = slots.iter().filter_map(|slot| slot.listing.as_ref()).flat_map(|listing| &listing.enis);
    let own =
        own.filter_map(|eni| Some(HeldPosition { at: eni.attachment.as_ref()?.at, eni: eni.id.clone() }));
    let own: Vec<HeldPosition> = if planned.own_shown { own.collect() } else { vec![] };
    let held = whole.held.iter().cloned().chain(strangers).chain(own).collect();
    Sighting::Seen(Instance { state, held, ..whole })
}
