//! Faults by rule: what goes wrong, in which call, and how often.

use serde::{Deserialize, Serialize};

use crate::pattern;
use crate::rng::Rng;

/// A rule. It counts the calls that fit its action, and strikes those it is meant for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The action by name; `*` and `?` stand for many and one character.
    pub action: String,
    /// Strikes only this call, counted from 1 from when the rule was added. None: every call.
    #[serde(default)]
    pub nth: Option<u64>,
    /// How likely it strikes a call it is meant for.
    #[serde(default = "always")]
    pub probability: f64,
    /// How often it strikes at most. None: for ever.
    #[serde(default)]
    pub limit: Option<u64>,
    /// What goes wrong.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule that strikes every call of the action.
    #[must_use]
    pub fn every(action: &str, fault: Fault) -> Self {
        Self { action: action.to_owned(), nth: None, probability: 1.0, limit: None, fault }
    }

    /// A rule that strikes the nth call of the action, counted from 1 from now on.
    #[must_use]
    pub fn nth(action: &str, nth: u64, fault: Fault) -> Self {
        Self { nth: Some(nth), ..Self::every(action, fault) }
    }

    /// A rule that strikes calls of the action by chance.
    #[must_use]
    pub fn sometimes(action: &str, probability: f64, fault: Fault) -> Self {
        Self { probability, ..Self::every(action, fault) }
    }
}

fn always() -> f64 {
    1.0
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The call is refused and changes nothing.
    Error {
        /// The error code.
        code: String,
        /// The sentence for people.
        #[serde(default = "injected")]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
    },
    /// The call is refused with `InternalError`, status 500, and changes nothing.
    InternalError,
    /// The call does what it should, and its answer never arrives: the connection is closed.
    Lost,
    /// The call does what it should, and its answer comes late.
    Delay {
        /// By how much, in milliseconds.
        millis: u64,
    },
    /// The call changes nothing and is never answered.
    Hang,
    /// The attach is accepted and stays `attaching`.
    AttachNeverEnds,
    /// The detach is accepted and stays `detaching`, until a detach with force.
    DetachNeverEnds,
}

fn injected() -> String {
    "Injected by a fault rule.".to_owned()
}

fn bad_request() -> u16 {
    400
}

/// A rule with its number and its counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActiveFault {
    /// The number it is removed by.
    pub id: u64,
    /// The rule.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How many calls fitted its action.
    pub seen: u64,
    /// How many it struck.
    pub struck: u64,
}

/// The rules in force, in the order they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<ActiveFault>,
    last: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) -> u64 {
        self.last += 1;
        self.rules.push(ActiveFault { id: self.last, rule, seen: 0, struck: 0 });
        self.last
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|active| active.id != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[ActiveFault] {
        &self.rules
    }

    /// The fault that strikes this call. Every rule counts the call; the first that strikes decides.
    pub(crate) fn strike(&mut self, action: &str, rng: &mut Rng) -> Option<Fault> {
        let mut struck = None;
        for active in &mut self.rules {
            if pattern::matches(&active.rule.action, action) {
                active.seen += 1;
                if struck.is_none() && active.strikes(rng) {
                    active.struck += 1;
                    struck = Some(active.rule.fault.clone());
                }
            }
        }
        struck
    }
}

impl ActiveFault {
    fn strikes(&self, rng: &mut Rng) -> bool {
        self.rule.nth.is_none_or(|nth| nth == self.seen)
            && self.rule.limit.is_none_or(|limit| self.struck < limit)
            && rng.chance(self.rule.probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_survives_json() {
        let error = Fault::Error { code: "C".into(), message: "m".into(), status: 503 };
        for fault in [
            error,
            Fault::InternalError,
            Fault::Lost,
            Fault::Delay { millis: 7 },
            Fault::Hang,
            Fault::AttachNeverEnds,
            Fault::DetachNeverEnds,
        ] {
            let rule = FaultRule { limit: Some(2), ..FaultRule::nth("Create*", 3, fault) };
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<FaultRule>(&json).unwrap(), rule, "{json}");
        }
    }
}
