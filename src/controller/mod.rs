//! The controller: passes over `NodeENI`s and over instances, and the wiring that causes them.

mod authority;
pub mod budget;
mod clock;
mod context;
mod dry_run;
mod error;
mod execute;
mod hop_limit;
pub mod instance_pass;
mod lease;
mod lock;
pub mod metrics;
mod neighbours;
mod network;
pub mod node_eni_pass;
mod pulse;
mod queue;
mod run;
mod shared;
pub mod sweep_pass;
mod takeover;
mod turn;
mod watch;

pub use authority::{Authority, Authorized};
pub use clock::SystemClock;
pub use context::{Clock, Context, Memory, Swept};
pub use error::PassError;
pub use lease::LEASE_NAME;
pub use pulse::Pulse;
pub use run::{End, Options, Ports, Stage, run};
pub use shared::SharedEc2;
