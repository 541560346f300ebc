//! What the controller may do in EC2, and what to say of it.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::resolve::join;
use super::{Pace, verdicts};
use crate::api::{ConditionType, NodeENIAttachment, Reason, Verdict};
use crate::model::{Ec2Error, Ec2ErrorKind};

/// How long until somebody may have given what is missing: often enough to notice, seldom enough to cost
/// nothing.
const RECHECK: SignedDuration = SignedDuration::from_mins(2);

/// What is known of what the controller may do in EC2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Why AWS takes no call with our credentials, since the last that it took.
    pub credentials: Option<Ec2Error>,
    /// Why a create was refused that was only to find out whether it would be.
    pub create: Option<Ec2Error>,
}

/// Whether a failure says something of what the controller may do.
#[must_use]
pub fn is_about(kind: Ec2ErrorKind) -> bool {
    matches!(kind, Ec2ErrorKind::Unauthorized | Ec2ErrorKind::Unauthenticated)
}

/// Whether a failed call shows that AWS takes our credentials: EC2 looked at what was asked.
#[must_use]
pub fn shows_credentials(kind: Ec2ErrorKind) -> bool {
    !matches!(kind, Ec2ErrorKind::Unauthenticated | Ec2ErrorKind::NoAnswer | Ec2ErrorKind::Throttled)
}

/// Whether to find out if the controller may create, where no create has told yet: at once, and again a
/// while after a refusal.
#[must_use]
pub fn is_dry_run_due(refused_at: Option<Timestamp>, now: Timestamp) -> bool {
    refused_at.is_none_or(|at| now.duration_since(at) >= RECHECK)
}

/// When to look again, of an object that is told that the controller may not do something.
pub(crate) fn pace(known: &Known) -> Pace {
    if *known == Known::default() { Pace::Settled } else { Pace::Within(RECHECK) }
}

/// `Authorized`: whether the controller may do what it has to.
pub(crate) fn verdict(known: &Known, slots: &[NodeENIAttachment]) -> Verdict {
    if let Some(verdict) = known.credentials.iter().chain(&known.create).find_map(of_failure) {
        return verdict;
    }
    let mut refused: Vec<(Reason, &str)> = slots.iter().filter_map(refusal).collect();
    refused.sort_unstable();
    refused.dedup();
    let say = |holds, reason, message| Verdict::new(ConditionType::Authorized, Some(holds), reason, message);
    match refused.first() {
        None => say(true, Reason::AsSpecified, String::new()),
        Some((reason, _)) => {
            say(false, *reason, join(refused.iter().map(|(_, message)| (*message).to_owned())))
        }
    }
}

/// What a failure says of what the controller may do, if anything.
pub(crate) fn of_failure(error: &Ec2Error) -> Option<Verdict> {
    let (reason, message) = verdicts::failure(error);
    is_about(error.kind).then(|| Verdict::new(ConditionType::Authorized, Some(false), reason, message))
}

/// What a slot was refused for want of a permission or of credentials.
fn refusal(slot: &NodeENIAttachment) -> Option<(Reason, &str)> {
    [ConditionType::Created, ConditionType::Attached, ConditionType::Ready].into_iter().find_map(|type_| {
        let condition = slot.condition(type_).filter(|one| one.status == "False")?;
        let about = [Reason::Unauthorized, Reason::Unauthenticated];
        let reason = about.into_iter().find(|reason| reason.name() == condition.reason)?;
        Some((reason, condition.message.as_str()))
    })
}
