//! What both processes begin with: a TLS provider, and an ear for signals.

#[cfg(any(feature = "aws", feature = "node"))]
pub(crate) use self::running::{host_name, stop_on_signal};

/// Chooses who does TLS. There is one in the binary, and it has to be said.
pub(crate) fn install_tls() -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))
}

/// What goes on until it is told to stop.
#[cfg(any(feature = "aws", feature = "node"))]
mod running {
    use anyhow::Context as _;
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::sync::watch;

    /// Sets the flag at SIGTERM or SIGINT, with these words in the log.
    pub(crate) fn stop_on_signal(
        stop: watch::Sender<bool>,
        words: &'static str,
    ) -> anyhow::Result<impl Future<Output = ()>> {
        let mut term = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let mut int = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        Ok(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            tracing::info!("stopping: {words}");
            stop.send_replace(true);
            // The receiver may come to ask later.
            std::future::pending::<()>().await;
        })
    }

    /// The name of this machine.
    pub(crate) fn host_name() -> String {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    }
}
