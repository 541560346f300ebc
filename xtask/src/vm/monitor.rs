//! QEMU's monitor: one JSON object a line, answers and events in one stream.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// A connection to the monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    lines: BufReader<UnixStream>,
    gone: Vec<String>,
}

impl Monitor {
    pub(super) fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(1))).context("set a time-out")?;
        let mut monitor = Self { lines: BufReader::new(stream), gone: vec![] };
        let begun = Instant::now();
        while monitor.read()?.is_none_or(|line| line.get("QMP").is_none()) {
            anyhow::ensure!(begun.elapsed() < ANSWER, "QEMU's monitor does not greet");
        }
        monitor.ask("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Has something done.
    pub(super) fn ask(&mut self, what: &str, arguments: &Value) -> Result<()> {
        let line = json!({ "execute": what, "arguments": arguments });
        writeln!(self.lines.get_mut(), "{line}").with_context(|| format!("ask QEMU for {what}"))?;
        let begun = Instant::now();
        while begun.elapsed() < ANSWER {
            match self.read()? {
                Some(answer) if answer.get("return").is_some() => return Ok(()),
                Some(answer) if answer.get("error").is_some() => bail!("QEMU, asked for {line}: {answer}"),
                Some(_) | None => {}
            }
        }
        bail!("QEMU does not answer to {line}")
    }

    /// Waits until a device is gone.
    pub(super) fn wait_gone(&mut self, id: &str, within: Duration) -> Result<()> {
        let begun = Instant::now();
        while !self.gone.iter().any(|one| one == id) {
            anyhow::ensure!(begun.elapsed() < within, "{id} is still there");
            self.read()?;
        }
        self.gone.retain(|one| one != id);
        Ok(())
    }

    /// The next line, if one comes soon.
    fn read(&mut self) -> Result<Option<Value>> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => bail!("QEMU has closed its monitor"),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("read from QEMU's monitor"),
        }
        let line: Value = serde_json::from_str(&line).context("QEMU's monitor says no JSON")?;
        if line["event"] == "DEVICE_DELETED" {
            self.gone.extend(line["data"]["device"].as_str().map(str::to_owned));
        }
        Ok(Some(line))
    }
}
