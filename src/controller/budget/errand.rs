//! What calls are made for.
//!
//! The port's calls do not say whom they serve; the task that makes them does.

use std::cell::Cell;

use crate::model::Call;
use crate::plan::budget::Lane;

tokio::task_local! {
    static ERRAND: Errand;
}

/// What the calls of a task are made for.
struct Errand {
    lane: Lane,
    /// The call whose turn has come before it is made.
    granted: Cell<Option<Call>>,
}

/// Makes the calls of a future in a lane. One inside another counts; without one, each call is in the lane of
/// its kind.
pub async fn in_lane<F: Future>(lane: Lane, work: F) -> F::Output {
    ERRAND.scope(Errand { lane, granted: Cell::new(None) }, work).await
}

/// The lane of a call that is made now.
pub(super) fn lane(call: Call) -> Lane {
    ERRAND.try_with(|errand| errand.lane).unwrap_or_else(|_| Lane::of_call(call))
}

/// Whether this task is on an errand, so that a turn that has come can be kept for it.
pub(super) fn is_known() -> bool {
    ERRAND.try_with(|_| ()).is_ok()
}

/// Keeps a turn for the call that is about to be made.
pub(super) fn grant(call: Call) {
    let _ = ERRAND.try_with(|errand| errand.granted.set(Some(call)));
}

/// Takes the turn that was kept for a call, if it was.
pub(super) fn take_grant(call: Call) -> bool {
    let take = |errand: &Errand| {
        let granted = errand.granted.get() == Some(call);
        if granted {
            errand.granted.set(None);
        }
        granted
    };
    ERRAND.try_with(take).unwrap_or_default()
}
