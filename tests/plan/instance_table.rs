//! Cases of an instance's plan, each with a name.

use eni_operator::api::{CloudState, ConditionType, DetachPolicyType, NodeENIAttachment, Reason};
use eni_operator::model::{EniId, Epoch, HeldPosition, Instance, InstanceState, Position};
use eni_operator::plan::asks::Change;
use eni_operator::plan::belief::SlotView;
use eni_operator::plan::full::Refusals;
use eni_operator::plan::instance::{Plan, Sighting, SlotPlan, Step, World, plan};
use eni_operator::plan::{Pace, Settings, record};

use crate::instance_oracle::{attach, create};
use crate::make::{
    EPOCH, LAG, NOW, ago, asked, at, eni, eni_id, eni_in, instance, leaving, node_since, on, recorded,
    seconds, settings, slot_object, type_with, view, with_cloud, with_condition,
};

fn world(slots: Vec<SlotView>) -> World {
    World {
        now: at(NOW),
        instance: Sighting::Seen(instance(1, "a")),
        instance_type: Some(type_with(&[4])),
        refusals: Refusals::default(),
        node: Some(node_since(true, 9999)),
        held: None,
        slots,
    }
}

fn holding(mut world: World, positions: &[Position]) -> World {
    let strangers = positions.iter().zip(0xe000..).map(|(at, n)| HeldPosition { at: *at, eni: eni_id(n) });
    let Sighting::Seen(instance) = &mut world.instance else { panic!() };
    instance.held.extend(strangers);
    world
}

fn newborn(n: u32) -> SlotView {
    SlotView { newborn: true, ..view(slot_object(n), vec![]) }
}

fn with_eni(object: NodeENIAttachment, id: u32, state: CloudState, changed_ago: i64) -> SlotView {
    let cloud = recorded(&object, id, state, ago(changed_ago));
    let listed = eni_in(&object, id, state, on(0, 2));
    view(with_cloud(object, cloud), vec![listed])
}

fn only(plan: Plan) -> SlotPlan {
    let [slot] = <[SlotPlan; 1]>::try_from(plan.slots).unwrap();
    slot
}

fn of(world: &World) -> SlotPlan {
    only(plan(world, &settings()))
}

fn reason(slot: &SlotPlan, type_: ConditionType) -> Reason {
    slot.verdicts.iter().find(|one| one.type_ == type_).unwrap().reason
}

#[test]
fn a_new_slot_is_created_attached_and_made_to_go_with_its_instance() {
    let slot = of(&world(vec![newborn(1)]));
    assert!(
        matches!(&slot.steps[..], [Step::Create(_), Step::Attach(at), Step::Change(Change::DeleteOnTermination(true))] if *at == on(0, 2))
    );
    let intended = record::intended(Epoch(NOW), at(NOW));
    assert_eq!(slot.cloud, Some(record::with_asked(intended, Some(on(0, 2)))));
}

#[test]
fn a_user_who_keeps_enis_is_not_overruled() {
    let mut slot = newborn(1);
    slot.attachment.spec.delete_on_termination = false;
    slot.attachment.spec.source_dest_check = Some(false);
    assert!(matches!(
        &of(&world(vec![slot])).steps[..],
        [Step::Create(_), Step::Attach(_), Step::Change(Change::SourceDestCheck(false))]
    ));
}

#[test]
fn a_full_instance_creates_nothing_and_says_so() {
    let full = holding(world(vec![newborn(1)]), &[on(0, 1), on(0, 2), on(0, 3)]);
    let slot = of(&full);
    assert!(slot.steps.is_empty());
    assert_eq!(reason(&slot, ConditionType::Ready), Reason::InstanceFull);
    assert!(slot.verdicts[0].message.contains("m6i.large carries 4 ENIs"), "{:?}", slot.verdicts);
}

