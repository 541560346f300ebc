//! The controller as its real process: the real binary with the AWS SDK, a real kube-apiserver, and
//! `ec2-sim` as a process.
//!
//! It is killed with SIGKILL at moments chosen by counting its requests to EC2, through a proxy; each job
//! makes twelve ENIs on six nodes in three zones and takes them away again. And it is given objects that
//! cannot work.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

mod check;
mod credentials;
mod job;
mod proxy;
mod unworkable;
mod world;

use job::Job;
use proxy::{Kill, Moment};
use xtask::testbed::{Testbed, TestbedOptions};

/// EC2 requests at which the controller is killed, job by job: 25 in all, spread over the whole job, which
/// is some 45 requests to bring up and 30 to take away.
const JOBS: [[usize; 5]; 5] =
    [[1, 7, 14, 22, 45], [3, 9, 17, 30, 50], [5, 11, 19, 34, 56], [6, 12, 25, 40, 61], [8, 15, 27, 43, 66]];

/// Where in a request the controller is killed, in turn.
const MOMENTS: [Moment; 3] = [Moment::BeforeTheEffect, Moment::BeforeTheAnswer, Moment::AfterTheAnswer];

#[test]
fn a_controller_that_is_killed_at_any_request_doubles_nothing_and_leaves_nothing() {
    if !Testbed::obtainable().unwrap() {
        return;
    }
    let testbed = Testbed::start(&TestbedOptions { ec2: true, ..TestbedOptions::default() }).unwrap();
    testbed.install_crds().unwrap();
    let mut done = 0;
    for (number, requests) in JOBS.iter().enumerate() {
        // EC2's listings lag in every other job.
        let lag_millis = if number % 2 == 0 { 0 } else { 400 };
        let kills = requests
            .iter()
            .enumerate()
            .map(|(turn, &request)| Kill { request, moment: MOMENTS[(number + turn) % MOMENTS.len()] });
        done += Job::prepare(&testbed, number, lag_millis).run(kills.collect());
    }
    println!("killed {done} times");
    assert_eq!(
        done, 25,
        "kills that fell into no request: the job has become shorter, choose other requests"
    );
}
