//! etcd, for one run.

use std::{
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{READY_WITHIN, ports};
use crate::{
    go_tools::ETCD,
    process::{Guarded, Output},
};

/// Starts etcd and returns it with its URL when it takes connections.
pub(super) fn start(scratch: &Path) -> Result<(Guarded, String)> {
    let binary = ETCD.binary()?;
    let port = ports::free()?;
    let url = format!("http://127.0.0.1:{port}");
    let peers = format!("http://127.0.0.1:{}", ports::free()?);
    let mut etcd = Command::new(binary);
    // Nothing has to survive the machine, and a sync per write is most of what a write costs.
    etcd.args(["--unsafe-no-fsync", "--log-level", "warn", "--data-dir"])
        .arg(scratch.join("etcd"))
        .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
        .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
        .args(["--initial-cluster", &format!("default={peers}")]);
    let mut etcd = Guarded::spawn("etcd", &etcd, &Output::Log(scratch.join("etcd.log")))?;
    let deadline = Instant::now() + READY_WITHIN;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        etcd.check_alive()?;
        ensure!(Instant::now() < deadline, "etcd does not listen after 90 s{}", etcd.last_words());
        thread::sleep(Duration::from_millis(20));
    }
    Ok((etcd, url))
}
