//! What holds of every plan of a `NodeENI`.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{
    ATTACHMENT_FINALIZER, ConditionType, NodeENIAttachment, SubnetPolicy, find_condition,
};
use eni_operator::model::{Slot, tag_key};
use eni_operator::plan::fanout::{Finalizer, Plan, World, plan};
use proptest::prelude::*;

use crate::fanout_oracle::{allowed, is_due, per_instance};
use crate::fanout_worlds::{alive_world, deleting_world, paused_world, world};
use crate::make::{seconds, settings, slot_key, subnet_id};

fn slots(objects: &[NodeENIAttachment]) -> Vec<Slot> {
    objects.iter().map(slot_key).collect()
}

fn deleting(world: &World) -> bool {
    world.node_eni.metadata.deletion_timestamp.is_some()
}

fn paused(world: &World) -> bool {
    world.node_eni.spec.paused == Some(true)
}

fn has_finalizer(world: &World) -> bool {
    world.node_eni.metadata.finalizers.is_some()
}

fn alive(world: &World) -> bool {
    !deleting(world) && !paused(world) && has_finalizer(world)
}

/// A plan with its lists in an order of their own.
fn sorted(mut plan: Plan) -> Plan {
    for list in [&mut plan.create, &mut plan.update, &mut plan.remove] {
        list.sort_by_key(|one| one.metadata.name.clone());
    }
    plan.renew.sort_by_key(|one| one.old.metadata.name.clone());
    plan
}

fn holds(child: &NodeENIAttachment, type_: ConditionType) -> bool {
    let conditions = child.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find_condition(conditions, type_).is_some_and(|one| one.status == "True")
}

