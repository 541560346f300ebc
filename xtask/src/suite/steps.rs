//! The steps, fast ones first.

use std::process::Command;

use anyhow::Result;

use super::{
    demo, deny, moto,
    step::{Outcome, Step, check, tests},
};
use crate::{cargo::cargo, r#gen};

/// The packages of the workspace. Each is built alone: together their features would mix.
const PACKAGES: &[&str] = &["eni-operator", "ec2-sim", "xtask"];

/// All steps, in their order.
pub(super) fn all() -> Vec<Step> {
    vec![
        Step { title: "format", run: format },
        Step { title: "generated files", run: generated },
        Step { title: "licences, bans and sources of dependencies", run: deny::run },
        Step { title: "tests of xtask", run: || tests(&test("xtask")?) },
        Step { title: "tests of ec2-sim", run: || tests(&test("ec2-sim")?) },
        Step { title: "clippy of xtask", run: || clippy(&["-p", "xtask"]) },
        Step { title: "clippy of ec2-sim", run: || clippy(&["-p", "ec2-sim"]) },
        Step {
            title: "clippy of eni-operator without AWS",
            run: || clippy(&[OPERATOR, &["--no-default-features"]].concat()),
        },
        Step { title: "the node agent alone compiles", run: node_alone },
        Step { title: "the image, and its binary, static and optimised", run: image },
        Step { title: "clippy of eni-operator", run: || clippy(OPERATOR) },
        Step { title: "moto, to compare the simulator with", run: || Ok(moto::run()) },
        Step { title: "tests of eni-operator", run: || tests(moto::told_to(&mut test("eni-operator")?)?) },
        Step { title: "demo", run: demo::run },
    ]
}

const OPERATOR: &[&str] = &["-p", "eni-operator"];

fn format() -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for package in PACKAGES {
        let mut format = cargo()?;
        format.args(["fmt", "--check", "-p", package]);
        let one = check(&format)?;
        outcome.count += one.count;
        outcome.remarks.extend(one.remarks);
    }
    Ok(outcome)
}

fn generated() -> Result<Outcome> {
    r#gen::run(true)?;
    Ok(Outcome::success())
}

fn test(package: &str) -> Result<Command> {
    let mut test = cargo()?;
    test.args(["test", "--locked", "--no-fail-fast", "-p", package]);
    Ok(test)
}

fn clippy(what: &[&str]) -> Result<Outcome> {
    let mut clippy = cargo()?;
    clippy.args(["clippy", "--locked", "--all-targets"]).args(what).args(["--", "-D", "warnings"]);
    check(&clippy)
}

/// So that no test has to wait for it.
fn image() -> Result<Outcome> {
    if crate::parts::has(crate::image::obtainable())? {
        crate::image::archive()?;
    }
    Ok(Outcome::success())
}

fn node_alone() -> Result<Outcome> {
    let mut node = cargo()?;
    node.args(["check", "--locked", "-p", "eni-operator", "--no-default-features", "--features", "node"]);
    check(&node)
}