#[test]
fn an_eni_for_which_there_is_no_room_is_deleted_and_its_slot_stays() {
    let full = holding(
        world(vec![with_eni(slot_object(1), 1, CloudState::Available, 100)]),
        &[on(0, 1), on(0, 2), on(0, 3)],
    );
    let slot = of(&full);
    assert_eq!((slot.steps, slot.let_go, slot.let_go_after), (vec![Step::Delete], false, false));
}

#[test]
fn an_instance_that_takes_no_eni_for_a_while_keeps_what_there_is() {
    for (state, said) in [
        (InstanceState::Pending, Reason::InstanceNotReady),
        (InstanceState::Terminated, Reason::InstanceGone),
    ] {
        let mut world = world(vec![with_eni(slot_object(1), 1, CloudState::Available, 100)]);
        world.instance = Sighting::Seen(Instance { state, ..instance(1, "a") });
        let slot = of(&world);
        assert!(slot.steps.is_empty() && slot.pace != Pace::Settled, "{state:?}");
        assert_eq!(reason(&slot, ConditionType::Ready), said);
    }
}

#[test]
fn a_terminated_instance_creates_nothing_however_often_it_is_looked_at() {
    let mut world = world(vec![newborn(1), newborn(2)]);
    world.instance = Sighting::Seen(Instance { state: InstanceState::Terminated, ..instance(1, "a") });
    assert!(plan(&world, &settings()).slots.iter().all(|slot| slot.steps.is_empty()));
    world.instance = Sighting::Absent;
    assert!(plan(&world, &settings()).slots.iter().all(|slot| slot.steps.is_empty()));
}

#[test]
fn a_stopped_instance_takes_an_eni() {
    let mut world = world(vec![newborn(1)]);
    world.instance = Sighting::Seen(Instance { state: InstanceState::Stopped, ..instance(1, "a") });
    assert!(create(&of(&world)).is_some());
}

#[test]
fn a_slot_that_asks_for_the_primarys_position_gets_another() {
    let mut slot = newborn(1);
    slot.attachment.spec.device_index = 0;
    assert_eq!(attach(&of(&world(vec![slot]))), Some(on(0, 1)));
}

#[test]
fn the_primarys_position_is_never_given_whatever_is_listed() {
    let mut slot = newborn(1);
    slot.attachment.spec.device_index = 0;
    let mut world = world(vec![slot]);
    let Sighting::Seen(instance) = &mut world.instance else { panic!() };
    instance.held.clear();
    assert_eq!(attach(&of(&world)), Some(on(0, 1)));
}

#[test]
fn slots_that_want_one_index_get_two() {
    let plan = plan(&world(vec![newborn(1), newborn(2)]), &settings());
    let mut given: Vec<_> = plan.slots.iter().filter_map(attach).collect();
    given.sort();
    assert_eq!(given, [on(0, 2), on(0, 3)]);
}

#[test]
fn a_strangers_position_is_left_to_it() {
    assert_eq!(attach(&of(&holding(world(vec![newborn(1)]), &[on(0, 2)]))), Some(on(0, 3)));
    assert_eq!(attach(&of(&holding(world(vec![newborn(1)]), &[on(1, 2)]))), Some(on(0, 2)));
}

#[test]
fn a_slot_that_gets_what_it_wants_goes_before_one_that_cannot_whoever_is_in_its_way() {
    let wants = |n, device| {
        let mut slot = newborn(n);
        slot.attachment.spec.device_index = device;
        slot
    };
    let ours = with_eni(slot_object(9), 9, CloudState::Attached, 100);
    let plan = plan(&world(vec![ours, wants(1, 2), wants(2, 3)]), &settings());
    assert_eq!(plan.slots.iter().map(attach).collect::<Vec<_>>(), [None, Some(on(0, 4)), Some(on(0, 3))]);
}

#[test]
fn a_full_card_does_not_fill_another() {
    let mut slot = newborn(1);
    (slot.attachment.spec.network_card_index, slot.attachment.spec.device_index) = (1, 0);
    let mut full = holding(world(vec![slot, newborn(2)]), &[on(0, 1), on(0, 2), on(0, 3)]);
    full.instance_type = Some(type_with(&[4, 1]));
    let plan = plan(&full, &settings());
    assert_eq!(plan.slots.iter().map(attach).collect::<Vec<_>>(), [Some(on(1, 0)), None]);
}

