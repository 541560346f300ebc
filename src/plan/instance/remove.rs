//! A slot whose ENI is to go.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::decide::{Decision, View};
use super::{Sighting, Step};
use crate::api::{CloudState, CloudStatus, DetachPolicyType, Reason};
use crate::model::{Eni, InstanceState};
use crate::plan::belief::{Belief, SlotView, moment};
use crate::plan::release::{Holder, Leave, leave, leave_elsewhere};
use crate::plan::verdicts::Standing;
use crate::plan::{Pace, asks, record};

/// How long a detach may take before a policy of `Force` forces it.
///
/// EC2 detaches in seconds as a rule; an instance that hangs can keep it waiting for ever.
const DETACH_PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// How often to look at an ENI whose node has not let go: its instance may be terminated meanwhile, and
/// then EC2 takes the ENI off by itself.
const RELEASE_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// How often to look at an ENI that EC2 takes off with its terminated instance.
const WITH_INSTANCE_PERIOD: SignedDuration = SignedDuration::from_secs(10);

/// How often to look at an ENI that somebody moved to another instance.
const ELSEWHERE_PERIOD: SignedDuration = SignedDuration::from_mins(5);

impl View<'_> {
    /// A slot whose ENI is to go.
    pub(super) fn remove(&self, slot: &SlotView, belief: Belief) -> Decision {
        let now = self.world.now;
        match belief {
            Belief::Unasked => Decision::rest(None, Standing::AsBefore, Pace::Settled),
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
            Some(CloudState::Attached) => self.let_leave(slot, look),
            Some(CloudState::Detaching) if self.may_force(slot, &cloud) => {
                (Some(Step::Detach { force: true }), Standing::Detaching, look)
            }
            Some(CloudState::Detaching) => (None, Standing::Detaching, look),
            Some(CloudState::Attaching | CloudState::Deleted) | None => (None, Standing::Removing, look),
        };
        let steps: Vec<Step> = others.into_iter().chain(step).collect();
        Decision { cloud: Some(cloud), steps, standing, let_go: false, pace }
    }

    /// What to do about an attached ENI that is to go.
    fn let_leave(&self, slot: &SlotView, look: Pace) -> (Option<Step>, Standing, Pace) {
        let kept = |reason, message: String| Standing::Kept(reason, message);
        match leave(&slot.attachment, self.holder(), self.world.now) {
            Leave::Granted => (Some(Step::Detach { force: false }), Standing::Removing, look),
            Leave::WithInstance => {
                let message = "EC2 takes the ENI off with its instance, which is terminated".to_owned();
                (None, kept(Reason::InstanceGone, message), look.or(Pace::Within(WITH_INSTANCE_PERIOD)))
            }
            Leave::WithNode(left) => {
                let mark = self.world.node.as_ref().and_then(|node| node.going.as_ref());
                let message = format!(
                    "the node is about to go, and EC2 takes the ENI off with it: it is marked by {}",
                    mark.map_or("", |going| going.mark.as_str())
                );
                (None, kept(Reason::NodeGoing, message), Pace::Within(left.min(RELEASE_PERIOD)))
            }
            Leave::WaitForAgent => (None, self.waiting(), Pace::Within(RELEASE_PERIOD)),
            Leave::WaitFor(left) => (None, self.waiting(), Pace::Within(left.min(RELEASE_PERIOD))),
        }
    }

    /// Who is waited for.
    fn waiting(&self) -> Standing {
        let told = match &self.world.node {
            Some(node) if node.ready => return Standing::WaitingForRelease,
            Some(_) => "the node is not ready, so nobody can say whether the device is in use",
            None => "the instance has no node, so nobody can say whether the device is in use",
        };
        Standing::Kept(Reason::WaitingForRelease, told.to_owned())
    }

    /// An ENI of the slot that somebody moved to another instance.
    ///
    /// It is the slot's one ENI, so no other is made, and it may be in use there, so it is not taken away: it
    /// comes back when it is detached there. Where the policy forces a detach, or the slot is to go and the
    /// policy's time is over, it is detached there.
    pub(super) fn elsewhere(&self, slot: &SlotView, cloud: CloudStatus, surplus: &[Eni]) -> Decision {
        let now = self.world.now;
        let look = Pace::Within(asks::poll(&cloud, now));
        let others = surplus.iter().filter_map(|eni| self.dispose(slot, eni));
        let (step, pace) = match (cloud.state, leave_elsewhere(&slot.attachment, now)) {
            (Some(CloudState::Attached), Leave::Granted) => (Some(Step::Detach { force: false }), look),
            (Some(CloudState::Attached), Leave::WaitFor(left)) => {
                (None, Pace::Within(left.min(ELSEWHERE_PERIOD)))
            }
            (Some(CloudState::Detaching), _) if self.may_force(slot, &cloud) => {
                (Some(Step::Detach { force: true }), look)
            }
            (Some(CloudState::Attaching | CloudState::Detaching), _) => (None, look),
            (Some(CloudState::Attached | CloudState::Available | CloudState::Deleted) | None, _) => {
                (None, Pace::Within(ELSEWHERE_PERIOD))
            }
        };
        let standing = Standing::Elsewhere(cloud.other_instance_id.clone().unwrap_or_default());
        let steps = others.chain(step).collect();
        Decision { cloud: Some(cloud), steps, standing, let_go: false, pace }
    }

    /// What to do about an ENI of the slot that should not be.
    ///
    /// Nobody uses one that hangs on nothing. One that is attached is named to no agent, so none can be asked
    /// to let go of it; but it may have been the slot's own, and a pod may have it. So it stays as long as the
    /// slot's own would: it goes with the slot, when nothing runs on the instance any more, or at once by the
    /// policy `Force` and where no agent has ever been nor has to be.
    pub(super) fn dispose(&self, slot: &SlotView, eni: &Eni) -> Option<Step> {
        let (object, now) = (&slot.attachment, self.world.now);
        let may_leave = if record::is_elsewhere(eni) {
            leave_elsewhere(object, now) == Leave::Granted
        } else {
            leave(object, self.holder(), now) == Leave::Granted
        };
        match record::state(eni)? {
            CloudState::Available => Some(Step::DeleteSurplus(eni.id.clone())),
            CloudState::Attached if may_leave => {
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

    /// Who could hold a device of this instance.
    fn holder(&self) -> Holder<'_> {
        Holder {
            agent_required: self.settings.agent_required,
            node: self.world.node.as_ref(),
            instance: match &self.world.instance {
                Sighting::Seen(instance) => Some(instance.state),
                Sighting::Absent => Some(InstanceState::Terminated),
                Sighting::NotAsked => None,
            },
        }
    }
}
