//! The controller: passes over `NodeENI`s and over instances, and the wiring that causes them.

pub mod budget;
mod clock;
mod context;
mod error;
mod execute;
mod fence;
pub mod instance_pass;
mod lease;
pub mod node_eni_pass;
mod queue;
mod run;
mod shared;
mod watch;

pub use clock::SystemClock;
pub use context::{Clock, Context, Memory};
pub use error::PassError;
pub use lease::LEASE_NAME;
pub use run::{End, Options, Stage, run};
pub use shared::SharedEc2;
