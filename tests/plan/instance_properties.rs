//! What holds of every plan of an instance.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{CloudState, DetachPolicyType, Reason};
use eni_operator::model::{Epoch, InstanceState, Ownership, Position, client_token, tag_key};
use eni_operator::plan::asks;
use eni_operator::plan::instance::{Plan, Sighting, SlotPlan, Step, World, is_doubtful, plan};
use eni_operator::plan::release::{Holder, Leave, leave};
use eni_operator::plan::{Pace, Settings, record};
use proptest::prelude::*;

use crate::instance_oracle::{attach, busy, cloud, create, limit, listed, load, may_let_go, touches};
use crate::instance_worlds::{STRANGERS, world};
use crate::make::{NOW, at, cluster, eni_id, on, slot_key};

fn cases(number: u32) -> ProptestConfig {
    ProptestConfig::with_cases(number)
}

fn pairs<'a>(
    world: &'a World,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a eni_operator::plan::belief::SlotView, &'a SlotPlan)> {
    world.slots.iter().zip(&plan.slots)
}

fn name(slot: &SlotPlan) -> &str {
    slot.attachment.metadata.name.as_deref().unwrap()
}

fn holder<'a>(world: &'a World, settings: &Settings) -> Holder<'a> {
    let instance = match &world.instance {
        Sighting::Seen(instance) => Some(instance.state),
        Sighting::Absent => Some(InstanceState::Terminated),
        Sighting::NotAsked => None,
    };
    Holder { agent_required: settings.agent_required, node: world.node.as_ref(), instance }
}

