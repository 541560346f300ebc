//! moto: another implementation of EC2's interface, which knows nothing of ours.

use std::{
    env, io,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{net::TcpStream, time::sleep};

/// How long moto may take to come up: 3–4 s on a quiet machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that ends with the test, even if the test panics.
#[derive(Debug)]
pub(crate) struct Moto {
    child: Child,
    pub(crate) endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the server that `MOTO_SERVER` names; none without that.
pub(crate) async fn start() -> Option<Moto> {
    let program = env::var_os("MOTO_SERVER")?;
    let port = free_port().expect("a free port");
    let child = Command::new(&program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let moto = Moto { child, endpoint: format!("http://127.0.0.1:{port}") };
    tokio::time::timeout(PATIENCE, up(port)).await.expect("moto comes up");
    Some(moto)
}

/// Whether the test fails without moto.
pub(crate) fn is_required() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

async fn up(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
}

/// A port that is free now. moto takes no socket that is open already, so it may be taken before moto is.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
