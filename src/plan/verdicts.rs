//! What to say of a slot: its standing, as conditions.

use super::instance::wanted_position as wanted;
use super::{Settings, record};
use crate::api::{
    CloudState, CloudStatus, ConditionType, NodeENIAttachment, REPLACE_ANNOTATION, Reason, Verdict,
};
use crate::model::{Call, Ec2Error, Ec2ErrorKind, Thing};

/// Where a slot stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As was said before.
    AsBefore,
    /// The user wants nothing done.
    Paused,
    /// The object is not one that the operator wrote.
    Undecodable,
    /// Something is in the way.
    Blocked(Reason, String),
    /// EC2 is being asked for an ENI.
    Creating,
    /// EC2's listing is given time.
    Settling,
    /// An ENI of ours may be out there under another record.
    LookingForEarlierCreate,
    /// EC2 is attaching it.
    Attaching,
    /// Likewise, and it was there already.
    AttachingAdopted,
    /// It is attached.
    Attached {
        /// Whether it was there already.
        adopted: bool,
        /// Whether a listing that cannot be too old says so.
        confirmed: bool,
    },
    /// Somebody else detached it.
    DetachingUnasked,
    /// It is to go.
    Removing,
    /// It is to go, and its node has not let go of it.
    WaitingForRelease,
    /// It is to go, and stays for a reason.
    Kept(Reason, String),
    /// Somebody moved it to this instance.
    Elsewhere(String),
    /// EC2 is detaching it.
    Detaching,
    /// It is gone.
    Gone,
    /// EC2 refused a call.
    Failed(Ec2Error),
}

impl Standing {
    /// Whether the way will stay blocked until a person or another ENI clears it.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::Blocked(Reason::InstanceFull | Reason::NoSuchNetworkCard, _))
    }
}

/// Where a slot stands after EC2 has been called.
#[must_use]
pub fn after(object: &NodeENIAttachment, cloud: &CloudStatus, failure: Option<Ec2Error>) -> Standing {
    if let Some(error) = failure {
        return Standing::Failed(error);
    }
    match (object.spec.release, cloud.state) {
        (true, Some(CloudState::Detaching)) => Standing::Detaching,
        (true, _) => Standing::Removing,
        (false, Some(CloudState::Attached)) => Standing::Attached { adopted: false, confirmed: false },
        (false, Some(CloudState::Attaching | CloudState::Available)) => Standing::Attaching,
        (false, Some(CloudState::Detaching)) => Standing::DetachingUnasked,
        (false, Some(CloudState::Deleted) | None) => Standing::AsBefore,
    }
}

/// The controller's conditions of a slot. Those that are left out stay as they are.
#[must_use]
pub fn of(
    object: &NodeENIAttachment,
    cloud: Option<&CloudStatus>,
    standing: &Standing,
    settings: &Settings,
) -> Vec<Verdict> {
    // A create that is tried again says nothing new until it is answered.
    let again = matches!(standing, Standing::Creating) && says_of_create(object);
    if again || matches!(standing, Standing::AsBefore) {
        return vec![];
    }
    let created = created(object, cloud, standing);
    let attached = attached(object, cloud, standing);
    let ready = ready(object, &created, &attached, standing, settings);
    let put_right = super::sweep::put_right(object, cloud).filter(|_| attached.holds == Some(true));
    let others = replacement_needed(object, cloud).into_iter().chain(put_right);
    [created, attached, ready].into_iter().chain(others).collect()
}

