//! Counts of calls.

use std::collections::BTreeMap;

use serde::Serialize;

/// How often which action was called, and how that went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// All calls.
    pub calls: u64,
    /// By action, then by outcome: `ok`, `lost`, `hung`, or the error code.
    pub by_action: BTreeMap<String, BTreeMap<String, u64>>,
    /// By action, the parameters that were given but are not simulated.
    pub ignored_parameters: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Stats {
    /// How often the action was called, with any outcome.
    #[must_use]
    pub fn of(&self, action: &str) -> u64 {
        self.by_action.get(action).map_or(0, |outcomes| outcomes.values().sum())
    }

    /// How often the action had the outcome: `ok`, `lost`, `hung`, or an error code.
    #[must_use]
    pub fn outcome(&self, action: &str, outcome: &str) -> u64 {
        self.by_action.get(action).and_then(|outcomes| outcomes.get(outcome)).copied().unwrap_or(0)
    }

    pub(crate) fn count(&mut self, action: &str, outcome: &str) {
        self.calls += 1;
        let outcomes = match self.by_action.get_mut(action) {
            Some(outcomes) => outcomes,
            None => self.by_action.entry(action.to_owned()).or_default(),
        };
        match outcomes.get_mut(outcome) {
            Some(count) => *count += 1,
            None => *outcomes.entry(outcome.to_owned()).or_default() += 1,
        }
    }

    pub(crate) fn ignored(&mut self, action: &str, parameter: &str) {
        let parameters = self.ignored_parameters.entry(action.to_owned()).or_default();
        *parameters.entry(parameter.to_owned()).or_default() += 1;
    }
}
