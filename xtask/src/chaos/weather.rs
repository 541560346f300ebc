//! How badly an API server behaves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How badly an API server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather {
    /// Every nth write is answered with this status, and not carried out.
    pub refuse_writes: Option<(usize, u16)>,
    /// How long a watch lasts before its connection breaks.
    pub cut_watches: Option<Duration>,
    /// Nothing is answered and nothing comes on open connections, though they stay open.
    pub silent: bool,
}

/// The weather, which changes.
#[derive(Debug)]
pub struct Sky {
    now: Mutex<Weather>,
    silent: watch::Sender<bool>,
    writes: AtomicUsize,
    /// How often connections have died.
    deaths: AtomicUsize,
}

impl Default for Sky {
    fn default() -> Self {
        Self {
            now: Mutex::default(),
            silent: watch::Sender::new(false),
            writes: AtomicUsize::new(0),
            deaths: AtomicUsize::new(0),
        }
    }
}

impl Sky {
    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = weather;
        self.silent.send_replace(weather.silent);
    }

    /// Lets the connections of all watches die that there are: nothing comes on them any more, not even their
    /// end.
    pub fn deafen(&self) {
        self.deaths.fetch_add(1, Ordering::SeqCst);
    }

    /// What a watch that begins now has to remember, to know later whether it is dead.
    pub(super) fn deaths(&self) -> usize {
        self.deaths.load(Ordering::SeqCst)
    }

    /// Waits until the silence is over.
    pub(super) async fn speak(&self) {
        // The sender lives as long as this does.
        let _ = self.silent.subscribe().wait_for(|silent| !silent).await;
    }

    /// How long a watch that begins now lasts.
    pub(super) fn watch_life(&self) -> Option<Duration> {
        self.weather().cut_watches
    }

    /// The status with which a write is refused, if it is.
    pub(super) fn refusal(&self) -> Option<u16> {
        let (every, status) = self.weather().refuse_writes?;
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        number.is_multiple_of(every).then_some(status)
    }

    fn weather(&self) -> Weather {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
