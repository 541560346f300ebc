//! The chart in a real cluster of two nodes: pods that run, ENIs in a simulated EC2, upgrade, failures, uninstall.
//!
//! There is no device to plug into such a node: a slot's link is not found, and that is said. Links are shown in a
//! virtual machine, by the tests of the node agent.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

mod life;
mod world;
