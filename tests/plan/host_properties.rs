//! What holds on any host.

use std::collections::BTreeSet;

use eni_operator::api::{ConditionType, NodeENIAttachment};
use eni_operator::model::{Link, LinkChange};
use eni_operator::plan::host::{Change, Phase};
use proptest::prelude::*;

use crate::host_worlds::{Host, OWN, any_host, links};

/// The link that a slot names, by the rule: a device with a place on the bus, one and no other.
fn named<'a>(host: &'a Host, slot: &NodeENIAttachment) -> Option<&'a Link> {
    let mac = slot.status.as_ref()?.cloud.as_ref()?.mac.clone()?;
    let is_it = |link: &&Link| {
        link.kind.is_none()
            && link.pci.is_some()
            && link.permanent_mac.or(link.mac).is_some_and(|one| one.to_string() == mac)
    };
    let all: Vec<&Link> = host.view.links.iter().filter(is_it).collect();
    match all.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

fn index(change: &Change) -> u32 {
    match change {
        Change::Link(
            LinkChange::Set { index, .. }
            | LinkChange::AddNames { index, .. }
            | LinkChange::DropNames { index, .. },
        ) => *index,
        Change::Device(change) => panic!("{change:?}"),
    }
}

/// Whether something that can be seen, or cannot, stands on a link.
fn is_used(host: &Host, link: &Link) -> bool {
    let here = host.view.links.iter().any(|other| other.lower.is_some_and(|lower| lower.index == link.index));
    let there = host.elsewhere.namespaces.values().any(|links| match links {
        Err(_) => true,
        Ok(links) => links.iter().any(|other| {
            other.lower.is_some_and(|lower| lower.index == link.index && lower.namespace == Some(OWN))
        }),
    });
    here || there || host.elsewhere.listens.contains_key(&link.index) || link.master.is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_touched_but_the_one_device_that_a_slot_names(host in any_host()) {
        let plan = host.plan();
        for (uid, change) in &plan.changes {
            let slot = host.slots.iter().find(|slot| slot.metadata.uid.as_ref() == Some(uid)).unwrap();
            let link = named(&host, slot);
            prop_assert_eq!(link.map(|link| link.index), Some(index(change)), "{:?}", change);
            let link = link.unwrap();
            prop_assert!(link.master.is_none());
            prop_assert!(host.view.routes.iter().all(|route| route.link != link.index));
            prop_assert!(!slot.spec.paused);
            prop_assert!(slot.metadata.deletion_timestamp.is_none() || slot.spec.release);
            if slot.spec.release {
                prop_assert!(!is_used(&host, link));
            }
        }
    }

    #[test]
    fn the_order_in_which_things_are_seen_does_not_matter(host in any_host()) {
        let mut other = host.clone();
        other.view.links.reverse();
        other.slots.reverse();
        other.view.functions.reverse();
        let (plan, mirrored) = (host.plan(), other.plan());
        prop_assert_eq!(&plan.changes, &mirrored.changes);
        prop_assert_eq!(&plan.journal, &mirrored.journal);
        let phases = |plan: &eni_operator::plan::host::Plan| {
            plan.says.iter().map(|(uid, say)| (uid.clone(), say.phase)).collect::<Vec<_>>()
        };
        prop_assert_eq!(phases(&plan), phases(&mirrored));
    }

    #[test]
    fn it_settles_at_once_and_then_nothing_is_changed(mut host in any_host()) {
        let before = host.view.links.clone();
        let (rounds, _) = host.settle();
        // One for what is to be done, and one for a name that another link gave up in it.
        prop_assert!(rounds <= 2, "{rounds} rounds");
        let named: BTreeSet<u32> =
            host.slots.iter().filter_map(|slot| named(&host, slot)).map(|link| link.index).collect();
        for (was, is) in before.iter().zip(&host.view.links) {
            prop_assert!(was == is || named.contains(&is.index));
        }
        host.now += 1;
        prop_assert!(host.plan().changes.is_empty());
    }

    #[test]
    fn a_name_is_in_the_journal_before_it_is_given_and_no_two_links_have_it(mut host in any_host()) {
        let plan = host.plan();
        for change in links(&plan) {
            if let LinkChange::AddNames { names, .. } = change {
                let recorded = plan.journal.devices.values().any(|record| names.is_subset(&record.alt_names));
                prop_assert!(recorded, "{names:?}");
            }
        }
        let count = |host: &Host, name: &str| {
            host.view.links.iter().filter(|link| link.alt_names.contains(name) || link.name == name).count()
        };
        let names: Vec<String> = (0..4).flat_map(|n| [format!("eth{n}"), format!("u-{n}")]).collect();
        let before: Vec<usize> = names.iter().map(|name| count(&host, name)).collect();
        host.settle();
        for (name, before) in names.iter().zip(before) {
            prop_assert!(count(&host, name) <= before.max(1), "{name}");
        }
    }

    #[test]
    fn released_is_said_only_of_what_nothing_uses_and_is_down(mut host in any_host()) {
        let (_, plan) = host.settle();
        for slot in &host.slots {
            let Some(say) = plan.says.get(slot.metadata.uid.as_ref().unwrap()) else { continue };
            let released = say
                .verdicts
                .iter()
                .any(|one| one.type_ == ConditionType::Released && one.holds == Some(true));
            prop_assert_eq!(released, say.phase == Phase::Released);
            if released {
                prop_assert!(slot.spec.release);
                if let Some(link) = named(&host, slot) {
                    prop_assert!(!link.up && !is_used(&host, link));
                    prop_assert!(!link.alt_names.contains(&slot.spec.alt_name));
                }
            }
        }
    }

    #[test]
    fn without_a_look_elsewhere_nothing_is_let_go(host in any_host()) {
        let plan = host.plan_with(None, None);
        let releasing = |uid: &String| {
            host.slots.iter().any(|slot| slot.metadata.uid.as_ref() == Some(uid) && slot.spec.release)
        };
        prop_assert!(plan.changes.iter().all(|(uid, _)| !releasing(uid)));
    }

    #[test]
    fn without_a_journal_nothing_is_set_up(host in any_host()) {
        let plan = host.plan_with(Some(&host.elsewhere), Some("no space left"));
        for (uid, _) in &plan.changes {
            let slot = host.slots.iter().find(|slot| slot.metadata.uid.as_ref() == Some(uid)).unwrap();
            prop_assert!(slot.spec.release);
        }
    }
}
