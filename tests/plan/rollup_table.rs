//! What a `NodeENI` says of its slots.

use eni_operator::api::{ConditionType, NodeENIAttachment, find_condition};

/// Whether something is in a slot's way: it is not ready, for a reason that is not progress.
pub(crate) fn fails(child: &NodeENIAttachment) -> bool {
    const ON_ITS_WAY: [&str; 5] = ["InProgress", "Settling", "Paused", "Removing", "Detaching"];
    let conditions = child.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find_condition(conditions, ConditionType::Ready)
        .is_some_and(|one| one.status == "False" && !ON_ITS_WAY.contains(&one.reason.as_str()))
}
