//! The doors of one controller: past them it asks EC2 and the API server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, task::JoinHandle};

use super::api_door::{self, Api};
use super::ec2_door;
use super::gate::Gate;
use super::weather::Sky;
use crate::testbed::Testbed;

/// The doors of one controller.
#[derive(Debug)]
pub struct Door {
    /// Past which all its requests go.
    pub gate: Arc<Gate>,
    /// How the API server behaves.
    pub sky: Arc<Sky>,
    /// EC2's address.
    pub ec2_url: String,
    /// How to reach the API server.
    pub kubeconfig: PathBuf,
    servers: Vec<JoinHandle<()>>,
}

impl Door {
    /// Opens doors to the parts of a testbed. To be called inside a runtime, which serves them.
    pub async fn open(testbed: &Testbed, name: &str) -> Result<Self> {
        let (gate, sky) = (Arc::new(Gate::default()), Arc::new(Sky::default()));
        let ec2 = testbed.ec2_endpoint().context("the testbed has no EC2")?;
        let upstream = ec2.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let (ec2_listener, ec2_address) = listen().await?;
        let (api_listener, api_address) = listen().await?;
        let api = Api { client: testbed.client_of_controller()?, gate: gate.clone(), sky: sky.clone() };
        let servers = vec![
            tokio::spawn(ec2_door::serve(ec2_listener, upstream, gate.clone())),
            tokio::spawn(api_door::serve(api_listener, api)),
        ];
        let kubeconfig = testbed.folder().join(format!("{name}.kubeconfig"));
        write_config(&kubeconfig, api_address)?;
        Ok(Self { gate, sky, ec2_url: format!("http://{ec2_address}"), kubeconfig, servers })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn listen() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listen on a free port")?;
    let address = listener.local_addr().context("find our port")?;
    Ok((listener, address))
}

fn write_config(path: &Path, address: SocketAddr) -> Result<()> {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: door\n\
         clusters: [{{name: door, cluster: {{server: \"http://{address}\"}}}}]\n\
         users: [{{name: door, user: {{token: unused}}}}]\n\
         contexts: [{{name: door, context: {{cluster: door, user: door}}}}]\n"
    );
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
