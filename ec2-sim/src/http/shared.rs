//! The simulator behind all connections.

use std::sync::{Arc, Mutex, PoisonError};

use super::clock::{ClockMode, Driver};
use crate::error::ApiError;
use crate::seed::{Seed, Seeded};
use crate::settings::Settings;
use crate::simulator::Simulator;

/// The simulator and its clock, for all connections at once.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) simulator: Simulator,
    pub(super) driver: Driver,
    /// What a reset goes back to.
    pub(super) initial: Settings,
    /// Counts resets, so that a stream of events knows that its own are gone.
    pub(super) generation: u64,
    requests: u64,
}

impl Shared {
    /// Puts a new simulator behind a server.
    #[must_use]
    pub fn new(settings: Settings, mode: ClockMode) -> Self {
        let simulator = Simulator::new(settings.clone());
        let driver = Driver::new(mode);
        Self(Arc::new(Mutex::new(Inner { simulator, driver, initial: settings, generation: 0, requests: 0 })))
    }

    /// Makes everything that a seed has.
    pub fn apply_seed(&self, seed: &Seed) -> Result<Seeded, ApiError> {
        self.with(|inner| inner.simulator.apply_seed(seed))
    }

    /// Does something with the simulator, its clock brought up to now. Nothing waits while it is held.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { simulator, driver, .. } = &mut *inner;
        driver.catch_up(simulator);
        act(&mut inner)
    }
}

impl Inner {
    /// A new request id: a UUID of a counter, so that runs repeat.
    pub(super) fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("ec2e2e2e-0000-4000-8000-{:012x}", self.requests)
    }

    /// Starts over, with an empty region and the settings of the start.
    pub(super) fn reset(&mut self) {
        self.simulator = Simulator::new(self.initial.clone());
        self.generation += 1;
    }
}
