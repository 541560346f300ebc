//! How long to leave a slot alone after a failure.

use k8s_openapi::jiff::SignedDuration;

use crate::model::{Ec2ErrorKind, Thing};

/// First wait and longest wait after a failure of a kind.
///
/// What passes by itself is tried again after seconds. What only a person can mend is tried again after
/// minutes: often enough to notice the mending, seldom enough to cost nothing.
fn bounds(kind: Ec2ErrorKind) -> (SignedDuration, SignedDuration) {
    use Ec2ErrorKind as Kind;
    let (first, longest) = match kind {
        Kind::NotFound(Thing::Eni | Thing::Attachment | Thing::Instance)
        | Kind::PositionTaken
        | Kind::Conflict
        | Kind::TokenReused
        | Kind::Throttled
        | Kind::NoAnswer => (2, 60),
        Kind::InstanceNotReady => (10, 120),
        Kind::Unauthenticated => (30, 300),
        Kind::InstanceFull
        | Kind::AccountFull
        | Kind::SubnetFull
        | Kind::NotFound(Thing::Subnet | Thing::SecurityGroup)
        | Kind::Mismatch
        | Kind::Unauthorized
        | Kind::Refused => (30, 600),
    };
    (SignedDuration::from_secs(first), SignedDuration::from_secs(longest))
}

/// How long to wait after the nth failure in a row, counted from 1.
///
/// Doubles up to the longest wait. `jitter`, from 0 to 1, takes off up to a fifth, so that slots that
/// failed together do not try again together.
#[must_use]
pub fn delay(kind: Ec2ErrorKind, failures: u32, jitter: f64) -> SignedDuration {
    let wait = doubled(bounds(kind), failures);
    SignedDuration::from_secs_f64(wait.as_secs_f64() * (1.0 - 0.2 * jitter.clamp(0.0, 1.0)))
}

/// How long to wait after the nth pass in a row that Kubernetes ended.
///
/// A pass of many writes of which some fail comes far each time: it need not wait a minute.
#[must_use]
pub fn after_kubernetes(failures: u32) -> SignedDuration {
    doubled((SignedDuration::from_secs(2), SignedDuration::from_secs(16)), failures)
}

/// The first wait, doubled with each further failure, up to the longest.
fn doubled((first, longest): (SignedDuration, SignedDuration), failures: u32) -> SignedDuration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits = [1, 2, 3, 100].map(|failures| delay(Ec2ErrorKind::Throttled, failures, 0.0).as_secs());
        assert_eq!(waits, [2, 4, 8, 60]);
        assert_eq!(delay(Ec2ErrorKind::Unauthorized, 1, 1.0).as_secs(), 24);
    }
}
