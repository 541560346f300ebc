//! The node agent against the real kernel, in network namespaces that each test makes and removes.
//!
//! This kernel's namespaces have no PCI device of their own, so the ends of veth pairs stand for devices: between
//! the agent and the real host stands one that says of them what a device would (`device`). All else is the
//! kernel's. Nothing outside the namespaces is touched. They need root; elsewhere they are skipped, and say so.

#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

mod agent;
mod cluster;
mod confined;
mod device;
mod dpdk_vm;
mod drivers;
mod guards;
mod kernel;
mod kubelet;
mod links;
mod netns;
mod plugins;
mod process;
mod restart;
mod slots;
mod storm;
mod turns;
mod uses;
mod vm;
#[cfg(feature = "aws")]
mod whole;
#[cfg(feature = "aws")]
mod whole_dpdk;
