//! The binary: parses, starts the log, and does what it is told.

use anyhow::Context as _;
use clap::Parser;
use eni_operator::cli::{Cli, Command, CrdGenArgs, CrdKind};
use eni_operator::{api, telemetry};

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    if let Err(error) = run(cli) {
        let message = format!("{error:#}");
        eprintln!("eni-operator: {message}");
        // Where Kubernetes looks for the last words; there is none outside a pod.
        if std::path::Path::new(TERMINATION_LOG).exists() {
            let _ = std::fs::write(TERMINATION_LOG, &message);
        }
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

/// What `kubectl describe pod` shows of a container that ended.
const TERMINATION_LOG: &str = "/dev/termination-log";

fn run(cli: Cli) -> anyhow::Result<()> {
    telemetry::start(&cli.log, cli.log_format).map_err(anyhow::Error::msg)?;
    match cli.command {
        #[cfg(feature = "aws")]
        Command::Controller(args) => start::controller(args),
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

#[cfg(feature = "aws")]
mod start;
