//! Whether an ENI fits a slot of an instance, and putting it there.

use crate::catalog::{self, InstanceType};
use crate::core::{Core, Due};
use crate::error::ApiError;
use crate::events::What;
use crate::ids::Kind;
use crate::world::{Attachment, AttachmentStatus, Eni, Instance, InterfaceType, World};

/// A slot: card and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) card: u32,
    pub(crate) device: u32,
}

impl Slot {
    /// Reads a slot. Without a card, it is the type's default one.
    pub(crate) fn read(
        kind: &InstanceType,
        card: Option<i32>,
        device: Option<i32>,
    ) -> Result<Self, ApiError> {
        let device = device.ok_or_else(|| ApiError::missing("deviceIndex"))?;
        let wrong = |name, value| ApiError::value(format!("Invalid value '{value}' for {name}"));
        let device = u32::try_from(device).map_err(|_| wrong("deviceIndex", device))?;
        let card = match card {
            Some(card) => u32::try_from(card).map_err(|_| wrong("networkCardIndex", card))?,
            None => kind.default_card,
        };
        if kind.card(card).is_none() {
            return Err(ApiError::value(format!(
                "Network card index '{card}' is not valid for instance type '{}'; it has {} network card(s)",
                kind.name,
                kind.cards.len()
            )));
        }
        Ok(Self { card, device })
    }
}

/// The type of an instance. A launch or a seed has made sure that there is one.
pub(crate) fn type_of(instance: &Instance) -> Result<&'static InstanceType, ApiError> {
    catalog::get(&instance.instance_type).ok_or_else(|| {
        let name = &instance.instance_type;
        ApiError::client("InvalidInstanceType", format!("The instance type '{name}' does not exist"))
    })
}

/// Refuses an ENI that does not fit the slot.
pub(crate) fn check(
    world: &World,
    instance: &Instance,
    kind: &InstanceType,
    eni: &Eni,
    slot: Slot,
) -> Result<(), ApiError> {
    let taken = world.slots.get(&instance.id);
    if taken.is_some_and(|slots| slots.contains_key(&(slot.card, slot.device))) {
        return Err(ApiError::value(format!(
            "Instance '{}' already has an interface attached at device index '{}'.",
            instance.id, slot.device
        )));
    }
    let (all, on_card) = count(world, &instance.id, slot.card);
    let card_full = kind.card(slot.card).is_none_or(|card| on_card >= card.max_interfaces);
    if card_full || all >= kind.max_interfaces() {
        let count = if card_full { on_card } else { all } + 1;
        return Err(limit(&format!("Interface count {count} exceeds the limit for {}", kind.name)));
    }
    if kind.shared_attachments().is_some_and(|slots| all + world.volumes_of(&instance.id) >= slots) {
        return Err(limit(&format!(
            "Attachment limit of {} exceeded for instance '{}'",
            kind.name, instance.id
        )));
    }
    if eni.ipv4_places() > kind.ipv4_per_interface || eni.ipv6_places() > kind.ipv6_per_interface {
        return Err(super::make::too_many_addresses());
    }
    check_efa(world, instance, kind, eni, slot)
}

fn check_efa(
    world: &World,
    instance: &Instance,
    kind: &InstanceType,
    eni: &Eni,
    slot: Slot,
) -> Result<(), ApiError> {
    if !eni.interface_type.is_efa() {
        return Ok(());
    }
    if !kind.card(slot.card).is_some_and(|card| card.efa) {
        return Err(ApiError::client(
            "UnsupportedOperation",
            format!("Instance type {} does not support Elastic Fabric Adapter there", kind.name),
        ));
    }
    if eni.interface_type == InterfaceType::EfaOnly && (slot.card, slot.device) == (0, 0) {
        return Err(ApiError::combination(
            "An efa-only network interface cannot be the primary network interface",
        ));
    }
    let efas = world.enis_of(&instance.id).filter(|other| other.interface_type.is_efa()).count();
    if efas >= kind.efa_max {
        return Err(limit(&format!("EFA interface count {} exceeds the limit for {}", efas + 1, kind.name)));
    }
    Ok(())
}

fn limit(text: &str) -> ApiError {
    ApiError::client("AttachmentLimitExceeded", text)
}

/// How many ENIs hold slots of the instance: all, and on the card.
fn count(world: &World, instance: &str, card: u32) -> (usize, usize) {
    let Some(slots) = world.slots.get(instance) else { return (0, 0) };
    (slots.len(), slots.range((card, 0)..=(card, u32::MAX)).count())
}

/// Puts an ENI on an instance, `attaching`, and answers with the attachment's id.
pub(crate) fn place(core: &mut Core, eni_id: &str, instance_id: &str, slot: Slot, dot: bool) -> String {
    let id = core.draw_id(Kind::Attachment);
    let attachment = Attachment {
        id: id.clone(),
        instance_id: instance_id.to_owned(),
        device_index: slot.device,
        network_card_index: slot.card,
        status: AttachmentStatus::Attaching,
        attach_time: core.now,
        delete_on_termination: dot,
        ena_srd: None,
        ena_queue_count: None,
    };
    if let Some(eni) = core.world.enis.get_mut(eni_id) {
        eni.attachment = Some(attachment);
        core.log.note(core.now, What::Attaching, eni);
    }
    let slots = core.world.slots.entry(instance_id.to_owned()).or_default();
    slots.insert((slot.card, slot.device), eni_id.to_owned());
    core.world.attachments.insert(id.clone(), eni_id.to_owned());
    id
}

impl Core {
    /// Sets the timer of an attach under way, unless a fault keeps it from ending.
    pub(super) fn time_attach(&mut self, attachment: &str) {
        if !self.endless {
            self.after(self.settings.attach, Due::Attached(attachment.to_owned()));
        }
    }

    /// Ends an attach.
    pub(crate) fn finish_attach(&mut self, attachment: &str) {
        let Some(id) = self.world.attachments.get(attachment) else { return };
        let Some(eni) = self.world.enis.get_mut(id) else { return };
        if let Some(place) = eni.attachment.as_mut().filter(|p| p.status == AttachmentStatus::Attaching) {
            place.status = AttachmentStatus::Attached;
            self.log.note(self.now, What::Attached, eni);
        }
    }

    /// Ends a detach.
    pub(crate) fn finish_detach(&mut self, attachment: &str) {
        let under_way = |eni: &Eni| {
            eni.attachment.as_ref().is_some_and(|place| place.status == AttachmentStatus::Detaching)
        };
        if self.world.attached(attachment).is_some_and(under_way) {
            self.take_off(attachment);
        }
    }

    /// Takes an ENI off its instance at once, however the attachment stands.
    pub(crate) fn take_off(&mut self, attachment: &str) {
        let Some(id) = self.world.attachments.remove(attachment) else { return };
        let Some(eni) = self.world.enis.get_mut(&id) else { return };
        self.log.note(self.now, What::Detached, eni);
        let Some(place) = eni.attachment.take() else { return };
        if let Some(slots) = self.world.slots.get_mut(&place.instance_id) {
            slots.remove(&(place.network_card_index, place.device_index));
            if slots.is_empty() {
                self.world.slots.remove(&place.instance_id);
            }
        }
    }
}
