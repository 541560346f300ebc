//! How many calls EC2 allows, and how many of them are ours: arithmetic, without a clock.

mod bucket;
mod limits;

pub use bucket::Bucket;
pub use limits::{InvalidLimit, Limit, Limits, Share};

use k8s_openapi::jiff::SignedDuration;

use super::asks::Change;
use super::instance::Step;
use crate::model::Call;

/// Who goes first when calls wait for the same bucket. The first one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A node waits for an ENI.
    BringUp,
    /// Something that is there is not as it should be.
    Repair,
    /// An ENI has to go.
    Delete,
    /// Nobody waits: looking for what nobody remembers, and clearing it away.
    Sweep,
}

impl Lane {
    /// All lanes, the first one first.
    pub const ALL: [Self; 4] = [Self::BringUp, Self::Repair, Self::Delete, Self::Sweep];

    /// The lane's name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BringUp => "bring-up",
            Self::Repair => "repair",
            Self::Delete => "delete",
            Self::Sweep => "sweep",
        }
    }

    /// The lane of a call of which nobody has said what it is for. What a pass reads comes first, since it
    /// can do nothing without.
    #[must_use]
    pub fn of_call(call: Call) -> Self {
        match call {
            Call::Create
            | Call::Attach
            | Call::DescribeEnis
            | Call::DescribeInstances
            | Call::DescribeInstanceTypes
            | Call::DescribeSubnets
            | Call::DescribeSecurityGroups => Self::BringUp,
            Call::Modify
            | Call::CreateTags
            | Call::DeleteTags
            | Call::AssignIpv4
            | Call::UnassignIpv4
            | Call::AssignIpv6
            | Call::UnassignIpv6
            | Call::ModifyMetadataOptions => Self::Repair,
            Call::Detach | Call::Delete => Self::Delete,
        }
    }

    /// The lane of a slot's steps: that of the most urgent thing among them.
    #[must_use]
    pub fn of_steps(steps: &[Step], release: bool) -> Self {
        let any = |is: fn(&Step) -> bool| steps.iter().any(is);
        if any(|step| matches!(step, Step::Create(_) | Step::Attach(_))) {
            Self::BringUp
        } else if release {
            Self::Delete
        } else if any(|step| matches!(step, Step::DetachSurplus(_) | Step::DeleteSurplus(_))) {
            Self::Sweep
        } else {
            Self::Repair
        }
    }

    /// How long a call waits at most. Then its pass ends, and looks again when its turn is near: what it has
    /// seen grows old meanwhile, and that matters most where something is taken away.
    #[must_use]
    pub fn patience(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::BringUp => 60,
            Self::Repair => 30,
            Self::Delete | Self::Sweep => 15,
        })
    }

    /// How many calls of one action wait at most. Each holds a pass, and all lanes but the first together
    /// must hold few of those that may run at once.
    #[must_use]
    pub fn longest_line(self) -> usize {
        match self {
            Self::BringUp => 256,
            Self::Repair | Self::Delete | Self::Sweep => 32,
        }
    }
}

/// The call that the first of a slot's steps is, if there is one.
#[must_use]
pub fn first_call(steps: &[Step]) -> Option<Call> {
    Some(match steps.first()? {
        Step::Create(_) => Call::Create,
        Step::Attach(_) => Call::Attach,
        Step::Change(change) => match change {
            Change::Tag(_) => Call::CreateTags,
            Change::Untag(_) => Call::DeleteTags,
            Change::Assign(kind, _) => kind.assign(),
            Change::Unassign(kind, _) => kind.unassign(),
            Change::DeleteOnTermination(_)
            | Change::SourceDestCheck(_)
            | Change::Groups(_)
            | Change::Description(_) => Call::Modify,
        },
        Step::Detach { .. } | Step::DetachSurplus(_) => Call::Detach,
        Step::Delete | Step::DeleteSurplus(_) => Call::Delete,
    })
}
