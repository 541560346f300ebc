//! Setting a link up, and keeping it so.

use std::collections::BTreeSet;

use k8s_openapi::jiff::SignedDuration;

use super::memory::{REASSERT_WINDOW, SlotMemory};
use super::{
    Change, Outcome, Phase, Record, Say, World, bind, guard, named, offers, preflight, restore, surroundings,
};
use crate::api::{CloudState, ConditionType, NodeENIAttachment, Reason};
use crate::model::{Link, LinkChange};

/// How long udev is given to name a link. It takes milliseconds; after this it has died or is stuck.
pub(super) const UDEV_PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// How soon to look again while something is awaited that does not announce itself.
pub(super) const SOON: SignedDuration = SignedDuration::from_millis(20);

/// How long a device may take to show up after EC2 has it attached.
const ATTACH_PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// How long a link may be missing that was there: it may be on its way to a pod or back.
const GONE_PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// How soon to try again where only somebody else can mend it, and that does not announce itself.
pub(super) const LATER: SignedDuration = SignedDuration::from_secs(5);

/// The greatest MTU in a VPC, in bytes.
const MAX_MTU: u32 = 9001;

/// The link is here.
pub(super) fn found(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    link: &Link,
    memory: &mut SlotMemory,
    given: &mut BTreeSet<String>,
) -> Outcome {
    let misplaced = slot.spec.dpdk.as_ref().zip(link.pci.as_ref());
    let misplaced = misplaced.and_then(|(dpdk, place)| preflight::other_place(dpdk, place));
    if let Some((reason, why)) = guard::refusal(world, slot, link).or(misplaced) {
        let say = Say::of(Phase::Failed, link).no(ConditionType::LinkReady, reason, why);
        let say = surroundings::judge(world, slot, link, memory.before.as_ref(), say);
        return Outcome { say: Some(say), ..Outcome::default() };
    }
    if let Err(outcome) = restore::leftovers(world, slot, link, memory) {
        return *outcome;
    }
    let seen_for = memory.here.map_or(SignedDuration::ZERO, |(_, since)| world.now.since(since));
    if !link.settled && seen_for < UDEV_PATIENCE {
        return Outcome { within: Some(SOON), ..Outcome::default() };
    }
    let wish = Wish::of(world, slot, link, given);
    if let Some((left, words)) = memory.refused(world.now) {
        let outcome = failed(link, Reason::KernelRefused, words);
        return Outcome { within: Some(left), ..outcome };
    }
    let changes = wish.changes(link);
    if let Some(fault) = world.journal_fault.filter(|_| !changes.is_empty()) {
        let outcome = failed(link, Reason::JournalUnwritable, fault);
        return Outcome { within: Some(LATER), ..outcome };
    }
    if wish.sets(link).is_some() && !memory.may_set(wish.mtu, world.now) {
        let why = format!("{} was set up again and again, and something sets it back", named(link));
        let outcome = failed(link, Reason::ConflictingNetworkManager, why);
        return Outcome { within: Some(REASSERT_WINDOW), ..outcome };
    }
    let record = Some(wish.record(world, slot, link));
    if !changes.is_empty() {
        let changes = changes.into_iter().map(Change::Link).collect();
        let offer = bind::function_of(world, link).and_then(offers::of_kernel);
        let offer = offer.filter(|_| is_to_be_offered(None, memory));
        return Outcome { changes, record, offer, ..Outcome::default() };
    }
    let (say, within) = verdict(world, slot, link, memory, &wish);
    let offer = bind::function_of(world, link).and_then(offers::of_kernel);
    let offer = offer.filter(|_| is_to_be_offered(say.as_ref(), memory));
    let say = say.map(|say| surroundings::judge(world, slot, link, memory.before.as_ref(), say));
    Outcome { record, say, within, offer, ..Outcome::default() }
}

/// Whether a device with a link is offered: one that is ready, and one that was and is set up again.
fn is_to_be_offered(say: Option<&Say>, memory: &SlotMemory) -> bool {
    match say.and_then(|say| say.verdict(ConditionType::LinkReady)) {
        Some(verdict) => verdict.holds == Some(true),
        None => memory.device.offered_as.is_some(),
    }
}

