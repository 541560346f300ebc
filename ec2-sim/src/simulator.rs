//! The simulator as its users see it: calls in, outcomes out, and a clock that the caller moves.

use std::time::Duration;

use crate::api::{Action, Call, Request, Response};
use crate::clock::Timestamp;
use crate::core::Core;
use crate::error::ApiError;
use crate::events::Event;
use crate::faults::{ActiveFault, Fault, FaultRule, Faults};
use crate::policy;
use crate::seed::{self, Seed, Seeded};
use crate::settings::Settings;
use crate::stats::Stats;
use crate::throttle::Buckets;
use crate::tokens::TokenState;
use crate::world::World;

/// A simulated account in a simulated region. A copy goes its own way from then on.
#[derive(Clone, Debug)]
pub struct Simulator {
    core: Core,
    buckets: Buckets,
    faults: Faults,
    stats: Stats,
}

/// What became of a call, as its caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was answered at once.
    Answered(Result<Response, ApiError>),
    /// It was answered, so much later. The caller decides whether that is too late.
    Delayed(Duration, Result<Response, ApiError>),
    /// It did what it should (or was refused), but the answer never arrived: the connection broke.
    Lost,
    /// It did nothing, and there will never be an answer.
    Hung,
}

/// Why a call has no answer to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// EC2 refused it.
    Refused(ApiError),
    /// The answer was lost, or never came. The call may have done what it should.
    NoAnswer,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::NoAnswer => f.write_str("no answer"),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The error code, if EC2 refused the call.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(&error.code),
            Self::NoAnswer => None,
        }
    }
}

impl Outcome {
    /// The answer or its lack. A late answer is an answer.
    pub fn into_result(self) -> Result<Response, Failure> {
        match self {
            Self::Answered(answer) | Self::Delayed(_, answer) => answer.map_err(Failure::Refused),
            Self::Lost | Self::Hung => Err(Failure::NoAnswer),
        }
    }
}

