//! moto: another implementation of EC2's interface, which knows nothing of ours.

use std::{env, io, net::TcpListener, process::Command, time::Duration};

use tempfile::TempDir;
use tokio::{net::TcpStream, time::sleep};
use xtask::{
    http, parts,
    process::{Guarded, Output},
};

/// How long moto may take to come up: 3–4 s on a quiet machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that ends with the test, however that ends.
#[derive(Debug)]
pub(crate) struct Moto {
    child: Guarded,
    /// Where the log is, while moto writes it.
    _log: TempDir,
    pub(crate) endpoint: String,
}

/// Starts the server that `MOTO_SERVER` names; none without that.
pub(crate) async fn start() -> Option<Moto> {
    let program = env::var_os("MOTO_SERVER")?;
    let port = free_port().expect("a free port");
    let mut command = Command::new(program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    let log = tempfile::tempdir().expect("a folder");
    let child = Guarded::spawn("moto", &command, &Output::Log(log.path().join("moto.log"))).expect("moto");
    let mut moto = Moto { child, _log: log, endpoint: format!("http://127.0.0.1:{port}") };
    tokio::time::timeout(PATIENCE, moto.up(port)).await.expect("moto comes up");
    Some(moto)
}

/// Whether the test fails without moto.
pub(crate) fn is_required() -> bool {
    parts::in_ci()
}

impl Moto {
    /// Has it forget all that was made.
    pub(crate) fn forget(&self) {
        http::request("POST", &self.endpoint, "/moto-api/reset", None).expect("moto forgets");
    }

    async fn up(&mut self, port: u16) {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            self.child.check_alive().expect("moto runs");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A port that is free now. moto takes no socket that is open already, so it may be taken before moto is.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
