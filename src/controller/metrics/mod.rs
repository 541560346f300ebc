//! What the controller tells Prometheus. `docs/metrics.md` is its document.
//!
//! Counters are counted where things happen; gauges are read when somebody asks.

mod budget;
mod calls;
mod ec2;
mod words;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use self::budget::BudgetGauges;
use self::calls::Calls;
pub(super) use self::ec2::Metered;
pub(super) use self::words::{DegradedMode, Queue};
use super::budget::BudgetLevel;
use crate::api::CloudState;
use crate::ec2::Answer;
use crate::lock::lock;
use crate::model::{Call, Ec2Error};

/// A label. Both parts are words of ours.
type Label = (&'static str, &'static str);

type Counters<const N: usize> = Family<[Label; N], Counter>;
type Gauges<const N: usize> = Family<[Label; N], Gauge>;
type Histograms<const N: usize> = Family<[Label; N], Histogram, fn() -> Histogram>;

/// What the controller tells Prometheus.
pub struct Metrics {
    registry: Registry,
    readers: Mutex<Vec<Reader>>,
    calls: Calls,
    attachments: Gauge,
    slots: Gauges<1>,
    node_enis: Gauge,
    passes: Counters<2>,
    pass_duration: Histograms<1>,
    passes_running: Gauges<1>,
    budget: BudgetGauges,
    leader: Gauge,
    degraded: Gauges<1>,
    orphans: Gauge,
    strangers: Gauge,
}

/// Reads gauges when somebody asks for them.
type Reader = Box<dyn Fn(&Metrics) + Send + Sync>;

/// A pass is a handful of calls; what is longer has waited for its turn.
fn pass_buckets() -> Histogram {
    Histogram::new([0.01, 0.05, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0])
}

/// Registers a metric. The encoder puts the ending of counters on by itself.
struct Registrar(Registry);

impl Registrar {
    fn add<M: Metric + Clone>(&mut self, name: &'static str, help: &'static str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// All of them, at nothing.
    #[must_use]
    pub fn new() -> Self {
        let mut to = Registrar(Registry::default());
        let metrics = Self {
            readers: Mutex::default(),
            calls: Calls::new(&mut to),
            attachments: to.add("eni_attachments_total", "ENIs that are attached", Gauge::default()),
            slots: to.add("eni_operator_slots", "Slots, by the state of their ENI", Gauges::default()),
            node_enis: to.add("eni_operator_node_enis", "NodeENIs", Gauge::default()),
            passes: to.add("eni_operator_passes", "Passes that have ended", Counters::default()),
            pass_duration: to.add(
                "eni_operator_pass_duration_seconds",
                "How long a pass took, waiting for its turn included",
                Histograms::new_with_constructor(pass_buckets),
            ),
            passes_running: to.add("eni_operator_passes_running", "Passes under way", Gauges::default()),
            budget: BudgetGauges::new(&mut to),
            leader: to.add("eni_operator_leader", "Whether this replica leads", Gauge::default()),
            degraded: to.add(
                "eni_operator_degraded",
                "Whether less is done than could be",
                Gauges::default(),
            ),
            orphans: to.add(
                "eni_operator_orphans",
                "ENIs of the cluster without a slot, at the last sweep",
                Gauge::default(),
            ),
            strangers: to.add(
                "eni_operator_strangers",
                "ENIs with the cluster's tag that are not its own, at the last sweep",
                Gauge::default(),
            ),
            registry: Registry::default(),
        };
        Self { registry: to.0, ..metrics }
    }

    /// Has something read whenever somebody asks.
    pub(super) fn read_with(&self, read: impl Fn(&Self) + Send + Sync + 'static) {
        lock(&self.readers).push(Box::new(read));
    }

    /// All metrics, as text in the form of `OpenMetrics`.
    #[must_use]
    pub fn render(&self) -> String {
        for read in lock(&self.readers).iter() {
            read(self);
        }
        let mut text = String::new();
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// A call was sent and has been answered, or has not.
    fn called<A>(&self, call: Call, answer: &Answer<A>, took: Duration) {
        // A call that was never sent is none.
        if !answer.as_ref().is_err_and(Ec2Error::is_lease_lost) {
            self.calls.answered(call, answer, took);
        }
    }

    /// Counts and times a pass.
    pub(super) async fn pass<T, E>(
        &self,
        queue: Queue,
        pass: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let queue = ("queue", queue.word());
        let running = Running::begin(self.passes_running.get_or_create_owned(&[queue]));
        let begun = ec2::now();
        let result = pass.await;
        drop(running);
        self.pass_duration.get_or_create(&[queue]).observe(begun.elapsed().as_secs_f64());
        let word = if result.is_ok() { "success" } else { "error" };
        self.passes.get_or_create(&[queue, ("result", word)]).inc();
        result
    }

    /// Whether this replica leads.
    pub(super) fn set_leader(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Whether less is done than could be.
    pub(super) fn set_degraded(&self, mode: DegradedMode, on: bool) {
        self.degraded.get_or_create(&[("mode", mode.word())]).set(on.into());
    }

    /// How many there are of what is counted when somebody asks.
    pub(super) fn set_counts(&self, counts: &Counts) {
        for state in words::STATES {
            let label = ("state", words::state(state));
            let count = counts.slots.iter().filter(|slot| **slot == state).count();
            self.slots.get_or_create(&[label]).set(number(count));
            if state == Some(CloudState::Attached) {
                self.attachments.set(number(count));
            }
        }
        self.node_enis.set(number(counts.node_enis));
        self.orphans.set(number(counts.orphans));
        self.strangers.set(number(counts.strangers));
    }

    /// What is left of the call budget.
    pub(super) fn set_budget(&self, levels: &[BudgetLevel]) {
        self.budget.set(levels);
    }
}

/// What is counted when somebody asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// The state of each slot's ENI, if it has one.
    pub(super) slots: Vec<Option<CloudState>>,
    pub(super) node_enis: usize,
    pub(super) orphans: usize,
    pub(super) strangers: usize,
}

/// A pass that is under way.
struct Running(Gauge);

impl Running {
    fn begin(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A count as a gauge takes it.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Metrics, as many share them.
pub type SharedMetrics = Arc<Metrics>;

#[cfg(test)]
mod tests;
