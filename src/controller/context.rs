//! What every pass is given: the ports, the settings, the clock, and what this process remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::authority::Authority;
use super::hop_limit::Tried;
use crate::api::{NodeENIAttachment, SubnetOffset};
use crate::lock::lock;
use crate::model::{Ec2ErrorKind, EniId, Instance, InstanceId};
use crate::plan::full::Refusals;
use crate::plan::{Settings, backoff};

/// What every pass is given.
pub struct Context<C, E, K> {
    /// Kubernetes.
    pub cluster: C,
    /// EC2.
    pub ec2: E,
    /// Time and chance.
    pub clock: K,
    /// What no observation tells.
    pub settings: Settings,
    /// What this process remembers.
    pub memory: Memory,
    /// What this process has learnt of what it may do in EC2.
    pub authority: Authority,
}

/// What this process remembers of slots, by the uid of their objects.
///
/// None of it is needed: a process that starts anew waits a little longer where it does not know.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) hop_limits: Tried,
    slots: Mutex<BTreeMap<String, SlotMemory>>,
    leftovers: Mutex<BTreeMap<String, Timestamp>>,
    visits: Mutex<BTreeMap<String, Timestamp>>,
    refusals: Mutex<BTreeMap<InstanceId, Refusals>>,
    swept: Mutex<Swept>,
    cni: Mutex<Option<(Timestamp, bool)>>,
    taken_over: Mutex<BTreeMap<String, Timestamp>>,
}

/// What the last listing of the whole cluster told.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// When it was; none before the first.
    pub at: Option<Timestamp>,
    /// When each ENI without a slot was first seen.
    pub sightings: BTreeMap<EniId, Timestamp>,
    /// The places of subnets by `NodeENI`.
    pub places: BTreeMap<String, Vec<SubnetOffset>>,
    /// ENIs that bear the cluster's tag and are not ours.
    pub strangers: BTreeSet<EniId>,
    /// Why nothing may be deleted, if so.
    pub hold: Option<String>,
}

/// What is remembered of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotMemory {
    /// Whether this process made the object and has not asked EC2 for an ENI since.
    pub newborn: bool,
    /// Since when this process knows the object, or has last asked EC2 for something on its behalf.
    pub known_since: Timestamp,
    /// Failures in a row.
    pub failures: u32,
    /// Not before this time, as long as the spec is as it was.
    pub retry_at: Option<Timestamp>,
    /// The generation of the spec that failed.
    pub generation: Option<i64>,
}

impl SlotMemory {
    /// What is remembered of a slot of which nothing is.
    fn known_since(now: Timestamp) -> Self {
        Self { newborn: false, known_since: now, failures: 0, retry_at: None, generation: None }
    }
}

impl Memory {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, SlotMemory>> {
        lock(&self.slots)
    }

    fn leftovers(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        lock(&self.leftovers)
    }

    /// Whether the VPC CNI was found in IMDS-only mode, if that was asked not longer ago than this.
    pub fn cni(&self, now: Timestamp, life: SignedDuration) -> Option<bool> {
        let known = *lock(&self.cni);
        known.filter(|(at, _)| now.duration_since(*at) < life).map(|(_, is_so)| is_so)
    }

    /// The VPC CNI was found in IMDS-only mode, or not.
    pub fn set_cni(&self, now: Timestamp, is_so: bool) {
        *lock(&self.cni) = Some((now, is_so));
    }

    /// A slot's object was made by this process.
    pub fn born(&self, uid: &str, now: Timestamp) {
        self.slots().insert(uid.to_owned(), SlotMemory { newborn: true, ..SlotMemory::known_since(now) });
    }

    /// What is remembered of a slot, which is known from now on if it was not.
    pub fn of(&self, uid: &str, now: Timestamp) -> SlotMemory {
        *self.slots().entry(uid.to_owned()).or_insert(SlotMemory::known_since(now))
    }

    /// Until when a slot is left alone: a failure counts for the spec that it was made with, so that a
    /// repaired spec, and a release, need not wait.
    pub fn retry_at(&self, slot: &NodeENIAttachment, now: Timestamp) -> Option<Timestamp> {
        let memory = self.of(slot.metadata.uid.as_deref().unwrap_or_default(), now);
        memory.retry_at.filter(|_| memory.generation == slot.metadata.generation)
    }

    /// EC2 was or is about to be asked for something on the slot's behalf.
    ///
    /// A listing from soon after may be older than that: what is known without a record starts anew.
    pub fn asked(&self, uid: &str, now: Timestamp) {
        let mut slots = self.slots();
        let slot = slots.entry(uid.to_owned()).or_insert(SlotMemory::known_since(now));
        slot.newborn = false;
        slot.known_since = now;
    }

