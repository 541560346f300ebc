//! A slot whose ENI is to go.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::Step;
use super::decide::{Decision, View};
use crate::api::{CloudState, CloudStatus, DetachPolicyType};
use crate::model::Eni;
use crate::plan::belief::{Belief, SlotView, moment};
use crate::plan::release::{Holder, Leave, leave};
use crate::plan::verdicts::Standing;
use crate::plan::{Pace, asks, record};

/// How long a detach may take before a policy of `Force` forces it.
///
/// EC2 detaches in seconds as a rule; an instance that hangs can keep it waiting for ever.
const DETACH_PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// How often to look at an ENI whose node has not let go: its instance may be terminated meanwhile, and
/// then EC2 takes the ENI off by itself.
const RELEASE_PERIOD: SignedDuration = SignedDuration::from_mins(1);

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
            Some(CloudState::Attached) => match leave(&slot.attachment, self.holder(), now) {
                Leave::Granted => (Some(Step::Detach { force: false }), Standing::Removing, look),
                Leave::WaitForAgent => (None, Standing::WaitingForRelease, Pace::Within(RELEASE_PERIOD)),
                Leave::WaitFor(left) => {
                    (None, Standing::WaitingForRelease, Pace::Within(left.min(RELEASE_PERIOD)))
                }
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
    /// Nobody uses one that hangs on nothing. One that is attached is named to no agent, so none can let go
    /// of it: while the slot's own ENI stays, only the policy that waits for a release keeps it.
    pub(super) fn dispose(&self, slot: &SlotView, eni: &Eni) -> Option<Step> {
        let spec = &slot.attachment.spec;
        let may_leave = if spec.release {
            leave(&slot.attachment, self.holder(), self.world.now) == Leave::Granted
        } else {
            spec.detach_policy.type_ != DetachPolicyType::WaitForRelease
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
    fn holder(&self) -> Holder {
        Holder {
            agent_required: self.settings.agent_required,
            node_ready: self.world.node_ready.unwrap_or(false),
        }
    }
}
