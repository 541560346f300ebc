//! What is left of the call budget.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::{Gauges, Label, Registrar, number};
use crate::controller::budget::BudgetLevel;

type Levels = Family<[Label; 1], Gauge<f64, AtomicU64>>;

/// What is left of the call budget.
pub(super) struct BudgetGauges {
    tokens: Levels,
    rate: Levels,
    waiting: Gauges<2>,
}

impl BudgetGauges {
    pub(super) fn new(to: &mut Registrar) -> Self {
        Self {
            tokens: to.add(
                "eni_operator_budget_tokens",
                "Calls of an action that could be sent at once",
                Levels::default(),
            ),
            rate: to.add(
                "eni_operator_budget_rate",
                "Calls of an action that may be sent a second in the long run",
                Levels::default(),
            ),
            waiting: to.add(
                "eni_operator_budget_waiting",
                "Calls that wait for their turn",
                Gauges::default(),
            ),
        }
    }

    pub(super) fn set(&self, levels: &[BudgetLevel]) {
        for level in levels {
            let operation = ("operation", level.call.action());
            self.tokens.get_or_create(&[operation]).set(level.tokens);
            self.rate.get_or_create(&[operation]).set(level.per_second);
            for (lane, waiting) in &level.waiting {
                self.waiting.get_or_create(&[operation, ("lane", lane.name())]).set(number(*waiting));
            }
        }
    }
}
