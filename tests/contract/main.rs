//! One contract, two Kubernetes: the in-memory one of the schedules, and a real kube-apiserver.
//!
//! Each case does the same through the operator's port, and must give the same outcome on both. What the
//! in-memory one gets wrong, the schedules would prove of a world that does not exist.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs, unreachable_pub)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the schedules use more of the in-memory cluster than this does"
)]

mod admin;
mod cases;
#[path = "../schedules/cluster/mod.rs"]
mod cluster;
#[path = "../schedules/gate.rs"]
mod gate;
#[path = "../schedules/key.rs"]
mod key;
mod memory;
mod real;
