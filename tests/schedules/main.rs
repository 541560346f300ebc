//! Schedules: the controller's own passes over a Kubernetes in memory and a simulated EC2, one step at a
//! time, with crashes, lost answers, lag and meddling users wherever they can be.
//!
//! A schedule ends without faults: the world comes to rest, and is looked at by checkers that share no code
//! with the planners. A failure tells its seed and what happened.
//!
//! `SCHEDULES` is the number of random schedules, `SCHEDULES_SEED` the first seed, and `SCHEDULES_ONLY`
//! runs one seed alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs, unreachable_pub)]

mod acts;
mod agent;
mod check;
mod cluster;
mod crashes;
mod ec2;
mod fields;
mod gate;
mod invariants;
mod job;
mod key;
mod known;
mod node_life;
mod permissions;
mod queue;
mod random;
mod rebuild;
mod region;
mod rng;
mod road;
mod run;
mod scenarios;
mod sweep;
mod switches;
mod takeover;
mod users;
mod wanted;
mod watch;
mod words;
mod world;
