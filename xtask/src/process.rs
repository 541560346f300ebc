//! Child processes that never outlive this one, even if it is killed.
//!
//! Each runs under a guard, a few lines of shell, that holds the reading end of a pipe. Whatever ends this
//! process closes the other end, and the guard then kills all that it started. A signal set to come at a
//! parent's death would be simpler, but comes when the *thread* that spawned the child ends, and a test's
//! thread ends long before its process does.
//!
//! A line down the pipe is the name of a signal for the child, or `ALL` to kill it with all that it started.

use std::{
    fs::{self, File},
    io::Write,
    os::{fd::AsFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::progress::{Heartbeat, pretty};

/// What guards a child: it passes signals on, ends with the child, and kills its process group at the end
/// of its input.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{
    while read -r signal && [ "$signal" != ALL ]; do kill -s "$signal" "$child"; done
    kill -s KILL 0
} <&3 3<&- >/dev/null 2>&1 &
watcher=$!
exec </dev/null 3<&-
wait "$child"
status=$?
kill -s KILL "$watcher"
exit "$status"
"#;

/// How often a process that should end is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Where a child's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To the terminal, or wherever ours goes.
    Inherited,
    /// Both streams into this file, which is emptied first.
    Log(PathBuf),
    /// Standard output to us; standard error where ours goes.
    Piped,
}

/// A running child and its guard.
#[derive(Debug)]
pub struct Guarded {
    name: String,
    guard: Child,
    leash: Option<ChildStdin>,
    log: Option<PathBuf>,
}

impl Guarded {
    /// Starts `command` under a guard. Its standard input is empty.
    pub fn spawn(name: &str, command: &Command, output: &Output) -> Result<Self> {
        let mut guard = guard_for(command);
        let mut log = None;
        match output {
            Output::Inherited => {}
            Output::Piped => {
                guard.stdout(Stdio::piped());
            }
            Output::Log(path) => {
                let file =
                    File::create(path).with_context(|| format!("create the log {}", path.display()))?;
                guard.stdout(file.try_clone()?).stderr(file);
                log = Some(path.clone());
            }
        }
        let mut guard = guard.spawn().with_context(|| format!("start /bin/sh to guard {name}"))?;
        let leash = guard.stdin.take();
        Ok(Self { name: name.to_owned(), guard, leash, log })
    }

    /// What the child was called when it was started.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The child's standard output, once, if it is piped.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.guard.stdout.take()
    }

    /// Whether it has ended, and how.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.guard.try_wait().with_context(|| format!("wait for {}", self.name))
    }

    /// Waits until it ends.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        // `Child::wait` would close the leash first, and with it kill the child.
        let leash = self.leash.take();
        let status = self.guard.wait().with_context(|| format!("wait for {}", self.name));
        drop(leash);
        status
    }

    /// Fails, with the last lines of its log, if it has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        let Some(status) = self.try_wait()? else { return Ok(()) };
        bail!("{} ended early ({status}){}", self.name, self.last_words())
    }

    /// Sends a signal by its name without `SIG`, such as `STOP`.
    pub fn signal(&mut self, signal: &str) -> Result<()> {
        let leash = self.leash.as_mut().with_context(|| format!("{} has no leash left", self.name))?;
        writeln!(leash, "{signal}").with_context(|| format!("send {signal} to {}: it has ended", self.name))
    }

    /// Kills it, with all that it started, after `limit`, unless what this returns is dropped before.
    pub fn limit(&self, limit: Duration) -> Result<Heartbeat> {
        let leash = self.leash.as_ref().with_context(|| format!("{} has no leash left", self.name))?;
        let leash = File::from(leash.as_fd().try_clone_to_owned().context("copy a pipe's end")?);
        let name = self.name.clone();
        Ok(Heartbeat::start(limit, move |elapsed| {
            // An error says that it has ended already.
            let _ = (&leash).write_all(b"ALL\n");
            format!("`{name}` was killed: it ran for more than {}", pretty(elapsed))
        }))
    }

    /// Asks it to end, and kills it if it has not after `grace`. Returns how it ended.
    pub fn stop(&mut self, grace: Duration) -> Result<ExitStatus> {
        // An error says that it has ended already, which is what is wanted.
        let _ = self.signal("TERM");
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.kill()
    }

    /// Kills it, and waits until it is gone and its ports are free.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        let _ = self.signal("KILL");
        self.wait()
    }

    /// The last lines of its log, on lines of their own, or nothing.
    #[must_use]
    pub fn last_words(&self) -> String {
        let Some(log) = &self.log else { return String::new() };
        format!("; the end of {}:\n{}", log.display(), tail(log, 15))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Nobody is left to tell, and the closing of the leash kills it in any case.
        let _ = self.kill();
    }
}

/// The command that runs `command` under a guard, in a process group of its own.
fn guard_for(command: &Command) -> Command {
    let mut guard = Command::new("/bin/sh");
    guard.arg("-c").arg(GUARD).arg("guard").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => guard.env(name, value),
            None => guard.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        guard.current_dir(folder);
    }
    guard.stdin(Stdio::piped()).process_group(0);
    guard
}

/// Removes a folder some time after this process has ended, however it ends.
#[derive(Debug)]
pub struct Janitor {
    _leash: Option<ChildStdin>,
}

impl Janitor {
    /// Starts to watch over `folder`.
    pub fn start(folder: &Path) -> Result<Self> {
        // The second gives what lives in the folder time to be killed.
        let mut child = Command::new("/bin/sh")
            .args(["-c", r#"cat; sleep 1; rm -rf -- "$1""#, "janitor"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("start /bin/sh to clean up later")?;
        Ok(Self { _leash: child.stdin.take() })
    }
}

/// The last `count` lines of a file, each indented; empty if it cannot be read.
#[must_use]
pub fn tail(path: &Path, count: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(count)..];
    last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// The file that a command of this name would run, from `PATH`.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests;
