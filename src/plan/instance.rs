//! What to do next for all slots of one instance.
//!
//! All of them in one plan, because positions and limits belong to the instance: slots that planned alone
//! would claim the same device index.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::asks::{self, Change};
use super::belief::{self, Belief, SlotView, moment};
use super::positions::{self, Claim, Place};
use super::release::{Holder, Leave, leave};
use super::verdicts::{self, Standing};
use super::{Pace, Settings, record};
use crate::api::{CloudState, CloudStatus, DetachPolicyType, NodeENIAttachment, Reason, Verdict};
use crate::model::{
    AttachmentId, CreateEni, EniId, Epoch, Instance, InstanceState, InstanceType, Ownership, Position, Slot,
    client_token,
};

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

/// How long a detach may take before a policy of `Force` forces it.
///
/// EC2 detaches in seconds as a rule; an instance that hangs can keep it waiting for ever.
const DETACH_PATIENCE: SignedDuration = SignedDuration::from_mins(5);

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
/// stay is let go without any EC2 call: the next one adopts the ENI.
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

/// Where each slot may hang, by name; empty while the instance is not known.
struct Places(std::collections::BTreeMap<String, Place>);

impl Places {
    fn of(world: &World, beliefs: &[Belief]) -> Self {
        let Sighting::Seen(instance) = &world.instance else { return Self(Default::default()) };
        let claims: Vec<Claim<'_>> =
            world.slots.iter().zip(beliefs).filter_map(|(slot, belief)| claim(slot, belief)).collect();
        let places = positions::assign(&claims, instance, world.instance_type.as_ref());
        Self(places.into_iter().map(|(name, place)| (name.to_owned(), place)).collect())
    }
}

/// A slot's claim to a position: those that should have one, and those that still hold one.
fn claim<'a>(slot: &'a SlotView, belief: &Belief) -> Option<Claim<'a>> {
    let cloud = belief.cloud();
    let held = cloud.and_then(record::position);
    let leaving = slot.attachment.spec.release || slot.attachment.metadata.deletion_timestamp.is_some();
    if leaving && held.is_none() {
        return None;
    }
    Some(Claim {
        name: slot.attachment.metadata.name.as_deref()?,
        eni: cloud.and_then(record::eni),
        held,
        wanted: wanted(&slot.attachment),
    })
}

/// The position that a slot asks for.
fn wanted(attachment: &NodeENIAttachment) -> Position {
    let number = |value: i64| u32::try_from(value).unwrap_or_default();
    let spec = &attachment.spec;
    Position { card: number(spec.network_card_index), device: number(spec.device_index) }
}

/// What the decision about one slot depends on.
struct View<'a> {
    world: &'a World,
    settings: &'a Settings,
    places: Places,
}

/// What was decided for a slot, before it is put into words.
struct Decision {
    cloud: Option<CloudStatus>,
    steps: Vec<Step>,
    standing: Standing,
    let_go: bool,
    pace: Pace,
}

impl Decision {
    /// Nothing to do, for a reason.
    fn rest(cloud: Option<CloudStatus>, standing: Standing, pace: Pace) -> Self {
        Self { cloud, steps: vec![], standing, let_go: false, pace }
    }

    /// Something to do; its outcome decides the pace.
    fn act(cloud: CloudStatus, steps: Vec<Step>, standing: Standing) -> Self {
        Self { cloud: Some(cloud), steps, standing, let_go: false, pace: Pace::Settled }
    }

    /// Nothing is left.
    fn done() -> Self {
        Self { let_go: true, ..Self::rest(None, Standing::Gone, Pace::Settled) }
    }
}

