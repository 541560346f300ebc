//! What a pass over an instance has to ask EC2, told from the objects alone.
//!
//! A slot that is as it should be asks nothing. That, and not a cache, is why an operator at rest makes
//! no calls.

use std::collections::BTreeMap;

use super::belief::moment;
use super::instance::slot_of;
use super::{addresses, record};
use crate::api::{CloudState, CloudStatus, ConditionType, NodeENIAttachment, Reason};
use crate::model::{AddressKind, tag_key};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// What has to be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// Which ENIs bear the slots' tags.
    pub enis: bool,
    /// What the instance is, and which positions on it are held.
    pub instance: bool,
}

/// What a pass over these slots has to ask now.
#[must_use]
pub fn of<'a>(
    slots: impl IntoIterator<Item = &'a NodeENIAttachment>,
    now: Timestamp,
    lag: SignedDuration,
) -> Asks {
    slots.into_iter().map(|slot| of_slot(slot, now, lag)).fold(Asks::default(), |one, other| Asks {
        enis: one.enis || other.enis,
        instance: one.instance || other.instance,
    })
}

/// What one slot has to ask now.
fn of_slot(slot: &NodeENIAttachment, now: Timestamp, lag: SignedDuration) -> Asks {
    let leaving = slot.is_leaving();
    let cloud = slot.recorded();
    let attached = cloud.is_some_and(|cloud| {
        matches!(cloud.state, Some(CloudState::Attached | CloudState::Attaching | CloudState::Detaching))
            && !addresses::wants_more(slot, cloud)
    });
    if slot.spec.paused {
        return Asks::default();
    }
    let drifted = slot.holds(ConditionType::Drifted);
    let enis = match cloud {
        Some(cloud) if early(slot, cloud, now).is_some() => false,
        Some(cloud) => {
            leaving
                || drifted
                || !settled(slot, cloud)
                || unconfirmed(slot, cloud, lag).is_some_and(|at| at <= now)
        }
        None => true,
    };
    Asks { enis, instance: !leaving && !attached }
}

/// How long EC2 will need for what it was asked a moment ago, if there is nothing to do but wait for it.
///
/// Our own write of a status wakes a pass; this keeps that pass from asking EC2 what it has just said.
#[must_use]
pub fn early(slot: &NodeENIAttachment, cloud: &CloudStatus, now: Timestamp) -> Option<SignedDuration> {
    let waits = match cloud.state {
        Some(CloudState::Detaching) => true,
        Some(CloudState::Attaching) => slot.spec.release || changes(slot, cloud).is_empty(),
        Some(CloudState::Available | CloudState::Attached | CloudState::Deleted) | None => false,
    };
    let left = SHORTEST - now.duration_since(moment(&cloud.last_change));
    (waits && left.is_positive()).then_some(left)
}

/// When a record can be confirmed; `None` for one that need not be.
///
/// An ENI that was found in a listing may be one that was deleted a moment before: nothing that EC2
/// answered to us says that it is there. Addresses of which it is not known whether EC2 gave them are
/// likewise.
#[must_use]
pub fn unconfirmed(slot: &NodeENIAttachment, cloud: &CloudStatus, lag: SignedDuration) -> Option<Timestamp> {
    let created = slot.condition(ConditionType::Created);
    let adopting = created.is_some_and(|created| created.reason == Reason::Adopting.name());
    (adopting || addresses::are_unsure(slot, cloud)).then(|| moment(&cloud.last_change) + lag)
}

/// Whether the recorded ENI is attached and as the spec wants it.
fn settled(slot: &NodeENIAttachment, cloud: &CloudStatus) -> bool {
    let at_home = cloud.state == Some(CloudState::Attached) && cloud.other_instance_id.is_none();
    at_home && changes(slot, cloud).is_empty()
}

