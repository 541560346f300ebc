//! Devices between drivers: the agent's own passes over a kernel and a kubelet in memory, with faults wherever the
//! kernel may have one, and an agent that dies at any of its steps.
//!
//! What the kernel does is what Linux 6.18 was seen to do. What must never happen is noticed when it happens; at its
//! end a schedule has no faults any more, and each device is where it was asked to be.
//!
//! `SCHEDULES` is the number of random schedules, and `SCHEDULES_ONLY` runs the one with that seed alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs, unreachable_pub)]

mod check;
mod drivers;
mod fault;
mod known;
mod kubelet;
mod machine;
mod node;
mod ports;
mod random;
#[path = "../schedules/rng.rs"]
mod rng;
mod slots;
mod systematic;
