//! `ec2-sim`: the simulator as a server.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use ec2_sim::http::{ClockMode, Shared, serve};
use ec2_sim::Settings;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Simulates the parts of Amazon EC2 that make, attach and remove network interfaces.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// Where to listen; port 0 takes a free one. The address is printed once it is open.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR:PORT")]
    listen: SocketAddr,

    /// What chance starts from: the same seed and the same calls give the same answers.
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Name of the region.
    #[arg(long, default_value = "us-east-1")]
    region: String,

    /// Serve without EC2's request limits.
    #[arg(long)]
    unthrottled: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let base = if args.unthrottled { Settings::unthrottled() } else { Settings::default() };
    let settings = Settings { seed: args.seed, region: args.region, ..base };
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("--listen: opening {}", args.listen))?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    tokio::select! {
        served = serve(listener, Shared::new(settings, ClockMode::Real)) => served.context("taking connections"),
        _ = term.recv() => Ok(()),
        _ = int.recv() => Ok(()),
    }
}