#[test]
fn a_card_that_the_type_lacks_is_told() {
    let mut slot = newborn(1);
    slot.attachment.spec.network_card_index = 2;
    let planned = of(&world(vec![slot]));
    assert_eq!((planned.steps.len(), reason(&planned, ConditionType::Ready)), (0, Reason::NoSuchNetworkCard));
}

#[test]
fn the_last_place_goes_to_an_eni_that_exists_and_not_to_one_that_might() {
    let mut waiting = newborn(1);
    waiting.attachment.spec.device_index = 1;
    let tight = || {
        holding(
            world(vec![waiting.clone(), with_eni(slot_object(2), 2, CloudState::Available, 100)]),
            &[on(0, 2), on(0, 3)],
        )
    };
    let plan_ = plan(&tight(), &settings());
    assert_eq!((create(&plan_.slots[0]), attach(&plan_.slots[1])), (None, Some(on(0, 4))));
    let mut paused = tight();
    paused.slots[0].attachment.spec.paused = true;
    assert_eq!(attach(&plan(&paused, &settings()).slots[1]), Some(on(0, 4)));
}

#[test]
fn a_lost_record_waits_for_the_lag_and_then_adopts_or_creates() {
    let lost = |known_ago, enis| SlotView { known_since: ago(known_ago), ..view(slot_object(1), enis) };
    let early = of(&world(vec![lost(LAG - 1, vec![])]));
    assert_eq!((early.steps, early.pace), (vec![], Pace::Within(seconds(1))));
    assert!(create(&of(&world(vec![lost(LAG, vec![])]))).is_some());
    let found = of(&world(vec![lost(0, vec![eni(&slot_object(1), 5, None)])]));
    assert!(create(&found).is_none() && attach(&found) == Some(on(0, 2)));
    assert_eq!(found.cloud.and_then(|cloud| record::eni(&cloud)), Some(eni_id(5)));
}

#[test]
fn a_create_without_an_answer_is_asked_again_with_its_token() {
    let first = of(&world(vec![view(with_cloud(slot_object(1), asked(ago(5))), vec![])]));
    let later = of(&world(vec![view(with_cloud(slot_object(1), asked(ago(500))), vec![])]));
    let token = |slot: &SlotPlan| create(slot).unwrap().client_token.clone();
    assert_eq!(token(&first), token(&later));
    assert_eq!(first.cloud.unwrap().epoch, EPOCH);
}

#[test]
fn a_token_that_was_used_otherwise_is_looked_for_before_another_epoch() {
    let reused = |age| {
        let object = with_cloud(slot_object(1), asked(ago(age)));
        view(
            with_condition(object, ConditionType::Created, Some(false), Reason::LookingForEarlierCreate),
            vec![],
        )
    };
    let early = of(&world(vec![reused(LAG - 1)]));
    assert_eq!((early.steps.len(), early.pace), (0, Pace::Within(seconds(1))));
    assert_eq!(reason(&early, ConditionType::Ready), Reason::LookingForEarlierCreate);
    let late = of(&world(vec![reused(LAG)]));
    assert_eq!(late.cloud.as_ref().unwrap().epoch, NOW);
    assert!(create(&late).is_some());
}

#[test]
fn an_eni_that_is_gone_is_followed_by_one_of_a_higher_epoch() {
    let object = slot_object(1);
    let ahead = eni_operator::api::CloudStatus {
        epoch: NOW + 500,
        ..recorded(&object, 1, CloudState::Attached, ago(LAG))
    };
    let slot = of(&world(vec![view(with_cloud(object, ahead), vec![])]));
    assert_eq!(slot.cloud.unwrap().epoch, NOW + 501);
}

