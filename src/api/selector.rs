//! `nodeSelectorTerms`: the expressions of a pod's node affinity.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A term of the selector. A node matches it if it matches all of its expressions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSelectorTerm {
    /// What the node's labels must be. An empty list matches no node, as in a pod's node affinity.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<Expression>,
}

/// One requirement on a label of a node.
// `has`, though the operator is required: a rule that errs, unlike one that says no, locks an older object
// against every write.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.operator) && self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : true").message("values must not be empty for the operators In and NotIn"),
    validation = Rule::new("has(self.operator) && self.operator in ['Exists', 'DoesNotExist'] ? !has(self.values) || size(self.values) == 0 : true").message("values must be empty for the operators Exists and DoesNotExist"),
    validation = Rule::new("has(self.operator) && self.operator in ['Gt', 'Lt'] ? has(self.values) && size(self.values) == 1 && self.values[0].matches('^-?[0-9]+$') : true").message("values must be one integer for the operators Gt and Lt"),
)]
#[serde(rename_all = "camelCase")]
pub struct Expression {
    /// Key of the label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,

    /// How the label's value relates to `values`.
    pub operator: Operator,

    /// Values to compare with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

/// How a label's value relates to the values of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Operator {
    /// The label is there and has one of the values.
    In,
    /// The label is not there, or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The label is a number and greater than the value.
    Gt,
    /// The label is a number and less than the value.
    Lt,
}

impl NodeSelectorTerm {
    /// Whether a node with these labels matches.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.match_expressions.is_empty() && self.match_expressions.iter().all(|one| one.matches(labels))
    }
}

impl Expression {
    /// Whether a node with these labels meets the requirement.
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.key);
        match self.operator {
            Operator::In => label.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn => !label.is_some_and(|value| self.values.contains(value)),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::Gt => self.compares(label, |label, value| label > value),
            Operator::Lt => self.compares(label, |label, value| label < value),
        }
    }

    /// Compares label and value as integers; what is not an integer does not match.
    fn compares(&self, label: Option<&String>, holds: fn(i64, i64) -> bool) -> bool {
        let number = |text: Option<&String>| text.and_then(|text| text.parse().ok());
        match (number(label), number(self.values.first())) {
            (Some(label), Some(value)) => holds(label, value),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(operator: Operator, values: &[&str], label: Option<&str>) -> bool {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        let term = NodeSelectorTerm {
            match_expressions: vec![Expression { key: "k".to_owned(), operator, values }],
        };
        term.matches(&label.map(|value| ("k".to_owned(), value.to_owned())).into_iter().collect())
    }

    #[test]
    fn operators_mean_what_they_mean_in_a_pods_node_affinity() {
        for (operator, values, label, expected) in [
            (Operator::In, &["a", "b"][..], Some("b"), true),
            (Operator::In, &["a"], None, false),
            (Operator::NotIn, &["a"], None, true),
            (Operator::NotIn, &["a"], Some("a"), false),
            (Operator::Exists, &[], Some(""), true),
            (Operator::Exists, &[], None, false),
            (Operator::DoesNotExist, &[], None, true),
            (Operator::DoesNotExist, &[], Some("a"), false),
            (Operator::Gt, &["9"], Some("10"), true),
            (Operator::Gt, &["9"], Some("ten"), false),
            (Operator::Lt, &["9"], Some("10"), false),
            (Operator::Lt, &["9"], Some("-1"), true),
        ] {
            assert_eq!(matches(operator, values, label), expected, "{operator:?} {values:?} {label:?}");
        }
    }

    #[test]
    fn a_term_without_expressions_matches_no_node() {
        assert!(!NodeSelectorTerm { match_expressions: vec![] }.matches(&BTreeMap::new()));
    }
}
