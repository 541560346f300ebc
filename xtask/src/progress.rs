//! Words for someone who waits: what is going on, and for how long.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often something that prints nothing itself is spoken for.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// A duration for people: `0.4 s`, `12 s`, `3 min 05 s`.
#[must_use]
pub fn pretty(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// Prints a line to standard error at every interval until it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Starts; `line` makes each line from the time since the start.
    pub fn start(interval: Duration, line: impl Fn(Duration) -> String + Send + 'static) -> Self {
        Self::start_if(interval, move |elapsed| Some(line(elapsed)))
    }

    /// The same, where `line` may have nothing to say.
    pub fn start_if(interval: Duration, line: impl Fn(Duration) -> Option<String> + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let started = Instant::now();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                if let Some(line) = line(started.elapsed()) {
                    eprintln!("{line}");
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it would have been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(pretty(Duration::from_millis(420)), "0.4 s");
        assert_eq!(pretty(Duration::from_secs(12)), "12 s");
        assert_eq!(pretty(Duration::from_secs(185)), "3 min 05 s");
    }
}
