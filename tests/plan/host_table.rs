//! Cases on a host, one by one.

use std::collections::BTreeSet;

use eni_operator::api::{CloudState, ConditionType, Reason};
use eni_operator::model::{Link, LinkChange, Lower};
use eni_operator::plan::host::{Journal, Phase, Record, Say, status};
use k8s_openapi::jiff::SignedDuration;

use crate::host_worlds::{Host, OWN, device, functions, links, mac, pci, slot};
use crate::make::{at, seconds, with_condition};

/// What is said of the slot with this number.
#[track_caller]
fn said(host: &Host, n: u8) -> Say {
    host.plan().says.get(&format!("uid-{n}")).unwrap_or_else(|| panic!("nothing is said")).clone()
}

fn reason(say: &Say, type_: ConditionType) -> Option<(Option<bool>, Reason)> {
    say.verdicts.iter().find(|one| one.type_ == type_).map(|one| (one.holds, one.reason))
}

/// A slot that has to go.
fn leaving(n: u8) -> eni_operator::api::NodeENIAttachment {
    let mut object = slot(n);
    object.spec.release = true;
    object
}

/// The link of a device that is as its slot asks.
fn ready(index: u32, n: u8) -> Link {
    let alt_names = BTreeSet::from([format!("eth{n}"), format!("u-{n}")]);
    Link { up: true, mtu: 9001, alt_names, ..device(index, n) }
}

#[test]
fn mtu_and_up_are_one_message_and_names_another() {
    let host = Host::new(vec![device(6, 1)], vec![slot(1)]);
    let names = BTreeSet::from(["eth1".to_owned(), "u-1".to_owned()]);
    let changes = [
        LinkChange::Set { index: 6, mtu: Some(9001), up: Some(true) },
        LinkChange::AddNames { index: 6, names },
    ];
    assert_eq!(links(&host.plan()).cloned().collect::<Vec<_>>(), changes);
}

#[test]
fn a_link_whose_own_name_is_the_alternative_one_needs_none() {
    let link = Link { name: "eth1".to_owned(), ..ready(6, 1) };
    let mut host =
        Host::new(vec![Link { alt_names: BTreeSet::from(["u-1".to_owned()]), ..link }], vec![slot(1)]);
    let (rounds, plan) = host.settle();
    assert_eq!((rounds, plan.says["uid-1"].phase), (0, Phase::Ready));
}

#[test]
fn a_device_that_does_not_come_is_waited_for_a_minute_and_one_that_was_there_for_two_seconds() {
    for (was_ready, patience) in [(false, 60), (true, 2)] {
        let mut object = slot(1);
        if was_ready {
            object = with_condition(object, ConditionType::LinkReady, Some(true), Reason::AsSpecified);
        }
        let mut host = Host::new(vec![], vec![object]);
        let plan = host.plan();
        assert_eq!((plan.says.len(), plan.pace), (0, Some(seconds(patience))));
        host.carry_out(&plan);
        host.now += patience - 1;
        assert_eq!(host.plan().pace, Some(seconds(1)));
        host.now += 1;
        let say = said(&host, 1);
        assert_eq!(reason(&say, ConditionType::LinkReady), Some((Some(false), Reason::LinkNotFound)));
    }
}

#[test]
fn of_an_eni_that_is_not_attached_yet_nothing_is_said() {
    let mut object = slot(1);
    object.status.as_mut().unwrap().cloud.as_mut().unwrap().state = Some(CloudState::Available);
    let mut host = Host::new(vec![], vec![object]);
    host.now += 1_000_000;
    assert_eq!((host.plan().says.len(), host.plan().pace), (0, None));
}

#[test]
fn a_manager_that_insists_is_fought_five_times_in_five_minutes() {
    let mut host = Host::new(vec![device(6, 1)], vec![slot(1)]);
    host.settle();
    let mut fights = 0;
    for _ in 0..100 {
        host.view.links[0].mtu = 1500;
        host.now += 1;
        let plan = host.plan();
        fights += plan.changes.len();
        host.carry_out(&plan);
    }
    assert_eq!(fights, 5);
    let say = said(&host, 1);
    assert_eq!(
        reason(&say, ConditionType::LinkReady),
        Some((Some(false), Reason::ConflictingNetworkManager))
    );
    host.now += 300;
    assert_eq!(host.plan().changes.len(), 1);
    // Another MTU is another matter.
    let mut changed = slot(1);
    changed.spec.mtu = Some(1400);
    host.slots = vec![changed.into()];
    host.now -= 250;
    assert_eq!(host.plan().changes.len(), 1);
}

