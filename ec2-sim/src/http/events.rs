//! Events of ENIs as they come, one JSON object a line.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, Response, header};
use futures::stream;
use serde::Deserialize;

use super::shared::Shared;
use crate::events::Event;

/// How often a stream looks for new events. A fake node needs no finer time.
const PACE: Duration = Duration::from_millis(20);

/// Which events are wanted.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// The first sequence number; none: from the start.
    #[serde(default)]
    from: u64,
    /// Whether to wait for more once all are sent. Yes, if not said.
    #[serde(default = "yes")]
    follow: bool,
}

fn yes() -> bool {
    true
}

/// A stream's place.
struct Cursor {
    shared: Shared,
    next: u64,
    generation: u64,
    follow: bool,
}

/// Sends the events, and stays for more until the reader goes or the simulator is reset.
pub(super) async fn stream(State(shared): State<Shared>, Query(wanted): Query<Wanted>) -> Response<Body> {
    let generation = shared.with(|inner| inner.generation);
    let cursor = Cursor { shared, next: wanted.from.max(1), generation, follow: wanted.follow };
    let lines = stream::unfold(cursor, |mut cursor| async move {
        let line = cursor.lines().await?;
        Some((Ok::<_, std::convert::Infallible>(line), cursor))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

impl Cursor {
    /// The next lines, when there are some; none: it is over.
    async fn lines(&mut self) -> Option<String> {
        loop {
            let (generation, events) =
                self.shared.with(|inner| (inner.generation, inner.simulator.events(self.next).to_vec()));
            if generation != self.generation {
                return None;
            }
            if let Some(last) = events.last() {
                self.next = last.sequence + 1;
                return Some(events.iter().map(line).collect());
            }
            if !self.follow {
                return None;
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

fn line(event: &Event) -> String {
    let mut line = serde_json::to_string(event).unwrap_or_default();
    line.push('\n');
    line
}