/// The link is in another namespace: whoever took it there uses it.
pub(super) fn elsewhere(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    place: &str,
    link: Option<&Link>,
) -> Outcome {
    let mut say = link.map_or_else(|| Say::without_link(Phase::InPod), |link| Say::of(Phase::InPod, link));
    if link.is_none() {
        // What was known of it is still so.
        let host = slot.status.as_ref().and_then(|status| status.host.as_ref());
        say.pci = host.and_then(|host| host.pci_address.as_ref()?.parse().ok());
        say.driver = host.and_then(|host| host.driver.clone());
    }
    if slot.spec.dpdk.as_ref().is_some_and(|dpdk| dpdk.enabled) {
        let why = format!("the link is in {place}");
        let say = say.no(ConditionType::DriverBound, Reason::InUse, why.clone());
        let say = Some(say.no(ConditionType::LinkReady, Reason::InUse, why));
        return Outcome { say, within: Some(restore::USE_AGAIN), ..Outcome::default() };
    }
    let function = world.view.functions.iter().find(|function| Some(&function.address) == say.pci.as_ref());
    let offer = function.and_then(offers::of_kernel);
    let say = say.yes(ConditionType::LinkReady, Reason::InPod, format!("in {place}"));
    Outcome { say: Some(say), offer, ..Outcome::default() }
}

/// There is no link.
pub(super) fn absent(world: &World<'_>, slot: &NodeENIAttachment, memory: &mut SlotMemory) -> Outcome {
    let since = *memory.absent_since.get_or_insert(world.now);
    let was_there = slot.holds(ConditionType::LinkReady);
    let attached = slot.recorded().is_some_and(|cloud| cloud.state == Some(CloudState::Attached));
    if !attached && !was_there {
        return Outcome::default();
    }
    let patience = if was_there { GONE_PATIENCE } else { ATTACH_PATIENCE };
    let left = patience - world.now.since(since);
    if left.is_positive() {
        return Outcome { within: Some(left), ..Outcome::default() };
    }
    let why = if attached {
        "EC2 has it attached, and the host has no such device"
    } else {
        "the host has no such device any more"
    };
    let say = Say::without_link(Phase::Failed).no(ConditionType::LinkReady, Reason::LinkNotFound, why);
    Outcome { say: Some(say), ..Outcome::default() }
}

/// What a slot asks of its link.
struct Wish {
    mtu: Option<u32>,
    /// Why its MTU cannot be had.
    mtu_refused: Option<String>,
    /// Names to give.
    add: BTreeSet<String>,
    /// Names that it was given and should not have any more.
    drop: BTreeSet<String>,
    /// Names of ours that it has.
    has: BTreeSet<String>,
    /// Names that others have, and who.
    taken: Vec<Taken>,
}

/// A name that another link has.
struct Taken {
    name: String,
    by: String,
    /// Whether udev may yet rename that link.
    for_now: bool,
}

impl Wish {
    fn of(world: &World<'_>, slot: &NodeENIAttachment, link: &Link, given: &mut BTreeSet<String>) -> Self {
        let wanted = wanted_mtu(world, slot, link);
        let refused = wanted.and_then(|mtu| out_of_range(mtu, link));
        let wanted_names = BTreeSet::from([slot.spec.alt_name.clone(), slot.spec.unique_alt_name.clone()]);
        let mut taken = vec![];
        let mut add = BTreeSet::new();
        let missing = |name: &&String| **name != link.name && !link.alt_names.contains(*name);
        for name in wanted_names.iter().filter(missing) {
            if let Some(other) = holder(world, name, link) {
                taken.push(Taken { name: name.clone(), by: named(other), for_now: !other.settled });
            } else if given.insert(name.clone()) {
                add.insert(name.clone());
            } else {
                taken.push(Taken { name: name.clone(), by: "an older slot".to_owned(), for_now: false });
            }
        }
        let recorded = super::mac(slot).and_then(|mac| world.journal.devices.get(&mac));
        let earlier = recorded.map(|record| record.alt_names.clone()).unwrap_or_default();
        let drop = earlier.difference(&wanted_names).filter(|name| link.alt_names.contains(*name));
        let has = earlier.union(&wanted_names).filter(|name| link.alt_names.contains(*name));
        Self {
            mtu: wanted.filter(|_| refused.is_none()),
            mtu_refused: refused,
            drop: drop.cloned().collect(),
            has: has.cloned().collect(),
            add,
            taken,
        }
    }

