//! Plans, carried out in an ideal EC2, come to rest.

use eni_operator::api::{CloudState, NodeENIAttachment};
use eni_operator::model::{Eni, InstanceState};
use eni_operator::plan::asks;
use eni_operator::plan::instance::{Sighting, is_doubtful};
use eni_operator::plan::release::{Holder, Leave, leave};
use eni_operator::plan::{Pace, Settings};
use proptest::prelude::*;

use crate::ideal::Ideal;
use crate::instance_oracle::cloud;
use crate::instance_worlds::{STRANGERS_TAG, crowded_world, honest_world, world};

/// Passes until nothing changes any more. Polls of a lag take most of them.
const ENOUGH: usize = 250;

/// How long nothing may change before that counts as rest, in seconds: a wait for a time-out is quiet too.
const QUIET: i64 = 1000;

/// Passes until nothing changes any more; whether it came to that.
fn settle(ideal: &mut Ideal, settings: &Settings, agent: bool) -> bool {
    let mut last = ideal.world.now;
    for _ in 0..ENOUGH {
        if agent {
            ideal.agent_lets_go();
        }
        let (_, changed) = ideal.pass(settings);
        if changed {
            last = ideal.world.now;
        } else if ideal.world.now.duration_since(last).as_secs() > QUIET && !ideal.sweep(settings) {
            return true;
        }
    }
    false
}

fn says(object: &NodeENIAttachment, reasons: &[&str]) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions.map(|one| one.reason.as_str()).any(|reason| reasons.contains(&reason))
}

fn blocked(object: &NodeENIAttachment) -> bool {
    says(object, &["InstanceFull", "NoSuchNetworkCard", "InstanceGone", "InstanceNotReady"])
}

/// Whether the instance is gone, and this is known at rest: where its node is as it should be, nobody asks.
fn ended(ideal: &Ideal) -> bool {
    let slots = ideal.world.slots.iter().map(|slot| &slot.attachment);
    ideal.instance_has_ended() && is_doubtful(ideal.world.node.as_ref(), slots)
}

/// Who could hold a device, by all that can be known.
fn holder<'a>(ideal: &'a Ideal, settings: &Settings) -> Holder<'a> {
    let slots = ideal.world.slots.iter().map(|slot| &slot.attachment);
    let instance = match &ideal.world.instance {
        Sighting::Seen(instance) => Some(instance.state),
        Sighting::Absent => Some(InstanceState::Terminated),
        Sighting::NotAsked => None,
    };
    let node = ideal.world.node.as_ref();
    let instance = instance.filter(|_| is_doubtful(node, slots));
    Holder { agent_required: settings.agent_required, node, instance }
}

fn attached(enis: &[Eni]) -> bool {
    matches!(enis, [one] if one.attachment.is_some())
}

