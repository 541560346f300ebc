//! The binary: parses, starts the log, and does what it is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use eni_operator::cli::{Cli, Command, CrdGenArgs, CrdKind, termination_log};
use eni_operator::{api, telemetry};

fn main() -> ExitCode {
    let cli = match Cli::from(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let last_words = cli.termination_log.clone();
    // A panic of a pass ends that pass. One of anything else ends the process, in its own words.
    let done = catch_unwind(AssertUnwindSafe(|| run(cli)));
    let message = match done {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => format!("{error:#}"),
        Err(panic) => format!("a defect: panicked: {}", telemetry::panicked(panic.as_ref())),
    };
    eprintln!("eni-operator: {message}");
    say_last(&last_words, &message);
    ExitCode::FAILURE
}

/// Says what is wrong with a command line, or shows the help that it asked for.
fn unparsed(error: &clap::Error) -> ExitCode {
    // Where standard error is closed, nobody reads.
    let _ = error.print();
    if error.use_stderr() {
        say_last(&termination_log(), &error.to_string());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Puts words where `kubectl describe pod` shows them; there is no such file outside a pod.
fn say_last(file: &Path, message: &str) {
    if file.exists() {
        let _ = std::fs::write(file, message);
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    telemetry::start(&cli.log, cli.format()).map_err(anyhow::Error::msg)?;
    for one in &cli.without_effect {
        tracing::info!(variable = one.variable, why = one.why, "set, and without effect");
    }
    match cli.command {
        #[cfg(feature = "aws")]
        Command::Controller(args) => start::controller(*args),
        Command::Drain(args) => drain::drain(&args),
        #[cfg(feature = "node")]
        Command::NodeAgent(args) => start_agent::node_agent(*args),
        #[cfg(feature = "node")]
        Command::LoadModules(args) => load_modules::load_modules(&args),
        Command::CrdGen(args) => crd_gen(&args),
    }
}

/// Prints the CRDs.
#[expect(clippy::print_stdout, reason = "that is what the command is for")]
fn crd_gen(args: &CrdGenArgs) -> anyhow::Result<()> {
    let wanted = args.kind.map(|kind| match kind {
        CrdKind::NodeENI => "NodeENI",
        CrdKind::NodeENIAttachment => "NodeENIAttachment",
    });
    for crd in api::crds() {
        if wanted.is_none_or(|kind| kind == crd.spec.names.kind) {
            print!("---\n{}", api::to_yaml(&crd).context("writing a CRD as YAML")?);
        }
    }
    Ok(())
}

mod drain;
#[cfg(feature = "node")]
mod load_modules;
mod process;
#[cfg(feature = "aws")]
mod start;
#[cfg(feature = "node")]
mod start_agent;
