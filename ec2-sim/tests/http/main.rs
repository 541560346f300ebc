//! The server as its users meet it: a process, a port, EC2's wire format and the JSON side.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod control;
mod server;
mod wire;
