//! Where the requests of a controller are counted, noted, and held at a chosen one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A request, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Whether it went to EC2, or else to Kubernetes.
    pub ec2: bool,
    /// EC2's action, or method and path.
    pub what: String,
    /// Whether it changes anything. A lease is nothing.
    pub changes: bool,
}

/// When, with respect to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before it is passed on: it never arrives.
    BeforeTheEffect,
    /// After it has had its effect: its answer never arrives.
    BeforeTheAnswer,
    /// When its answer is on its way: nothing more is asked.
    AfterTheAnswer,
    /// When it comes. It is not held.
    Meanwhile,
}

/// Where requests pass.
#[derive(Debug, Default)]
pub struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    asked: Vec<Asked>,
    shut: bool,
    /// Counts the openings: what came in before the last one never gets an answer.
    era: u64,
    armed: Option<Armed>,
}

#[derive(Debug)]
struct Armed {
    at: usize,
    moment: Moment,
    hit: oneshot::Sender<String>,
}

/// A request that has come in and was not answered yet.
#[derive(Debug)]
pub(super) struct Passing {
    era: u64,
    armed: Option<Armed>,
    what: String,
}

impl Gate {
    /// Arms the gate for the nth request from now. What this returns tells which one it was, when it has
    /// come. After it nothing passes, unless the moment was `Meanwhile`, until the gate is opened.
    pub fn arm(&self, nth: usize, moment: Moment) -> oneshot::Receiver<String> {
        let (hit, told) = oneshot::channel();
        let mut state = self.state();
        let at = state.asked.len() + nth;
        state.armed = Some(Armed { at, moment, hit });
        told
    }

    /// Forgets for what it was armed.
    pub fn disarm(&self) {
        self.state().armed = None;
    }

    /// Lets requests pass again. Those that were held stay held: their process is dead.
    pub fn open(&self) {
        let mut state = self.state();
        state.shut = false;
        state.era += 1;
        state.armed = None;
    }

    /// Lets nothing pass any more: whoever asks is cut off.
    pub fn shut(&self) {
        self.state().shut = true;
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.state().asked.len()
    }

    /// The requests that have come after the first so many.
    pub fn since(&self, count: usize) -> Vec<Asked> {
        self.state().asked.iter().skip(count).cloned().collect()
    }

    /// Takes in a request. Returns when it may be passed on.
    pub(super) async fn enter(&self, asked: Asked) -> Passing {
        match self.take_in(asked) {
            Some(passing) => passing,
            None => std::future::pending().await,
        }
    }

    /// Counts a request; none if it is not to pass.
    fn take_in(&self, asked: Asked) -> Option<Passing> {
        let mut state = self.state();
        if state.shut {
            return None;
        }
        let what = asked.what.clone();
        state.asked.push(asked);
        let number = state.asked.len();
        let mut armed = state.armed.take_if(|armed| armed.at <= number);
        match armed.as_ref().map(|armed| armed.moment) {
            Some(Moment::BeforeTheEffect) => {
                state.shut = true;
                tell(armed, &what);
                return None;
            }
            Some(Moment::Meanwhile) => tell(armed.take(), &what),
            Some(Moment::BeforeTheAnswer | Moment::AfterTheAnswer) | None => {}
        }
        Some(Passing { era: state.era, armed, what })
    }

    /// Takes in the answer to a request. Returns when it may be passed back.
    pub(super) async fn leave(&self, passing: Passing) {
        if !self.may_leave(passing) {
            std::future::pending::<()>().await;
        }
    }

    fn may_leave(&self, passing: Passing) -> bool {
        let mut state = self.state();
        if state.shut || state.era != passing.era {
            return false;
        }
        let Some(moment) = passing.armed.as_ref().map(|armed| armed.moment) else { return true };
        state.shut = true;
        tell(passing.armed, &passing.what);
        moment == Moment::AfterTheAnswer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(armed: Option<Armed>, what: &str) {
    if let Some(armed) = armed {
        // Whoever waited may have seen enough.
        let _ = armed.hit.send(format!("{:?} of request {}, {what}", armed.moment, armed.at));
    }
}
