//! What a node's agent tells Prometheus. `docs/metrics.md` is its document.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::host::Wakeup;
use crate::model::LinkChange;
use crate::plan::host::Phase;

/// A label. Both parts are words of ours.
type Label = (&'static str, &'static str);

/// What a node's agent tells Prometheus.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    wakeups: Family<[Label; 1], Counter>,
    passes: Family<[Label; 1], Counter>,
    pass_duration: Histogram,
    changes: Family<[Label; 2], Counter>,
    writes: Family<[Label; 1], Counter>,
    slots: Gauge,
    said: Family<[Label; 1], Gauge>,
}

/// The phases that a slot can be said to be in.
const PHASES: [Phase; 5] = [Phase::Failed, Phase::Ready, Phase::InPod, Phase::InUse, Phase::Released];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All of them, at nothing.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        // A pass reads some tables of the kernel; a driver that opens its device takes longer.
        let pass_duration = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]);
        let metrics = Self {
            registry: Registry::default(),
            wakeups: Family::default(),
            passes: Family::default(),
            pass_duration,
            changes: Family::default(),
            writes: Family::default(),
            slots: Gauge::default(),
            said: Family::default(),
        };
        let each = "eni_operator_agent_";
        registry.register(format!("{each}wakeups"), "Announcements of the kernel", metrics.wakeups.clone());
        registry.register(format!("{each}passes"), "Passes that have ended", metrics.passes.clone());
        let help = "How long a pass took";
        registry.register(format!("{each}pass_duration_seconds"), help, metrics.pass_duration.clone());
        registry.register(format!("{each}link_changes"), "Changes of links", metrics.changes.clone());
        registry.register(format!("{each}status_writes"), "Writes of status", metrics.writes.clone());
        registry.register(format!("{each}slots"), "Slots of this node", metrics.slots.clone());
        registry.register(format!("{each}said"), "Slots, by what was last said", metrics.said.clone());
        Self { registry, ..metrics }
    }

    /// All metrics, as text in the form of `OpenMetrics`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut all = String::new();
        let _ = text::encode(&mut all, &self.registry);
        all
    }

    pub(super) fn woken(&self, wakeup: Wakeup) {
        let cause = match wakeup {
            Wakeup::Changed => "changed",
            Wakeup::Device => "device",
            Wakeup::Lost => "lost",
        };
        self.wakeups.get_or_create(&[("cause", cause)]).inc();
    }

    pub(super) fn passed(&self, took: Duration, well: bool) {
        self.pass_duration.observe(took.as_secs_f64());
        self.passes.get_or_create(&[("result", result(well))]).inc();
    }

    pub(super) fn changed(&self, change: &LinkChange, well: bool) {
        let what = match change {
            LinkChange::Set { up: Some(false), .. } => "down",
            LinkChange::Set { .. } => "set",
            LinkChange::AddNames { .. } => "add-names",
            LinkChange::DropNames { .. } => "drop-names",
        };
        self.changes.get_or_create(&[("change", what), ("result", result(well))]).inc();
    }

    pub(super) fn wrote(&self, well: bool) {
        self.writes.get_or_create(&[("result", result(well))]).inc();
    }

    pub(super) fn set_slots(&self, slots: usize, said: &[Phase]) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.slots.set(number(slots));
        for phase in PHASES {
            let word = match phase {
                Phase::Failed => "failed",
                Phase::Ready => "ready",
                Phase::InPod => "in-pod",
                Phase::InUse => "in-use",
                Phase::Released => "released",
            };
            let count = said.iter().filter(|one| **one == phase).count();
            self.said.get_or_create(&[("phase", word)]).set(number(count));
        }
    }
}

fn result(well: bool) -> &'static str {
    if well { "success" } else { "error" }
}

/// Metrics, as many share them.
pub type SharedMetrics = Arc<Metrics>;
