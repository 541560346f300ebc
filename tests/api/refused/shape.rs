//! Bad policies, and objects of the wrong shape.

use crate::table::{
    Bad,
    Spec::{Only, With},
    bad,
};

/// What is said about a time-out that nothing reads.
const TIMEOUT: &str = "timeoutSeconds goes with the type AfterTimeout only";
/// The types that there are.
const TYPES: &str = "\"WaitForRelease\", \"AfterTimeout\", \"Force\"";

pub(super) const ROWS: &[Bad] = &[
    bad("unknown detach policy", With("detachPolicy: {type: Never}"), "spec.detachPolicy.type", TYPES),
    bad("detach policy without a type", With("detachPolicy: {}"), "spec.detachPolicy.type", "Required value"),
    bad(
        "detach policy as a word",
        With("detachPolicy: Force"),
        "spec.detachPolicy",
        "must be of type object",
    ),
    bad(
        "time-out with Force",
        With("detachPolicy: {type: Force, timeoutSeconds: 5}"),
        "spec.detachPolicy",
        TIMEOUT,
    ),
    bad(
        "time-out with WaitForRelease",
        With("detachPolicy: {type: WaitForRelease, timeoutSeconds: 5}"),
        "spec.detachPolicy",
        TIMEOUT,
    ),
    bad(
        "time-out below 0",
        With("detachPolicy: {type: AfterTimeout, timeoutSeconds: -1}"),
        "spec.detachPolicy.timeoutSeconds",
        "greater than or equal to 0",
    ),
    bad(
        "time-out of more than a day",
        With("detachPolicy: {type: AfterTimeout, timeoutSeconds: 86401}"),
        "spec.detachPolicy.timeoutSeconds",
        "less than or equal to 86400",
    ),
    bad("paused in a word", With("paused: 'yes'"), "spec.paused", "must be of type boolean"),
    bad(
        "source/dest check as a number",
        With("sourceDestCheck: 0"),
        "spec.sourceDestCheck",
        "must be of type boolean",
    ),
    bad("unknown field", With("mtuu: 9001"), "spec.mtuu", "unknown field"),
    bad("field in the wrong case", With("subnetId: subnet-0a1b2c3d"), "spec.subnetId", "unknown field"),
    bad(
        "unknown field deep down",
        With("detachPolicy: {type: Force, after: 5}"),
        "spec.detachPolicy.after",
        "unknown field",
    ),
    bad("no spec", Only("null"), "spec", "Required value"),
];
