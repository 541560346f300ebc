//! One step of the run: a command, streamed and counted.

use std::{
    io::{BufRead, BufReader, Read},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::libtest::{self, Count};
use crate::{
    process::{Guarded, Output},
    progress::{HEARTBEAT, Heartbeat, pretty},
};

/// How long a command may take. The longest, all tests after a first build with the AWS SDK, takes 40 minutes on two cores.
const LIMIT: Duration = Duration::from_hours(1);

/// A step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// What it does, for its heading.
    pub(super) title: &'static str,
    /// Does it.
    pub(super) run: fn() -> Result<Outcome>,
}

/// How a step went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What it counts for.
    pub(super) count: Count,
    /// Why it was skipped.
    pub(super) skipped: bool,
    /// What stands again at the end of the run: failures, and reasons for skipping.
    pub(super) remarks: Vec<String>,
}

impl Outcome {
    /// A check that holds.
    pub(super) fn success() -> Self {
        Self { count: Count { passed: 1, ..Count::default() }, ..Self::default() }
    }

    /// A check that does not hold.
    pub(super) fn failure(reason: &str) -> Self {
        let count = Count { failed: 1, ..Count::default() };
        Self { count, remarks: vec![format!("FAILED: {reason}")], ..Self::default() }
    }

    /// A check that this machine cannot make.
    pub(super) fn skip(reason: &str) -> Self {
        Self { skipped: true, remarks: vec![format!("skipped: {reason}")], ..Self::default() }
    }

    /// The same, where skipping counts as failing.
    pub(super) fn without_skips(self) -> Self {
        if self.skipped { Self::failure(&self.remarks.join("; ")) } else { self }
    }

    fn of_tests(count: Count, failures: Vec<String>, ending: &str) -> Self {
        let mut outcome = Self { count, remarks: failures, ..Self::default() };
        // A test binary that does not compile, or that dies, prints no result to count.
        if !ending.is_empty() && count.failed == 0 {
            outcome.count.failed = 1;
            outcome.remarks.push(format!("FAILED: {ending}"));
        }
        outcome
    }
}

/// Runs a command that passes by ending well.
pub(super) fn check(command: &Command) -> Result<Outcome> {
    let name = name(command);
    let mut child = Guarded::spawn(&name, command, &Output::Inherited)?;
    let _limit = child.limit(LIMIT)?;
    let said = name.clone();
    let heartbeat = Heartbeat::start(HEARTBEAT, move |elapsed| still(&said, elapsed));
    let status = child.wait()?;
    drop(heartbeat);
    Ok(if status.success() {
        Outcome::success()
    } else {
        Outcome::failure(&format!("`{name}` ended with {status}"))
    })
}

/// Runs `cargo test`, and counts what libtest prints.
pub(super) fn tests(command: &Command) -> Result<Outcome> {
    let name = name(command);
    let mut child = Guarded::spawn(&name, command, &Output::Piped)?;
    let _limit = child.limit(LIMIT)?;
    let stdout = child.stdout().context("no standard output to read")?;
    let (count, failures) = stream(&name, stdout)?;
    let status = child.wait()?;
    let ending = if status.success() { String::new() } else { format!("`{name}` ended with {status}") };
    Ok(Outcome::of_tests(count, failures, &ending))
}

/// Prints what comes and counts it; speaks up when nothing has come for a while.
fn stream(name: &str, output: impl Read) -> Result<(Count, Vec<String>)> {
    let last = Arc::new(Mutex::new(Instant::now()));
    let _heartbeat = beat_when_silent(name, Arc::clone(&last));
    let (mut count, mut failures) = (Count::default(), Vec::new());
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(|| format!("read from `{name}`"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        count += libtest::result(&line).unwrap_or_default();
        failures.extend(libtest::failure(&line).map(|test| format!("FAILED: {test}")));
    }
    Ok((count, failures))
}

fn beat_when_silent(name: &str, last: Arc<Mutex<Instant>>) -> Heartbeat {
    let name = name.to_owned();
    Heartbeat::start_if(HEARTBEAT, move |elapsed| {
        let silent = last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= HEARTBEAT;
        silent.then(|| still(&name, elapsed))
    })
}

fn still(name: &str, elapsed: Duration) -> String {
    format!("... `{name}` is still running, {}", pretty(elapsed))
}

/// The command as one would type it.
fn name(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_is_failing_where_everything_must_be_there() {
        let skipped = Outcome::skip("no Python");
        assert_eq!(skipped.count, Count::default());
        let failed = skipped.without_skips();
        assert_eq!(
            (failed.count.failed, failed.remarks.as_slice()),
            (1, &["FAILED: skipped: no Python".to_owned()][..])
        );
        assert_eq!(Outcome::success().without_skips(), Outcome::success());
    }

    #[test]
    fn binary_that_dies_without_a_result_counts_as_one_failure() {
        let passed = Count { passed: 3, ..Count::default() };
        assert_eq!(Outcome::of_tests(passed, vec![], "x").count, Count { failed: 1, ..passed });
        assert_eq!(Outcome::of_tests(passed, vec![], "").count, passed);
        let failed = Count { failed: 2, ..passed };
        assert_eq!(Outcome::of_tests(failed, vec![], "x").count, failed);
    }

    #[test]
    fn output_is_counted_and_failures_are_named() {
        let output =
            "test a::b ... FAILED\n\ntest result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured\n";
        let (count, failures) = stream("cargo test", output.as_bytes()).unwrap();
        assert_eq!(count, Count { passed: 4, failed: 1, ignored: 2 });
        assert_eq!(failures, ["FAILED: a::b"]);
    }

    #[test]
    fn name_is_what_one_would_type() {
        let mut command = Command::new("/a/b/cargo");
        command.args(["test", "-p", "x"]);
        assert_eq!(name(&command), "cargo test -p x");
    }
}
