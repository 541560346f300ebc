//! What to do about one slot, before it is put into words.

use k8s_openapi::jiff::SignedDuration;

use super::room::Places;
use super::{Sighting, SlotPlan, Step, World};
use crate::api::{CloudState, CloudStatus, NodeENIAttachment, Reason};
use crate::model::InstanceState;
use crate::plan::belief::{Belief, SlotView, moment};
use crate::plan::release::going;
use crate::plan::verdicts::{self, Standing};
use crate::plan::{Pace, Settings, asks, record};
use k8s_openapi::jiff::Timestamp;

/// How often to look at a slot whose instance is gone: whoever decides over slots lets it go.
const ENDED_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// What the decision about one slot depends on.
pub(super) struct View<'a> {
    pub(super) world: &'a World,
    pub(super) settings: &'a Settings,
    pub(super) places: Places,
}

/// What was decided for a slot, before it is put into words.
pub(super) struct Decision {
    pub(super) cloud: Option<CloudStatus>,
    pub(super) steps: Vec<Step>,
    pub(super) standing: Standing,
    pub(super) let_go: bool,
    pub(super) pace: Pace,
}

impl Decision {
    /// Nothing to do, for a reason.
    pub(super) fn rest(cloud: Option<CloudStatus>, standing: Standing, pace: Pace) -> Self {
        Self { cloud, steps: vec![], standing, let_go: false, pace }
    }

    /// Something to do; its outcome decides the pace.
    pub(super) fn act(cloud: CloudStatus, steps: Vec<Step>, standing: Standing) -> Self {
        Self { cloud: Some(cloud), steps, standing, let_go: false, pace: Pace::Settled }
    }

    /// Nothing is left.
    pub(super) fn done() -> Self {
        Self { let_go: true, ..Self::rest(None, Standing::Gone, Pace::Settled) }
    }
}

impl View<'_> {
    /// The plan of a slot.
    pub(super) fn slot(&self, slot: &SlotView, belief: Belief) -> SlotPlan {
        let kept = match &belief {
            Belief::Nothing { .. } => slot.attachment.recorded().map(record::lost),
            Belief::Unasked | Belief::Settling { .. } | Belief::Asked { .. } | Belief::Present { .. } => {
                belief.cloud().or(slot.attachment.recorded()).cloned()
            }
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
        if object.metadata.deletion_timestamp.is_some() && !object.spec.release {
            // Whoever decides over slots renews the object, or says that its ENI has to go.
            return Decision::rest(None, Standing::AsBefore, Pace::Settled);
        }
        if object.spec.paused {
            return Decision::rest(None, Standing::Paused, Pace::Settled);
        }
        if let Some(wait) =
            slot.retry_at.map(|at| at.duration_since(self.world.now)).filter(SignedDuration::is_positive)
        {
            return Decision::rest(None, Standing::AsBefore, Pace::Within(wait));
        }
        if let (false, Some(ended)) = (object.spec.release, self.ended()) {
            return Decision::rest(belief.cloud().cloned(), ended, Pace::Within(ENDED_PERIOD));
        }
        if belief == Belief::Unasked {
            return self.unasked(object);
        }
        if let Some(decision) = self.held(object, &belief) {
            return decision;
        }
        if let Belief::Present { cloud, surplus, .. } = &belief
            && cloud.other_instance_id.is_some()
        {
            return self.elsewhere(slot, cloud.clone(), surplus);
        }
        if object.spec.release {
            return self.remove(slot, belief);
        }
        self.before_the_node_goes(object, &belief).unwrap_or_else(|| self.bring_up(slot, belief))
    }

    /// What to say of a slot whose instance is gone; `None` if it is not known to be.
    pub(super) fn ended(&self) -> Option<Standing> {
        let gone = |message: &str| Some(Standing::Blocked(Reason::InstanceGone, message.to_owned()));
        match &self.world.instance {
            Sighting::Absent => gone("EC2 does not know the instance"),
            Sighting::Seen(instance) if instance.state == InstanceState::Terminated => {
                gone("the instance is terminated")
            }
            Sighting::Seen(_) | Sighting::NotAsked => None,
        }
    }

    /// Waits with what would be made or attached on a node that is about to go.
    fn before_the_node_goes(&self, object: &NodeENIAttachment, belief: &Belief) -> Option<Decision> {
        let now = self.world.now;
        let node = self.world.node.as_ref()?;
        let mark = node.going.as_ref()?.mark.as_str();
        let left = going(node, object.metadata.creation_timestamp.as_ref().map_or(now, moment), now)?;
        let would_act = match belief {
            Belief::Nothing { .. } | Belief::Asked { .. } => true,
            Belief::Present { cloud, .. } => cloud.state == Some(CloudState::Available),
            Belief::Unasked | Belief::Settling { .. } => false,
        };
        let standing =
            Standing::Blocked(Reason::NodeGoing, format!("the node is about to go: it is marked by {mark}"));
        would_act.then(|| Decision::rest(belief.cloud().cloned(), standing, Pace::Within(left)))
    }

    /// Nothing, while the listings are not to be believed, where that would lose an ENI or make another.
    fn held(&self, object: &NodeENIAttachment, belief: &Belief) -> Option<Decision> {
        let why = self.world.held.as_ref()?;
        let lost = matches!(belief, Belief::Nothing { .. }) && object.recorded().is_some();
        let blocked = Standing::Blocked(Reason::DeletesHeld, why.clone());
        let cloud = object.recorded().cloned();
        (object.spec.release || lost)
            .then(|| Decision::rest(cloud, blocked, Pace::Within(SignedDuration::from_mins(1))))
    }

    /// A slot that EC2 was not asked about: it is as it should be, or EC2 needs a little longer.
    fn unasked(&self, object: &NodeENIAttachment) -> Decision {
        let early = object.recorded().and_then(|cloud| asks::early(object, cloud, self.world.now));
        match early {
            Some(left) => Decision::rest(None, Standing::AsBefore, Pace::Within(left)),
            None if object.spec.release => {
                Decision::rest(None, Standing::Removing, Pace::Within(SignedDuration::from_secs(1)))
            }
            None => {
                let standing = Standing::Attached { adopted: false, confirmed: false };
                Decision::rest(None, standing, self.until_confirmed(object))
            }
        }
    }

    /// When to look whether an adopted ENI is there.
    fn until_confirmed(&self, object: &NodeENIAttachment) -> Pace {
        let at = object
            .recorded()
            .and_then(|cloud| asks::unconfirmed(object, cloud, self.settings.listing_lag))
            .map(|at| at.duration_since(self.world.now).max(SignedDuration::from_secs(1)));
        at.map_or(Pace::Settled, Pace::Within)
    }

    /// Waits until the listing can be believed, and looks now and then.
    pub(super) fn settle(&self, slot: &SlotView, cloud: Option<CloudStatus>, until: Timestamp) -> Decision {
        let now = self.world.now;
        let left = until.duration_since(now).max(SignedDuration::from_secs(1));
        let look = cloud.as_ref().map_or(left, |cloud| asks::poll(cloud, now));
        let standing = match cloud.as_ref().or(slot.attachment.recorded()).and_then(|cloud| cloud.state) {
            Some(CloudState::Attaching) => Standing::Attaching,
            _ => Standing::Settling,
        };
        Decision::rest(cloud, standing, Pace::Within(look.min(left)))
    }
}
