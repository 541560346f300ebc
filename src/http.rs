//! `/healthz`, `/readyz` and `/metrics`.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::controller::metrics::SharedMetrics;
use crate::controller::{Pulse, Stage};

/// What Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves for ever: alive as long as the loops turn, ready unless it leads and has not seen everything yet.
///
/// A replica that waits for the lease is ready: it does what it is there for.
pub async fn serve(
    listener: TcpListener,
    stage: watch::Receiver<Stage>,
    pulse: Pulse,
    metrics: SharedMetrics,
) -> std::io::Result<()> {
    let ready = move || {
        let stage = *stage.borrow();
        async move {
            match stage {
                Stage::Waiting => (StatusCode::OK, "another replica leads\n"),
                Stage::CatchingUp => (StatusCode::SERVICE_UNAVAILABLE, "catching up with the API server\n"),
                Stage::Leading => (StatusCode::OK, "ok\n"),
            }
        }
    };
    let healthy = move || {
        let stuck = pulse.stuck();
        async move {
            if stuck.is_empty() {
                return (StatusCode::OK, "ok\n".to_owned());
            }
            tracing::error!(?stuck, "loops do not turn any more");
            (StatusCode::SERVICE_UNAVAILABLE, format!("do not turn any more: {}\n", stuck.join(", ")))
        }
    };
    let told = move || {
        let text = metrics.render();
        async move { ([(CONTENT_TYPE, OPEN_METRICS)], text) }
    };
    let routes = Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/metrics", get(told));
    axum::serve(listener, routes).await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// What a path answers.
    async fn get(at: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_stuck_loop_is_unhealthy_and_metrics_are_told_all_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (_stage, shown) = watch::channel(Stage::Leading);
        let pulse = Pulse::default();
        tokio::spawn(serve(listener, shown, pulse.clone(), SharedMetrics::default()));
        assert!(get(at, "/healthz").await.starts_with("HTTP/1.1 200"));
        pulse.stop_at_its_beginning("instances");
        let answer = get(at, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("instances\n"), "{answer}");
        assert!(get(at, "/readyz").await.starts_with("HTTP/1.1 200"));
        let metrics = get(at, "/metrics").await;
        assert!(
            metrics.contains("application/openmetrics-text") && metrics.ends_with("# EOF\n"),
            "{metrics}"
        );
    }
}
