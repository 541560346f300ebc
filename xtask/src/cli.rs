//! What can be asked for on the command line.

use clap::{Parser, Subcommand};

use crate::bench::BenchCommand;
use crate::chaos::ChaosOptions;
use crate::demo::DemoOptions;
use crate::image::ImageOptions;

/// Generates, starts, shows and tests eni-operator.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the generated files: CRDs, manifests, the chart, and documents.
    Gen {
        /// Write nothing, and fail with the names of the files that are not as they should be.
        #[arg(long)]
        check: bool,
    },
    /// Run a real Kubernetes API server and a simulated EC2 until Ctrl-C, and print how to use them.
    Testbed,
    /// Show the operator at work: real Kubernetes API, real controller, simulated EC2.
    Demo(DemoOptions),
    /// Kill the controller again and again while it works, and compare what is there with what was asked for.
    Chaos(ChaosOptions),
    /// Measure how fast the operator is, and what it costs.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Plug devices into a virtual machine in which the node agent runs, and see what it makes of them.
    VmTest,
    /// Install the chart in a cluster of real kubelets, and see it through to its uninstall.
    E2e,
    /// Build the image for all its platforms, as an OCI archive.
    Image(ImageOptions),
    /// Run everything that has to hold, and install what that takes.
    Test {
        /// Only the steps whose titles contain this.
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