impl View<'_> {
    /// The plan of a slot.
    fn slot(&self, slot: &SlotView, belief: Belief) -> SlotPlan {
        let kept = match &belief {
            Belief::Nothing { .. } => recorded(&slot.attachment).map(|cloud| record::lost(cloud)),
            belief => belief.cloud().or(recorded(&slot.attachment)).cloned(),
        };
        let alone = !matches!(&belief, Belief::Present { surplus, .. } if !surplus.is_empty());
        let decision = self.decide(slot, belief);
        let cloud = decision.cloud.or(kept);
        SlotPlan {
            verdicts: verdicts::of(&slot.attachment, cloud.as_ref(), &decision.standing, self.settings),
            attachment: slot.attachment.clone(),
            cloud,
            let_go: decision.let_go,
            let_go_after: alone
                && slot.attachment.spec.release
                && decision.steps.last() == Some(&Step::Delete),
            steps: decision.steps,
            pace: decision.pace,
        }
    }

    /// What to do about a slot.
    fn decide(&self, slot: &SlotView, belief: Belief) -> Decision {
        let object = &slot.attachment;
        if object.spec.paused {
            return Decision::rest(None, Standing::Paused, Pace::Settled);
        }
        let leaving = object.metadata.deletion_timestamp.is_some();
        if leaving && !object.spec.release {
            return self.bookkeeping(slot, &belief);
        }
        if let Some(wait) =
            slot.retry_at.map(|at| at.duration_since(self.world.now)).filter(|wait| wait.is_positive())
        {
            return Decision::rest(None, Standing::AsBefore, Pace::Within(wait));
        }
        if object.spec.release { self.remove(slot, belief) } else { self.bring_up(slot, belief) }
    }

    /// An object that somebody deleted.
    ///
    /// If its ENI should stay, the object is let go, but not before the next one would see the ENI in a
    /// listing. If its `NodeENI` is not there, whoever decides over slots will say what is to be done.
    fn bookkeeping(&self, slot: &SlotView, belief: &Belief) -> Decision {
        if !slot.owner_lives {
            return Decision::rest(None, Standing::AsBefore, Pace::Settled);
        }
        let certain = match (belief, recorded(&slot.attachment)) {
            (_, Some(cloud)) => moment(&cloud.last_create),
            (_, None) if slot.newborn => return Decision::done(),
            (_, None) => slot.known_since,
        };
        let wait = (certain + self.settings.listing_lag).duration_since(self.world.now);
        if wait.is_positive() {
            Decision::rest(None, Standing::AsBefore, Pace::Within(wait))
        } else {
            Decision::done()
        }
    }

    /// A slot whose ENI should be there and attached.
    fn bring_up(&self, slot: &SlotView, belief: Belief) -> Decision {
        let now = self.world.now;
        match belief {
            // Only a settled slot is not asked about.
            Belief::Unasked => Decision::rest(None, Standing::Attached { adopted: false }, Pace::Settled),
            Belief::Settling { cloud, until } => self.settle(slot, cloud, until),
            Belief::Nothing { last_epoch } => {
                let epoch =
                    Epoch(last_epoch.map_or(now.as_second(), |last| (last.0 + 1).max(now.as_second())));
                self.create(slot, record::intended(epoch, now))
            }
            Belief::Asked { cloud } if verdicts::token_was_reused(&slot.attachment) => {
                self.look_for_earlier_create(slot, cloud)
            }
            Belief::Asked { cloud } => {
                let again = CloudStatus { last_create: time(now), last_change: time(now), ..cloud };
                self.create(slot, again)
            }
            Belief::Present { cloud, adopted, surplus } => self.keep(slot, cloud, adopted, &surplus),
        }
    }

    /// Waits until the listing can be believed, and looks now and then.
    fn settle(&self, slot: &SlotView, cloud: Option<CloudStatus>, until: Timestamp) -> Decision {
        let now = self.world.now;
        let left = until.duration_since(now).max(SignedDuration::from_secs(1));
        let look = cloud.as_ref().map_or(left, |cloud| asks::poll(cloud, now));
        let standing = match cloud.as_ref().or(recorded(&slot.attachment)).and_then(|cloud| cloud.state) {
            Some(CloudState::Attaching) => Standing::Attaching,
            _ => Standing::Settling,
        };
        Decision::rest(cloud, standing, Pace::Within(look.min(left)))
    }

    /// A token of ours went with other parameters, so an ENI of ours may be out there.
    fn look_for_earlier_create(&self, slot: &SlotView, cloud: CloudStatus) -> Decision {
        let certain = moment(&cloud.last_create) + self.settings.listing_lag;
        let listed_at = slot.listing.as_ref().map(|listing| listing.at);
        if listed_at.is_some_and(|at| at >= certain) {
            let now = self.world.now;
            return self.create(slot, record::intended(Epoch((cloud.epoch + 1).max(now.as_second())), now));
        }
        let wait = certain.duration_since(self.world.now).max(SignedDuration::from_secs(1));
        Decision::rest(Some(cloud), Standing::LookingForEarlierCreate, Pace::Within(wait))
    }

    /// Creates the slot's ENI, attaches it and sets what a create and an attach leave unset.
    fn create(&self, slot: &SlotView, cloud: CloudStatus) -> Decision {
        let at = match self.place(slot) {
            Ok(at) => at,
            Err(decision) => return decision,
        };
        let object = &slot.attachment;
        let Some(request) = self.request(object, Epoch(cloud.epoch)) else {
            return Decision::rest(None, Standing::Undecodable, Pace::Settled);
        };
        let mut steps = vec![Step::Create(Box::new(request)), Step::Attach(at)];
        if object.spec.delete_on_termination {
            steps.push(Step::Change(Change::DeleteOnTermination(true)));
        }
        if object.spec.source_dest_check == Some(false) {
            steps.push(Step::Change(Change::SourceDestCheck(false)));
        }
        Decision::act(cloud, steps, Standing::Creating)
    }

    /// Keeps an ENI as it should be.
    fn keep(
        &self,
        slot: &SlotView,
        cloud: CloudStatus,
        adopted: bool,
        surplus: &[crate::model::Eni],
    ) -> Decision {
        let changes = asks::changes(&slot.attachment, &cloud);
        let others: Vec<Step> = surplus.iter().filter_map(|eni| self.dispose(slot, eni)).collect();
        match cloud.state {
            Some(CloudState::Available) => self.attach(slot, cloud, adopted),
            Some(CloudState::Attaching | CloudState::Attached) => {
                let steps: Vec<Step> = changes.into_iter().map(Step::Change).chain(others).collect();
                let attached = cloud.state == Some(CloudState::Attached);
                let standing = if attached { Standing::Attached { adopted } } else { Standing::Attaching };
                if !steps.is_empty() {
                    return Decision::act(cloud, steps, standing);
                }
                let look = Pace::Within(asks::poll(&cloud, self.world.now));
                let pace = if attached && surplus.is_empty() { Pace::Settled } else { look };
                Decision::rest(Some(cloud), standing, pace)
            }
            Some(CloudState::Detaching) => {
                let look = Pace::Within(asks::poll(&cloud, self.world.now));
                Decision::rest(Some(cloud), Standing::DetachingUnasked, look)
            }
            Some(CloudState::Deleted) | None => {
                Decision::rest(Some(cloud), Standing::Settling, Pace::Within(SignedDuration::from_secs(5)))
            }
        }
    }

    /// Attaches an ENI that exists, or deletes it where the instance has no room for it.
    fn attach(&self, slot: &SlotView, cloud: CloudStatus, adopted: bool) -> Decision {
        let at = match self.place(slot) {
            Ok(at) => at,
            Err(decision) if decision.standing.is_for_good() => {
                return Decision { cloud: Some(cloud), steps: vec![Step::Delete], ..decision };
            }
            Err(decision) => return Decision { cloud: Some(cloud), ..decision },
        };
        let mut steps = vec![Step::Attach(at)];
        if slot.attachment.spec.delete_on_termination {
            steps.push(Step::Change(Change::DeleteOnTermination(true)));
        }
        steps.extend(asks::changes(&slot.attachment, &cloud).into_iter().map(Step::Change));
        let standing = if adopted { Standing::AttachingAdopted } else { Standing::Attaching };
        Decision::act(cloud, steps, standing)
    }

    /// A slot whose ENI is to go.
    fn remove(&self, slot: &SlotView, belief: Belief) -> Decision {
        let now = self.world.now;
        match belief {
            Belief::Unasked => {
                Decision::rest(None, Standing::Removing, Pace::Within(SignedDuration::from_secs(1)))
            }
            Belief::Nothing { .. } => Decision::done(),
            Belief::Settling { cloud, until } => {
                let pace = self.settle(slot, cloud.clone(), until).pace;
                Decision::rest(cloud, Standing::Removing, pace)
            }
            Belief::Asked { cloud } => self.wait_for_create(slot, cloud),
            Belief::Present { cloud, surplus, .. } => {
                let others: Vec<Step> = surplus.iter().filter_map(|eni| self.dispose(slot, eni)).collect();
                self.take_off(slot, cloud, others, now)
            }
        }
    }

    /// A create may be on its way: nobody lets go before it would be listed.
    fn wait_for_create(&self, slot: &SlotView, cloud: CloudStatus) -> Decision {
        let certain = moment(&cloud.last_create) + self.settings.listing_lag;
        if slot.listing.as_ref().is_some_and(|listing| listing.at >= certain) {
            return Decision::done();
        }
        let wait = certain.duration_since(self.world.now).max(SignedDuration::from_secs(1));
        Decision::rest(Some(cloud), Standing::Removing, Pace::Within(wait))
    }

    /// The next step on an ENI's way out. The others of the slot go along with it.
    fn take_off(&self, slot: &SlotView, cloud: CloudStatus, others: Vec<Step>, now: Timestamp) -> Decision {
        let look = Pace::Within(asks::poll(&cloud, now));
        let (step, standing, pace) = match cloud.state {
            Some(CloudState::Available) => (Some(Step::Delete), Standing::Removing, Pace::Settled),
            Some(CloudState::Attached) => match leave(&slot.attachment, self.holder(), now) {
                Leave::Granted => (Some(Step::Detach { force: false }), Standing::Removing, look),
                Leave::WaitForAgent => (None, Standing::WaitingForRelease, Pace::Settled),
                Leave::WaitFor(left) => (None, Standing::WaitingForRelease, Pace::Within(left)),
            },
            Some(CloudState::Detaching) if self.may_force(slot, &cloud) => {
                (Some(Step::Detach { force: true }), Standing::Detaching, look)
            }
            Some(CloudState::Detaching) => (None, Standing::Detaching, look),
            Some(CloudState::Attaching | CloudState::Deleted) | None => (None, Standing::Removing, look),
        };
        let steps: Vec<Step> = others.into_iter().chain(step).collect();
        Decision { cloud: Some(cloud), steps, standing, let_go: false, pace }
    }

    /// What to do about an ENI of the slot that should not be.
    ///
    /// Nobody uses a surplus ENI that hangs on nothing. One that is attached is taken off like the
    /// slot's own.
    fn dispose(&self, slot: &SlotView, eni: &crate::model::Eni) -> Option<Step> {
        match record::state(eni)? {
            CloudState::Available => Some(Step::DeleteSurplus(eni.id.clone())),
            CloudState::Attached
                if leave(&slot.attachment, self.holder(), self.world.now) == Leave::Granted =>
            {
                Some(Step::DetachSurplus(eni.attachment.as_ref()?.id.clone()))
            }
            CloudState::Attached | CloudState::Attaching | CloudState::Detaching | CloudState::Deleted => {
                None
            }
        }
    }

    /// Whether a detach that hangs may be forced.
    fn may_force(&self, slot: &SlotView, cloud: &CloudStatus) -> bool {
        let taken = self.world.now.duration_since(moment(&cloud.last_change));
        slot.attachment.spec.detach_policy.type_ == DetachPolicyType::Force && taken > DETACH_PATIENCE
    }

    /// Where a slot may hang, or why it cannot.
    fn place(&self, slot: &SlotView) -> Result<Position, Decision> {
        let wait = |standing, seconds| {
            Err(Decision::rest(None, standing, Pace::Within(SignedDuration::from_secs(seconds))))
        };
        let state = match &self.world.instance {
            Sighting::NotAsked => return wait(Standing::Settling, 1),
            Sighting::Absent => {
                return wait(
                    Standing::Blocked(Reason::InstanceGone, "EC2 does not know the instance".to_owned()),
                    60,
                );
            }
            Sighting::Seen(instance) => instance.state,
        };
        match state {
            InstanceState::Pending => {
                return wait(
                    Standing::Blocked(Reason::InstanceNotReady, "the instance is starting".to_owned()),
                    10,
                );
            }
            InstanceState::Terminated => {
                return wait(
                    Standing::Blocked(Reason::InstanceGone, "the instance is terminated".to_owned()),
                    60,
                );
            }
            InstanceState::Running | InstanceState::Stopped => {}
        }
        let name = slot.attachment.metadata.name.as_deref().unwrap_or_default();
        match self.places.0.get(name) {
            Some(Place::At(at)) => Ok(*at),
            Some(full) => {
                let (reason, message) = self.no_room(full, wanted(&slot.attachment));
                wait(Standing::Blocked(reason, message), 300)
            }
            None => wait(Standing::Settling, 1),
        }
    }

    /// Why there is no room, for people.
    fn no_room(&self, place: &Place, wanted: Position) -> (Reason, String) {
        let type_ = match &self.world.instance {
            Sighting::Seen(instance) => instance.instance_type.as_str(),
            Sighting::NotAsked | Sighting::Absent => "the instance type",
        };
        match place {
            Place::NoSuchCard { cards } => (
                Reason::NoSuchNetworkCard,
                format!(
                    "{type_} has {cards} network card(s), numbered from 0; networkCardIndex asks for {}",
                    wanted.card
                ),
            ),
            Place::Full { max_enis } => (
                Reason::InstanceFull,
                format!(
                    "{type_} carries {max_enis} ENIs on network card {}, and all are in use",
                    wanted.card
                ),
            ),
            Place::At(_) => (Reason::InProgress, String::new()),
        }
    }

    /// Who could hold a device of this instance.
    fn holder(&self) -> Holder {
        Holder {
            agent_required: self.settings.agent_required,
            node_ready: self.world.node_ready.unwrap_or(false),
        }
    }

    /// The create of a slot's ENI; `None` if the object is not one that the operator wrote.
    fn request(&self, object: &NodeENIAttachment, epoch: Epoch) -> Option<CreateEni> {
        let spec = &object.spec;
        let uid = object.metadata.uid.clone()?;
        let count = |value: i64| u32::try_from(value).ok();
        let ownership = Ownership {
            cluster: self.settings.cluster.clone(),
            slot: slot_of(object)?,
            epoch,
            offset: count(spec.offset)?,
        };
        Some(CreateEni {
            client_token: client_token(&self.settings.cluster, &uid, epoch),
            subnet: spec.subnet_id.parse().ok()?,
            groups: spec.security_group_ids.iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
            description: spec.description.clone(),
            tags: ownership.tags(&spec.node_name, &uid, &spec.tags),
            secondary_private_ip_count: count(spec.secondary_private_ip_count)?,
            ipv4_prefix_count: count(spec.ipv4_prefix_count)?,
            ipv6_address_count: count(spec.ipv6_address_count)?,
        })
    }
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

/// The record of an object.
fn recorded(object: &NodeENIAttachment) -> Option<&CloudStatus> {
    object.status.as_ref()?.cloud.as_ref()
}

/// A moment as Kubernetes writes it.
fn time(at: Timestamp) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at)
}
