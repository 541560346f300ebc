//! When an ENI may be taken off its node.

use eni_operator::api::{ConditionType, DetachPolicyType, HostStatus, NodeENIAttachment, Reason};
use eni_operator::plan::release::{Holder, Leave, leave};

use crate::make::{NOW, at, leaving, seconds, slot_object, with_condition};

const HERE: Holder = Holder { agent_required: true, node_ready: true };
const GONE: Holder = Holder { agent_required: true, node_ready: false };
const AGENTLESS: Holder = Holder { agent_required: false, node_ready: true };

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
fn check(slot: &NodeENIAttachment, holder: Holder, expected: Leave) {
    assert_eq!(leave(slot, holder, at(NOW)), expected);
}

#[test]
fn an_agent_that_has_let_go_ends_every_wait() {
    for policy in [DetachPolicyType::WaitForRelease, DetachPolicyType::AfterTimeout, DetachPolicyType::Force]
    {
        for holder in [HERE, GONE, AGENTLESS] {
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
fn what_an_agent_said_before_its_node_went_away_is_silence() {
    check(&met(slot(DetachPolicyType::AfterTimeout, None, 400), Some(false)), GONE, Leave::Granted);
    check(
        &met(slot(DetachPolicyType::AfterTimeout, None, 100), Some(false)),
        GONE,
        Leave::WaitFor(seconds(200)),
    );
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
