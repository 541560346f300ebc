//! Conformance: the simulator `ec2-sim` answers the AWS SDK as EC2 is documented to answer.
//!
//! Every case is a short conversation over HTTP, and what comes back, ids replaced by numbers, must be
//! what the case expects. Where moto is right, the same case must come out the same against moto, so
//! that two implementations that know nothing of each other vouch for each other. Where moto is not
//! right, the case says why, and must come out otherwise: a moto that has learned it fails the test.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "where moto is, only the environment says")]

mod case;
mod cases;
mod moto;
mod render;
mod report;
mod sim;
mod transcript;
mod world;

use case::{Case, Runs};
use report::Report;

#[tokio::test(flavor = "multi_thread")]
async fn ec2_sim_and_moto_answer_as_ec2_does() {
    let cases = cases::all();
    let mut report = Report::default();
    on_sim(&cases, &mut report).await;
    on_moto(&cases, &mut report).await;
    report.print();
    assert!(report.passed(), "{} of the answers are not what they should be", report.faults());
}

async fn on_sim(cases: &[Case], report: &mut Report) {
    for case in cases {
        let sim = sim::start(case.settings()).await;
        let lines = case.run(&sim.endpoint, Some(sim.handle())).await;
        report.sim_gave(case, &lines);
    }
}

async fn on_moto(cases: &[Case], report: &mut Report) {
    let Some(moto) = moto::start().await else {
        return report.moto_is_missing(moto::is_required());
    };
    for case in cases {
        let lines = match case.runs {
            Runs::NeverOnMoto(_) => vec!["(not tried)".to_owned()],
            Runs::Both | Runs::SimOnly(_) => {
                // It looks through all that there is for each answer.
                moto.forget();
                case.run(&moto.endpoint, None).await
            }
        };
        report.moto_gave(case, &lines);
    }
}