fn shuffled() -> impl Strategy<Value = (World, World)> {
    world().prop_flat_map(|world| {
        let nodes = Just(world.nodes.clone()).prop_shuffle();
        let children = Just(world.children.clone()).prop_shuffle();
        (Just(world), nodes, children).prop_map(|(world, nodes, children)| {
            let other = World { nodes, children, ..world.clone() };
            (world, other)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_order_of_nodes_and_slots_does_not_matter((world, other) in shuffled()) {
        prop_assert_eq!(sorted(plan(&world, &settings())), sorted(plan(&other, &settings())));
    }

    #[test]
    fn a_slot_is_made_only_for_a_selected_node_and_a_listed_subnet_of_its_zone_and_vpc(world in world()) {
        let plan = plan(&world, &settings());
        if alive(&world) {
            let allowed = allowed(&world);
            let orphans: Vec<_> = plan.create.iter().filter(|one| one.spec.release).collect();
            let made = plan.create.iter().filter(|one| !one.spec.release).map(slot_key);
            prop_assert!(made.into_iter().all(|slot| allowed.contains(&slot)));
            for orphan in orphans {
                let left = world.leftovers.as_ref().unwrap();
                let listed = left.listing.enis.iter().any(|eni| eni.tags[tag_key::SUBNET] == orphan.spec.subnet_id);
                let mut unmarked = orphan.clone();
                unmarked.spec.release = false;
                prop_assert!(listed && world.now.duration_since(left.since) >= settings().listing_lag);
                prop_assert!(is_due(&world, &unmarked), "{orphan:#?}");
            }
        } else if !deleting(&world) {
            prop_assert!(plan.create.is_empty());
        }
    }

    #[test]
    fn every_slot_that_should_be_is_made_or_there(world in alive_world()) {
        let plan = plan(&world, &settings());
        let made = plan.create.iter().filter(|one| !one.spec.release).map(slot_key);
        let there: BTreeSet<Slot> = slots(&world.children).into_iter().chain(made).collect();
        let allowed = allowed(&world);
        match world.node_eni.spec.subnet_policy {
            SubnetPolicy::All => prop_assert!(allowed.is_subset(&there)),
            SubnetPolicy::One => {
                let going: BTreeSet<Slot> = slots(&plan.remove).into_iter().collect();
                let staying = there.iter().filter(|slot| !going.contains(slot) && allowed.contains(slot));
                let wanted: BTreeSet<String> = per_instance(allowed.iter()).into_keys().collect();
                let of_each = per_instance(staying);
                let release = |instance: &String| world.children.iter()
                    .any(|child| child.spec.release && child.spec.instance_id == *instance);
                let leaves = |instance: &String| plan.remove.iter().any(|child| child.spec.instance_id == *instance);
                // The next one waits until the one that goes is gone.
                prop_assert!(wanted.iter().all(|one| of_each.get(one) == Some(&1) || release(one) || leaves(one)
                    || !crate::fanout_oracle::all_resolves(&world)));
                let made: Vec<Slot> = plan.create.iter().filter(|one| !one.spec.release).map(slot_key).collect();
                let held = |slot: &Slot| world.children.iter().any(|child| slot_key(child).instance == slot.instance);
                prop_assert!(!made.iter().any(held));
            }
        }
    }

    #[test]
    fn no_slot_is_made_twice(world in world()) {
        let plan = plan(&world, &settings());
        let made = slots(&plan.create);
        let there: BTreeSet<Slot> = slots(&world.children).into_iter().collect();
        prop_assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len());
        prop_assert!(made.iter().all(|slot| !there.contains(slot)));
        for one in &plan.create {
            let slot = slot_key(one);
            prop_assert_eq!(one.metadata.name.clone(), Some(slot.object_name()));
            prop_assert_eq!(one.metadata.finalizers.clone(), Some(vec![ATTACHMENT_FINALIZER.to_owned()]));
            prop_assert_eq!(one.metadata.owner_references.as_ref().unwrap()[0].uid.as_str(), "uid-n");
        }
    }

    #[test]
    fn nothing_is_removed_without_a_reason_that_was_seen(world in world()) {
        let plan = plan(&world, &settings());
        let by_name: BTreeMap<_, _> = world.children.iter().map(|child| (child.metadata.name.clone(), child)).collect();
        for one in &plan.remove {
            let child = by_name[&one.metadata.name];
            prop_assert!(is_due(&world, child), "{child:#?}");
            prop_assert!(one.spec.release && !one.spec.paused);
        }
    }

    #[test]
    fn everything_that_has_a_reason_to_go_goes(world in alive_world()) {
        let plan = plan(&world, &settings());
        let going: BTreeSet<Slot> = slots(&plan.remove).into_iter().collect();
        let resolves = crate::fanout_oracle::all_resolves(&world);
        for child in &world.children {
            let underway = child.spec.release && child.metadata.deletion_timestamp.is_some() && !child.spec.paused;
            let is_one = world.node_eni.spec.subnet_policy == SubnetPolicy::One && allowed(&world).contains(&slot_key(child));
            if is_due(&world, child) && !underway && !is_one {
                // A node's terminated instance waits for what does not resolve.
                prop_assert!(going.contains(&slot_key(child)) || !resolves, "{child:#?}");
            }
        }
    }

    #[test]
    fn a_slot_keeps_its_mark_and_its_identity_through_every_update(world in world()) {
        let plan = plan(&world, &settings());
        for one in plan.update.iter().chain(&plan.remove) {
            let old = world.children.iter().find(|child| child.metadata.name == one.metadata.name).unwrap();
            prop_assert_eq!(slot_key(one), slot_key(old));
            prop_assert_eq!(&one.metadata, &old.metadata);
            prop_assert_eq!(&one.status, &old.status);
            prop_assert!(one.spec.release || !old.spec.release);
        }
        let both = slots(&plan.update).into_iter().filter(|slot| slots(&plan.remove).contains(slot)).count();
        prop_assert_eq!(both, 0);
    }

    #[test]
    fn the_finalizer_goes_last(world in world()) {
        let plan = plan(&world, &settings());
        if plan.finalizer == Finalizer::Remove {
            prop_assert!(deleting(&world) && has_finalizer(&world) && !paused(&world));
            prop_assert!(world.children.is_empty());
            prop_assert!(world.leftovers.as_ref().unwrap().listing.enis.is_empty());
            prop_assert!(plan.create.is_empty() && plan.update.is_empty() && plan.remove.is_empty());
        }
        if deleting(&world) && !paused(&world) && has_finalizer(&world) && world.children.is_empty() {
            prop_assert!(plan.finalizer == Finalizer::Remove || plan.pace != eni_operator::plan::Pace::Settled);
        }
        let new = !has_finalizer(&world) && !deleting(&world);
        prop_assert_eq!(plan.finalizer == Finalizer::Add, new);
        prop_assert!(has_finalizer(&world) || (plan.create.is_empty() && plan.update.is_empty() && plan.remove.is_empty()));
    }

    #[test]
    fn while_deleting_only_eni_without_slots_are_given_one_and_it_is_released(world in deleting_world()) {
        let plan = plan(&world, &settings());
        prop_assert!(plan.update.is_empty() || paused(&world));
        for one in &plan.create {
            prop_assert!(one.spec.release && world.children.is_empty());
            let left = world.leftovers.as_ref().unwrap();
            prop_assert!(world.now.duration_since(left.since) >= settings().listing_lag);
        }
        if has_finalizer(&world) && !paused(&world) {
            let underway = |child: &&NodeENIAttachment| child.spec.release && child.metadata.deletion_timestamp.is_some() && !child.spec.paused;
            prop_assert_eq!(plan.remove.len(), world.children.len() - world.children.iter().filter(underway).count());
        }
    }

    #[test]
    fn pausing_changes_nothing_but_the_mark(world in paused_world()) {
        let plan = plan(&world, &settings());
        prop_assert!(plan.create.is_empty() && plan.remove.is_empty());
        prop_assert_eq!(plan.finalizer, Finalizer::Keep);
        for one in &plan.update {
            let old = world.children.iter().find(|child| child.metadata.name == one.metadata.name).unwrap();
            prop_assert!(one.spec.paused && !old.spec.paused);
            let mut back = one.clone();
            back.spec.paused = false;
            prop_assert_eq!(&back, old);
        }
        prop_assert_eq!(&plan.status.subnet_offsets, &world.node_eni.status.as_ref().unwrap().subnet_offsets);
    }

    #[test]
    fn unpausing_reaches_every_slot(world in alive_world()) {
        let plan = plan(&world, &settings());
        let reached: BTreeSet<Slot> = slots(&plan.update).into_iter().chain(slots(&plan.remove)).collect();
        let allowed = allowed(&world);
        for child in world.children.iter().filter(|child| child.spec.paused) {
            let staying = !child.spec.release && child.metadata.deletion_timestamp.is_none();
            let wanted = staying && allowed.contains(&slot_key(child)) && world.node_eni.spec.subnet_policy == SubnetPolicy::All;
            prop_assert!(!(child.spec.release || wanted) || reached.contains(&slot_key(child)), "{child:#?}");
        }
    }

    #[test]
    fn an_unchanged_world_gets_an_unchanged_status(world in world()) {
        let first = plan(&world, &settings());
        let mut later = world.clone();
        later.now = later.now.checked_add(seconds(3600)).unwrap();
        later.node_eni.status = Some(first.status.clone());
        prop_assert_eq!(first.status, plan(&later, &settings()).status);
    }

    #[test]
    fn a_world_in_which_the_plan_is_carried_out_is_at_rest(world in alive_world()) {
        let first = plan(&world, &settings());
        // B17: an orphan's object brings a place of its own.
        prop_assume!(first.create.iter().all(|one| !one.spec.release));
        let mut next = world.clone();
        next.node_eni.status = Some(first.status.clone());
        next.children.extend(first.create.clone());
        next.leftovers = None;
        let changed: BTreeMap<_, _> = first.update.iter().chain(&first.remove).map(|one| (one.metadata.name.clone(), one.clone())).collect();
        for child in &mut next.children {
            if let Some(new) = changed.get(&child.metadata.name) {
                *child = new.clone();
            }
            if child.spec.release && child.metadata.deletion_timestamp.is_none() {
                child.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
            }
        }
        let second = plan(&next, &settings());
        let one = world.node_eni.spec.subnet_policy == SubnetPolicy::One;
        // A subnet that is on its way out is not held on to, so `One` may choose again, once.
        prop_assert!(one || second.create.is_empty());
        prop_assert!(second.update.is_empty(), "{:#?}", second.update);
        prop_assert!(one || second.remove.is_empty(), "{:#?}", second.remove);
    }

    #[test]
    fn the_counts_of_the_status_are_those_of_the_slots(world in world()) {
        let plan = plan(&world, &settings());
        let staying: Vec<_> = world.children.iter().filter(|child| !child.spec.release).collect();
        let number = |type_| i64::try_from(staying.iter().filter(|child| holds(child, type_)).count()).unwrap();
        prop_assert_eq!(plan.status.attached, number(ConditionType::Attached));
        prop_assert_eq!(plan.status.ready, number(ConditionType::Ready));
        let failed = staying.iter().filter(|child| crate::rollup_table::fails(child)).count();
        prop_assert_eq!(plan.status.failed, i64::try_from(failed).unwrap());
        if alive(&world) && world.node_eni.spec.subnet_policy == SubnetPolicy::All {
            let there = staying.iter().map(|child| slot_key(child));
            let desired: BTreeSet<Slot> = allowed(&world).into_iter().chain(there).collect();
            prop_assert_eq!(plan.status.desired, i64::try_from(desired.len()).unwrap());
        }
    }

    #[test]
    fn ready_is_true_only_when_every_slot_that_should_be_is_ready(world in alive_world()) {
        let plan = plan(&world, &settings());
        let ready = find_condition(&plan.status.conditions, ConditionType::Ready).unwrap();
        if ready.status == "True" && world.node_eni.spec.subnet_policy == SubnetPolicy::All {
            let fine: BTreeSet<Slot> = world.children.iter()
                .filter(|child| holds(child, ConditionType::Ready) && !child.spec.release).map(slot_key).collect();
            prop_assert!(allowed(&world).is_subset(&fine));
            prop_assert!(crate::fanout_oracle::all_resolves(&world));
        }
    }

    #[test]
    fn an_object_that_somebody_deleted_is_renewed_if_its_eni_should_stay_and_would_be_listed(world in world()) {
        let plan = plan(&world, &settings());
        let (one, allowed) = (world.node_eni.spec.subnet_policy == SubnetPolicy::One, allowed(&world));
        for child in &world.children {
            let by_hand = child.metadata.deletion_timestamp.is_some() && !child.spec.release;
            let cloud = child.status.as_ref().and_then(|status| status.cloud.as_ref());
            // Without a record, a create may have been asked for until the deletion.
            let asked = cloud.map(|cloud| cloud.last_create.0)
                .or_else(|| child.metadata.deletion_timestamp.as_ref().map(|time| time.0));
            let early = asked.is_some_and(|at| world.now.duration_since(at) < settings().listing_lag);
            let renewal = plan.renew.iter().find(|one| one.old == *child);
            let may = alive(&world) && by_hand && !early && allowed.contains(&slot_key(child));
            prop_assert!(if one { may || renewal.is_none() } else { may == renewal.is_some() }, "{child:#?}");
            if let Some(renewal) = renewal {
                prop_assert_eq!(slot_key(&renewal.new), slot_key(child));
                prop_assert!(renewal.new.status.is_none() && !renewal.new.spec.release && !renewal.new.spec.paused);
                prop_assert_eq!(&renewal.new.metadata.uid, &None);
            }
        }
    }

    #[test]
    fn living_slots_keep_their_subnets_places(world in alive_world()) {
        let plan = plan(&world, &settings());
        let place = |n: u32| plan.status.subnet_offsets.iter().find(|one| one.subnet_id == subnet_id(n).as_str()).map(|one| one.offset);
        for n in 1..9 {
            let offsets: BTreeSet<i64> = world.children.iter()
                .filter(|child| child.spec.subnet_id == subnet_id(n).as_str()).map(|child| child.spec.offset).collect();
            let orphans = world.leftovers.iter().flat_map(|left| &left.listing.enis).filter(|eni| eni.subnet == subnet_id(n));
            let same = orphans.map(|eni| eni.tags[tag_key::OFFSET].parse().unwrap()).all(|one: i64| offsets.contains(&one));
            if offsets.len() == 1 && same {
                prop_assert_eq!(place(n), offsets.first().copied());
            }
        }
        for one in plan.create.iter().filter(|one| !one.spec.release) {
            let mut given = plan.status.subnet_offsets.iter();
            prop_assert!(given.any(|place| place.subnet_id == one.spec.subnet_id && place.offset == one.spec.offset));
            prop_assert_eq!(one.spec.device_index, 2 + one.spec.offset);
            let expected = format!("eth{}", one.spec.device_index);
            prop_assert_eq!(&one.spec.alt_name, &expected);
        }
    }
}