#[test]
fn an_eni_that_a_stale_listing_lacks_is_neither_replaced_nor_touched() {
    for state in [CloudState::Available, CloudState::Attaching, CloudState::Attached] {
        let object = slot_object(1);
        let slot = view(with_cloud(object.clone(), recorded(&object, 1, state, ago(LAG - 1))), vec![]);
        let planned = of(&world(vec![slot.clone()]));
        assert!(planned.steps.is_empty(), "{state:?}");
        assert_eq!(planned.cloud, slot.attachment.status.unwrap().cloud);
    }
}

#[test]
fn an_eni_that_somebody_detached_is_attached_again() {
    let object = slot_object(1);
    let cloud = recorded(&object, 1, CloudState::Attached, ago(LAG));
    let slot = of(&world(vec![view(with_cloud(object.clone(), cloud), vec![eni(&object, 1, None)])]));
    assert_eq!(slot.steps[0], Step::Attach(on(0, 2)));
}

#[test]
fn an_attached_eni_is_brought_to_what_the_spec_says_and_no_further() {
    let mut slot = with_eni(slot_object(1), 1, CloudState::Attached, 100);
    assert!(of(&world(vec![slot.clone()])).steps.is_empty());
    slot.attachment.spec.security_group_ids = vec!["sg-00000002".to_owned()];
    let groups = Change::Groups(vec!["sg-00000002".to_owned()]);
    assert_eq!(of(&world(vec![slot])).steps, [Step::Change(groups)]);
}

#[test]
fn a_slot_in_back_off_says_and_does_nothing() {
    let slot = SlotView { retry_at: Some(at(NOW + 7)), ..newborn(1) };
    let planned = of(&world(vec![slot]));
    assert_eq!((planned.steps.len(), planned.verdicts.len(), planned.pace), (0, 0, Pace::Within(seconds(7))));
    let due = SlotView { retry_at: Some(at(NOW)), ..newborn(1) };
    assert!(create(&of(&world(vec![due]))).is_some());
}

#[test]
fn a_slot_that_is_to_go_goes_step_by_step() {
    let going = |state, age| with_eni(leaving(slot_object(1), 400), 1, state, age);
    let plan_of = |slot| of(&world(vec![slot]));
    assert_eq!(plan_of(going(CloudState::Attached, 100)).steps, [Step::Detach { force: false }]);
    for waits in [CloudState::Detaching, CloudState::Attaching] {
        let waiting = plan_of(going(waits, 100));
        assert!(waiting.steps.is_empty() && !waiting.let_go && waiting.pace != Pace::Settled, "{waits:?}");
    }
    let last = plan_of(going(CloudState::Available, 100));
    assert_eq!((last.steps, last.let_go, last.let_go_after), (vec![Step::Delete], false, true));
    let gone = plan_of(view(
        leaving(with_cloud(slot_object(1), recorded(&slot_object(1), 1, CloudState::Deleted, ago(0))), 400),
        vec![],
    ));
    assert!(gone.let_go);
}

#[test]
fn a_slot_that_asked_for_an_eni_is_not_let_go_before_it_would_be_listed() {
    let going = |age| view(leaving(with_cloud(slot_object(1), asked(ago(age))), 400), vec![]);
    let early = of(&world(vec![going(LAG - 1)]));
    assert_eq!((early.let_go, early.steps.len(), early.pace), (false, 0, Pace::Within(seconds(1))));
    assert!(of(&world(vec![going(LAG)])).let_go);
    let never = SlotView { newborn: true, ..view(leaving(slot_object(1), 0), vec![]) };
    assert!(of(&world(vec![never])).let_go);
}

#[test]
fn a_slot_that_waits_for_its_node_is_looked_at_every_minute() {
    let mut slot = with_eni(leaving(slot_object(1), 9999), 1, CloudState::Attached, 100);
    slot.attachment.spec.detach_policy.type_ = DetachPolicyType::WaitForRelease;
    let planned = of(&world(vec![slot]));
    assert_eq!((planned.steps.len(), planned.pace), (0, Pace::Within(seconds(60))));
    assert_eq!(reason(&planned, ConditionType::Ready), Reason::WaitingForRelease);
}

