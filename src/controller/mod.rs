//! The controller: passes over `NodeENI`s and over instances, and the wiring that causes them.

mod authority;
pub mod budget;
mod context;
mod dry_run;
mod error;
mod execute;
mod hop_limit;
pub mod instance_pass;
mod lease;
pub mod metrics;
mod neighbours;
mod network;
pub mod node_eni_pass;
mod queue;
mod run;
mod shared;
pub mod sweep_pass;
mod takeover;
mod turn;
mod watch;

pub use crate::clock::{Clock, SystemClock};
pub use crate::pulse::Pulse;

pub use authority::{Authority, Authorized};
pub use context::{Context, Memory, Swept};
pub use error::PassError;
pub use lease::LEASE_NAME;
pub use run::{End, Options, Ports, Stage, run};
pub use shared::SharedEc2;
