//! Says what came of passes, at the API server's pace: no link waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;
use tokio::sync::watch;

use super::metrics::SharedMetrics;
use crate::api::NodeENIAttachment;
use crate::clock::{Clock, SteadyClock};
use crate::cluster::{ClusterErrorKind, OwnSlots, Slots};
use crate::plan::backoff::after_kubernetes;
use crate::plan::host::{Say, status};
use crate::plan::lease::Uptime;

/// How soon to try again when somebody else wrote at the same time: the watch brings theirs within this.
const CONFLICT: SignedDuration = SignedDuration::from_millis(200);

/// How soon to try again what the API server does not take.
const REFUSED: SignedDuration = SignedDuration::from_mins(1);

/// What there is to say, by the uid of slots, and the generation of the spec that it speaks of.
pub(super) type Says = BTreeMap<String, (Option<i64>, Say)>;

/// Failures of a slot's writes: how many in a row, and when to try again.
type Waits = BTreeMap<String, (u32, Uptime)>;

/// Writes for ever what there is to say.
pub(super) async fn publish<S: OwnSlots, K: Clock + SteadyClock>(
    slots: &S,
    clock: &K,
    metrics: &SharedMetrics,
    mut says: watch::Receiver<Says>,
) {
    let mut seen = slots.seen();
    let mut waits = Waits::new();
    loop {
        let all = seen.borrow_and_update().clone().unwrap_or_default();
        let wanted = says.borrow_and_update().clone();
        waits.retain(|uid, _| wanted.contains_key(uid));
        let now = clock.uptime();
        let due: Vec<_> = changes(&all, &wanted, clock)
            .into_iter()
            .filter(|(slot, _)| {
                slot.uid().and_then(|uid| waits.get(&uid).copied()).is_none_or(|(_, at)| at <= now)
            })
            .collect();
        let writes = due.iter().map(|(slot, status)| async move {
            let done = slots.apply_status(slot, status).await;
            metrics.wrote(done.is_ok());
            if done.is_ok() {
                for event in status::events(slot, status) {
                    slots.tell(slot, event).await;
                }
            }
            (slot.uid().unwrap_or_default(), done)
        });
        for (uid, done) in futures::future::join_all(writes).await {
            let Err(error) = done else {
                waits.remove(&uid);
                continue;
            };
            let failures = waits.get(&uid).map_or(0, |(failures, _)| *failures) + 1;
            let wait = match error.kind {
                ClusterErrorKind::Conflict | ClusterErrorKind::Gone => CONFLICT,
                ClusterErrorKind::Retry => error.retry_after.unwrap_or(after_kubernetes(failures)),
                ClusterErrorKind::Refused => REFUSED,
            };
            if error.kind == ClusterErrorKind::Conflict {
                tracing::debug!(%error, "status not written");
            } else {
                tracing::warn!(%error, "status not written");
            }
            waits.insert(uid, (failures, clock.uptime().after(wait)));
        }
        let next = waits.values().map(|(_, at)| at.since(clock.uptime())).min();
        let wait = async {
            match next {
                Some(wait) => tokio::time::sleep(wait.max(SignedDuration::ZERO).unsigned_abs()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = says.changed() => if changed.is_err() { return },
            changed = seen.changed() => if changed.is_err() { return },
            () = wait => {}
        }
    }
}

/// The slots whose status is not what is to be said, and what it should be.
fn changes<K: Clock>(
    all: &Slots,
    wanted: &Says,
    clock: &K,
) -> Vec<(Arc<NodeENIAttachment>, crate::api::NodeENIAttachmentStatus)> {
    let said = all.values().filter_map(|slot| Some((slot, wanted.get(&slot.uid()?)?)));
    // Of a newer spec something else will be said.
    said.filter(|(slot, (generation, _))| slot.metadata.generation == *generation)
        .filter_map(|(slot, (_, say))| {
            let next = status::build(slot, say, clock.now());
            (next != status::owned(slot)).then(|| (slot.clone(), next))
        })
        .collect()
}