    /// A call for a slot failed: it is left alone for a while. Returns until when.
    pub fn failed(
        &self,
        slot: &NodeENIAttachment,
        kind: Ec2ErrorKind,
        now: Timestamp,
        jitter: f64,
    ) -> Timestamp {
        let uid = slot.metadata.uid.as_deref().unwrap_or_default();
        let mut slots = self.slots();
        let generation = slot.metadata.generation;
        let slot = slots.entry(uid.to_owned()).or_insert(SlotMemory::known_since(now));
        slot.failures = slot.failures.saturating_add(1);
        slot.generation = generation;
        let at = now + backoff::delay(kind, slot.failures, jitter);
        slot.retry_at = Some(at);
        at
    }

    /// A slot is left alone until then, though nothing has failed.
    pub fn put_off(&self, slot: &NodeENIAttachment, until: Timestamp, now: Timestamp) {
        let uid = slot.metadata.uid.as_deref().unwrap_or_default();
        let mut slots = self.slots();
        let memory = slots.entry(uid.to_owned()).or_insert(SlotMemory::known_since(now));
        memory.generation = slot.metadata.generation;
        memory.retry_at = Some(until);
    }

    /// The calls for a slot went through.
    pub fn succeeded(&self, uid: &str) {
        self.slots().entry(uid.to_owned()).and_modify(|slot| {
            slot.failures = 0;
            slot.retry_at = None;
        });
    }

    fn refusals(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Refusals>> {
        lock(&self.refusals)
    }

    /// EC2 has taken one more ENI on a network card of an instance, or has refused it.
    pub fn attach_answered(&self, instance: &InstanceId, card: u32, taken: bool, now: Timestamp) {
        let mut all = self.refusals();
        if !taken {
            all.entry(instance.clone()).or_default().refused(card, now);
        } else if let Some(refusals) = all.get_mut(instance) {
            refusals.taken(card);
        }
    }

    /// What EC2 has refused to attach to an instance, after a look at it.
    pub fn refusals_of(&self, instance: &Instance) -> Refusals {
        let mut all = self.refusals();
        let Some(refusals) = all.get_mut(&instance.id) else { return Refusals::default() };
        refusals.observe(instance);
        if refusals.is_empty() { all.remove(&instance.id).unwrap_or_default() } else { refusals.clone() }
    }

    /// A slot is gone.
    pub fn forget(&self, uid: &str) {
        self.slots().remove(uid);
    }

    fn visits(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        lock(&self.visits)
    }

    /// When to look for ENIs of a `NodeENI` that have no slot; `None` for not at all.
    pub fn visit_due(&self, node_eni: &str) -> Option<Timestamp> {
        self.visits().get(node_eni).copied()
    }

    /// When to look for ENIs of a `NodeENI` that have no slot, from now on.
    pub fn visit_at(&self, node_eni: &str, at: Option<Timestamp>) {
        match at {
            Some(at) => self.visits().insert(node_eni.to_owned(), at),
            None => self.visits().remove(node_eni),
        };
    }

    fn swept_mut(&self) -> MutexGuard<'_, Swept> {
        lock(&self.swept)
    }

    /// What the last listing of the whole cluster told.
    pub fn swept(&self) -> Swept {
        self.swept_mut().clone()
    }

    /// Takes note of what a listing of the whole cluster told.
    pub fn set_swept(&self, swept: Swept) {
        *self.swept_mut() = swept;
    }

    /// The places of a `NodeENI`'s subnets, as the last listing had them; `None` before the first listing.
    pub fn places(&self, node_eni: &str) -> Option<Vec<SubnetOffset>> {
        let swept = self.swept_mut();
        swept.at.map(|_| swept.places.get(node_eni).cloned().unwrap_or_default())
    }

    /// Why nothing may be deleted, if so.
    pub fn hold(&self) -> Option<String> {
        self.swept_mut().hold.clone()
    }

    /// A `NodeENI`'s ENIs were taken over from another controller, by tags that not every listing shows yet.
    pub fn take_over(&self, node_eni: &str, now: Timestamp) {
        let mut known = lock(&self.taken_over);
        known.insert(node_eni.to_owned(), now);
    }

    /// When a `NodeENI`'s ENIs were taken over from another controller, if this process did.
    pub fn taken_over(&self, node_eni: &str) -> Option<Timestamp> {
        lock(&self.taken_over).get(node_eni).copied()
    }

    /// A `NodeENI` is gone.
    pub fn forget_node_eni(&self, name: &str) {
        self.visits().remove(name);
        self.swept_mut().places.remove(name);
    }

    /// Since when EC2 has been listing ENIs of a `NodeENI` that have no slot.
    pub fn leftovers_since(&self, node_eni: &str, any: bool, now: Timestamp) -> Timestamp {
        let mut known = self.leftovers();
        if any {
            *known.entry(node_eni.to_owned()).or_insert(now)
        } else {
            known.remove(node_eni);
            now
        }
    }
}