/// Calls that a slot takes where everything differs and nothing goes wrong: a create and an attach, or a detach and a
/// delete; one for each attribute, of which there are six with the tags that are too many; one for each kind of address.
const MOST_CALLS: usize = 2 + 6 + 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn every_world_comes_to_rest_with_each_slot_filled_once((world, settings) in world(), agent in any::<bool>()) {
        let mut ideal = Ideal::of(world);
        prop_assert!(settle(&mut ideal, &settings, agent), "{:#?}", ideal.world.slots);
        let holder = holder(&ideal, &settings);
        for slot in &ideal.world.slots {
            let (object, enis) = (&slot.attachment, ideal.listed(&slot.attachment));
            let stays = object.metadata.deletion_timestamp.is_some() && !object.spec.release;
            if object.spec.paused || stays { continue; }
            if object.spec.release {
                // What is still there waits for its node, or for EC2.
                prop_assert!(leave(object, holder, ideal.world.now) != Leave::Granted, "{object:#?} {enis:#?}");
            } else if ended(&ideal) {
                // Whoever decides over slots lets it go.
                prop_assert!(says(object, &["InstanceGone"]) || cloud(object).is_none(), "{object:#?}");
            } else if blocked(object) {
                let own = cloud(object).and_then(|cloud| cloud.eni_id.clone());
                let mut own = enis.iter().filter(|eni| Some(eni.id.as_str()) == own.as_deref());
                prop_assert!(own.all(|eni| eni.attachment.is_none()) , "{enis:#?}");
            } else {
                let takes = matches!(ideal.world.instance, Sighting::Seen(_));
                prop_assert!(!takes || enis.iter().any(|eni| eni.attachment.is_some()));
                // A second one that is attached may be in use; one that hangs on nothing is gone.
                let waits = leave(object, holder, ideal.world.now) != Leave::Granted;
                prop_assert!(!takes || enis.len() == 1 || waits, "{enis:#?}");
                prop_assert!(!takes || enis.iter().all(|eni| eni.attachment.is_some()), "{enis:#?}");
            }
        }
    }

    #[test]
    fn at_rest_nothing_is_asked_or_said_anew((world, settings) in world()) {
        let mut ideal = Ideal::of(world);
        prop_assert!(settle(&mut ideal, &settings, true));
        let before = ideal.world.slots.clone();
        let (plan, changed) = ideal.pass(&settings);
        prop_assert!(!changed);
        prop_assert_eq!(before, ideal.world.slots.clone());
        let (again, _) = ideal.pass(&settings);
        for (one, two) in plan.slots.iter().zip(&again.slots) {
            prop_assert!(one.steps.is_empty());
            prop_assert_eq!(&one.verdicts, &two.verdicts);
        }
        for slot in &ideal.world.slots {
            let object = &slot.attachment;
            let at_rest = cloud(object).is_some_and(|cloud| cloud.state == Some(CloudState::Attached)) && !ended(&ideal);
            let staying = !object.spec.release && object.metadata.deletion_timestamp.is_none();
            if at_rest && staying {
                prop_assert_eq!(crate::make::asks([object], ideal.world.now), asks::Asks::default());
            }
        }
        let resting = ideal.world.slots.iter().all(|slot| !blocked(&slot.attachment) && !slot.attachment.spec.release
            && attached(&ideal.listed(&slot.attachment)));
        let sees = matches!(ideal.world.instance, Sighting::Seen(_));
        let doubtful = is_doubtful(ideal.world.node.as_ref(), ideal.world.slots.iter().map(|slot| &slot.attachment));
        let expected = if doubtful { Pace::Within(crate::make::seconds(60)) } else { Pace::Settled };
        prop_assert!(!(resting && sees) || again.pace == expected, "{:?}", again.pace);
    }

    #[test]
    fn what_stands_at_rest_is_as_the_spec_wants_it((world, settings) in world()) {
        let mut ideal = Ideal::of(world);
        prop_assert!(settle(&mut ideal, &settings, true));
        for slot in &ideal.world.slots {
            let spec = &slot.attachment.spec;
            let staying = !spec.release && !spec.paused && !ended(&ideal) && slot.attachment.metadata.deletion_timestamp.is_none();
            let enis = ideal.listed(&slot.attachment);
            let Some(own) = cloud(&slot.attachment).and_then(|cloud| cloud.eni_id.clone()) else { continue };
            let Some(eni) = enis.iter().find(|eni| eni.id.as_str() == own) else { continue };
            let (Some(attachment), true) = (&eni.attachment, staying) else { continue };
            prop_assert_eq!(attachment.delete_on_termination, spec.delete_on_termination);
            prop_assert!(spec.source_dest_check.is_none_or(|check| check == eni.source_dest_check));
            let wanted_tags = crate::make::slot_key(&slot.attachment).kept_tags(&spec.node_name, &spec.tags);
            prop_assert!(wanted_tags.iter().all(|(key, value)| eni.tags.get(key) == Some(value)), "{:?}", eni.tags);
            let number = i64::try_from(eni.secondary_private_ips.len()).unwrap();
            prop_assert!(spec.secondary_private_ip_count.is_none_or(|count| count == number));
            prop_assert_eq!(eni.groups.iter().map(ToString::to_string).collect::<Vec<_>>(), spec.security_group_ids.clone());
        }
    }

    #[test]
    fn an_instance_that_ec2_calls_full_is_left_alone_until_something_leaves_it(
        (world, settings, secret) in crowded_world()
    ) {
        let mut ideal = Ideal::of(world);
        ideal.secret_limit = Some(secret);
        prop_assert!(settle(&mut ideal, &settings, true), "{:#?}", ideal.world.slots);
        let slots = ideal.world.slots.len();
        prop_assert!(ideal.creates.len() <= slots, "{} creates for {slots} slots", ideal.creates.len());
        // None idles: it hangs on the instance, or is deleted and its slot says why.
        prop_assert!(ideal.enis.values().all(|eni| eni.attachment.is_some()));
        for slot in ideal.world.slots.iter().filter(|slot| ideal.listed(&slot.attachment).is_empty()) {
            prop_assert!(blocked(&slot.attachment), "{:#?}", slot.attachment);
        }
        let (calls, Some(leaver)) = (ideal.calls, ideal.enis.keys().next().cloned()) else { return Ok(()) };
        for _ in 0..20 {
            ideal.pass(&settings);
        }
        prop_assert_eq!(calls, ideal.calls);
        // Somebody takes one off: its slot, or another, takes the place.
        let there = ideal.enis.len();
        ideal.enis.remove(&leaver);
        ideal.sweep(&settings);
        prop_assert!(settle(&mut ideal, &settings, true));
        prop_assert_eq!(ideal.enis.len(), there);
    }

    #[test]
    fn what_somebody_else_put_on_an_eni_stays((world, settings) in world()) {
        let mut ideal = Ideal::of(world);
        let [(key, value)] = STRANGERS_TAG;
        let bears = |eni: &Eni| eni.tags.get(key).is_some_and(|one| one == value);
        let tagged: Vec<_> = ideal.enis.values().filter(|eni| bears(eni)).map(|eni| eni.id.clone()).collect();
        settle(&mut ideal, &settings, true);
        prop_assert!(tagged.iter().filter_map(|id| ideal.enis.get(id)).all(bears));
        for slot in ideal.world.slots.iter().filter(|slot| slot.attachment.spec.secondary_private_ip_count.is_none()) {
            let listed = ideal.listed(&slot.attachment);
            let touched = |eni: &&Eni| tagged.contains(&eni.id);
            prop_assert!(listed.iter().filter(touched).all(|eni| eni.secondary_private_ips == ["by hand"]));
        }
    }

    #[test]
    fn each_slot_is_created_at_most_once_and_only_with_a_place((world, settings) in world()) {
        let slots = world.slots.len();
        let mut ideal = Ideal::of(world);
        settle(&mut ideal, &settings, true);
        let subnets: std::collections::BTreeSet<_> = ideal.creates.iter().map(|one| one.subnet.clone()).collect();
        prop_assert_eq!(subnets.len(), ideal.creates.len());
        prop_assert!(ideal.calls <= slots * 12, "{} calls for {slots} slots", ideal.calls);
    }

    #[test]
    fn ec2_refuses_nothing_where_record_and_listing_agree((world, settings) in honest_world()) {
        let slots = world.slots.len();
        let mut ideal = Ideal::of(world);
        settle(&mut ideal, &settings, true);
        prop_assert_eq!(ideal.refused, 0);
        prop_assert!(ideal.calls <= slots * MOST_CALLS, "{} calls for {slots} slots", ideal.calls);
    }
}
