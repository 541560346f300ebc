//! The arithmetic of call budgets.
#![expect(clippy::cast_precision_loss, reason = "a few hundred calls are no loss")]

use std::time::Duration;

use eni_operator::model::Call;
use eni_operator::plan::budget::{Bucket, Limit, Limits, Share};
use proptest::prelude::*;

const SIZE: Limit = Limit { burst: 10.0, per_second: 4.0 };

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Takes tokens as soon as there are any, and says when each was taken.
fn drain(bucket: &mut Bucket, count: usize, mut now: Duration) -> Vec<Duration> {
    let mut taken = vec![];
    while taken.len() < count {
        if bucket.take(now) {
            taken.push(now);
        } else {
            let wait = bucket.until(1, now);
            assert!(wait > Duration::ZERO, "no token, and no wait either");
            now += wait;
        }
    }
    taken
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
    let taken = drain(&mut Bucket::new(SIZE, Duration::ZERO), 30, Duration::ZERO);
    for (n, at) in taken.iter().enumerate() {
        let ideal = n.saturating_sub(9) as f64 / 4.0;
        assert!((at.as_secs_f64() - ideal).abs() < 1e-6, "call {n} went at {at:?}");
    }
}

#[test]
fn the_wait_for_many_is_the_wait_for_the_last_of_them() {
    let mut bucket = Bucket::new(SIZE, Duration::ZERO);
    bucket.refused(Duration::ZERO);
    for count in [1, 5, 40, 100] {
        let told = bucket.until(count, Duration::ZERO);
        let taken = drain(&mut bucket.clone(), count, Duration::ZERO);
        assert!(told.abs_diff(*taken.last().unwrap()) < millis(1), "{count}: {told:?}, {taken:?}");
    }
}

#[test]
fn a_refusal_empties_the_bucket_and_halves_its_speed_which_comes_back_bit_by_bit() {
    let mut bucket = Bucket::new(SIZE, Duration::ZERO);
    bucket.refused(Duration::ZERO);
    assert!(!bucket.take(Duration::ZERO));
    assert!((bucket.per_second(Duration::ZERO) - 2.0).abs() < 1e-9);
    assert!((bucket.per_second(millis(1000)) - 2.4).abs() < 1e-9);
    assert!((bucket.per_second(millis(5000)) - 4.0).abs() < 1e-9);
    assert!((bucket.per_second(millis(60_000)) - 4.0).abs() < 1e-9);
}

#[test]
fn refusals_of_one_moment_count_once_and_many_never_stop_it() {
    let mut bucket = Bucket::new(SIZE, Duration::ZERO);
    for n in 0..20 {
        bucket.refused(millis(n));
    }
    assert!(bucket.per_second(millis(20)) >= 2.0);
    for n in 0..100 {
        bucket.refused(millis(1000 * n));
    }
    assert!(bucket.per_second(millis(99_000)) >= 4.0 / 16.0);
    assert!(bucket.until(1, millis(99_000)) < Duration::from_secs(4));
}

#[test]
fn calls_beyond_the_one_that_was_granted_are_waited_for_by_the_next() {
    let mut bucket = Bucket::new(SIZE, Duration::ZERO);
    assert!(bucket.take(Duration::ZERO));
    bucket.charge(12, Duration::ZERO);
    assert_eq!(bucket.until(1, Duration::ZERO), Duration::from_secs(1));
}

#[test]
fn limits_are_the_documented_ones_unless_set_and_a_share_is_taken_of_them() {
    let documented = Limits::default();
    for (call, burst, per_second) in [
        (Call::Create, 100.0, 5.0),
        (Call::Attach, 50.0, 5.0),
        (Call::Detach, 50.0, 5.0),
        (Call::Delete, 100.0, 5.0),
        (Call::Modify, 100.0, 5.0),
        (Call::CreateTags, 100.0, 10.0),
        (Call::DeleteTags, 100.0, 10.0),
        (Call::AssignIpv4, 100.0, 5.0),
        (Call::ModifyMetadataOptions, 100.0, 5.0),
        (Call::DescribeEnis, 100.0, 20.0),
    ] {
        assert_eq!(documented.of(call), Limit { burst, per_second }, "{call}");
    }
    let raised: Limits = "AttachNetworkInterface=100/10, CreateNetworkInterface=200/20".parse().unwrap();
    assert_eq!(raised.of(Call::Attach), Limit { burst: 100.0, per_second: 10.0 });
    assert_eq!(raised.of(Call::Modify), documented.of(Call::Modify));
    assert_eq!(raised.ours(Call::Create, Share::HALF), Limit { burst: 98.0, per_second: 10.0 });
}

#[test]
fn no_share_is_so_small_that_nothing_could_be_called_and_deletes_begin_small() {
    let tiny: Share = "0.001".parse().unwrap();
    for call in Call::ALL {
        let ours = Limits::default().ours(call, tiny);
        assert!(ours.burst >= 1.0 && ours.per_second > 0.0, "{call}");
        let all = Limits::default().ours(call, Share::ALL);
        let ec2 = Limits::default().of(call);
        assert!(all.burst < ec2.burst && all.per_second <= ec2.per_second, "{call}");
    }
    assert!(Limits::default().ours(Call::Delete, Share::ALL).burst <= 40.0);
    assert!(Limits::default().ours(Call::Detach, Share::ALL).burst <= 40.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is asked and refused when: no stretch of time gets more than burst and rate make of it.
    #[test]
    fn no_stretch_of_time_gets_more_than_its_burst_and_its_rate(
        burst in 1.0_f64..20.0,
        per_second in 0.1_f64..50.0,
        // Milliseconds since the event before, and whether it is a refusal.
        events in prop::collection::vec((0_u64..400, prop::bool::weighted(0.05)), 1..200),
    ) {
        let size = Limit { burst, per_second };
        let mut bucket = Bucket::new(size, Duration::ZERO);
        let (mut now, mut taken) = (Duration::ZERO, vec![]);
        for (wait, refused) in events {
            now += millis(wait);
            if refused {
                bucket.refused(now);
            } else if bucket.take(now) {
                taken.push(now.as_secs_f64());
            }
        }
        for first in 0..taken.len() {
            for last in first..taken.len() {
                let (count, time) = ((last - first + 1) as f64, taken[last] - taken[first]);
                prop_assert!(count <= burst + per_second * time + 1e-3, "{count} calls in {time} s");
            }
        }
    }

    /// When a bucket says that it has a token, it has one, and not before.
    #[test]
    fn a_wait_is_neither_too_long_nor_too_short(
        per_second in 0.1_f64..50.0,
        refusals in prop::collection::vec(0_u64..3000, 0..6),
        drained_at in 0_u64..5000,
    ) {
        let mut bucket = Bucket::new(Limit { burst: 3.0, per_second }, Duration::ZERO);
        let mut now = Duration::ZERO;
        for wait in refusals {
            now += millis(wait);
            bucket.refused(now);
        }
        now += millis(drained_at);
        while bucket.take(now) {}
        let wait = bucket.until(1, now);
        prop_assert!(bucket.clone().take(now + wait + Duration::from_micros(2)));
        prop_assert!(!bucket.take(now + wait.saturating_sub(millis(1)).mul_f64(0.99)));
    }
}
