//! Faults and lag.

use std::time::Duration;

use ec2_sim::api::{
    CreateNetworkInterface, DeleteNetworkInterface, DescribeNetworkInterfaces, DetachNetworkInterface,
    Request,
};
use ec2_sim::world::AttachmentStatus;
use ec2_sim::{Failure, Fault, FaultRule, Outcome, Settings};

use crate::region::Region;

fn status(region: &Region, eni: &str) -> Option<AttachmentStatus> {
    region.sim.state().enis.get(eni).unwrap().attachment.as_ref().map(|place| place.status)
}

#[test]
fn a_lost_answer_leaves_its_effect() {
    let mut region = Region::new();
    let enis = region.sim.state().enis.len();
    region.sim.add_fault(FaultRule::nth("CreateNetworkInterface", 2, Fault::Lost));
    region.eni("a");
    let request = CreateNetworkInterface { client_token: Some("t".into()), ..region.create("a") };
    assert_eq!(region.sim.call(&request.clone().into()), Outcome::Lost);
    assert_eq!(region.sim.state().enis.len(), enis + 2);
    region.sim.send(request).unwrap();
    assert_eq!(region.sim.state().enis.len(), enis + 2);
    assert_eq!(region.sim.stats().outcome("CreateNetworkInterface", "lost"), 1);
}

#[test]
fn an_injected_error_has_no_effect() {
    let mut region = Region::new();
    let enis = region.sim.state().enis.len();
    let fault = Fault::Error { code: "Unavailable".into(), message: "later".into(), status: 503 };
    region.sim.add_fault(FaultRule { limit: Some(1), ..FaultRule::every("Create*", fault) });
    let request = region.create("a");
    let failure = region.sim.send(request.clone()).unwrap_err();
    assert!(matches!(failure, Failure::Refused(e) if e.code == "Unavailable" && e.status == 503));
    assert_eq!(region.sim.state().enis.len(), enis);
    region.sim.send(request).unwrap();
}

#[test]
fn a_hung_call_does_nothing_and_a_late_one_does_everything() {
    let mut region = Region::new();
    let enis = region.sim.state().enis.len();
    let hang = region.sim.add_fault(FaultRule::every("*", Fault::Hang));
    let request: Request = region.create("a").into();
    assert_eq!(region.sim.call(&request), Outcome::Hung);
    assert!(region.sim.remove_fault(hang) && !region.sim.remove_fault(hang));
    region.sim.add_fault(FaultRule::every("*", Fault::Delay { millis: 700 }));
    let outcome = region.sim.call(&request);
    assert!(matches!(outcome, Outcome::Delayed(by, Ok(_)) if by == Duration::from_millis(700)));
    assert_eq!(region.sim.state().enis.len(), enis + 1);
}

#[test]
fn an_attach_can_hang_until_a_forced_detach() {
    let mut region = Region::new();
    region.sim.add_fault(FaultRule::every("AttachNetworkInterface", Fault::AttachNeverEnds));
    let (eni, attachment) = region.attached("a", "m5", 1);
    region.wait(3_600_000);
    assert_eq!(status(&region, &eni), Some(AttachmentStatus::Attaching));
    assert_eq!(region.detach(&attachment).unwrap_err().code(), Some("IncorrectState"));
    let force = DetachNetworkInterface { attachment_id: attachment, force: Some(true), dry_run: None };
    region.sim.send(force).unwrap();
    region.wait(2000);
    assert_eq!(status(&region, &eni), None);
}

#[test]
fn a_detach_can_hang_until_a_forced_one() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    region.sim.add_fault(FaultRule::nth("DetachNetworkInterface", 1, Fault::DetachNeverEnds));
    region.detach(&attachment).unwrap();
    region.wait(3_600_000);
    assert_eq!(status(&region, &eni), Some(AttachmentStatus::Detaching));
    let force = DetachNetworkInterface { attachment_id: attachment, force: Some(true), dry_run: None };
    region.sim.send(force).unwrap();
    region.wait(2000);
    assert_eq!(status(&region, &eni), None);
}

