//! What to do on a node: from its links, its slots and its journal to changes of links and words about them.
//!
//! A slot says which ENI, by its hardware address. Nothing else decides which link that is: no name, no number
//! and no order. What no slot names is never changed.
//!
//! | the slot          | its link is                        | what is done                                       |
//! |-------------------|------------------------------------|----------------------------------------------------|
//! | paused, or deleted without `release` | anything        | nothing                                            |
//! | is wanted         | there, and the node's own          | nothing; said why                                  |
//! | is wanted         | there                              | MTU and up in one message, alternative names       |
//! | is wanted         | in a pod                           | nothing; ready                                     |
//! | is wanted         | not there                          | waited for, then said                              |
//! | has to go         | there, and nothing uses it         | names off, down, then released                     |
//! | has to go         | used, in a pod, or cannot be seen  | nothing; said by whom                              |
//! | has to go         | not there                          | released                                           |
//! | has been released | anything                           | nothing                                            |
//!
//! With a DPDK driver asked for, [`bind`] and [`taken`] go on where this says "MTU and up", and what has to go is
//! given back first.

mod bind;
mod configure;
pub mod guard;
mod identity;
mod iommu;
mod journal;
mod memory;
mod offers;
pub mod preflight;
mod release;
pub mod resource;
mod restore;
mod say;
pub mod status;
mod surroundings;
mod taken;
mod unnamed;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;

pub use self::journal::{Aim, Journal, Rebound, Record};
pub use self::memory::Memory;
pub use self::say::{Phase, Say};

use self::identity::Identity;
use self::memory::SlotMemory;
use super::lease::Uptime;
use crate::api::{ConditionType, NodeENIAttachment, Reason};
use crate::model::{
    Allotted, DeviceChange, Elsewhere, HostView, Link, LinkChange, MacAddress, Offer, Offers, Publications,
};

/// What every decision on a node depends on and no observation tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// MTU in bytes of links whose slot does not say one; `None` to leave theirs alone.
    pub default_mtu: Option<u32>,
    /// MTUs in bytes of links by their name or alternative name. They go before a slot's.
    pub interface_mtus: BTreeMap<String, u32>,
    /// How long a link that is up may be without a carrier before that is said.
    pub carrier_patience: SignedDuration,
    /// Names of links that are never touched, whatever names them.
    pub hands_off: BTreeSet<String>,
    /// The node's own addresses, if they are known.
    pub node_addresses: BTreeSet<IpAddr>,
    /// Whether devices may be bound to DPDK drivers at all.
    pub binds_devices: bool,
    /// Whether vfio may take devices without an IOMMU, where their slots allow it too.
    pub allow_no_iommu: bool,
}

/// What is known when a decision is made.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The time since the machine started.
    pub now: Uptime,
    /// The settings.
    pub settings: &'a Settings,
    /// What there is in the agent's network namespace.
    pub view: &'a HostView,
    /// What there is in others, if somebody looked.
    pub elsewhere: Option<&'a Elsewhere>,
    /// What pods hold, if somebody asked kubelet, or why it does not say.
    pub allotted: Option<&'a Result<Allotted, String>>,
    /// What became of what kubelet is to offer.
    pub published: &'a Publications,
    /// The slots of the node.
    pub slots: &'a [Arc<NodeENIAttachment>],
    /// What was done to which device.
    pub journal: &'a Journal,
    /// Why the journal cannot be written, if it cannot.
    pub journal_fault: Option<&'a str>,
    /// What this process remembers.
    pub memory: &'a Memory,
}

/// What to do, and what to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Changes in their order, each with the uid of the slot that wants it. What is the device's of no slot has its
    /// hardware's address instead, and what is the whole host's [`HOST`].
    pub changes: Vec<(String, Change)>,
    /// What kubelet is to offer, before any of them is made.
    pub offers: Offers,
    /// The journal as it is to be before any of them is made.
    pub journal: Journal,
    /// What to remember.
    pub memory: Memory,
    /// What to say of slots, by their uid. Of a slot that is not here there is nothing new.
    pub says: BTreeMap<String, Say>,
    /// Devices that the host's network manager should leave alone.
    pub disowned: BTreeSet<MacAddress>,
    /// Whether somebody has to look into other network namespaces, and plan again.
    pub look_elsewhere: bool,
    /// Whether somebody has to ask kubelet what pods hold, and plan again.
    pub ask_kubelet: bool,
    /// When to look again.
    pub pace: Option<SignedDuration>,
}

/// A change of the host: one message or one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Of a link.
    Link(LinkChange),
    /// Of a device's driver.
    Device(DeviceChange),
}

/// What stands for the uid of a slot where a change is the whole host's.
pub const HOST: &str = "host";

/// What is to become of one slot.
#[derive(Debug, Default)]
struct Outcome {
    changes: Vec<Change>,
    /// What to record of its device; `None` to leave the record as it is.
    record: Option<Record>,
    say: Option<Say>,
    within: Option<SignedDuration>,
    look_elsewhere: bool,
    ask_kubelet: bool,
    /// Its device as kubelet may offer it.
    offer: Option<Offer>,
    /// Why a device that is as it should be is not to be offered all the same.
    not_offered: Option<(Reason, String)>,
    /// Whether vfio is to take devices without an IOMMU from now on.
    lets_no_iommu: bool,
}

