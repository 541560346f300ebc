//! `/healthz` and `/readyz`.

use axum::{Router, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::controller::Stage;

/// Serves for ever: alive as long as it answers, ready unless it leads and has not seen everything yet.
///
/// A replica that waits for the lease is ready: it does what it is there for.
pub async fn serve(listener: TcpListener, stage: watch::Receiver<Stage>) -> std::io::Result<()> {
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
    let routes = Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready));
    axum::serve(listener, routes).await
}
