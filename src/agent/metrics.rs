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
use crate::model::{DeviceChange, LinkChange};
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
    device_changes: Family<[Label; 2], Counter>,
    writes: Family<[Label; 1], Counter>,
    slots: Gauge,
    said: Family<[Label; 1], Gauge>,
}

/// The phases that a slot can be said to be in.
const PHASES: [Phase; 6] =
    [Phase::Failed, Phase::Ready, Phase::Bound, Phase::InPod, Phase::InUse, Phase::Released];

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
            device_changes: Family::default(),
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
        let help = "Changes of devices' drivers";
        registry.register(format!("{each}device_changes"), help, metrics.device_changes.clone());
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

    pub(super) fn wrote_device(&self, change: &DeviceChange, well: bool) {
        let what = match change {
            DeviceChange::Override { driver: Some(_), .. } => "reserve",
            DeviceChange::Override { driver: None, .. } => "open",
            DeviceChange::Unbind { .. } => "unbind",
            DeviceChange::Bind { .. } => "bind",
            DeviceChange::Probe { .. } => "probe",
            DeviceChange::AllowNoIommu(true) => "allow-no-iommu",
            DeviceChange::AllowNoIommu(false) => "forbid-no-iommu",
        };
        self.device_changes.get_or_create(&[("change", what), ("result", result(well))]).inc();
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
                Phase::Bound => "bound",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Metrics in which everything has happened once.
    fn busy() -> String {
        let metrics = Metrics::new();
        for wakeup in [Wakeup::Changed, Wakeup::Device, Wakeup::Lost] {
            metrics.woken(wakeup);
        }
        metrics.passed(Duration::from_millis(3), true);
        metrics.changed(&LinkChange::Set { index: 1, mtu: None, up: Some(false) }, false);
        metrics.wrote_device(&DeviceChange::AllowNoIommu(true), true);
        metrics.wrote(true);
        metrics.set_slots(2, &[Phase::Ready, Phase::InPod]);
        metrics.render()
    }

    #[test]
    fn the_document_has_each_metric_of_the_agent_with_its_labels_and_no_other() {
        let document = include_str!("../../docs/metrics.md").split("## Node agent").nth(1).unwrap();
        let rows: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("| `")).collect();
        let name = |row: &str| row.split(['`', '{']).next().unwrap().to_owned();
        let documented: BTreeSet<String> = rows.iter().map(|row| name(row)).collect();
        let text = busy();
        let told: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
            .collect();
        assert_eq!(documented, told);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((start, labels)) = line.split_once('{') else { continue };
            let row = rows.iter().find(|row| start.starts_with(&name(row))).unwrap();
            for key in
                labels.split('}').next().unwrap().split(',').filter_map(|label| label.split('=').next())
            {
                assert!(key == "le" || row.split('`').next().unwrap().contains(key), "{key}: {row}");
            }
        }
    }

    #[test]
    fn what_was_done_is_counted() {
        let text = busy();
        for line in [
            "eni_operator_agent_wakeups_total{cause=\"lost\"} 1",
            "eni_operator_agent_link_changes_total{change=\"down\",result=\"error\"} 1",
            "eni_operator_agent_said{phase=\"in-pod\"} 1",
            "eni_operator_agent_slots 2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
