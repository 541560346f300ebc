//! Where a slot may hang, and why it may not.

use std::collections::BTreeMap;

use k8s_openapi::jiff::SignedDuration;

use super::decide::{Decision, View};
use super::{Sighting, World};
use crate::api::{NodeENIAttachment, Reason};
use crate::model::{InstanceState, Position};
use crate::plan::belief::{Belief, SlotView};
use crate::plan::full::Room;
use crate::plan::positions::{self, Claim, Place};
use crate::plan::verdicts::Standing;
use crate::plan::{Pace, record};

/// Where each slot may hang, by name; empty while the instance is not known.
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    pub(super) fn of(world: &World, beliefs: &[Belief]) -> Self {
        let Sighting::Seen(instance) = &world.instance else { return Self(BTreeMap::new()) };
        let claims: Vec<Claim<'_>> =
            world.slots.iter().zip(beliefs).filter_map(|(slot, belief)| claim(slot, belief)).collect();
        let places = positions::assign(&claims, instance, world.instance_type.as_ref());
        Self(places.into_iter().map(|(name, place)| (name.to_owned(), place)).collect())
    }
}

/// A slot's claim to a position: those that should have one, and those that still hold one.
fn claim<'a>(slot: &'a SlotView, belief: &Belief) -> Option<Claim<'a>> {
    let cloud = belief.cloud();
    let held = cloud.and_then(record::position);
    // It hangs on another instance, and comes back only when somebody detaches it there.
    if cloud.is_some_and(|cloud| cloud.other_instance_id.is_some()) {
        return None;
    }
    let leaving = slot.attachment.is_leaving();
    if (leaving || slot.attachment.spec.paused) && held.is_none() {
        return None;
    }
    Some(Claim {
        name: slot.attachment.metadata.name.as_deref()?,
        // Only of an ENI that is known to hang on nothing does a listed position not count.
        eni: cloud.filter(|_| matches!(belief, Belief::Present { .. })).and_then(record::eni),
        held,
        wanted: wanted(&slot.attachment),
    })
}

/// How often to look whether there is room now.
pub(super) const NO_ROOM_PERIOD: SignedDuration = SignedDuration::from_mins(5);

/// The position that a slot asks for.
pub(in crate::plan) fn wanted(attachment: &NodeENIAttachment) -> Position {
    let number = |value: i64| u32::try_from(value).unwrap_or_default();
    let spec = &attachment.spec;
    Position { card: number(spec.network_card_index), device: number(spec.device_index) }
}

impl View<'_> {
    /// Where a slot may hang, or why it cannot.
    pub(super) fn place(&self, slot: &SlotView) -> Result<Position, Box<Decision>> {
        let wait = |standing, seconds| {
            Err(Box::new(Decision::rest(None, standing, Pace::Within(SignedDuration::from_secs(seconds)))))
        };
        let state = match &self.world.instance {
            Sighting::NotAsked => return wait(Standing::Settling, 1),
            Sighting::Absent => None,
            Sighting::Seen(instance) => Some(instance.state),
        };
        if let Some(ended) = self.ended() {
            return wait(ended, 60);
        }
        if state == Some(InstanceState::Pending) {
            let starting = "the instance is starting".to_owned();
            return wait(Standing::Blocked(Reason::InstanceNotReady, starting), 10);
        }
        let name = slot.attachment.metadata.name.as_deref().unwrap_or_default();
        match self.places.0.get(name) {
            Some(Place::At(at)) => match self.refused(slot, *at) {
                Some(message) => {
                    wait(Standing::Blocked(Reason::InstanceFull, message), NO_ROOM_PERIOD.as_secs())
                }
                None => Ok(*at),
            },
            Some(full) => {
                let (reason, message) = self.no_room(full, wanted(&slot.attachment));
                wait(Standing::Blocked(reason, message), NO_ROOM_PERIOD.as_secs())
            }
            None => wait(Standing::Settling, 1),
        }
    }

    /// Why EC2 takes no ENI of this slot although there should be room, if it has said so.
    fn refused(&self, slot: &SlotView, at: Position) -> Option<String> {
        let exists = slot.listing.as_ref().is_some_and(|listing| !listing.enis.is_empty());
        match self.world.refusals.room(at.card, self.settings.listing_lag, self.world.now) {
            Room::Open => None,
            Room::Doubtful if exists => None,
            Room::Doubtful | Room::Full => Some(format!(
                "EC2 refuses another ENI on network card {} of {}, and none has left it since",
                at.card, slot.attachment.spec.instance_id
            )),
        }
    }

    /// Why there is no room, for people.
    fn no_room(&self, place: &Place, wanted: Position) -> (Reason, String) {
        let type_ = match &self.world.instance {
            Sighting::Seen(instance) => instance.instance_type.as_str(),
            Sighting::NotAsked | Sighting::Absent => "the instance type",
        };
        match place {
            Place::NoSuchCard { cards } => (
                Reason::NoSuchNetworkCard,
                format!(
                    "{type_} has {cards} network card(s), numbered from 0; networkCardIndex asks for {}",
                    wanted.card
                ),
            ),
            Place::Full { max_enis } => (
                Reason::InstanceFull,
                format!(
                    "{type_} carries {max_enis} ENIs on network card {}, and all are in use",
                    wanted.card
                ),
            ),
            Place::At(_) => (Reason::InProgress, String::new()),
        }
    }
}
