//! What the agent remembers from one pass to the next. A restarted one waits a little longer where it matters.

use std::collections::BTreeMap;

use k8s_openapi::jiff::SignedDuration;

use super::World;
use super::surroundings::Surroundings;
use crate::plan::lease::Uptime;

/// How often a link may be set again within [`REASSERT_WINDOW`] before somebody else is to blame.
const REASSERTS: usize = 5;

/// See [`REASSERTS`]. A manager that sets a link back does so at once, or at each lease of a quarter of an hour.
pub(super) const REASSERT_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// First and longest wait after the kernel refused a change.
const REFUSED: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_mins(1));

/// What is remembered of slots, by the uid of their objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory(BTreeMap<String, SlotMemory>);

/// What is remembered of one slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SlotMemory {
    /// Since when it has had no link here.
    pub(super) absent_since: Option<Uptime>,
    /// The index of its link, and since when that is here.
    pub(super) here: Option<(u32, Uptime)>,
    /// When its link was set.
    sets: Vec<Uptime>,
    /// The MTU that was wanted then.
    wanted_mtu: Option<u32>,
    /// Since when the link has been without a carrier.
    pub(super) no_carrier_since: Option<Uptime>,
    /// The kernel's refusals in a row: how many, when the last was, and its words.
    refused: Option<(u32, Uptime, String)>,
    /// What the node's network was like before.
    pub(super) before: Option<Surroundings>,
}

impl Memory {
    pub(super) fn of(&self, uid: &str) -> SlotMemory {
        self.0.get(uid).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&mut self, uid: String, memory: SlotMemory) {
        self.0.insert(uid, memory);
    }

    /// A change was made, or the kernel refused it with these words.
    pub fn changed(&mut self, uid: &str, refusal: Option<String>, now: Uptime) {
        let Some(memory) = self.0.get_mut(uid) else { return };
        let count = memory.refused.take().map_or(0, |(count, ..)| count);
        memory.refused = refusal.map(|words| (count + 1, now, words));
    }
}

impl SlotMemory {
    /// The link is here.
    pub(super) fn here(&mut self, index: u32, world: &World<'_>) {
        self.absent_since = None;
        if self.here.is_none_or(|(known, _)| known != index) {
            let before = self.before.take();
            *self = Self { here: Some((index, world.now)), before, ..Self::default() };
            self.before.get_or_insert_with(|| Surroundings::of(world.view, Some(index)));
        }
    }

    /// It is not.
    pub(super) fn not_here(&mut self) {
        *self = Self { absent_since: self.absent_since, ..Self::default() };
    }

    /// Notes that the link is about to be set, unless that was done too often.
    pub(super) fn may_set(&mut self, mtu: Option<u32>, now: Uptime) -> bool {
        if self.wanted_mtu != mtu {
            self.wanted_mtu = mtu;
            self.sets.clear();
        }
        self.sets.retain(|at| now.since(*at) < REASSERT_WINDOW);
        let may = self.sets.len() <= REASSERTS;
        if may {
            self.sets.push(now);
        }
        may
    }

    /// For how much longer nothing is to be changed after a refusal, and the kernel's words.
    pub(super) fn refused(&self, now: Uptime) -> Option<(SignedDuration, &str)> {
        let (count, at, words) = self.refused.as_ref()?;
        let wait = REFUSED.0.saturating_mul(1 << count.saturating_sub(1).min(16)).min(REFUSED.1);
        let left = wait - now.since(*at);
        left.is_positive().then_some((left, words.as_str()))
    }
}