#[test]
fn a_refusal_is_waited_out_for_longer_each_time_and_up_to_a_minute() {
    let mut host = Host::new(vec![device(6, 1)], vec![slot(1)]);
    let mut waits = vec![];
    for _ in 0..8 {
        let plan = host.plan();
        assert_eq!(plan.changes.len(), 2);
        host.memory = plan.memory;
        let now = eni_operator::plan::lease::Uptime(SignedDuration::from_secs(host.now));
        host.memory.changed("uid-1", Some("busy".to_owned()), now);
        let wait = host.plan().pace.unwrap().as_secs();
        assert!(host.plan().changes.is_empty());
        waits.push(wait);
        host.now += wait.max(61);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn what_uses_a_device_is_named() {
    let child =
        |lower| Link { kind: Some("ipvlan".to_owned()), name: "net1".to_owned(), lower, ..Link::default() };
    let on_it = |namespace| Some(Lower { index: 6, namespace });
    let here = |link: Link, host: &mut Host| host.view.links.push(link);
    let there = |links, host: &mut Host| drop(host.elsewhere.namespaces.insert(4, links));
    for (what, words) in [
        (0, "ipvlan net1 (index 77) stands on it"),
        (1, "ipvlan net1 in network namespace 4 stands on it"),
        (2, "network namespace 4 cannot be seen: not permitted"),
        (3, "something that cannot be seen listens on it as 02:00:00:00:00:63"),
        (4, ""),
        (5, ""),
    ] {
        let mut host = Host::new(vec![ready(6, 1)], vec![leaving(1)]);
        match what {
            0 => here(Link { index: 77, ..child(on_it(None)) }, &mut host),
            1 => there(Ok(vec![child(on_it(Some(OWN)))]), &mut host),
            2 => there(Err("not permitted".to_owned()), &mut host),
            3 => drop(host.elsewhere.listens.insert(6, BTreeSet::from([mac(0x63)]))),
            // On a link of another namespace with the same number.
            4 => there(Ok(vec![child(on_it(Some(3))), child(on_it(None))]), &mut host),
            // The other end of a pair.
            _ => {
                there(Ok(vec![Link { kind: Some("veth".to_owned()), ..child(on_it(Some(OWN))) }]), &mut host);
            }
        }
        if words.is_empty() {
            let (_, plan) = host.settle();
            assert_eq!(plan.says["uid-1"].phase, Phase::Released, "{what}");
            continue;
        }
        assert!(host.plan().changes.is_empty());
        let say = said(&host, 1);
        assert_eq!(reason(&say, ConditionType::Released), Some((Some(false), Reason::InUse)));
        assert_eq!(say.verdicts[0].message, words);
    }
}

#[test]
fn a_device_whose_link_cannot_be_seen_is_in_use_if_it_may_be_the_slots() {
    let record = Record {
        slot: "s".to_owned(),
        pci: Some(pci(6)),
        first_name: "ens6".to_owned(),
        first_mtu: 1500,
        alt_names: BTreeSet::new(),
        rebound: None,
    };
    for (recorded, hidden, state, phase) in [
        (true, 6, CloudState::Attached, Phase::InUse),
        // It had another place: that one is another's.
        (true, 7, CloudState::Attached, Phase::Released),
        // Nobody knows which one it is.
        (false, 7, CloudState::Attached, Phase::InUse),
        (false, 7, CloudState::Available, Phase::Released),
    ] {
        let mut object = leaving(1);
        object.status.as_mut().unwrap().cloud.as_mut().unwrap().state = Some(state);
        let mut host = Host::new(vec![], vec![object]);
        host.view.functions = functions(&[], &[hidden]);
        if recorded {
            host.journal.devices.insert(mac(1), record.clone());
        }
        assert_eq!(said(&host, 1).phase, phase, "{recorded} {hidden} {state:?}");
    }
}

#[test]
fn a_device_that_is_bound_to_a_driver_without_links_hides_none() {
    let mut host = Host::new(vec![], vec![leaving(1)]);
    host.view.functions = functions(&[], &[7]);
    host.view.functions[0].driver = Some("vfio-pci".to_owned());
    assert_eq!(said(&host, 1).phase, Phase::Released);
}

#[test]
fn an_agent_that_may_not_bind_devices_leaves_them_alone_and_says_so() {
    let mut object = slot(1);
    object.spec.dpdk = Some(eni_operator::api::DpdkSpec { enabled: true, ..Default::default() });
    let mut host = Host::new(vec![device(6, 1)], vec![object]);
    host.settings.binds_devices = false;
    assert!(host.plan().changes.is_empty());
    let said = reason(&said(&host, 1), ConditionType::LinkReady);
    assert_eq!(said, Some((Some(false), Reason::DpdkUnsupported)));
}

#[test]
fn a_status_has_all_of_the_agents_part_and_nothing_of_the_controllers() {
    let object = with_condition(slot(1), ConditionType::Attached, Some(true), Reason::Attached);
    let object = with_condition(object, ConditionType::Advertised, Some(false), Reason::InProgress);
    let say = said(&Host::new(vec![ready(6, 1)], vec![object.clone()]), 1);
    let built = status::build(&object, &say, at(5));
    assert!(built.cloud.is_none() && built.observed_generation.is_none());
    let types: Vec<&str> = built.conditions.iter().map(|one| one.type_.as_str()).collect();
    assert_eq!(types, ["Advertised", "LinkReady"]);
    let host = built.host.clone().unwrap();
    assert_eq!((host.observed_generation, host.alt_name.as_deref()), (Some(3), Some("eth1")));
    // Said again later it is the same.
    let mut after = object;
    let status = after.status.as_mut().unwrap();
    status.host.clone_from(&built.host);
    status.conditions.clone_from(&built.conditions);
    assert_eq!(status::build(&after, &say, at(500)), built);
}

#[test]
fn another_start_of_the_machine_knows_nothing_of_what_was_done_before() {
    let mut host = Host::new(vec![device(6, 1)], vec![slot(1)]);
    host.settle();
    assert_eq!(host.journal.devices.len(), 1);
    let known = Journal { boot_id: "a".to_owned(), ..host.journal.clone() };
    assert_eq!(known.clone().of_boot("a"), known);
    assert!(known.of_boot("b").devices.is_empty());
}

#[test]
fn the_journal_forgets_what_no_slot_names_when_it_is_gone() {
    let mut host = Host::new(vec![device(6, 1)], vec![slot(1)]);
    host.settle();
    host.slots.clear();
    assert_eq!(host.plan().journal.devices.len(), 1);
    host.view.links.clear();
    assert!(host.plan().journal.devices.is_empty());
}

#[test]
fn what_has_a_kind_is_no_device_whatever_else_it_has() {
    let like_it = Link { kind: Some("macvlan".to_owned()), ..device(7, 1) };
    let host = Host::new(vec![like_it.clone(), device(6, 1)], vec![slot(1)]);
    let plan = host.plan();
    let touched = links(&plan).all(|change| match change {
        LinkChange::Set { index, .. }
        | LinkChange::AddNames { index, .. }
        | LinkChange::DropNames { index, .. } => *index == 6,
    });
    assert!(touched);
    assert!(Host::new(vec![like_it], vec![slot(1)]).plan().changes.is_empty());
}

#[test]
fn what_was_released_stays_so_until_the_spec_is_another() {
    let released = with_condition(leaving(1), ConditionType::Released, Some(true), Reason::Released);
    for (said_of, says) in [(3, false), (2, true)] {
        let mut object = released.clone();
        for condition in &mut object.status.as_mut().unwrap().conditions {
            condition.observed_generation = Some(said_of);
        }
        let mut host = Host::new(vec![ready(6, 1)], vec![object]);
        let (_, plan) = host.settle();
        assert_eq!((plan.says.contains_key("uid-1"), host.view.links[0].up), (says, !says));
    }
}

#[test]
fn an_object_that_makes_room_for_the_next_does_not_stand_in_its_way() {
    let mut old = slot(1);
    old.metadata.uid = Some("uid-old".to_owned());
    old.metadata.name = Some("old".to_owned());
    let both = |old: &eni_operator::api::NodeENIAttachment| {
        Host::new(vec![device(6, 1)], vec![old.clone(), slot(1)])
    };
    assert!(both(&old).plan().changes.is_empty());
    let why = reason(&said(&both(&old), 1), ConditionType::LinkReady);
    assert_eq!(why, Some((Some(false), Reason::AmbiguousInterface)));
    old.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    assert_eq!(both(&old).plan().changes.len(), 2);
}