/// Which of the creates are struck by a fault of chance.
fn struck(seed: u64) -> Vec<bool> {
    let mut region = Region::with(Settings { seed, ..Settings::unthrottled() });
    region.sim.add_fault(FaultRule::sometimes("CreateNetworkInterface", 0.5, Fault::InternalError));
    (0..64).map(|_| region.sim.send(region.create("a")).is_err()).collect()
}

#[test]
fn chance_repeats_with_its_seed() {
    let first = struck(7);
    assert_eq!(first, struck(7));
    assert_ne!(first, struck(8));
    assert!((16..48).contains(&first.iter().filter(|hit| **hit).count()));
}

fn lagging(hides: f64) -> Region {
    Region::with(Settings {
        lag: Duration::from_secs(2),
        lag_hides_from_changes: hides,
        ..Settings::unthrottled()
    })
}

#[test]
fn a_new_id_is_unknown_to_some_describes_until_the_lag_is_over() {
    let mut region = lagging(0.0);
    let eni = region.eni("a");
    region.wait(1000);
    let seen = (0..100).filter(|_| region.describe(&eni).is_ok()).count();
    assert!((20..80).contains(&seen), "{seen}");
    let absent = region.describe(&region.ids.primary_enis["m5"].clone());
    assert!(absent.is_ok(), "what a seed made is known everywhere");
    region.wait(1000);
    assert!((0..100).all(|_| region.describe(&eni).is_ok()));
}

#[test]
fn a_deleted_eni_is_still_listed_by_some_describes() {
    let mut region = lagging(0.0);
    let eni = region.eni("a");
    region.wait(5000);
    region.sim.send(DeleteNetworkInterface { network_interface_id: eni.clone(), dry_run: None }).unwrap();
    region.wait(1000);
    assert!((0..100).any(|_| region.describe(&eni).is_ok()));
    region.wait(1000);
    assert!((0..100).all(|_| region.describe(&eni).is_err()));
}

#[test]
fn a_lag_set_later_hides_the_very_next_change() {
    let mut region = Region::new();
    region.sim.settings_mut().lag = Duration::from_secs(2);
    let eni = region.eni("a");
    region.wait(1000);
    assert!((0..100).any(|_| region.describe(&eni).is_err()));
}

#[test]
fn what_happens_by_itself_is_seen_late_too() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let attach = region.attach(&eni, "m5", 1);
    region.sim.send(attach).unwrap();
    region.sim.settings_mut().lag = Duration::from_secs(2);
    region.wait(2500);
    let seen = |region: &mut Region| region.describe(&eni).unwrap().attachment.unwrap().status;
    assert!((0..100).any(|_| seen(&mut region) == "attaching"));
    region.wait(1000);
    assert!((0..100).all(|_| seen(&mut region) == "attached"));
}

#[test]
fn a_change_may_not_find_a_new_id_either() {
    let mut region = lagging(1.0);
    let eni = region.eni("a");
    let attach = region.attach(&eni, "m5", 1);
    assert_eq!(region.refusal(attach.clone()), "InvalidNetworkInterfaceID.NotFound");
    region.wait(2000);
    region.sim.send(attach).unwrap();
}

#[test]
fn without_a_lag_a_describe_sees_the_change_at_once() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let all = region.sim.send(DescribeNetworkInterfaces::default()).unwrap().network_interfaces;
    assert!(all.iter().any(|listed| listed.network_interface_id == eni));
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut region = Region::new();
    let mut copy = region.sim.clone();
    let (eni, _) = region.attached("a", "m5", 1);
    assert!(!copy.state().enis.contains(&eni));
    copy.advance(Duration::from_secs(1));
    assert_ne!(copy.now(), region.sim.now());
}
