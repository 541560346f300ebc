//! When an ENI may be taken off its node.

use eni_operator::api::{ConditionType, DetachPolicyType, HostStatus, NodeENIAttachment, Reason};
use eni_operator::model::InstanceState;
use eni_operator::plan::node::{Going, NodeFacts};
use eni_operator::plan::release::{Holder, Leave, leave, leave_elsewhere};

use crate::make::{NOW, ago, at, leaving, node_since, seconds, slot_object, with_condition};

/// The node has been ready for a day.
const HERE: Where = Where { agent_required: true, node: Some((true, DAY)), instance: None };
/// The node has not been ready for a day.
const SILENT: Where = Where { node: Some((false, DAY)), ..HERE };
/// There is no node.
const GONE: Where = Where { node: None, ..HERE };
const AGENTLESS: Where = Where { agent_required: false, ..HERE };

const DAY: i64 = 86_400;

/// Where a slot's device is.
#[derive(Debug, Clone, Copy)]
struct Where {
    agent_required: bool,
    /// Whether the node is ready, and for how long that has been so, in seconds.
    node: Option<(bool, i64)>,
    instance: Option<InstanceState>,
}

fn slot(policy: DetachPolicyType, timeout: Option<i64>, gone_for: i64) -> NodeENIAttachment {
    let mut slot = leaving(slot_object(1), gone_for);
    slot.spec.detach_policy.type_ = policy;
    slot.spec.detach_policy.timeout_seconds = timeout;
    slot
}

fn met(mut slot: NodeENIAttachment, released: Option<bool>) -> NodeENIAttachment {
    slot.status.get_or_insert_default().host = Some(HostStatus::default());
    match released {
        Some(released) => with_condition(slot, ConditionType::Released, Some(released), Reason::InProgress),
        None => slot,
    }
}

#[track_caller]
fn check(slot: &NodeENIAttachment, at_: Where, expected: Leave) {
    check_going(slot, at_, None, expected);
}

#[track_caller]
fn check_going(slot: &NodeENIAttachment, at_: Where, going: Option<Option<i64>>, expected: Leave) {
    let node = at_.node.map(|(ready, for_seconds)| NodeFacts {
        going: going.map(|since| Going { mark: "m".to_owned(), since: since.map(ago) }),
        ..node_since(ready, for_seconds)
    });
    let holder = Holder { agent_required: at_.agent_required, node: node.as_ref(), instance: at_.instance };
    assert_eq!(leave(slot, holder, at(NOW)), expected, "{at_:?} {going:?}");
}

#[test]
fn an_agent_that_has_let_go_ends_every_wait() {
    for policy in [DetachPolicyType::WaitForRelease, DetachPolicyType::AfterTimeout, DetachPolicyType::Force]
    {
        for holder in [HERE, SILENT, GONE, AGENTLESS] {
            check(&met(slot(policy, None, 0), Some(true)), holder, Leave::Granted);
        }
    }
}

#[test]
fn a_use_that_the_agent_reports_is_waited_for_whatever_the_time() {
    for policy in [DetachPolicyType::WaitForRelease, DetachPolicyType::AfterTimeout] {
        check(&met(slot(policy, None, 99_999), Some(false)), HERE, Leave::WaitForAgent);
    }
}

#[test]
fn only_force_does_not_ask() {
    check(&met(slot(DetachPolicyType::Force, None, 0), Some(false)), HERE, Leave::Granted);
}

#[test]
fn silence_runs_out_after_five_minutes_unless_the_policy_says_otherwise() {
    let silent = |timeout, gone_for| met(slot(DetachPolicyType::AfterTimeout, timeout, gone_for), None);
    check(&silent(None, 299), HERE, Leave::WaitFor(seconds(1)));
    check(&silent(None, 300), HERE, Leave::Granted);
    check(&silent(Some(10), 4), HERE, Leave::WaitFor(seconds(6)));
    check(&silent(Some(0), 0), HERE, Leave::Granted);
    check(&met(slot(DetachPolicyType::WaitForRelease, None, 99_999), None), HERE, Leave::WaitForAgent);
}

#[test]
fn what_an_agent_said_before_its_node_went_silent_is_waited_for_from_then_on() {
    let slot = |gone_for| met(slot(DetachPolicyType::AfterTimeout, None, gone_for), Some(false));
    let silent = |for_seconds| Where { node: Some((false, for_seconds)), ..HERE };
    // The device was in use a moment ago, however long ago the object was deleted.
    check(&slot(DAY), silent(0), Leave::WaitFor(seconds(300)));
    check(&slot(DAY), silent(299), Leave::WaitFor(seconds(1)));
    check(&slot(DAY), silent(300), Leave::Granted);
    // And the deletion counts where the node was silent before it.
    check(&slot(100), SILENT, Leave::WaitFor(seconds(200)));
    check(&slot(400), SILENT, Leave::Granted);
}

