//! The node agent: looks at its host, plans, changes links, and says what came of it.
//!
//! It asks AWS for nothing, and its API server for nothing but the slots of its own node.

mod burst;
mod journal;
pub mod metrics;
mod pass;
mod publish;
mod run;

pub use journal::{JournalError, JournalFile};
pub use pass::{Keeper, Passed};
pub use run::{Options, Ports, run};