/// `Created`: whether the ENI exists.
fn created(object: &NodeENIAttachment, cloud: Option<&CloudStatus>, standing: &Standing) -> Verdict {
    let say = |holds, reason, message| Verdict::new(ConditionType::Created, holds, reason, message);
    let eni = cloud
        .filter(|cloud| cloud.state != Some(CloudState::Deleted))
        .and_then(|cloud| cloud.eni_id.as_deref());
    let found_now = matches!(standing, Standing::Attached { adopted: true, .. } | Standing::AttachingAdopted);
    let before = eni.and_then(|eni| how_adopted(object, eni));
    let confirmed = matches!(standing, Standing::Attached { confirmed: true, .. });
    let adopted = match (found_now, before) {
        (false, None) => None,
        (false, Some(Reason::Adopted)) => Some(Reason::Adopted),
        _ if confirmed => Some(Reason::Adopted),
        _ => Some(Reason::Adopting),
    };
    match (eni, standing) {
        (Some(eni), _) => match adopted {
            Some(reason) => say(Some(true), reason, format!("found {eni} by its tags")),
            None => say(Some(true), Reason::Created, eni.to_owned()),
        },
        // A read that failed says nothing of the create that may be out there.
        (None, Standing::Failed(error)) if error.call.is_read() && token_was_reused(object) => {
            let (reason, message) = progress(&Standing::LookingForEarlierCreate);
            say(Some(false), reason, message.to_owned())
        }
        (None, Standing::Failed(error)) => {
            let (reason, message) = failure_of(object, error);
            say(Some(false), reason, message)
        }
        (None, Standing::Blocked(reason, message)) => say(Some(false), *reason, message.clone()),
        (None, standing) => {
            let (reason, message) = progress(standing);
            say(Some(false), reason, message.to_owned())
        }
    }
}

/// Whether the conditions say anything of the ENI's creation yet.
fn says_of_create(object: &NodeENIAttachment) -> bool {
    object.condition(ConditionType::Created).is_some_and(|created| created.status == "False")
}

/// How the conditions say that this ENI was found, if they do.
fn how_adopted(object: &NodeENIAttachment, eni: &str) -> Option<Reason> {
    let old = object.condition(ConditionType::Created).filter(|old| old.message.contains(eni))?;
    [Reason::Adopting, Reason::Adopted].into_iter().find(|reason| reason.name() == old.reason)
}

/// `Attached`: whether EC2 has it attached.
#[expect(clippy::wildcard_enum_match_arm, reason = "`progress` has a word for each of the others")]
fn attached(object: &NodeENIAttachment, cloud: Option<&CloudStatus>, standing: &Standing) -> Verdict {
    let say = |holds, reason, message| Verdict::new(ConditionType::Attached, holds, reason, message);
    let at_home = |cloud: &CloudStatus| cloud.other_instance_id.is_none();
    let is_attached = cloud.is_some_and(|cloud| cloud.state == Some(CloudState::Attached) && at_home(cloud));
    if let (true, Some(cloud)) = (is_attached, cloud) {
        let (reason, message) = place(object, cloud);
        return say(Some(true), reason, message);
    }
    match standing {
        Standing::Failed(error) => {
            let (reason, message) = failure_of(object, error);
            say(Some(false), reason, message)
        }
        Standing::Blocked(reason, message) => say(Some(false), *reason, message.clone()),
        Standing::Elsewhere(instance) => say(Some(false), Reason::Elsewhere, elsewhere(object, instance)),
        _ => {
            let (reason, message) = progress(standing);
            say(Some(false), reason, message.to_owned())
        }
    }
}

/// What to say of an ENI that somebody moved, and what to do about it.
fn elsewhere(object: &NodeENIAttachment, instance: &str) -> String {
    let then = if object.spec.release {
        "detach it there, and it is deleted"
    } else {
        "detach it there, and it is attached to this node again; take its tags off, and another one is made"
    };
    format!("somebody attached the ENI to {instance}: {then}")
}

/// Where an ENI hangs, and whether that is where it was asked to.
fn place(object: &NodeENIAttachment, cloud: &CloudStatus) -> (Reason, String) {
    let Some(at) = record::position(cloud) else { return (Reason::Attached, String::new()) };
    let asked = record::asked(cloud).unwrap_or_else(|| wanted(object));
    if at == asked || at == wanted(object) {
        return (Reason::Attached, format!("at {at}"));
    }
    (Reason::OtherDeviceIndex, format!("at {at}; {asked}, which was asked for, was not free at the attach"))
}

/// `ReplacementNeeded`: whether the spec asks for another position than it did at the attach. Said only of
/// slots for which it is so, or was.
///
/// EC2 moves no ENI. To detach a device that is in use is not for the operator to decide.
fn replacement_needed(object: &NodeENIAttachment, cloud: Option<&CloudStatus>) -> Option<Verdict> {
    let say = |needed, reason, message| {
        Some(Verdict::new(ConditionType::ReplacementNeeded, Some(needed), reason, message))
    };
    let (at, asked) = (cloud.and_then(record::position), cloud.and_then(record::asked));
    match (at, asked) {
        (Some(at), Some(asked)) if asked != wanted(object) && at != wanted(object) => say(
            true,
            Reason::PositionChanged,
            format!(
                "at {at}; the spec asks for {} now, which takes another ENI: replace the node, or set the \
                 annotation {REPLACE_ANNOTATION}",
                wanted(object)
            ),
        ),
        (Some(_) | None, Some(_) | None) => {
            object.condition(ConditionType::ReplacementNeeded)?;
            say(false, Reason::AsSpecified, String::new())
        }
    }
}

