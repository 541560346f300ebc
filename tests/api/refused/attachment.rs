//! Bad `NodeENIAttachment`s. The operator writes them, so the rules are few: ids, and what has a closed set.

use crate::table::{Bad, Spec::With, bad};

pub(super) const ROWS: &[Bad] = &[
    bad(
        "instance id of a node's name",
        With("instanceID: node-1"),
        "spec.instanceID",
        "should match '^i-[0-9a-f]{8,17}$'",
    ),
    bad(
        "subnet's name as its id",
        With("subnetID: multus"),
        "spec.subnetID",
        "should match '^subnet-[0-9a-f]{8,17}$'",
    ),
    bad("no node", With("nodeName: null"), "spec.nodeName", "Required value"),
    bad("unknown policy", With("detachPolicy: {type: Never}"), "spec.detachPolicy.type", "supported values"),
    bad(
        "idle time-out",
        With("detachPolicy: {type: Force, timeoutSeconds: 5}"),
        "spec.detachPolicy",
        "AfterTimeout only",
    ),
    bad("offset as a word", With("offset: first"), "spec.offset", "must be of type integer"),
    bad("unknown field", With("subnetCidr: 10.0.0.0/24"), "spec.subnetCidr", "unknown field"),
];
