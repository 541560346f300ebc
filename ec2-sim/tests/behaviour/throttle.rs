use ec2_sim::api::{CreateNetworkInterface, DescribeNetworkInterfaces, Filter};
use ec2_sim::{Bucket, Failure, Settings};

use crate::region::Region;

/// How many of the calls come through before one is throttled.
fn burst(region: &mut Region, mut call: impl FnMut(&mut Region) -> Result<(), Failure>) -> usize {
    (0..1000).take_while(|_| call(region).is_ok()).count()
}

/// How many creates come as far as to be refused for something else than their number.
fn attempts(region: &mut Region) -> usize {
    let request = CreateNetworkInterface { subnet_id: "subnet-01234567".into(), ..Default::default() };
    (0..1000)
        .take_while(|_| region.sim.send(request.clone()).unwrap_err().code() != Some("RequestLimitExceeded"))
        .count()
}

#[test]
fn creates_come_in_a_burst_of_a_hundred_and_then_five_a_second() {
    let mut region = Region::with(Settings::default());
    assert_eq!(attempts(&mut region), 100);
    region.wait(1000);
    assert_eq!(attempts(&mut region), 5);
    let request = region.create("a");
    let failure = region.sim.send(request).unwrap_err();
    assert!(matches!(failure, Failure::Refused(e) if e.code == "RequestLimitExceeded" && e.status == 503));
}

#[test]
fn a_describe_of_everything_has_a_smaller_bucket_of_its_own() {
    let mut region = Region::with(Settings::default());
    let everything = DescribeNetworkInterfaces::default();
    let filtered =
        DescribeNetworkInterfaces { filters: vec![Filter::new("status", ["x"])], ..everything.clone() };
    let paged = DescribeNetworkInterfaces { max_results: Some(5), ..everything.clone() };
    assert_eq!(burst(&mut region, |region| region.sim.send(everything.clone()).map(drop)), 50);
    assert_eq!(burst(&mut region, |region| region.sim.send(filtered.clone()).map(drop)), 100);
    assert!(region.sim.send(paged).is_err());
}

#[test]
fn buckets_can_be_sized_scaled_and_switched_off() {
    let mut settings = Settings::default();
    settings.throttle.buckets.insert("CreateNetworkInterface".into(), Bucket { capacity: 4.0, refill: 1.0 });
    assert_eq!(attempts(&mut Region::with(settings.clone())), 4);
    settings.throttle.scale = 2.0;
    assert_eq!(attempts(&mut Region::with(settings.clone())), 8);
    settings.throttle.enabled = false;
    assert_eq!(attempts(&mut Region::with(settings)), 1000);
}

#[test]
fn a_throttled_call_changes_nothing() {
    let mut settings = Settings::default();
    settings.throttle.buckets.insert("CreateNetworkInterface".into(), Bucket { capacity: 0.0, refill: 0.0 });
    let mut region = Region::with(settings);
    let before = region.free("a");
    let request = region.create("a");
    assert_eq!(region.refusal(request), "RequestLimitExceeded");
    assert_eq!(region.free("a"), before);
}

#[test]
fn a_full_bucket_does_not_grow() {
    let mut region = Region::with(Settings::default());
    assert_eq!(attempts(&mut region), 100);
    region.wait(3_600_000);
    assert_eq!(attempts(&mut region), 100);
}