/// `Ready`: whether it can be used on its node.
fn ready(
    object: &NodeENIAttachment,
    created: &Verdict,
    attached: &Verdict,
    standing: &Standing,
    settings: &Settings,
) -> Verdict {
    let say = |holds, reason, message| Verdict::new(ConditionType::Ready, holds, reason, message);
    if let Some((reason, message)) = standing.overrules(object) {
        return say(Some(false), reason, message);
    }
    if attached.holds != Some(true) {
        let why = if created.holds == Some(true) { attached } else { created };
        return say(Some(false), why.reason, why.message.clone());
    }
    let on_the_host = on_the_host(object, settings);
    on_the_host.unwrap_or_else(|| say(Some(true), attached.reason, attached.message.clone()))
}

/// What keeps an attached ENI from being used on its node, by what the agent says.
fn on_the_host(object: &NodeENIAttachment, settings: &Settings) -> Option<Verdict> {
    let say = |holds, reason, message: &str| Some(Verdict::new(ConditionType::Ready, holds, reason, message));
    let offered = object.spec.dpdk.is_some();
    let link = object.condition(ConditionType::LinkReady);
    match (link, object.condition(ConditionType::Advertised)) {
        (None, _) if settings.agent_required => {
            say(None, Reason::NoAgent, "attached; no agent has reported from the node")
        }
        (Some(link), _)
            if settings.agent_required && link.observed_generation != object.metadata.generation =>
        {
            say(None, Reason::NoAgent, "attached; the node's agent has not reported on this spec yet")
        }
        (Some(link), _) if link.status != "True" => say(Some(false), Reason::LinkNotReady, &link.message),
        (Some(_), Some(offer)) if offered && offer.status != "True" => {
            say(Some(false), Reason::NotAdvertised, &offer.message)
        }
        (Some(_), None) if offered => {
            say(Some(false), Reason::NotAdvertised, "kubelet does not offer the device yet")
        }
        (None | Some(_), _) => None,
    }
}

impl Standing {
    /// What makes a slot unready even while its ENI is attached.
    fn overrules(&self, object: &NodeENIAttachment) -> Option<(Reason, String)> {
        match self {
            Self::Removing | Self::WaitingForRelease | Self::Detaching | Self::Gone => {
                let (reason, message) = progress(self);
                Some((reason, message.to_owned()))
            }
            Self::Kept(reason, message) | Self::Blocked(reason @ Reason::InstanceGone, message) => {
                Some((*reason, message.clone()))
            }
            // What passes by itself takes nothing from an ENI that is attached.
            Self::Failed(error) if passes_by_itself(error.kind) => None,
            Self::Failed(error) => Some(failure_of(object, error)),
            Self::Blocked(reason @ Reason::TooManyAddresses, message) => Some((*reason, message.clone())),
            Self::AsBefore
            | Self::Paused
            | Self::Undecodable
            | Self::Blocked(..)
            | Self::Elsewhere(_)
            | Self::Creating
            | Self::Settling
            | Self::LookingForEarlierCreate
            | Self::Attaching
            | Self::AttachingAdopted
            | Self::Attached { .. }
            | Self::DetachingUnasked => None,
        }
    }
}