#[test]
fn an_agent_that_comes_back_with_its_node_gets_time_to_answer() {
    let slot = met(slot(DetachPolicyType::AfterTimeout, None, DAY), None);
    check(&slot, Where { node: Some((true, 10)), ..HERE }, Leave::WaitFor(seconds(290)));
    check(&slot, Where { node: Some((true, 300)), ..HERE }, Leave::Granted);
}

#[test]
fn a_use_that_was_reported_stands_where_there_is_no_node_to_take_it_back() {
    check(&met(slot(DetachPolicyType::AfterTimeout, None, DAY), Some(false)), GONE, Leave::WaitForAgent);
    check(&met(slot(DetachPolicyType::AfterTimeout, None, 100), None), GONE, Leave::WaitFor(seconds(200)));
    check(&met(slot(DetachPolicyType::AfterTimeout, None, 300), None), GONE, Leave::Granted);
}

#[test]
fn nobody_is_waited_for_on_an_instance_that_is_stopped_and_ec2_serves_one_that_is_terminated() {
    for policy in [DetachPolicyType::WaitForRelease, DetachPolicyType::AfterTimeout, DetachPolicyType::Force]
    {
        let slot = met(slot(policy, None, 0), Some(false));
        for at_ in [SILENT, GONE] {
            check(&slot, Where { instance: Some(InstanceState::Stopped), ..at_ }, Leave::Granted);
        }
        for at_ in [HERE, SILENT, GONE] {
            check(&slot, Where { instance: Some(InstanceState::Terminated), ..at_ }, Leave::WithInstance);
        }
    }
    // EC2 says so of one that is stopping too, and then the application may be running still.
    let dpdk = met(slot(DetachPolicyType::WaitForRelease, None, DAY), Some(false));
    for state in [InstanceState::Stopped, InstanceState::Running, InstanceState::Pending] {
        check(&dpdk, Where { instance: Some(state), ..HERE }, Leave::WaitForAgent);
    }
    check(&dpdk, Where { instance: Some(InstanceState::Running), ..SILENT }, Leave::WaitForAgent);
}

#[test]
fn a_node_that_is_about_to_go_keeps_its_enis_for_a_quarter_of_an_hour() {
    let slot = |gone_for| met(slot(DetachPolicyType::AfterTimeout, None, gone_for), Some(true));
    // By the mark's own time, and otherwise from the deletion on.
    check_going(&slot(DAY), HERE, Some(Some(0)), Leave::WithNode(seconds(900)));
    check_going(&slot(DAY), HERE, Some(Some(899)), Leave::WithNode(seconds(1)));
    check_going(&slot(DAY), HERE, Some(Some(900)), Leave::Granted);
    check_going(&slot(100), HERE, Some(None), Leave::WithNode(seconds(800)));
    check_going(&slot(900), HERE, Some(None), Leave::Granted);
    let forced = met(self::slot(DetachPolicyType::Force, None, 0), Some(false));
    check_going(&forced, HERE, Some(None), Leave::Granted);
    let terminated = Where { instance: Some(InstanceState::Terminated), ..HERE };
    check_going(&slot(0), terminated, Some(None), Leave::WithInstance);
}

#[test]
fn an_eni_that_was_moved_is_taken_off_there_by_force_or_when_the_policys_time_is_over() {
    use DetachPolicyType::{AfterTimeout, Force, WaitForRelease};
    let staying = |policy| {
        let mut slot = slot(policy, None, 0);
        (slot.spec.release, slot.metadata.deletion_timestamp) = (false, None);
        slot
    };
    for (slot, expected) in [
        (staying(AfterTimeout), Leave::WaitForAgent),
        (staying(WaitForRelease), Leave::WaitForAgent),
        (staying(Force), Leave::Granted),
        (slot(AfterTimeout, None, 299), Leave::WaitFor(seconds(1))),
        (slot(AfterTimeout, None, 300), Leave::Granted),
        (slot(WaitForRelease, None, DAY), Leave::WaitForAgent),
        (slot(Force, None, 0), Leave::Granted),
    ] {
        assert_eq!(leave_elsewhere(&slot, at(NOW)), expected, "{slot:?}");
    }
}

#[test]
fn an_answer_to_an_older_spec_is_no_answer() {
    let mut slot = met(slot(DetachPolicyType::AfterTimeout, None, 100), Some(true));
    slot.metadata.generation = Some(3);
    check(&slot, HERE, Leave::WaitFor(seconds(200)));
}

#[test]
fn where_no_agent_is_meant_to_be_and_none_was_nobody_is_waited_for() {
    check(&slot(DetachPolicyType::WaitForRelease, None, 0), AGENTLESS, Leave::Granted);
    check(&met(slot(DetachPolicyType::WaitForRelease, None, 0), None), AGENTLESS, Leave::WaitForAgent);
}

#[test]
fn patience_does_not_begin_before_the_deletion() {
    let mut slot = met(slot(DetachPolicyType::AfterTimeout, None, 400), None);
    slot.metadata.deletion_timestamp = None;
    check(&slot, HERE, Leave::WaitFor(seconds(300)));
}
