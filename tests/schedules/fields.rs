//! Fields that change while the ENIs are up.

use std::collections::BTreeMap;

use ec2_sim::api::{CreateTags, Tag};
use ec2_sim::world::Eni;
use eni_operator::api::{ConditionType, NodeENI, REPLACE_ANNOTATION, find_condition};
use eni_operator::model::Call;
use kube::ResourceExt;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::gate::Strike;
use crate::scenarios::{at_rest, calls, child, cleared, until, up};
use crate::users::{self, edit};
use crate::wanted::slot_of;
use crate::world::World;

/// The only ENI of ours.
fn eni(world: &World) -> Eni {
    let sim = lock(&world.sim);
    let mut ours = sim.state().enis.values().filter(|eni| slot_of(eni).is_some());
    let one = ours.next().unwrap().clone();
    assert!(ours.next().is_none());
    one
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn secondary(world: &mut World, count: Option<i64>) {
    edit(world, "net-0", &format!("{count:?} addresses"), |spec| spec.secondary_private_ip_count = count);
}

#[test]
fn tags_are_set_and_taken_off_by_one_call_each_and_nobody_elses_are_touched() {
    let mut world = up(1, 1, 60);
    edit(&mut world, "net-0", "tags", |spec| {
        spec.tags = Some(tags(&[("team", "a"), ("cost", "1")]));
    });
    at_rest(&mut world);
    assert_eq!((calls(&world, Call::CreateTags), calls(&world, Call::DeleteTags)), (1, 0));
    let id = eni(&world).id;
    let theirs = vec![Tag { key: "backup".to_owned(), value: Some("daily".to_owned()) }];
    lock(&world.sim).send(CreateTags { resources: vec![id], tags: theirs, dry_run: None }).unwrap();
    // Whatever else is lost: the ENI itself tells which tags are the user's.
    let name = child(&world).name_any();
    users::wipe(&mut world, &name);
    edit(&mut world, "net-0", "no tags", |spec| spec.tags = None);
    crate::scenarios::rests(&mut world);
    let left = eni(&world).tags;
    assert_eq!(left.get("backup").map(String::as_str), Some("daily"));
    assert!(!left.contains_key("team") && !left.contains_key("cost"));
    assert_eq!((calls(&world, Call::CreateTags), calls(&world, Call::DeleteTags)), (1, 1));
    cleared(&mut world);
}

#[test]
fn addresses_follow_their_count_and_a_lost_answer_gives_none_twice() {
    for (lag, strike) in [(0, Strike::Lost), (60, Strike::Lost), (60, Strike::Unsent)] {
        let mut world = up(1, 1, lag);
        secondary(&mut world, Some(3));
        until(&mut world, "AssignPrivateIpAddresses", strike);
        at_rest(&mut world);
        assert_eq!((eni(&world).secondary.len(), calls(&world, Call::AssignIpv4)), (3, 1));
        assert_eq!(calls(&world, Call::UnassignIpv4), 0);
        cleared(&mut world);
    }
}

#[test]
fn a_crash_around_an_assignment_gives_none_twice() {
    for (lag, strike) in [(0, Strike::Lost), (30, Strike::None), (60, Strike::None), (60, Strike::Lost)] {
        let mut world = up(1, 1, lag);
        secondary(&mut world, Some(3));
        until(&mut world, "AssignPrivateIpAddresses", strike);
        world.crash();
        at_rest(&mut world);
        assert_eq!((eni(&world).secondary.len(), calls(&world, Call::AssignIpv4)), (3, 1), "lag {lag}");
        assert_eq!(calls(&world, Call::UnassignIpv4), 0);
        cleared(&mut world);
    }
}

#[test]
fn of_too_many_addresses_the_last_ones_go_and_prefixes_take_their_place() {
    let mut world = up(1, 1, 60);
    secondary(&mut world, Some(3));
    at_rest(&mut world);
    let before = eni(&world);
    secondary(&mut world, Some(1));
    at_rest(&mut world);
    let after = eni(&world);
    assert_eq!((after.primary, &after.secondary[..]), (before.primary, &before.secondary[..1]));
    edit(&mut world, "net-0", "prefixes", |spec| {
        (spec.secondary_private_ip_count, spec.ipv4_prefix_count) = (Some(0), Some(2));
    });
    at_rest(&mut world);
    let prefixed = eni(&world);
    assert_eq!((prefixed.secondary.len(), prefixed.ipv4_prefixes.len(), prefixed.id), (0, 2, before.id));
    cleared(&mut world);
}

#[test]
fn what_is_taken_out_of_the_spec_is_as_if_it_had_never_been_in_it() {
    let mut world = up(1, 1, 30);
    let before = eni(&world);
    edit(&mut world, "net-0", "much", |spec| {
        spec.secondary_private_ip_count = Some(2);
        spec.source_dest_check = Some(false);
        spec.description = Some("mine".to_owned());
        spec.tags = Some(tags(&[("team", "a")]));
    });
    at_rest(&mut world);
    edit(&mut world, "net-0", "nothing", |spec| {
        (spec.secondary_private_ip_count, spec.source_dest_check) = (None, None);
        (spec.description, spec.tags) = (None, None);
    });
    at_rest(&mut world);
    let after = eni(&world);
    assert_eq!((&after.secondary, after.source_dest_check), (&before.secondary, before.source_dest_check));
    assert_eq!((&after.description, &after.tags), (&before.description, &before.tags));
    let spec = child(&world).spec;
    assert_eq!((spec.secondary_private_ip_count, spec.source_dest_check), (None, None));
    cleared(&mut world);
}

fn device(world: &World) -> u32 {
    eni(world).attachment.unwrap().device_index
}

fn needs_replacement(world: &World) -> bool {
    let object = lock_store(&world.store).node_enis().next().unwrap().clone();
    let told = find_condition(&object.status.as_ref().unwrap().conditions, ConditionType::ReplacementNeeded);
    told.unwrap().status == "True"
}

#[test]
fn a_position_that_is_asked_for_later_comes_with_a_replacement_and_that_at_the_users_word() {
    for on_the_slot in [true, false] {
        let mut world = up(1, 1, 30);
        let before = eni(&world);
        let index = device(&world);
        edit(&mut world, "net-0", "device index", |spec| spec.device_index = 3);
        at_rest(&mut world);
        assert_eq!((eni(&world).id, device(&world)), (before.id.clone(), index));
        assert!(needs_replacement(&world));
        if on_the_slot {
            let name = child(&world).name_any();
            users::replace(&mut world, &name);
        } else {
            lock_store(&world.store).edit::<NodeENI>("net-0", |object| {
                let generation = object.metadata.generation.unwrap().to_string();
                let annotations = object.metadata.annotations.get_or_insert_default();
                annotations.insert(REPLACE_ANNOTATION.to_owned(), generation);
            });
            world.gather();
        }
        at_rest(&mut world);
        assert_ne!(eni(&world).id, before.id);
        assert_eq!((device(&world), calls(&world, Call::Create)), (3, 2));
        assert!(!needs_replacement(&world));
        // A later change is another matter.
        edit(&mut world, "net-0", "device index", |spec| spec.device_index = 2);
        at_rest(&mut world);
        assert_eq!((device(&world), calls(&world, Call::Create)), (3, 2));
        cleared(&mut world);
    }
}

#[test]
fn a_wiped_status_remembers_which_position_was_asked_for() {
    let mut world = up(1, 1, 30);
    edit(&mut world, "net-0", "device index", |spec| spec.device_index = 3);
    at_rest(&mut world);
    let name = child(&world).name_any();
    users::wipe(&mut world, &name);
    at_rest(&mut world);
    assert!(needs_replacement(&world));
    cleared(&mut world);
}
