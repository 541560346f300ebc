//! EC2, no faster than is good for the account.
//!
//! A bucket per action, of the size that EC2 documents, of which a share is ours. Calls that wait stand in a
//! line by lanes ([`Lane`]), so that clearing away never holds up a node that waits for its ENI. The lane is
//! that of the errand that a pass has named ([`in_lane`]), else that of the call's kind.
//!
//! Waiting has an end, since what a pass has seen grows old and since it holds one of the passes that may run
//! at once: then the call is answered here, with `Throttled` and the code [`BUDGET_SPENT`].

mod ec2;
mod errand;
mod gate;
mod timer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use k8s_openapi::jiff::SignedDuration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) use self::ec2::Budgeted;
pub use self::errand::in_lane;
use self::gate::{Gate, Spent};
pub use self::timer::MachineTimer;
use self::timer::Timer;
use crate::ec2::{Answer, Turn};
use crate::lock::lock;
use crate::model::{Call, Ec2Error, Ec2ErrorKind, InstanceId};
use crate::plan::budget::{Lane, Limits, Share};

/// The code of a call that was not sent, since its turn would not have come soon.
pub const BUDGET_SPENT: &str = "BudgetSpent";

/// Attaches to one instance at once. EC2 is known to work on them one by one; more only queue up.
const ATTACHES_PER_INSTANCE: usize = 5;

/// How the budget is set.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetSettings {
    /// Limits that are not the documented ones.
    pub limits: Limits,
    /// Which share of the limits is ours.
    pub share: Share,
    /// Detaches and deletes in flight at once.
    pub cleanup_at_once: usize,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { limits: Limits::default(), share: Share::HALF, cleanup_at_once: 3 }
    }
}

/// How many calls may be made, and who waits to make one. Its copies are the same.
pub struct Budget<T = MachineTimer>(Arc<Gates<T>>);

impl<T> Clone for Budget<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// All of a budget's gates.
struct Gates<T> {
    timer: T,
    calls: BTreeMap<Call, Gate>,
    cleanup: Arc<Semaphore>,
    attaches: Mutex<BTreeMap<InstanceId, Weak<Semaphore>>>,
}

/// What of a budget is left for one action.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetLevel {
    /// The action.
    pub call: Call,
    /// Calls that could be made at once.
    pub tokens: f64,
    /// Calls a second in the long run.
    pub per_second: f64,
    /// Whether that is less than it could be, since EC2 has refused calls.
    pub slowed: bool,
    /// Calls that wait, by lane.
    pub waiting: BTreeMap<Lane, usize>,
}

impl Budget {
    /// A budget of which nothing is spent.
    #[must_use]
    pub fn new(settings: &BudgetSettings) -> Self {
        Self::by(MachineTimer::start(), settings)
    }
}

#[expect(private_bounds, reason = "only the machine's time and that of tests")]
impl<T: Timer> Budget<T> {
    /// A budget of which nothing is spent, and that is kept by this time.
    fn by(timer: T, settings: &BudgetSettings) -> Self {
        let gate = |call| (call, Gate::new(settings.limits.ours(call, settings.share), timer.now()));
        Self(Arc::new(Gates {
            calls: Call::ALL.into_iter().map(gate).collect(),
            cleanup: Arc::new(Semaphore::new(settings.cleanup_at_once)),
            attaches: Mutex::default(),
            timer,
        }))
    }

    /// What is left, action by action.
    #[must_use]
    pub fn levels(&self) -> Vec<BudgetLevel> {
        let level = |(call, gate): (&Call, &Gate)| {
            let gate::Level { tokens, per_second, slowed, waiting } = gate.level(self.0.timer.now());
            BudgetLevel { call: *call, tokens, per_second, slowed, waiting }
        };
        self.0.calls.iter().map(level).collect()
    }

    /// The gate of an action.
    fn gate(&self, call: Call) -> Option<&Gate> {
        self.0.calls.get(&call)
    }

    /// Waits until a call may be made.
    async fn admit(&self, call: Call) -> Answer<()> {
        if errand::take_grant(call) {
            return Ok(());
        }
        self.pass_gate(call).await.map_err(|spent| unsent(call, spent))
    }

    /// Waits until the call that is made next on this errand may be made. Without an errand there is nowhere
    /// to keep that: the call itself waits.
    async fn prepare(&self, call: Call) -> Turn {
        if !errand::is_known() {
            return Turn::Now;
        }
        match self.pass_gate(call).await {
            Ok(()) => {
                errand::grant(call);
                Turn::Now
            }
            Err(spent) => {
                Turn::After(SignedDuration::try_from(spent.again_after).unwrap_or(SignedDuration::MAX))
            }
        }
    }

    /// Waits in the line of an action.
    async fn pass_gate(&self, call: Call) -> Result<(), Spent> {
        match self.gate(call) {
            Some(gate) => gate.turn(errand::lane(call), &self.0.timer).await,
            None => Ok(()),
        }
    }

    /// Takes in what EC2 answered.
    fn learn<A>(&self, call: Call, answer: &Answer<A>) {
        let throttled = answer.as_ref().is_err_and(|error| error.kind == Ec2ErrorKind::Throttled);
        if let (true, Some(gate)) = (throttled, self.gate(call)) {
            gate.refused(self.0.timer.now());
        }
    }

    /// Counts the pages of a listing beyond its first.
    fn charge(&self, call: Call, further: usize) {
        if let (true, Some(gate)) = (further > 0, self.gate(call)) {
            gate.charge(u32::try_from(further).unwrap_or(u32::MAX), self.0.timer.now());
        }
    }

    /// Waits until few enough detaches and deletes are in flight.
    async fn cleanup(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.0.cleanup.clone().acquire_owned().await.ok()
    }

    /// Waits until few enough attaches to an instance are in flight.
    async fn attach_to(&self, instance: &InstanceId) -> Option<OwnedSemaphorePermit> {
        let semaphore = {
            let mut attaches = lock(&self.0.attaches);
            attaches.retain(|_, semaphore| semaphore.strong_count() > 0);
            let known = attaches.get(instance).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let new = Arc::new(Semaphore::new(ATTACHES_PER_INSTANCE));
                attaches.insert(instance.clone(), Arc::downgrade(&new));
                new
            })
        };
        semaphore.acquire_owned().await.ok()
    }
}

/// The answer to a call that was not sent.
fn unsent(call: Call, Spent { again_after }: Spent) -> Ec2Error {
    let message = format!(
        "not sent: the calls that may be made are spent, by those that go first; again in {} s",
        again_after.as_secs().max(1)
    );
    Ec2Error { call, kind: Ec2ErrorKind::Throttled, code: BUDGET_SPENT.to_owned(), message }
}

#[cfg(test)]
mod tests;
