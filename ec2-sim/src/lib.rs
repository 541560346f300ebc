//! A simulator of the parts of Amazon EC2 that make, attach and remove elastic network interfaces (ENIs).
//!
//! [`Simulator`] is a state machine: calls in, outcomes out, with a clock that only the caller moves and no
//! chance but from a seed. It knows no sockets and no runtime, so thousands of schedules run in a second:
//!
//! ```
//! use ec2_sim::api::CreateNetworkInterface;
//! use ec2_sim::{Seed, SeedSubnet, SeedVpc, Settings, Simulator};
//!
//! let mut sim = Simulator::new(Settings::unthrottled());
//! let seeded = sim.apply_seed(&Seed {
//!     vpcs: vec![SeedVpc { cidr: "10.0.0.0/16".into(), ..SeedVpc::default() }],
//!     subnets: vec![SeedSubnet { key: "a".into(), cidr: "10.0.1.0/24".into(), ..SeedSubnet::default() }],
//!     ..Seed::default()
//! })?;
//! let made = sim.send(CreateNetworkInterface {
//!     subnet_id: seeded.subnets["a"].clone(),
//!     ..CreateNetworkInterface::default()
//! })?;
//! assert!(sim.state().enis.contains(&made.network_interface.network_interface_id));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`http`] speaks EC2's wire protocol in front of it, for any AWS SDK.

/// See `.cargo/config.toml`: an artefact of another clone is not taken for one of this.
const _: Option<&str> = option_env!("ENI_OPERATOR_CLONE");

mod actions;
mod addresses;
pub mod api;
pub mod catalog;
mod clock;
mod core;
mod error;
mod events;
mod faults;
pub mod http;
mod ids;
mod net;
mod pattern;
mod policy;
mod rng;
mod seed;
mod settings;
mod simulator;
mod stats;
mod throttle;
mod tokens;
mod wire;
pub mod world;

pub use clock::Timestamp;
pub use error::ApiError;
pub use events::{Event, What};
pub use faults::{ActiveFault, Fault, FaultRule};
pub use ids::Kind;
pub use net::{Cidr4, Cidr6};
pub use policy::{Effect, Policy, Statement};
pub use seed::{Seed, SeedEni, SeedGroup, SeedInstance, SeedSubnet, SeedVpc, Seeded};
pub use settings::{Settings, Throttle};
pub use simulator::{Failure, Outcome, Simulator};
pub use stats::Stats;
pub use throttle::Bucket;
pub use tokens::TokenState;

/// The examples of the README, which must hold.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