/// Reason and words for a slot on its way.
fn progress(standing: &Standing) -> (Reason, &'static str) {
    match standing {
        Standing::Paused => (Reason::Paused, "spec.paused of the NodeENI is true"),
        Standing::Undecodable => (Reason::Undecodable, "the spec is not one that the operator wrote"),
        Standing::Creating | Standing::AsBefore => (Reason::InProgress, "EC2 is being asked for the ENI"),
        Standing::Settling => (Reason::Settling, "waiting until EC2's listing can be believed"),
        Standing::LookingForEarlierCreate => {
            (Reason::LookingForEarlierCreate, "an earlier create with other parameters may have made the ENI")
        }
        Standing::Attaching | Standing::AttachingAdopted | Standing::Attached { .. } => {
            (Reason::InProgress, "EC2 is attaching the ENI")
        }
        Standing::DetachingUnasked => (Reason::Detaching, "somebody else detached the ENI"),
        Standing::Removing | Standing::Kept(..) => (Reason::Removing, "the ENI is being removed"),
        Standing::WaitingForRelease => {
            (Reason::WaitingForRelease, "waiting until the node's agent has let go of the device")
        }
        Standing::Detaching => (Reason::Detaching, "EC2 is detaching the ENI"),
        Standing::Gone => (Reason::Deleted, "the ENI is deleted"),
        Standing::Elsewhere(_) => (Reason::Elsewhere, "somebody attached the ENI to another instance"),
        Standing::Blocked(..) | Standing::Failed(_) => (Reason::InProgress, ""),
    }
}

/// Whether a failure says nothing of what there is: the same call may go through in a moment.
#[must_use]
pub fn passes_by_itself(kind: Ec2ErrorKind) -> bool {
    matches!(kind, Ec2ErrorKind::Throttled | Ec2ErrorKind::NoAnswer)
}

/// Reason and words for a call that EC2 refused for a slot: EC2's own do not name what they are about.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are not about where the ENI should be")]
fn failure_of(object: &NodeENIAttachment, error: &Ec2Error) -> (Reason, String) {
    let (reason, message) = failure(error);
    let spec = &object.spec;
    let about = match error.kind {
        Ec2ErrorKind::SubnetFull => format!(" (subnet {} in {})", spec.subnet_id, spec.zone),
        Ec2ErrorKind::Mismatch => format!(
            " (subnet {} in {}, security groups {}, instance {})",
            spec.subnet_id,
            spec.zone,
            spec.security_group_ids.join(", "),
            spec.instance_id
        ),
        _ => String::new(),
    };
    (reason, format!("{message}{about}"))
}

/// Reason and words for a call that EC2 refused.
#[expect(clippy::wildcard_enum_match_arm, reason = "EC2's words on the others say what to do")]
pub(super) fn failure(error: &Ec2Error) -> (Reason, String) {
    use Ec2ErrorKind as Kind;
    let reason = match error.kind {
        Kind::SubnetFull => Reason::SubnetFull,
        Kind::InstanceFull => Reason::InstanceFull,
        Kind::AccountFull => Reason::AccountFull,
        Kind::Mismatch => Reason::Mismatch,
        Kind::Unauthorized => Reason::Unauthorized,
        Kind::Unauthenticated => Reason::Unauthenticated,
        Kind::Throttled => Reason::Throttled,
        Kind::NoAnswer => Reason::NoAnswer,
        Kind::InstanceNotReady => Reason::InstanceNotReady,
        Kind::TokenReused => Reason::LookingForEarlierCreate,
        Kind::NotFound(Thing::Subnet) => Reason::SubnetNotFound,
        Kind::NotFound(Thing::SecurityGroup) => Reason::SecurityGroupNotFound,
        Kind::NotFound(Thing::Instance) => Reason::InstanceNotFound,
        Kind::NotFound(Thing::Eni | Thing::Attachment) | Kind::Conflict | Kind::PositionTaken => {
            Reason::Settling
        }
        Kind::Refused => Reason::Ec2Refused,
    };
    let what_to_do = match error.kind {
        Kind::Unauthorized => permission(error.call),
        Kind::Unauthenticated => {
            " (nothing is changed until AWS takes the controller's credentials)".to_owned()
        }
        Kind::Mismatch => {
            " (subnet, security groups and instance must be of one VPC and one zone)".to_owned()
        }
        _ => String::new(),
    };
    (reason, format!("{error}{what_to_do}"))
}

/// Which permission is missing.
fn permission(call: Call) -> String {
    let with_tags = if call == Call::Create { " and ec2:CreateTags" } else { "" };
    format!(" (the controller's role needs ec2:{}{with_tags})", call.action())
}

/// Whether EC2 said of the slot's token that it was used with other parameters.
#[must_use]
pub fn token_was_reused(object: &NodeENIAttachment) -> bool {
    object
        .condition(ConditionType::Created)
        .is_some_and(|created| created.reason == Reason::LookingForEarlierCreate.name())
}
