//! The simulator, one for each case, behind HTTP on a free port, and its side for whoever runs it.

use std::time::Duration;

use ec2_sim::{
    FaultRule, Settings,
    http::{self, ClockMode, Shared},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, block_in_place},
};
use xtask::http::request;

/// A server that ends with its case.
#[derive(Debug)]
pub(crate) struct Sim {
    server: JoinHandle<()>,
    pub(crate) endpoint: String,
}

/// The clock, the faults and the counts of a simulator.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    endpoint: String,
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sim {
    pub(crate) fn handle(&self) -> Handle {
        Handle { endpoint: self.endpoint.clone() }
    }
}

impl Handle {
    /// Moves the clock, which nobody else does.
    pub(crate) fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("a time of a test");
        self.ask("POST", "/_sim/clock", Some(&json!({ "advance_millis": millis })));
    }

    /// How often an action was called.
    pub(crate) fn calls(&self, action: &str) -> u64 {
        let stats = self.ask("GET", "/_sim/stats", None);
        let outcomes = stats["by_action"][action].as_object().into_iter().flatten();
        outcomes.filter_map(|(_, count)| count.as_u64()).sum()
    }

    /// Lets something go wrong.
    pub(crate) fn fault(&self, rule: &FaultRule) {
        self.ask("POST", "/_sim/faults", Some(&json!(rule)));
    }

    /// How many ENIs there really are.
    pub(crate) fn enis(&self) -> usize {
        let state = self.ask("GET", "/_sim/state", None);
        state["enis"].as_object().map_or(0, serde_json::Map::len)
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        block_in_place(|| request(method, &self.endpoint, path, body)).expect("the simulator's own side")
    }
}

/// Settings with which nothing takes time and nothing is limited.
pub(crate) fn instant() -> Settings {
    Settings {
        attach: Duration::ZERO,
        detach: Duration::ZERO,
        create: Duration::ZERO,
        start: Duration::ZERO,
        stop: Duration::ZERO,
        terminate: Duration::ZERO,
        ..Settings::unthrottled()
    }
}

/// Starts a simulator.
pub(crate) async fn start(settings: Settings) -> Sim {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let shared = Shared::new(settings, ClockMode::Manual);
    let server = tokio::spawn(async move { http::serve(listener, shared).await.expect("a server") });
    Sim { server, endpoint }
}