/// Decides what to do next.
#[must_use]
pub fn plan(world: &World<'_>) -> Plan {
    let journal = world.journal.clone().believed(world.view);
    let world = &World { journal: &journal, ..*world };
    let mut plan = Plan { journal: journal.clone(), ..Plan::default() };
    let mut slots: Vec<&NodeENIAttachment> = world.slots.iter().map(AsRef::as_ref).collect();
    // The older of two that ask for one name has it.
    slots.sort_by_key(|slot| (slot.creation_timestamp().map(|time| time.0), slot.uid()));
    let mut given = BTreeSet::new();
    for slot in &slots {
        let Some(uid) = slot.uid() else { continue };
        let mut memory = world.memory.of(&uid);
        let mut outcome = of_slot(world, slot, &mut memory, &mut given);
        if !status::is_released(slot) {
            offers::offer(world, slot, &mut outcome, &mut memory.device, &mut plan.offers);
        }
        plan.disowned.extend(mac(slot).filter(|_| is_looked_after(slot)));
        plan.add(mac(slot), &uid, slot, outcome);
        plan.memory.keep(uid, memory);
    }
    unnamed::restore(world, &slots, &mut plan);
    unnamed::no_iommu(world, &mut plan);
    offers::withdraw(world, &slots, &mut plan);
    plan.journal.forget(&slots, world.view);
    plan
}

impl Plan {
    /// Adds what is to become of a slot.
    fn add(&mut self, mac: Option<MacAddress>, uid: &str, slot: &NodeENIAttachment, outcome: Outcome) {
        if let (Some(mac), Some(record)) = (mac, outcome.record) {
            self.journal.record(mac, record);
        }
        self.journal.let_no_iommu |= outcome.lets_no_iommu;
        self.changes.extend(outcome.changes.into_iter().map(|change| (uid.to_owned(), change)));
        self.says.extend(outcome.say.map(|say| (uid.to_owned(), say.with_driver(slot))));
        self.look_elsewhere |= outcome.look_elsewhere;
        self.ask_kubelet |= outcome.ask_kubelet;
        self.pace = self.pace.into_iter().chain(outcome.within).min();
    }
}

/// Whether the device of a slot is the agent's business, rather than that of the host's network manager.
fn is_looked_after(slot: &NodeENIAttachment) -> bool {
    !slot.spec.paused && !status::is_released(slot)
}

/// Whether a slot has a say in what becomes of its device: one that is deleted without being released leaves it to the
/// next, and one that is released has had it.
fn has_claim(slot: &NodeENIAttachment) -> bool {
    let bookkeeping = slot.metadata.deletion_timestamp.is_some() && !slot.spec.release;
    !bookkeeping && !status::is_released(slot)
}

/// What is to become of a slot.
fn of_slot(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    memory: &mut SlotMemory,
    given: &mut BTreeSet<String>,
) -> Outcome {
    let Some(mac) = mac(slot) else { return Outcome::default() };
    if status::is_released(slot) {
        return Outcome::default();
    }
    if slot.spec.paused || !has_claim(slot) {
        return unnamed::untouched(world, slot, mac);
    }
    let identity = identity::find(world, slot, mac);
    if !matches!(identity, Identity::Found(_)) {
        memory.not_here();
    }
    match identity {
        Identity::NotLooked => Outcome { look_elsewhere: true, ..Outcome::default() },
        Identity::Ambiguous(why) => {
            let type_ = if slot.spec.release { ConditionType::Released } else { ConditionType::LinkReady };
            let say = Say::without_link(Phase::Failed).no(type_, Reason::AmbiguousInterface, why);
            Outcome { say: Some(say), ..Outcome::default() }
        }
        Identity::Found(link) => {
            memory.here(link.index, world);
            let dpdk = slot.spec.dpdk.as_ref().filter(|dpdk| dpdk.enabled);
            match dpdk {
                _ if slot.spec.release => release::found(world, slot, link, memory),
                Some(dpdk) => bind::found(world, slot, dpdk, link, memory),
                None => configure::found(world, slot, link, memory, given),
            }
        }
        Identity::Taken(function, rebound) => taken::found(world, slot, function, &rebound, memory),
        Identity::Elsewhere { place, link } if slot.spec.release => release::elsewhere(&place, link),
        Identity::Elsewhere { place, link } => configure::elsewhere(world, slot, &place, link),
        Identity::Absent if slot.spec.release => release::absent(),
        Identity::Absent => configure::absent(world, slot, memory),
    }
}

/// The hardware address of a slot's ENI, if it is known.
fn mac(slot: &NodeENIAttachment) -> Option<MacAddress> {
    slot.recorded()?.mac.as_deref()?.parse().ok()
}

/// The names of a link that it was given here.
fn names_of_ours(world: &World<'_>, slot: &NodeENIAttachment, link: &Link) -> BTreeSet<String> {
    let recorded = mac(slot).and_then(|mac| world.journal.devices.get(&mac));
    let given = recorded.into_iter().flat_map(|record| record.alt_names.iter().cloned());
    let ours = given.chain([slot.spec.alt_name.clone(), slot.spec.unique_alt_name.clone()]);
    ours.filter(|name| link.alt_names.contains(name)).collect()
}

/// The record of a device that has its link.
fn record_of(world: &World<'_>, slot: &NodeENIAttachment, link: &Link) -> Record {
    let before = mac(slot).and_then(|mac| world.journal.devices.get(&mac));
    let named = before.filter(|record| !record.first_name.is_empty());
    Record {
        slot: slot.name_any(),
        pci: link.pci.clone(),
        first_name: named.map_or_else(|| link.name.clone(), |record| record.first_name.clone()),
        first_mtu: named.map_or(link.mtu, |record| record.first_mtu),
        alt_names: before.map(|record| record.alt_names.clone()).unwrap_or_default(),
        rebound: None,
    }
}

/// The name by which people know a link.
fn named(link: &Link) -> String {
    format!("{} (index {})", link.name, link.index)
}
