//! Device plugins against a kubelet: the real one, and one that does what the real one does only by chance.

#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

mod fake;
mod grpc;
mod lives;
mod messages;
mod plugins;
mod real;
mod rig;
mod sriov;
