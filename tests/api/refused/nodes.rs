//! Bad choices of nodes.

use crate::table::{
    Bad,
    Spec::{Made, Only, With},
    bad,
};

pub(super) const ROWS: &[Bad] = &[
    bad(
        "no selector at all",
        Only("{subnetID: subnet-0a1b2c3d, securityGroupIDs: [sg-0a1b2c3d]}"),
        "spec",
        "nodeSelector is required",
    ),
    bad("selector of nothing", With("nodeSelector: null"), "spec", "nodeSelector is required"),
    bad(
        "label without a value",
        With("nodeSelector: {ng: }"),
        "spec.nodeSelector",
        "a label in nodeSelector has no value",
    ),
    bad("label of a number", With("nodeSelector: {ng: 1}"), "spec.nodeSelector.ng", "must be of type string"),
    bad("selector as a list", With("nodeSelector: [ng]"), "spec.nodeSelector", "must be of type object"),
    bad("65 labels", Made(many_labels), "spec.nodeSelector", "must have at most 64 items"),
    bad("no terms in the list", With("nodeSelectorTerms: []"), "spec.nodeSelectorTerms", "at least 1 items"),
    bad("17 terms", Made(many_terms), "spec.nodeSelectorTerms", "must have at most 16 items"),
    bad(
        "unknown operator",
        With("nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Equals, values: [b]}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0].operator",
        "\"In\", \"NotIn\", \"Exists\", \"DoesNotExist\", \"Gt\", \"Lt\"",
    ),
    bad(
        "no operator",
        With("nodeSelectorTerms: [{matchExpressions: [{key: a, values: [b]}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0].operator",
        "Required value",
    ),
    bad(
        "empty key",
        With("nodeSelectorTerms: [{matchExpressions: [{key: '', operator: Exists}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0].key",
        "at least 1 chars long",
    ),
    bad(
        "In with empty values",
        With("nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: []}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0]",
        "values must not be empty for the operators In and NotIn",
    ),
    bad(
        "NotIn without values, in the second term",
        With("nodeSelectorTerms: [{}, {matchExpressions: [{key: a, operator: NotIn}]}]"),
        "spec.nodeSelectorTerms[1].matchExpressions[0]",
        "values must not be empty for the operators In and NotIn",
    ),
    bad(
        "Exists with values",
        With("nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0]",
        "values must be empty for the operators Exists and DoesNotExist",
    ),
    bad(
        "Gt of a word",
        With("nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [many]}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0]",
        "values must be one integer for the operators Gt and Lt",
    ),
    bad(
        "Lt of two integers",
        With("nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Lt, values: ['1', '2']}]}]"),
        "spec.nodeSelectorTerms[0].matchExpressions[0]",
        "values must be one integer for the operators Gt and Lt",
    ),
    bad(
        "value that no label can have",
        Made(long_value),
        "spec.nodeSelectorTerms[0].matchExpressions[0].values[0]",
        "may not be more than 63",
    ),
];

fn many_labels() -> String {
    let labels: Vec<_> = (0..65).map(|number| format!("l{number}: a")).collect();
    format!("nodeSelector: {{{}}}", labels.join(", "))
}

fn many_terms() -> String {
    format!("nodeSelectorTerms: [{}]", ["{}"; 17].join(", "))
}

fn long_value() -> String {
    let value = "v".repeat(64);
    format!("nodeSelectorTerms: [{{matchExpressions: [{{key: a, operator: In, values: [{value}]}}]}}]")
}
