//! `ec2-sim`: the simulator as a server.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use clap::Parser;
use ec2_sim::http::{ClockMode, Shared, serve};
use ec2_sim::{Settings, Throttle};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Simulates the parts of Amazon EC2 that make, attach and remove network interfaces.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// Where to listen; port 0 takes a free one. The address is printed once it is open.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR:PORT")]
    listen: SocketAddr,

    /// What chance starts from: the same seed and the same calls give the same answers.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Name of the region.
    #[arg(long)]
    region: Option<String>,

    /// Serve without EC2's request limits.
    #[arg(long)]
    unthrottled: bool,

    /// Leave the clock to `POST /_sim/clock`; it then starts at 2026-01-01.
    #[arg(long)]
    manual_clock: bool,

    /// Settings as JSON, as `GET /_sim/settings` shows them; what is left out stays as it is.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,

    /// What is there from the start, as JSON, as for `POST /_sim/seed`.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mode = if args.manual_clock { ClockMode::Manual } else { ClockMode::Real };
    let shared = Shared::new(settings(&args)?, mode);
    if let Some(path) = &args.world {
        shared.apply_seed(&read(path)?).with_context(|| format!("--world: making {}", path.display()))?;
    }
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("--listen: opening {}", args.listen))?;
    let ends = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    tokio::select! {
        served = serve(listener, shared) => served.context("taking connections"),
        () = any(ends) => Ok(()),
    }
}

/// Puts the settings together: the file, and over it the options.
fn settings(args: &Args) -> anyhow::Result<Settings> {
    let mut settings: Settings = args.settings.as_deref().map(read).transpose()?.unwrap_or_default();
    if !args.manual_clock {
        settings.epoch_millis = machine_time()?;
    }
    settings.seed = args.seed.unwrap_or(settings.seed);
    settings.region = args.region.clone().unwrap_or(settings.region);
    if args.unthrottled {
        settings.throttle = Throttle { enabled: false, ..settings.throttle };
    }
    Ok(settings)
}

#[expect(clippy::disallowed_methods, reason = "the server's clock starts at the machine's")]
fn machine_time() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("opening {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

async fn any([mut terminate, mut interrupt]: [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
