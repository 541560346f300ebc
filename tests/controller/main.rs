//! The controller as its real process: the real binary with the AWS SDK, a real kube-apiserver, and
//! `ec2-sim` as a process.
//!
//! It is killed with SIGKILL at moments chosen by counting its requests to both, through doors; it is given
//! an API server and an EC2 that misbehave, rivals, and objects that cannot work or cannot be read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

mod bed;
mod credentials;
mod degraded;
mod leaders;
mod refused;
mod stage;
mod stops;
mod unreadable;
mod unworkable;
mod world;

use std::path::Path;

use xtask::chaos::{ChaosOptions, run};
use xtask::testbed::Testbed;

/// Kills of the controller.
const KILLS: usize = 25;

#[test]
fn a_controller_that_is_killed_at_any_request_doubles_nothing_and_leaves_nothing() {
    if !Testbed::obtainable().unwrap() {
        return;
    }
    let options = ChaosOptions { kills: KILLS, seed: 1, lanes: 1, json: None };
    let report = run(&options, Path::new(env!("CARGO_BIN_EXE_eni-operator"))).unwrap();
    println!("{report:?}");
    assert_eq!(report.kills, KILLS);
    assert!(report.kills_at_ec2 > 0 && report.kills_at_ec2 < KILLS, "all kills were at one port: {report:?}");
}