/// An attribute of an ENI that is not as the spec wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Whether EC2 deletes it with the instance.
    DeleteOnTermination(bool),
    /// Whether EC2 drops traffic that is not its own.
    SourceDestCheck(bool),
    /// Its security groups.
    Groups(Vec<String>),
    /// Its description.
    Description(String),
    /// Tags that it lacks, or has with other values.
    Tag(BTreeMap<String, String>),
    /// Tags that the user does not want any more, by key.
    Untag(Vec<String>),
    /// So many more addresses of a kind.
    Assign(AddressKind, u32),
    /// These addresses of a kind, which are too many.
    Unassign(AddressKind, Vec<String>),
}

impl Change {
    /// Whether it is about addresses: such a change is not to be asked for twice.
    #[must_use]
    pub fn is_of_addresses(&self) -> bool {
        match self {
            Self::Assign(..) | Self::Unassign(..) => true,
            Self::DeleteOnTermination(_)
            | Self::SourceDestCheck(_)
            | Self::Groups(_)
            | Self::Description(_)
            | Self::Tag(_)
            | Self::Untag(_) => false,
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DeleteOnTermination(on) => write!(f, "delete-on-termination {on}"),
            Self::SourceDestCheck(on) => write!(f, "source/dest check {on}"),
            Self::Groups(ids) => write!(f, "security groups {}", ids.join(" ")),
            Self::Description(text) => write!(f, "description {text:?}"),
            Self::Tag(tags) => {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "tags {}", tags.join(" "))
            }
            Self::Untag(keys) => write!(f, "without the tags {}", keys.join(" ")),
            Self::Assign(kind, count) => write!(f, "{count} more {kind}"),
            Self::Unassign(kind, addresses) => write!(f, "without the {kind} {}", addresses.join(" ")),
        }
    }
}

/// The attributes that are not as the spec wants them.
///
/// What belongs to the attachment is compared only where there is one.
#[must_use]
pub fn changes(slot: &NodeENIAttachment, cloud: &CloudStatus) -> Vec<Change> {
    let spec = &slot.spec;
    let mut changes = vec![];
    if record::position(cloud).is_some() && cloud.delete_on_termination != Some(spec.delete_on_termination) {
        changes.push(Change::DeleteOnTermination(spec.delete_on_termination));
    }
    if let Some(check) = spec.source_dest_check.filter(|check| cloud.source_dest_check != Some(*check)) {
        changes.push(Change::SourceDestCheck(check));
    }
    if cloud.security_group_ids != spec.security_group_ids {
        changes.push(Change::Groups(spec.security_group_ids.clone()));
    }
    if cloud.description != spec.description {
        changes.push(Change::Description(spec.description.clone()));
    }
    changes.extend(tags(slot, cloud));
    changes.extend(addresses::changes(slot, cloud));
    changes
}

/// The tags that are not as they should be: those that go first, since what is set last says which of
/// those that stay are the user's.
fn tags(slot: &NodeENIAttachment, cloud: &CloudStatus) -> Vec<Change> {
    let Some(key) = slot_of(slot) else { return vec![] };
    let mut wanted = key.kept_tags(&slot.spec.node_name, &slot.spec.tags);
    let asked = record::asked(cloud).map(|at| (tag_key::ASKED.to_owned(), at.tag()));
    wanted.extend(asked);
    let gone: Vec<String> = cloud.tags.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    wanted.retain(|key, value| cloud.tags.get(key) != Some(value));
    let untag = (!gone.is_empty()).then_some(Change::Untag(gone));
    let tag = (!wanted.is_empty()).then_some(Change::Tag(wanted));
    untag.into_iter().chain(tag).collect()
}

/// Shortest time between two looks at something that EC2 is working on.
///
/// EC2 attaches and detaches in two to five seconds as a rule; looking sooner finds nothing new.
const SHORTEST: SignedDuration = SignedDuration::from_secs(3);

/// Longest time between two such looks.
const LONGEST: SignedDuration = SignedDuration::from_secs(30);

/// When to look again at what EC2 is working on: the longer it takes, the less often.
#[must_use]
pub fn poll(cloud: &CloudStatus, now: Timestamp) -> SignedDuration {
    let taken = now.duration_since(moment(&cloud.last_change));
    (taken / 2).clamp(SHORTEST, LONGEST)
}