fn shuffled() -> impl Strategy<Value = ((World, Settings), World)> {
    world().prop_flat_map(|(world, settings)| {
        let order = Just(world.slots.clone()).prop_shuffle();
        (Just(world), Just(settings), order).prop_map(|(world, settings, slots)| {
            let other = World { slots, ..world.clone() };
            ((world, settings), other)
        })
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_order_of_slots_does_not_matter(((world, settings), other) in shuffled()) {
        let by_name = |plan: Plan| -> BTreeMap<String, SlotPlan> {
            plan.slots.into_iter().map(|slot| (name(&slot).to_owned(), slot)).collect()
        };
        let (one, two) = (plan(&world, &settings), plan(&other, &settings));
        prop_assert_eq!(one.pace, two.pace);
        prop_assert!(two.slots.iter().zip(&other.slots).all(|(plan, slot)| plan.attachment == slot.attachment));
        prop_assert_eq!(by_name(one), by_name(two));
    }

    #[test]
    fn the_order_of_a_listing_and_of_held_positions_does_not_matter((world, settings) in world()) {
        let mut other = world.clone();
        for slot in &mut other.slots {
            if let Some(listing) = &mut slot.listing {
                listing.enis.reverse();
            }
        }
        if let Sighting::Seen(instance) = &mut other.instance {
            instance.held.reverse();
        }
        let sorted = |mut plan: Plan| {
            for slot in &mut plan.slots {
                slot.steps.sort_by_key(|step| format!("{step:?}"));
            }
            plan
        };
        prop_assert_eq!(sorted(plan(&world, &settings)), sorted(plan(&other, &settings)));
    }

    #[test]
    fn the_same_world_gives_the_same_plan((world, settings) in world()) {
        prop_assert_eq!(plan(&world, &settings), plan(&world.clone(), &settings));
    }

    #[test]
    fn only_an_eni_that_is_listed_under_the_slots_tags_is_acted_on((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan) {
            let born = create(planned).is_some();
            for step in &planned.steps {
                if let (Some(eni), false) = (touches(planned, step), born) {
                    prop_assert!(listed(slot).contains(&eni), "{step:?} of {eni}");
                    prop_assert!(eni < eni_id(STRANGERS));
                }
            }
        }
    }

    #[test]
    fn no_position_is_given_twice_or_while_it_is_held((world, settings) in world()) {
        let plan = plan(&world, &settings);
        let given: Vec<Position> = plan.slots.iter().filter_map(attach).collect();
        prop_assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len());
        let busy = busy(&world, &plan);
        prop_assert!(given.iter().all(|at| !busy.contains(at)), "{given:?} {busy:?}");
        prop_assert!(!given.contains(&on(0, 0)));
    }

    #[test]
    fn a_card_is_never_given_more_than_it_carries((world, settings) in world()) {
        let plan = plan(&world, &settings);
        let load = load(&world, &plan);
        for at in plan.slots.iter().filter_map(attach) {
            let limit = limit(&world, at.card);
            prop_assert!(limit.is_none_or(|limit| load[&at.card] <= limit), "{at} {load:?}");
        }
    }

    #[test]
    fn a_slot_is_told_that_there_is_no_room_only_where_there_is_none((world, settings) in world()) {
        let plan = plan(&world, &settings);
        let Sighting::Seen(instance) = &world.instance else { return Ok(()) };
        // An ENI that leaves is in the way until it is gone, and so is one whose state is not known.
        let settled = world.slots.iter().all(|slot| slot.listing.is_some() && !slot.attachment.spec.release
            && slot.attachment.metadata.deletion_timestamp.is_none() && !slot.attachment.spec.paused);
        let card = |slot: &SlotPlan| u32::try_from(slot.attachment.spec.network_card_index).unwrap();
        for slot in plan.slots.iter().filter(|_| settled).filter(|slot| says(slot, Reason::InstanceFull)) {
            // Slots that wait for a retry or for the lag claim a place too.
            let claims = plan.slots.iter().filter(|other| card(other) == card(slot)).count();
            let shown = instance.held.iter().map(|held| held.at);
            let held: BTreeSet<Position> = shown.chain(busy(&world, &plan)).filter(|at| at.card == card(slot)).collect();
            prop_assert!(limit(&world, card(slot)).is_some_and(|limit| held.len() + claims > limit));
        }
    }

    #[test]
    fn a_create_is_followed_by_an_attach_on_the_card_that_the_spec_names((world, settings) in world()) {
        for slot in plan(&world, &settings).slots.iter().filter(|slot| create(slot).is_some()) {
            prop_assert!(matches!(slot.steps[..2], [Step::Create(_), Step::Attach(_)]));
            prop_assert_eq!(i64::from(attach(slot).unwrap().card), slot.attachment.spec.network_card_index);
            let wants = |wanted: &asks::Change| slot.steps.contains(&Step::Change(wanted.clone()));
            let spec = &slot.attachment.spec;
            prop_assert_eq!(wants(&asks::Change::DeleteOnTermination(true)), spec.delete_on_termination);
            prop_assert_eq!(wants(&asks::Change::SourceDestCheck(false)), spec.source_dest_check == Some(false));
        }
    }

    #[test]
    fn nothing_is_attached_to_an_instance_that_does_not_take_it((world, settings) in world()) {
        let takes = matches!(&world.instance, Sighting::Seen(seen)
            if matches!(seen.state, InstanceState::Running | InstanceState::Stopped));
        let plan = plan(&world, &settings);
        prop_assert!(takes || plan.slots.iter().all(|slot| create(slot).is_none() && attach(slot).is_none()));
    }

    #[test]
    fn a_slot_that_is_paused_or_waits_or_was_deleted_by_hand_gets_no_step((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan) {
            let waits = slot.retry_at.is_some_and(|at| at > world.now);
            let deleted_by_hand = slot.attachment.metadata.deletion_timestamp.is_some() && !slot.attachment.spec.release;
            if slot.attachment.spec.paused || deleted_by_hand {
                prop_assert!(planned.steps.is_empty() && !planned.let_go && planned.pace == Pace::Settled);
            } else if waits {
                prop_assert!(planned.steps.is_empty());
                prop_assert!(slot.attachment.metadata.deletion_timestamp.is_some() || planned.pace != Pace::Settled);
            }
        }
    }

    #[test]
    fn a_slot_that_asks_nothing_gets_no_step((world, settings) in world()) {
        let unasked = |slot: &eni_operator::plan::belief::SlotView| crate::make::asks([&slot.attachment], at(NOW)) == asks::Asks::default();
        let mut quiet = world.clone();
        for slot in quiet.slots.iter_mut().filter(|slot| unasked(slot)) {
            slot.listing = None;
        }
        let plan = plan(&quiet, &settings);
        for (slot, planned) in pairs(&quiet, &plan).filter(|(slot, _)| unasked(slot)) {
            prop_assert!(planned.steps.is_empty() && !planned.let_go);
            prop_assert_eq!(planned.cloud.as_ref(), cloud(&slot.attachment));
        }
    }

    #[test]
    fn an_eni_is_taken_away_only_for_a_reason((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan) {
            let spec = &slot.attachment.spec;
            for step in &planned.steps {
                match step {
                    Step::Detach { .. } => prop_assert!(spec.release),
                    // Without release, only an ENI that the instance has no room for.
                    Step::Delete => prop_assert!(spec.release || no_room(planned), "{planned:?}"),
                    Step::DeleteSurplus(id) => {
                        let own = planned.cloud.as_ref().and_then(record::eni);
                        prop_assert_ne!(Some(id), own.as_ref());
                        let free = slot.listing.as_ref().unwrap().enis.iter().any(|eni| eni.id == *id && eni.available);
                        prop_assert!(free);
                    }
                    Step::DetachSurplus(_) | Step::Create(_) | Step::Attach(_) | Step::Change(_) => {}
                }
            }
        }
    }

    #[test]
    fn an_attached_eni_is_detached_only_when_its_node_lets_go((world, settings) in world()) {
        let plan = plan(&world, &settings);
        let granted = |slot: &SlotPlan| leave(&slot.attachment, holder(&world, &settings), world.now) == Leave::Granted;
        for slot in &plan.slots {
            for step in &slot.steps {
                match step {
                    Step::Detach { force: true } => {
                        prop_assert_eq!(slot.attachment.spec.detach_policy.type_, DetachPolicyType::Force);
                        prop_assert_eq!(slot.cloud.as_ref().unwrap().state, Some(CloudState::Detaching));
                    }
                    Step::Detach { force: false } | Step::DetachSurplus(_) => prop_assert!(granted(slot)),
                    Step::Create(_) | Step::Attach(_) | Step::Change(_) | Step::Delete | Step::DeleteSurplus(_) => {}
                }
            }
        }
    }

    #[test]
    fn a_create_bears_its_ownership_and_a_token_of_uid_and_epoch((world, settings) in world()) {
        for slot in &plan(&world, &settings).slots {
            let Some(request) = create(slot) else { continue };
            let epoch = Epoch(slot.cloud.as_ref().unwrap().epoch);
            let owner = Ownership::read(&request.tags).unwrap();
            prop_assert_eq!(&owner.cluster, &cluster());
            prop_assert_eq!(&owner.slot, &slot_key(&slot.attachment));
            prop_assert_eq!(owner.epoch, epoch);
            prop_assert_eq!(i64::from(owner.offset), slot.attachment.spec.offset);
            prop_assert_eq!(request.tags[tag_key::NO_MANAGE].as_str(), "true");
            let uid = slot.attachment.metadata.uid.as_deref().unwrap();
            prop_assert_eq!(&request.client_token, &client_token(&cluster(), uid, epoch));
            prop_assert_eq!(request.subnet.as_str(), slot.attachment.spec.subnet_id.as_str());
        }
    }

    #[test]
    fn an_unanswered_create_is_repeated_with_its_token_and_any_other_create_has_a_higher_epoch((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan).filter(|(_, planned)| create(planned).is_some()) {
            let epoch = planned.cloud.as_ref().unwrap().epoch;
            let Some(before) = cloud(&slot.attachment) else { continue };
            let reused = eni_operator::plan::verdicts::token_was_reused(&slot.attachment);
            if before.eni_id.is_none() && !reused {
                prop_assert_eq!(epoch, before.epoch);
            } else {
                prop_assert!(epoch > before.epoch && epoch >= world.now.as_second());
            }
        }
    }

    #[test]
    fn a_create_is_recorded_as_asked_now_before_it_is_asked((world, settings) in world()) {
        for slot in plan(&world, &settings).slots.iter().filter(|slot| create(slot).is_some()) {
            let cloud = slot.cloud.as_ref().unwrap();
            prop_assert_eq!((cloud.last_create.0, cloud.last_change.0), (world.now, world.now));
            prop_assert_eq!(cloud.eni_id.as_ref(), None);
        }
    }

    #[test]
    fn the_object_goes_last((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan) {
            if planned.let_go {
                prop_assert!(planned.steps.is_empty());
                prop_assert!(may_let_go(slot, &settings), "{slot:?}");
            }
            if planned.let_go_after {
                prop_assert!(slot.attachment.spec.release && !slot.attachment.spec.paused);
                prop_assert_eq!(planned.steps.last(), Some(&Step::Delete));
                let own: BTreeSet<_> = planned.cloud.as_ref().and_then(record::eni).into_iter().collect();
                let deleted = cloud(&slot.attachment).filter(|one| one.state == Some(CloudState::Deleted));
                let stale = deleted.and_then(record::eni);
                let mut others = listed(slot).into_iter().filter(|eni| !own.contains(eni) && Some(eni) != stale.as_ref());
                prop_assert_eq!(others.next(), None);
            }
        }
    }

    #[test]
    fn a_listing_within_the_lag_takes_nothing_back((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan) {
            let (Some(before), Some(listing)) = (cloud(&slot.attachment), &slot.listing) else { continue };
            let lags = listing.at.duration_since(before.last_change.0) < settings.listing_lag;
            let alive = before.eni_id.is_some() && before.state != Some(CloudState::Deleted);
            if !lags || !alive || before.state.is_none() { continue; }
            prop_assert_eq!(create(planned), None);
            let own = record::eni(before).unwrap();
            let deletes_own = planned.steps.contains(&Step::Delete)
                && planned.cloud.as_ref().and_then(record::eni) == Some(own.clone());
            let deletable = matches!(before.state, Some(CloudState::Available | CloudState::Detaching));
            prop_assert!(!deletes_own || deletable, "{before:?}");
            prop_assert_eq!(planned.cloud.as_ref().and_then(record::eni), Some(own));
        }
    }

    #[test]
    fn an_unnamed_state_is_waited_for((world, settings) in world()) {
        let plan = plan(&world, &settings);
        for (slot, planned) in pairs(&world, &plan) {
            let unnamed: BTreeSet<_> = slot.listing.iter().flat_map(|listing| &listing.enis)
                .filter(|eni| record::state(eni).is_none()).map(|eni| eni.id.clone()).collect();
            for step in &planned.steps {
                let eni = touches(planned, step).filter(|_| create(planned).is_none());
                prop_assert!(eni.is_none_or(|eni| !unnamed.contains(&eni)), "{step:?}");
            }
        }
    }

    #[test]
    fn a_plan_looks_again_no_later_than_each_of_its_slots((world, settings) in world()) {
        let plan = plan(&world, &settings);
        let doubtful = is_doubtful(world.node.as_ref(), world.slots.iter().map(|slot| &slot.attachment));
        let look = if doubtful { Pace::Within(crate::make::seconds(60)) } else { Pace::Settled };
        let soonest = plan.slots.iter().fold(look, |pace, slot| pace.or(slot.pace));
        prop_assert_eq!(plan.pace, soonest);
        let positive = |pace: Pace| !matches!(pace, Pace::Within(wait) if !wait.is_positive());
        prop_assert!(plan.slots.iter().all(|slot| positive(slot.pace)));
    }
}

/// Whether the plan says that the instance has no room for the slot's ENI.
fn no_room(slot: &SlotPlan) -> bool {
    says(slot, Reason::InstanceFull) || says(slot, Reason::NoSuchNetworkCard)
}

fn says(slot: &SlotPlan, reason: Reason) -> bool {
    slot.verdicts.iter().any(|one| one.reason == reason)
}
