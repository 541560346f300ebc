//! `/healthz`, `/readyz` and `/metrics`.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::pulse::Pulse;

/// What Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether a process is ready, and why, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness(pub bool, pub &'static str);

/// Serves for ever: alive as long as the loops turn, ready if the process says so.
pub async fn serve(
    listener: TcpListener,
    pulse: Pulse,
    readiness: impl Fn() -> Readiness + Clone + Send + Sync + 'static,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> std::io::Result<()> {
    let ready = move || {
        let Readiness(ready, why) = readiness();
        let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        async move { (code, format!("{why}\n")) }
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
        let text = metrics();
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
        let pulse = Pulse::default();
        let metrics = || "# EOF\n".to_owned();
        tokio::spawn(serve(listener, pulse.clone(), || Readiness(true, "ok"), metrics));
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