    /// The message that sets the link, if it is not as it should be.
    fn sets(&self, link: &Link) -> Option<LinkChange> {
        let mtu = self.mtu.filter(|mtu| *mtu != link.mtu);
        let up = (!link.up).then_some(true);
        (mtu.is_some() || up.is_some()).then_some(LinkChange::Set { index: link.index, mtu, up })
    }

    fn changes(&self, link: &Link) -> Vec<LinkChange> {
        let (index, mut changes) = (link.index, vec![]);
        changes.extend(self.sets(link));
        if !self.drop.is_empty() {
            changes.push(LinkChange::DropNames { index, names: self.drop.clone() });
        }
        if !self.add.is_empty() {
            changes.push(LinkChange::AddNames { index, names: self.add.clone() });
        }
        changes
    }

    /// What to write down before any change.
    fn record(&self, world: &World<'_>, slot: &NodeENIAttachment, link: &Link) -> Record {
        let alt_names = self.has.union(&self.add).cloned().collect();
        Record { alt_names, ..super::record_of(world, slot, link) }
    }
}

/// Whoever has a name, beside a link.
fn holder<'a>(world: &World<'a>, name: &str, link: &Link) -> Option<&'a Link> {
    let others = world.view.links.iter().filter(|other| other.index != link.index);
    others.into_iter().find(|other| other.name == name || other.alt_names.contains(name))
}

/// The MTU that is asked for: of the interface, of the slot, or of all; 0 leaves the link's alone.
fn wanted_mtu(world: &World<'_>, slot: &NodeENIAttachment, link: &Link) -> Option<u32> {
    let settings = world.settings;
    let names = [&slot.spec.alt_name, &link.name].into_iter().chain(&link.alt_names);
    let own = names.into_iter().find_map(|name| settings.interface_mtus.get(name)).copied();
    let of_slot = slot.spec.mtu.map(|mtu| u32::try_from(mtu).unwrap_or(u32::MAX));
    own.or(of_slot).or(settings.default_mtu).filter(|mtu| *mtu > 0)
}

/// Why a link does not take an MTU, if it does not.
fn out_of_range(mtu: u32, link: &Link) -> Option<String> {
    let most = if link.max_mtu == 0 { MAX_MTU } else { link.max_mtu.min(MAX_MTU) };
    let fits = (link.min_mtu..=most).contains(&mtu);
    (!fits).then(|| format!("{} takes an MTU of {} to {most}, not {mtu}", named(link), link.min_mtu))
}

/// What to say of a link that nothing is to be changed of.
fn verdict(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    link: &Link,
    memory: &mut SlotMemory,
    wish: &Wish,
) -> (Option<Say>, Option<SignedDuration>) {
    let failed =
        |reason, why: String| Some(Say::of(Phase::Failed, link).no(ConditionType::LinkReady, reason, why));
    if link.carrier {
        memory.no_carrier_since = None;
    }
    if let Some(why) = &wish.mtu_refused {
        return (failed(Reason::MtuRefused, why.clone()), None);
    }
    if wish.taken.iter().any(|taken| taken.for_now) {
        return (None, Some(SOON));
    }
    if let Some(taken) = wish.taken.first() {
        let why = format!("{} has the name {}; it is not taken away", taken.by, taken.name);
        return (failed(Reason::NameTaken, why), Some(LATER));
    }
    if !link.carrier {
        let since = *memory.no_carrier_since.get_or_insert(world.now);
        let left = world.settings.carrier_patience - world.now.since(since);
        if left.is_positive() {
            return (None, Some(left));
        }
        return (failed(Reason::NoCarrier, format!("{} is up and has no carrier", named(link))), None);
    }
    let why = format!("{} is up, MTU {}, and answers to {}", link.name, link.mtu, slot.spec.alt_name);
    let ready = Say::of(Phase::Ready, link).yes(ConditionType::LinkReady, Reason::AsSpecified, why);
    (Some(ready), None)
}

fn failed(link: &Link, reason: Reason, why: impl Into<String>) -> Outcome {
    let say = Say::of(Phase::Failed, link).no(ConditionType::LinkReady, reason, why);
    Outcome { say: Some(say), ..Outcome::default() }
}