impl Simulator {
    /// Makes an empty region.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut core = Core::new(settings);
        core.forget();
        Self { core, buckets: Buckets::default(), faults: Faults::default(), stats: Stats::default() }
    }

    /// Makes a call.
    pub fn call(&mut self, request: &Request) -> Outcome {
        let action = request.action();
        self.core.advance(Duration::ZERO);
        let throttled =
            self.buckets.take(&self.core.settings.throttle, action, request.is_unfiltered(), self.core.now);
        if let Err(error) = throttled {
            return self.counted(action, Outcome::Answered(Err(error)));
        }
        let outcome = match self.faults.strike(action.name(), &mut self.core.rng) {
            None => Outcome::Answered(self.carry_out(request)),
            Some(fault) => self.strike(request, fault),
        };
        self.counted(action, outcome)
    }

    /// Makes a call, and takes its answer out of the outcome.
    pub fn send<C: Call>(&mut self, request: C) -> Result<C::Answer, Failure> {
        let response = self.call(&request.into()).into_result()?;
        let mismatch = || Failure::Refused(ApiError::new("InternalError", "Another action's answer", 500));
        C::answer(response).ok_or_else(mismatch)
    }

    /// Makes a call that a fault strikes.
    fn strike(&mut self, request: &Request, fault: Fault) -> Outcome {
        match fault {
            Fault::Error { code, message, status } => {
                Outcome::Answered(Err(ApiError::new(code, message, status)))
            }
            Fault::InternalError => {
                let text = "An internal error has occurred";
                Outcome::Answered(Err(ApiError::new("InternalError", text, 500)))
            }
            Fault::Lost => {
                // Even a refusal gets lost: the caller cannot tell.
                drop(self.carry_out(request));
                Outcome::Lost
            }
            Fault::Delay { millis } => {
                Outcome::Delayed(Duration::from_millis(millis), self.carry_out(request))
            }
            Fault::Hang => Outcome::Hung,
            Fault::AttachNeverEnds | Fault::DetachNeverEnds => {
                self.core.endless = true;
                let answer = self.carry_out(request);
                self.core.endless = false;
                Outcome::Answered(answer)
            }
        }
    }

    /// Asks the rules, and does what the call wants.
    fn carry_out(&mut self, request: &Request) -> Result<Response, ApiError> {
        let settings = &self.core.settings;
        if settings.policy.is_some() || !settings.denied.is_empty() {
            policy::authorize(settings, &request.questions(&self.core))?;
        }
        if request.is_dry_run() {
            request.perform(&mut self.core.clone())?;
            let text = "Request would have succeeded, but DryRun flag is set.";
            return Err(ApiError::new("DryRunOperation", text, 412));
        }
        self.core.begin_history();
        let answer = request.perform(&mut self.core)?;
        if request.action().changes() {
            self.core.remember();
            self.core.advance(Duration::ZERO);
        }
        Ok(answer)
    }

    fn counted(&mut self, action: Action, outcome: Outcome) -> Outcome {
        let result = match &outcome {
            Outcome::Answered(Ok(_)) | Outcome::Delayed(_, Ok(_)) => "ok",
            Outcome::Answered(Err(error)) | Outcome::Delayed(_, Err(error)) => &error.code,
            Outcome::Lost => "lost",
            Outcome::Hung => "hung",
        };
        self.stats.count(action.name(), result);
        outcome
    }

    /// Counts a call that could not even be read.
    pub(crate) fn count_unreadable(&mut self, action: &str, error: &ApiError) {
        self.stats.count(action, &error.code);
    }

    /// Notes a parameter that is not simulated.
    pub(crate) fn note_ignored(&mut self, action: Action, parameter: &str) {
        self.stats.ignored(action.name(), parameter);
    }

    /// Moves the clock; what is due on the way happens, each at its time.
    pub fn advance(&mut self, by: Duration) {
        self.core.advance(by);
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.now
    }

    /// When the next thing happens by itself; none: nothing is under way.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.core.next_due()
    }

    /// The truth, whatever the lag shows to describes.
    #[must_use]
    pub fn state(&self) -> &World {
        &self.core.world
    }

    /// The client tokens that were used.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenState> {
        let enis = self
            .core
            .eni_tokens
            .list("CreateNetworkInterface", |answer| answer.network_interface.network_interface_id.clone());
        let launches = self.core.run_tokens.list("RunInstances", |answer| answer.reservation_id.clone());
        enis.into_iter().chain(launches).collect()
    }

    /// What happened to ENIs, from the sequence number on. 0 and 1 both mean from the start.
    #[must_use]
    pub fn events(&self, from: u64) -> &[Event] {
        self.core.log.since(from)
    }

    /// The counts of calls.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Starts counting anew.
    pub fn reset_stats(&mut self) {
        self.stats = Stats::default();
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }

    /// The settings, to be changed. `seed` and `epoch_millis` only count for a new simulator.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.core.settings
    }

    /// Adds a fault rule; the answer is the number it is removed by.
    pub fn add_fault(&mut self, rule: FaultRule) -> u64 {
        self.faults.add(rule)
    }

    /// Removes a fault rule; says whether it was there.
    pub fn remove_fault(&mut self, id: u64) -> bool {
        self.faults.remove(id)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The fault rules, with how often they struck.
    #[must_use]
    pub fn faults(&self) -> &[ActiveFault] {
        self.faults.rules()
    }

    /// Makes everything that a seed has, at once and seen by everybody; or nothing, if it cannot be.
    pub fn apply_seed(&mut self, seed: &Seed) -> Result<Seeded, ApiError> {
        let before = self.core.clone();
        self.core.seeding = true;
        let seeded = seed::apply(&mut self.core, seed);
        self.core.seeding = false;
        match &seeded {
            Ok(seeded) => self.core.seeded.extend(seeded.ids().cloned()),
            Err(_) => self.core = before,
        }
        self.core.forget();
        seeded
    }
}
