//! What happened to ENIs, in order: for a fake node that has to plug links in and out.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::world::Eni;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An ENI was made.
    Created,
    /// An attach was accepted.
    Attaching,
    /// The ENI is on the instance: the moment a link shows up there.
    Attached,
    /// A detach was accepted.
    Detaching,
    /// The ENI is off the instance: the moment the link goes.
    Detached,
    /// The ENI is gone.
    Deleted,
}

/// One thing that happened to one ENI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Counts from 1 without gaps.
    pub sequence: u64,
    /// When, by the simulated clock.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// The ENI.
    pub eni_id: String,
    /// Its MAC address.
    pub mac: String,
    /// Its primary address.
    pub private_ip: Option<std::net::Ipv4Addr>,
    /// Its subnet.
    pub subnet_id: String,
    /// The instance, of all but `created` and `deleted`.
    pub instance_id: Option<String>,
    /// The attachment, of all but `created` and `deleted`.
    pub attachment_id: Option<String>,
    /// The index on the card.
    pub device_index: Option<u32>,
    /// The card.
    pub network_card_index: Option<u32>,
}

/// The events since the start or the last reset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Vec<Event>);

impl Log {
    pub(crate) fn note(&mut self, at: Timestamp, what: What, eni: &Eni) {
        let place = eni.attachment.as_ref();
        self.0.push(Event {
            sequence: self.0.len() as u64 + 1,
            at,
            what,
            eni_id: eni.id.clone(),
            mac: eni.mac.clone(),
            private_ip: eni.primary,
            subnet_id: eni.subnet_id.clone(),
            instance_id: place.map(|place| place.instance_id.clone()),
            attachment_id: place.map(|place| place.id.clone()),
            device_index: place.map(|place| place.device_index),
            network_card_index: place.map(|place| place.network_card_index),
        });
    }

    /// The events with the sequence number and later ones.
    pub(crate) fn since(&self, sequence: u64) -> &[Event] {
        let start = usize::try_from(sequence.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(start..).unwrap_or_default()
    }
}
