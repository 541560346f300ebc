//! `cargo xtask`: see [`xtask`].

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use xtask::{
    bench, chaos,
    cli::{Cli, Command},
    demo, r#gen, image, nodes, suite, testbed, vm,
};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does it, and says whether all went well.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Gen { check } => r#gen::run(check)?,
        Command::Testbed => testbed::run()?,
        Command::Demo(options) if options.vm => vm::show(options.once)?,
        Command::Demo(options) => demo::run(&options).map(drop)?,
        Command::Chaos(options) => chaos::command(&options)?,
        Command::Bench(command) => bench::run(&command)?,
        Command::VmTest => return vm::test(),
        Command::E2e => return nodes::test(),
        Command::Image(options) => image::run(&options)?,
        Command::Test { filter } => return suite::run(filter.as_deref()),
    }
    Ok(true)
}
