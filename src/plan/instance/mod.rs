//! What to do next for all slots of one instance.
//!
//! All of them in one plan, because positions and limits belong to the instance: slots that planned alone
//! would claim the same device index.

mod bring_up;
mod decide;
mod remove;
mod room;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

pub use self::bring_up::create_request;
use self::decide::View;
use self::room::Places;
pub(super) use self::room::wanted as wanted_position;
use super::asks::Change;
use super::belief::{self, Belief, SlotView};
use super::full::Refusals;
use super::node::NodeFacts;
use super::{Pace, Settings};
use crate::api::{CloudState, CloudStatus, NodeENIAttachment, Verdict};
use crate::model::{AttachmentId, CreateEni, EniId, Instance, InstanceType, Position, Slot};

/// What was observed of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// When.
    pub now: Timestamp,
    /// What EC2 tells of the instance, if it was asked.
    pub instance: Sighting,
    /// What its type can carry, if that is known.
    pub instance_type: Option<InstanceType>,
    /// What EC2 has refused to attach to it.
    pub refusals: Refusals,
    /// Its node, if it has one.
    pub node: Option<NodeFacts>,
    /// Why nothing may be deleted or made again, if so.
    pub held: Option<String>,
    /// Its slots.
    pub slots: Vec<SlotView>,
}

/// What EC2 tells of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// Nothing, since nobody asked.
    NotAsked,
    /// That there is none.
    Absent,
    /// This.
    Seen(Instance),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Slot by slot, in the order of the world.
    pub slots: Vec<SlotPlan>,
    /// When to look again.
    pub pace: Pace,
}

/// What to do next for a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotPlan {
    /// The object, as it was observed.
    pub attachment: NodeENIAttachment,
    /// What to record before the first step.
    pub cloud: Option<CloudStatus>,
    /// EC2 calls, one after the other; the first that fails ends them.
    pub steps: Vec<Step>,
    /// What to say of the slot if nothing more is learned.
    pub verdicts: Vec<Verdict>,
    /// Whether to let the object go.
    pub let_go: bool,
    /// Whether to let the object go once the steps are done.
    pub let_go_after: bool,
    /// When to look again.
    pub pace: Pace,
}

impl SlotPlan {
    /// Whether there is an ENI, or is about to be.
    #[must_use]
    pub fn concerns_an_eni(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Create(_))) || self.cloud.as_ref().is_some_and(exists)
    }
}

/// One EC2 call. Ids that an earlier step learns are taken from the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create the slot's ENI.
    Create(Box<CreateEni>),
    /// Attach it.
    Attach(Position),
    /// Change an attribute of it.
    Change(Change),
    /// Detach it.
    Detach {
        /// Whether to do so by force.
        force: bool,
    },
    /// Delete it.
    Delete,
    /// Detach another ENI of the slot, which should not be.
    DetachSurplus(AttachmentId),
    /// Delete another ENI of the slot, which should not be.
    DeleteSurplus(EniId),
}

/// Whether a record is of an ENI that there is.
#[must_use]
pub fn exists(cloud: &CloudStatus) -> bool {
    cloud.eni_id.is_some() && cloud.state != Some(CloudState::Deleted)
}

impl Step {
    /// Whether a position of the instance is free afterwards, or soon.
    #[must_use]
    pub fn frees_a_position(&self) -> bool {
        match self {
            Self::Detach { .. } | Self::DetachSurplus(_) | Self::Delete | Self::DeleteSurplus(_) => true,
            Self::Create(_) | Self::Attach(_) | Self::Change(_) => false,
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(request) => write!(f, "create in {}", request.subnet),
            Self::Attach(at) => write!(f, "attach at {at}"),
            Self::Change(change) => write!(f, "change {change:?}"),
            Self::Detach { force: false } => f.write_str("detach"),
            Self::Detach { force: true } => f.write_str("detach by force"),
            Self::Delete => f.write_str("delete"),
            Self::DetachSurplus(attachment) => write!(f, "detach the surplus {attachment}"),
            Self::DeleteSurplus(eni) => write!(f, "delete the surplus {eni}"),
        }
    }
}

/// Decides what to do next.
///
/// Per slot, with `–` for nothing to do:
///
/// | its ENI is     | it should be there                | it should go                          |
/// |----------------|-----------------------------------|---------------------------------------|
/// | not asked for  | create, attach, set attributes    | let the object go                     |
/// | asked for      | create again with the same token  | wait until it would be listed         |
/// | available      | attach, set attributes            | delete, let the object go             |
/// | attaching      | set attributes                    | wait                                  |
/// | attached       | set attributes                    | detach, once the node has let go      |
/// | detaching      | wait                              | wait                                  |
/// | contradictory  | wait                              | wait                                  |
///
/// One that somebody moved to another instance waits there: see `Standing::Elsewhere`. While the node is about
/// to go, nothing is created, attached or detached; of an instance that is terminated EC2 takes its ENIs off.
///
/// An ENI that EC2 does not list under the slot's tags is never acted on, whatever a record says. A slot
/// with no room on its instance creates nothing, whoever says so: the numbers of its type, or EC2 itself. An object that is being deleted although its ENI should
/// stay is not this plan's business: see [`super::fanout`].
#[must_use]
pub fn plan(world: &World, settings: &Settings) -> Plan {
    let beliefs: Vec<Belief> = world.slots.iter().map(|slot| belief::of(slot, settings, world.now)).collect();
    let places = Places::of(world, &beliefs);
    let view = View { world, settings, places };
    let slots: Vec<SlotPlan> =
        world.slots.iter().zip(beliefs).map(|(slot, belief)| view.slot(slot, belief)).collect();
    let look = if is_doubtful(world.node.as_ref(), world.slots.iter().map(|slot| &slot.attachment)) {
        Pace::Within(DOUBT_PERIOD)
    } else {
        Pace::Settled
    };
    let pace = slots.iter().fold(look, |pace, slot| pace.or(slot.pace));
    Plan { slots, pace }
}

/// How often to ask EC2 what became of an instance whose node is silent, missing or about to go.
const DOUBT_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// Whether EC2 is to be asked what became of an instance, although nothing is to be done on it: it may be
/// terminated, and then its slots go.
#[must_use]
pub fn is_doubtful<'a>(
    node: Option<&NodeFacts>,
    slots: impl IntoIterator<Item = &'a NodeENIAttachment>,
) -> bool {
    node.is_none_or(NodeFacts::is_doubtful) && slots.into_iter().any(|slot| !slot.spec.paused)
}

/// The slot of an object; `None` if the object is not one that the operator wrote.
#[must_use]
pub fn slot_of(object: &NodeENIAttachment) -> Option<Slot> {
    Some(Slot {
        node_eni: object.spec.node_eni.clone(),
        instance: object.spec.instance_id.parse().ok()?,
        subnet: object.spec.subnet_id.parse().ok()?,
    })
}
