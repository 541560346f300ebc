//! What the simulator does, sentence by sentence, through its typed calls.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod addresses;
mod attach;
mod chance;
mod create;
mod describe;
mod instances;
mod network;
mod policy;
mod region;
mod tags;
mod throttle;