#[test]
fn a_detach_that_hangs_is_forced_only_where_the_policy_forces() {
    let going = |policy, age| {
        let mut slot = with_eni(leaving(slot_object(1), 9999), 1, CloudState::Detaching, age);
        slot.attachment.spec.detach_policy.type_ = policy;
        of(&world(vec![slot])).steps
    };
    assert_eq!(going(DetachPolicyType::Force, 301), [Step::Detach { force: true }]);
    assert_eq!(going(DetachPolicyType::Force, 299), []);
    for policy in [DetachPolicyType::AfterTimeout, DetachPolicyType::WaitForRelease] {
        assert_eq!(going(policy, 99_999), []);
    }
}

fn with_surplus(state: CloudState) -> SlotView {
    let mut slot = with_eni(slot_object(1), 1, CloudState::Attached, 100);
    slot.listing.as_mut().unwrap().enis.push(eni_in(&slot_object(1), 9, state, on(0, 3)));
    slot
}

#[test]
fn a_second_eni_of_a_slot_that_hangs_on_nothing_is_deleted() {
    assert_eq!(of(&world(vec![with_surplus(CloudState::Available)])).steps, [Step::DeleteSurplus(eni_id(9))]);
    assert_eq!(of(&world(vec![with_surplus(CloudState::Detaching)])).steps, []);
}

#[test]
fn a_second_eni_of_a_slot_that_is_attached_may_be_in_use_and_goes_as_the_slots_own_would() {
    let detach = [Step::DetachSurplus("eni-attach-00000009".parse().unwrap())];
    let slot = |policy| {
        let mut slot = with_surplus(CloudState::Attached);
        slot.attachment.spec.detach_policy.type_ = policy;
        slot
    };
    for policy in [DetachPolicyType::AfterTimeout, DetachPolicyType::WaitForRelease] {
        assert_eq!(of(&world(vec![slot(policy)])).steps, [], "{policy:?}");
        let mut stopped = world(vec![slot(policy)]);
        stopped.node = Some(node_since(false, 5));
        stopped.instance = Sighting::Seen(Instance { state: InstanceState::Stopped, ..instance(1, "a") });
        assert_eq!(of(&stopped).steps, detach, "{policy:?}");
        // Where no agent is, and none has to be, nobody is asked about the slot's own either.
        let agentless = Settings { agent_required: false, ..settings() };
        assert_eq!(only(plan(&world(vec![slot(policy)]), &agentless)).steps, detach, "{policy:?}");
    }
    assert_eq!(of(&world(vec![slot(DetachPolicyType::Force)])).steps, detach);
}

#[test]
fn a_slot_with_two_enis_is_not_let_go_with_the_first() {
    let mut slot = with_eni(leaving(slot_object(1), 400), 1, CloudState::Available, 100);
    slot.listing.as_mut().unwrap().enis.push(eni_in(&slot_object(1), 9, CloudState::Detaching, on(0, 3)));
    let planned = of(&world(vec![slot]));
    assert_eq!((planned.steps, planned.let_go_after), (vec![Step::Delete], false));
}

#[test]
fn an_object_that_the_operator_did_not_write_is_left_alone() {
    let mut slot = newborn(1);
    slot.attachment.spec.security_group_ids = vec!["nonsense".to_owned()];
    let planned = of(&world(vec![slot]));
    assert_eq!((planned.steps.len(), planned.let_go), (0, false));
    assert_eq!(reason(&planned, ConditionType::Ready), Reason::Undecodable);
}

#[test]
fn an_eni_that_is_not_listed_under_the_slots_tags_is_not_touched_though_the_record_names_it() {
    let object = leaving(slot_object(1), 9999);
    let forged = eni_operator::api::CloudStatus {
        eni_id: Some(EniId::to_string(&eni_id(0xf000))),
        ..recorded(&object, 1, CloudState::Attached, ago(5))
    };
    let planned = of(&world(vec![view(with_cloud(object, forged), vec![])]));
    assert!(planned.steps.is_empty());
}
