//! The HTTP face: EC2's wire protocol at `/`, and a JSON side at `/_sim` for whoever runs the simulator.

mod clock;
mod control;
mod ec2;
mod events;
mod shared;

use axum::Router;
use axum::routing::{any, delete, get, post};
use tokio::net::TcpListener;

pub use clock::ClockMode;
pub use shared::Shared;

/// Everything that is served.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", any(ec2::answer))
        .route("/_sim/seed", post(control::seed))
        .route("/_sim/reset", post(control::reset))
        .route("/_sim/faults", get(control::faults).post(control::add_faults).delete(control::clear_faults))
        .route("/_sim/faults/{id}", delete(control::remove_fault))
        .route("/_sim/clock", get(control::clock).post(control::move_clock))
        .route("/_sim/stats", get(control::stats).post(control::reset_stats).delete(control::reset_stats))
        .route("/_sim/state", get(control::state))
        .route("/_sim/events", get(events::stream))
        .route("/_sim/settings", get(control::settings).post(control::change_settings))
        .with_state(shared)
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, shared: Shared) -> std::io::Result<()> {
    axum::serve(listener, router(shared)).await
}
