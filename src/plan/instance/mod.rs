//! What to do next for all slots of one instance.
//!
//! All of them in one plan, because positions and limits belong to the instance: slots that planned alone
//! would claim the same device index.

mod bring_up;
mod decide;
mod remove;
mod room;

use k8s_openapi::jiff::Timestamp;

pub use self::bring_up::create_request;
use self::decide::View;
use self::room::Places;
pub(super) use self::room::wanted as wanted_position;
use super::asks::Change;
use super::belief::{self, Belief, SlotView};
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
    /// Whether its node is ready; `None` if it has no node.
    pub node_ready: Option<bool>,
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
        let exists = |cloud: &CloudStatus| cloud.eni_id.is_some() && cloud.state != Some(CloudState::Deleted);
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
/// An ENI that EC2 does not list under the slot's tags is never acted on, whatever a record says. A slot
/// with no room on its instance creates nothing. An object that is being deleted although its ENI should
/// stay is not this plan's business: see [`super::fanout`].
#[must_use]
pub fn plan(world: &World, settings: &Settings) -> Plan {
    let beliefs: Vec<Belief> = world.slots.iter().map(|slot| belief::of(slot, settings, world.now)).collect();
    let places = Places::of(world, &beliefs);
    let view = View { world, settings, places };
    let slots: Vec<SlotPlan> =
        world.slots.iter().zip(beliefs).map(|(slot, belief)| view.slot(slot, belief)).collect();
    let pace = slots.iter().fold(Pace::Settled, |pace, slot| pace.or(slot.pace));
    Plan { slots, pace }
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
