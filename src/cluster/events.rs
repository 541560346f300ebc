//! Events: what people read with `kubectl describe`.
//!
//! kube's own recorder takes two events of one reason for one, whatever they say: of the failures on ten
//! nodes one would be seen, ten times. Here the words count too.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event as KubeEvent, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};

use super::Done;
use super::request::answered;
use crate::plan::events::Event;

/// Where events about objects without a namespace are.
const NAMESPACE: &str = "default";

/// Longest note that Kubernetes takes, in bytes.
const MAX_NOTE: usize = 1024;

/// How many different notes of one reason about one slot are told apart; further ones count as the last.
const MAX_NOTES: usize = 10;

/// How long an event is remembered, to count the next of its kind instead of writing another.
///
/// As in kube's recorder, which has it from client-go.
const MEMORY: SignedDuration = SignedDuration::from_mins(6);

/// Writes events.
pub(super) struct EventLog {
    client: Client,
    reporter: &'static str,
    told: Mutex<HashMap<Kind, Vec<KubeEvent>>>,
}

/// What events have in common that are told apart by their words alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    regarding: Option<String>,
    related: Option<String>,
    warning: bool,
    reason: &'static str,
}

impl EventLog {
    /// A log whose events say that this one writes them.
    pub(super) fn new(client: Client, reporter: &'static str) -> Self {
        Self { client, reporter, told: Mutex::default() }
    }

    /// Writes an event about an object, and another that it concerns.
    #[expect(clippy::disallowed_methods, reason = "an event bears the time at which it was written")]
    pub(super) async fn write(
        &self,
        about: &ObjectReference,
        related: Option<ObjectReference>,
        event: &Event,
    ) -> Done<()> {
        let now = Timestamp::now();
        let kind = Kind {
            regarding: about.uid.clone(),
            related: related.as_ref().and_then(|other| other.uid.clone()),
            warning: event.warning,
            reason: event.reason,
        };
        let next = {
            let mut told = self.told();
            forget(&mut told, now);
            let earlier = told.get(&kind).map_or(&[][..], Vec::as_slice);
            KubeEvent {
                reporting_controller: Some(self.reporter.to_owned()),
                reporting_instance: Some(self.reporter.to_owned()),
                ..next(earlier, about, related, event, now)
            }
        };
        self.send(&next).await?;
        let mut told = self.told();
        let all = told.entry(kind).or_default();
        all.retain(|one| one.metadata.name != next.metadata.name);
        all.push(next);
        Ok(())
    }

    async fn send(&self, event: &KubeEvent) -> Done<()> {
        let api: Api<KubeEvent> = Api::namespaced(self.client.clone(), NAMESPACE);
        let name = event.name_any();
        if event.series.is_none() {
            answered("writing event", &name, api.create(&PostParams::default(), event)).await.map(drop)
        } else {
            let series = Patch::Merge(serde_json::json!({ "series": event.series }));
            answered("counting event", &name, api.patch(&name, &PatchParams::default(), &series))
                .await
                .map(drop)
        }
    }

    fn told(&self) -> MutexGuard<'_, HashMap<Kind, Vec<KubeEvent>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event to write: a new one, or an earlier one that says the same, counted once more.
fn next(
    earlier: &[KubeEvent],
    about: &ObjectReference,
    related: Option<ObjectReference>,
    event: &Event,
    now: Timestamp,
) -> KubeEvent {
    let note = cut(&event.message, MAX_NOTE);
    let same = earlier.iter().find(|one| one.note.as_deref() == Some(note));
    if let Some(same) = same.or_else(|| earlier.last().filter(|_| earlier.len() >= MAX_NOTES)) {
        let count = same.series.as_ref().map_or(1, |series| series.count) + 1;
        let series = EventSeries { count, last_observed_time: MicroTime(now) };
        return KubeEvent { series: Some(series), ..same.clone() };
    }
    let about_name = about.name.as_deref().unwrap_or("slot");
    KubeEvent {
        metadata: ObjectMeta {
            namespace: Some(NAMESPACE.to_owned()),
            name: Some(format!("{}.{:x}", cut(about_name, MAX_NAME), now.as_nanosecond())),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        regarding: Some(about.clone()),
        related,
        type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(event.reason.to_owned()),
        action: Some("Reconcile".to_owned()),
        note: Some(note.to_owned()),
        ..KubeEvent::default()
    }
}

/// How much of an object's name an event's own name takes: with the time it has to stay below 254.
const MAX_NAME: usize = 220;

/// Forgets what was last told long ago.
fn forget(told: &mut HashMap<Kind, Vec<KubeEvent>>, now: Timestamp) {
    let last = |event: &KubeEvent| {
        let series = event.series.as_ref().map(|series| series.last_observed_time.0);
        series.or(event.event_time.as_ref().map(|time| time.0))
    };
    told.retain(|_, events| {
        events.retain(|one| last(one).is_some_and(|at| now.duration_since(at) < MEMORY));
        !events.is_empty()
    });
}

/// The beginning of a text, at most so many bytes and whole characters.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> Event {
        Event { warning: true, reason: "ENICreationFailed", message: message.to_owned() }
    }

    fn written(earlier: &[KubeEvent], message: &str, second: i64) -> KubeEvent {
        let about = ObjectReference { name: Some("a".to_owned()), ..ObjectReference::default() };
        next(earlier, &about, None, &event(message), Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn the_same_words_are_counted_and_others_are_told() {
        let first = written(&[], "node a: full", 1);
        let other = written(std::slice::from_ref(&first), "node b: full", 2);
        assert_eq!((other.series.clone(), other.note.as_deref()), (None, Some("node b: full")));
        let again = written(&[first.clone(), other], "node a: full", 3);
        assert_eq!((again.metadata.name, again.series.unwrap().count), (first.metadata.name, 2));
    }

    #[test]
    fn the_number_of_different_notes_is_bounded() {
        let mut all: Vec<KubeEvent> = vec![];
        for number in 0..100 {
            let next = written(&all, &format!("number {number}"), number);
            all.retain(|one| one.metadata.name != next.metadata.name);
            all.push(next);
        }
        assert_eq!(all.len(), MAX_NOTES);
        assert_eq!(all.last().unwrap().series.as_ref().unwrap().count, 91);
    }

    #[test]
    fn a_note_is_cut_by_bytes_at_the_end_of_a_character() {
        let note = written(&[], &"é".repeat(600), 1).note.unwrap();
        assert_eq!((note.len(), note.chars().count()), (1024, 512));
        assert_eq!(written(&[], &format!("x{}", "é".repeat(600)), 1).note.unwrap().len(), 1023);
    }
}
