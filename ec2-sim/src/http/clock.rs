//! How the simulated clock moves while the server runs.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::simulator::Simulator;

/// What moves the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// The machine's clock.
    #[default]
    Real,
    /// Only `POST /_sim/clock`.
    Manual,
}

/// The clock of a server.
#[derive(Debug)]
pub(super) struct Driver {
    mode: ClockMode,
    moved: Instant,
}

impl Driver {
    pub(super) fn new(mode: ClockMode) -> Self {
        Self { mode, moved: machine_time() }
    }

    pub(super) fn mode(&self) -> ClockMode {
        self.mode
    }

    pub(super) fn set_mode(&mut self, mode: ClockMode) {
        *self = Self::new(mode);
    }

    /// Brings the simulator up to now. The clock counts whole milliseconds; the rest is for the next time.
    pub(super) fn catch_up(&mut self, simulator: &mut Simulator) {
        if self.mode == ClockMode::Real {
            let passed = Duration::from_millis(crate::clock::millis(machine_time() - self.moved));
            self.moved += passed;
            simulator.advance(passed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is the machine's; the simulator has none")]
fn machine_time() -> Instant {
    Instant::now()
}
