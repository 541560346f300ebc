//! The sizes of EC2's buckets, and which share of them is ours.

use std::collections::BTreeMap;

use super::Lane;
use crate::model::Call;

/// How many calls of one action EC2 takes from an account in a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// At once.
    pub burst: f64,
    /// Per second in the long run.
    pub per_second: f64,
}

/// A share of the limits: more than 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(1.0);
    /// Half of it: the rest is for the VPC CNI, autoscalers and people.
    pub const HALF: Self = Self(0.5);
}

impl std::str::FromStr for Share {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
        share.map(Self).ok_or_else(|| InvalidLimit("a share is more than 0 and at most 1".to_owned()))
    }
}

/// A limit or a share is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLimit(String);

/// Limits that are not the documented ones: accounts get them raised.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits(BTreeMap<Call, Limit>);

impl std::str::FromStr for Limits {
    type Err = InvalidLimit;

    /// Reads `Action=BURST/PER-SECOND,…`, such as `AttachNetworkInterface=100/10`.
    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let mut limits = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (call, limit) = entry_of(entry)?;
            if limits.0.insert(call, limit).is_some() {
                return Err(InvalidLimit(format!("{call} stands there twice")));
            }
        }
        Ok(limits)
    }
}

/// Reads one limit.
fn entry_of(entry: &str) -> Result<(Call, Limit), InvalidLimit> {
    let malformed =
        || InvalidLimit(format!("{entry:?} is not of the form AttachNetworkInterface=BURST/PER-SECOND"));
    let (action, size) = entry.split_once('=').ok_or_else(malformed)?;
    let (burst, per_second) = size.split_once('/').ok_or_else(malformed)?;
    let call = Call::ALL
        .into_iter()
        .find(|call| call.action() == action.trim())
        .ok_or_else(|| InvalidLimit(format!("{action:?} is not an action that the operator calls")))?;
    let number = |text: &str, least: f64| {
        let number = text.trim().parse::<f64>().ok().filter(|number| *number >= least && *number <= 1e6);
        number.ok_or_else(malformed)
    };
    Ok((call, Limit { burst: number(burst, 1.0)?, per_second: number(per_second, 0.01)? }))
}

impl Limits {
    /// EC2's limit of an action.
    ///
    /// Unless set, those of "Request throttling for the Amazon EC2 API" as of 2026. Every describe here has
    /// ids, filters or a page size, so that the limits for those without do not count.
    #[must_use]
    pub fn of(&self, call: Call) -> Limit {
        let (burst, per_second) = match call {
            Call::Attach | Call::Detach => (50.0, 5.0),
            Call::Create
            | Call::Modify
            | Call::Delete
            | Call::AssignIpv4
            | Call::UnassignIpv4
            | Call::AssignIpv6
            | Call::UnassignIpv6
            | Call::ModifyMetadataOptions => (100.0, 5.0),
            Call::CreateTags | Call::DeleteTags => (100.0, 10.0),
            Call::DescribeEnis
            | Call::DescribeInstances
            | Call::DescribeInstanceTypes
            | Call::DescribeSubnets
            | Call::DescribeSecurityGroups => (100.0, 20.0),
        };
        self.0.get(&call).copied().unwrap_or(Limit { burst, per_second })
    }

    /// What of that is ours.
    ///
    /// A fiftieth of the burst, and at least one call, is left: calls that we send evenly do not arrive so,
    /// and EC2 counts when they arrive. What takes ENIs away has no more than eight
    /// seconds' worth at once: a node's worth goes without a wait, and a mass deletion is spread.
    #[must_use]
    pub fn ours(&self, call: Call, share: Share) -> Limit {
        let of_ec2 = self.of(call);
        let per_second = of_ec2.per_second * share.0;
        let burst = of_ec2.burst * share.0;
        let burst = burst - (burst / 50.0).max(1.0);
        let burst = if Lane::of_call(call) == Lane::Delete { burst.min(per_second * 8.0) } else { burst };
        Limit { burst: burst.max(1.0), per_second }
    }
}
