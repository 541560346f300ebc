//! The shell in the machine: a command a line, what it says, and how it ended. Both come over a port of virtio, which
//! waits where a serial line loses what comes too fast.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What `init` says when it takes commands.
const READY: &str = "@@READY\n";

/// What it says before a command's exit code.
const CODE: &str = "@@CODE=";

/// How long a command may take.
const COMMAND: Duration = Duration::from_mins(1);

/// The machine's first process. Its shell would take busybox's own `ip` before any other.
pub(super) const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t securityfs securityfs /sys/kernel/security
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
exec </dev/console >/dev/console 2>&1
export PATH=/usr/sbin:/bin HOME=/
while read -r module; do insmod "$module" || echo "no $module"; done </modules
[ ! -e /dev/vda ] || mount -t ext4 /dev/vda /var
ip() { /usr/sbin/ip "$@"; }
ip link set lo up
port() { set -- /dev/vport*p1; [ -c "$1" ] && echo "$1"; }
until port >/run/port; do usleep 10000; done
exec 3<>"$(cat /run/port)"
echo "@@READY" >&3
while IFS= read -r command <&3; do
  ( eval "$command" ) </dev/null >/run/said 2>&1 3>&-
  code=$?
  cat /run/said >&3
  echo "@@CODE=$code" >&3
done
poweroff -f
"#;

/// A connection to it.
#[derive(Debug)]
pub(super) struct Guest {
    stream: UnixStream,
    heard: Vec<u8>,
}

impl Guest {
    pub(super) fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(Duration::from_millis(200))).context("set a time-out")?;
        Ok(Self { stream, heard: vec![] })
    }

    pub(super) fn wait_ready(&mut self, within: Duration) -> Result<()> {
        self.until(READY, within).map(drop)
    }

    /// Runs a command of one line.
    pub(super) fn run(&mut self, command: &str) -> Result<(i32, String)> {
        ensure!(!command.contains('\n'), "a command is one line");
        writeln!(self.stream, "{command}").context("write to the machine")?;
        let said = self.until(CODE, COMMAND)?;
        let code = self.until("\n", COMMAND)?;
        Ok((code.trim().parse().with_context(|| format!("{code:?} is no code"))?, said))
    }

    /// What is heard before some words.
    fn until(&mut self, words: &str, within: Duration) -> Result<String> {
        let begun = Instant::now();
        let mut bytes = [0; 8_192];
        loop {
            let at = self.heard.windows(words.len()).position(|part| part == words.as_bytes());
            if let Some(at) = at {
                let said: Vec<u8> = self.heard.drain(..at + words.len()).take(at).collect();
                return Ok(String::from_utf8_lossy(&said).replace('\r', ""));
            }
            ensure!(begun.elapsed() < within, "the machine is silent");
            match self.stream.read(&mut bytes) {
                Ok(count) => self.heard.extend(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("read from the machine"),
            }
        }
    }
}
