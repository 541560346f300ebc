//! Questions to the kernel that it may take for ever to answer, each on a thread of its own.
//!
//! A write to `unbind` waits until the last program has closed the device, and meanwhile even reading some of the
//! device's files waits. No signal ends that, not even the one that ends the process: such a thread outlives it. So the
//! thread has a table of open files of its own, with none of the process's in it: the next agent is not kept waiting for
//! a lock that a thread of the last one still has.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use tokio::sync::Notify;

/// What such a thread says. It may say several things, or end without a word.
pub(super) type Answers<T> = Receiver<T>;

/// Does something on a thread of its own.
///
/// The work must not wake a task: what wakes the runtime is a file of the process, which the thread does not have.
pub(super) fn ask<T: Send + 'static>(
    work: impl FnOnce(&Sender<T>) + Send + 'static,
) -> std::io::Result<Answers<T>> {
    let (say, answers) = channel();
    let thread = std::thread::Builder::new().name("sysfs".to_owned()).stack_size(STACK);
    thread.spawn(move || {
        leave_files();
        work(&say);
    })?;
    Ok(answers)
}

/// The stack of such a thread in bytes: it reads and writes a line.
const STACK: usize = 128 << 10;

/// Waits for so many answers, and gives up when none has come for a while. What else the thread may say can still be had.
pub(super) async fn gather<T: Send + 'static>(
    answers: Answers<T>,
    count: usize,
    patience: Duration,
) -> (Vec<T>, Option<Answers<T>>) {
    let wait = move || {
        let mut gathered = vec![];
        while gathered.len() < count
            && let Ok(answer) = answers.recv_timeout(patience)
        {
            gathered.push(answer);
        }
        (gathered, Some(answers))
    };
    // A runtime that is about to end waits for nothing.
    tokio::task::spawn_blocking(wait).await.unwrap_or_default()
}

/// Waits for what is still to come, for as long as it takes, on a thread of its own, and wakes the agent then.
pub(super) fn wait_on(what: &'static str, late: Arc<Notify>, wait: impl FnOnce() + Send + 'static) {
    let wait = move || {
        wait();
        late.notify_one();
    };
    if let Err(error) = std::thread::Builder::new().name("late".to_owned()).spawn(wait) {
        tracing::warn!(%error, "nobody waits for {what} that the kernel has not answered");
    }
}

/// Gives this thread a table of open files of its own, with nothing in it but standard input, output and error. Where
/// that is forbidden, it goes on without.
fn leave_files() {
    if unshare(CloneFlags::CLONE_FILES).is_err() {
        return;
    }
    let Ok(entries) = std::fs::read_dir("/proc/thread-self/fd") else { return };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let numbers: Vec<i32> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // The folder that was just read is among them, and closed.
        let _ = nix::unistd::close(number);
    }
}
