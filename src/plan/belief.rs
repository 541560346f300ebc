//! What to believe of a slot: its record, held against what EC2 lists.
//!
//! The record is what EC2 answered to our own calls; the listing is what EC2 shows to everybody, and it
//! may be older. So a listing from soon after our last call proves progress, and nothing else: it cannot
//! take back what EC2 has answered, until the lag is over.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::{Settings, record};
use crate::api::{CloudState, CloudStatus, NodeENIAttachment};
use crate::model::{Eni, EniId, Epoch};

/// What is known of a slot, before anything is concluded from it.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotView {
    /// The object.
    pub attachment: NodeENIAttachment,
    /// What EC2 lists under the slot's tags; `None` if it was not asked.
    pub listing: Option<Listing>,
    /// Whether this process made the object and nobody has asked EC2 for an ENI since.
    pub newborn: bool,
    /// Since when this process knows the object, or has last asked EC2 for something on its behalf.
    pub known_since: Timestamp,
    /// Not before this time, after failures.
    pub retry_at: Option<Timestamp>,
}

/// What EC2 listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When it was asked; the answer may be older by the lag.
    pub at: Timestamp,
    /// The ENIs.
    pub enis: Vec<Eni>,
}

/// What to believe of a slot.
#[derive(Debug, Clone, PartialEq)]
pub enum Belief {
    /// EC2 has to be asked first.
    Unasked,
    /// Record and listing contradict each other, or the listing may be too old. Wait until then.
    Settling {
        /// The record, which stands meanwhile.
        cloud: Option<CloudStatus>,
        /// When the listing can be believed.
        until: Timestamp,
    },
    /// There is no ENI, and none can be on its way.
    Nothing {
        /// The epoch of the last one, if there was one.
        last_epoch: Option<Epoch>,
    },
    /// A create was asked for and not answered. Asking again with the same token is safe.
    Asked {
        /// The record.
        cloud: CloudStatus,
    },
    /// There is an ENI.
    Present {
        /// What is known of it.
        cloud: CloudStatus,
        /// Whether the record did not have it.
        adopted: bool,
        /// Other ENIs of the same slot, which should not be.
        surplus: Vec<Eni>,
    },
}

/// What to believe of a slot.
#[must_use]
pub fn of(slot: &SlotView, settings: &Settings, now: Timestamp) -> Belief {
    let recorded = slot.attachment.recorded().cloned();
    let Some(listing) = &slot.listing else { return Belief::Unasked };
    match recorded {
        None => without_record(slot, listing, settings, now),
        Some(cloud) => match record::eni(&cloud) {
            Some(eni) => with_eni(cloud, &eni, listing, settings),
            None => without_answer(cloud, listing, settings),
        },
    }
}

/// A slot without a record is new, or has lost it: then an ENI that is not listed yet may exist.
fn without_record(slot: &SlotView, listing: &Listing, settings: &Settings, now: Timestamp) -> Belief {
    let certain = slot.known_since.saturating_add(settings.listing_lag).unwrap_or(Timestamp::MAX);
    if let Some(belief) = adopt(listing, &record::intended(Epoch(now.as_second()), now)) {
        if listing.at < certain { unsure_of_addresses(belief) } else { belief }
    } else if slot.newborn || listing.at >= certain {
        Belief::Nothing { last_epoch: None }
    } else {
        Belief::Settling { cloud: None, until: certain }
    }
}

/// An ENI that was found in a listing which may be older than a call that gave it addresses.
fn unsure_of_addresses(belief: Belief) -> Belief {
    match belief {
        Belief::Present { cloud, adopted, surplus } => {
            Belief::Present { cloud: CloudStatus { addresses_unsure: true, ..cloud }, adopted, surplus }
        }
        Belief::Unasked | Belief::Settling { .. } | Belief::Nothing { .. } | Belief::Asked { .. } => belief,
    }
}

/// A record without an ENI: the answer to a create is missing.
///
/// An attribute may have been changed after the create, and not be listed so yet.
fn without_answer(cloud: CloudStatus, listing: &Listing, settings: &Settings) -> Belief {
    let lagging = listing.at < settled_at(&cloud, settings);
    match adopt(listing, &cloud) {
        Some(Belief::Present { cloud, adopted, surplus }) if lagging => {
            let cloud = CloudStatus {
                delete_on_termination: None,
                source_dest_check: None,
                addresses_unsure: true,
                ..cloud
            };
            Belief::Present { cloud, adopted, surplus }
        }
        Some(belief) => belief,
        None => Belief::Asked { cloud },
    }
}

/// A record with an ENI, held against the listing.
fn with_eni(cloud: CloudStatus, eni: &EniId, listing: &Listing, settings: &Settings) -> Belief {
    let settled = settled_at(&cloud, settings);
    let lagging = listing.at < settled;
    let surplus: Vec<Eni> = listing.enis.iter().filter(|other| other.id != *eni).cloned().collect();
    match listing.enis.iter().find(|listed| listed.id == *eni) {
        Some(_) if cloud.state == Some(CloudState::Deleted) && lagging => gone(&cloud, &surplus, listing),
        Some(listed) => match merge(&cloud, listed, lagging) {
            Some(cloud) => Belief::Present { cloud, adopted: false, surplus },
            None => Belief::Settling { cloud: Some(cloud), until: settled },
        },
        None if cloud.state == Some(CloudState::Deleted) || !lagging => gone(&cloud, &surplus, listing),
        None => Belief::Settling { cloud: Some(cloud), until: settled },
    }
}

/// The recorded ENI is gone; perhaps another of the slot is there.
fn gone(cloud: &CloudStatus, surplus: &[Eni], listing: &Listing) -> Belief {
    let others = Listing { at: listing.at, enis: surplus.to_vec() };
    match adopt(&others, cloud) {
        // What is recorded is gone, whatever the other one is on its way to.
        Some(Belief::Settling { cloud: None, until }) => {
            Belief::Settling { cloud: Some(record::lost(cloud)), until }
        }
        Some(belief) => belief,
        None => Belief::Nothing { last_epoch: Some(Epoch(cloud.epoch)) },
    }
}

/// Takes one of the listed ENIs for the slot's: one that is attached to its instance first, one that is
/// attached to another last, and of several the oldest.
fn adopt(listing: &Listing, before: &CloudStatus) -> Option<Belief> {
    let rank = |eni: &&Eni| {
        (record::is_elsewhere(eni), eni.attachment.is_none(), record::of(eni, before).epoch, eni.id.clone())
    };
    let chosen = listing.enis.iter().min_by_key(rank)?;
    let surplus = listing.enis.iter().filter(|other| other.id != chosen.id).cloned().collect();
    let cloud = record::of(chosen, before);
    Some(match cloud.state {
        Some(_) => Belief::Present { cloud, adopted: true, surplus },
        None => Belief::Settling { cloud: None, until: listing.at },
    })
}

/// When a listing shows everything that the record knows.
fn settled_at(cloud: &CloudStatus, settings: &Settings) -> Timestamp {
    cloud.last_change.0.saturating_add(settings.listing_lag).unwrap_or(Timestamp::MAX)
}

/// The record, brought up to what EC2 lists; `None` if the two contradict each other for now.
fn merge(cloud: &CloudStatus, listed: &Eni, lagging: bool) -> Option<CloudStatus> {
    let state = record::state(listed)?;
    if !lagging {
        return Some(record::of(listed, cloud));
    }
    if !progressed(cloud, state, listed) {
        return None;
    }
    // What EC2 answered to our own call may not be in the listing yet; what it did not answer neither.
    Some(CloudStatus {
        source_dest_check: cloud.source_dest_check,
        security_group_ids: cloud.security_group_ids.clone(),
        description: cloud.description.clone(),
        secondary_private_ips: cloud.secondary_private_ips.clone(),
        ipv4_prefixes: cloud.ipv4_prefixes.clone(),
        ipv6_addresses: cloud.ipv6_addresses.clone(),
        addresses_unsure: cloud.addresses_unsure,
        tags: cloud.tags.clone(),
        delete_on_termination: match state {
            CloudState::Attaching | CloudState::Attached | CloudState::Detaching => {
                cloud.delete_on_termination
            }
            CloudState::Available | CloudState::Deleted => None,
        },
        ..record::of(listed, cloud)
    })
}

/// Whether a listed state can have come after the recorded one.
fn progressed(cloud: &CloudStatus, listed: CloudState, eni: &Eni) -> bool {
    let same = eni.attachment.as_ref().is_some_and(|attachment| record::same_attachment(cloud, attachment));
    match (cloud.state, listed) {
        (Some(before), after) if before == after => same || after == CloudState::Available,
        (Some(CloudState::Attaching), CloudState::Attached)
        | (Some(CloudState::Attaching | CloudState::Attached), CloudState::Detaching) => same,
        (Some(CloudState::Available), CloudState::Attaching | CloudState::Attached)
        | (Some(CloudState::Detaching), CloudState::Available)
        | (None, _) => true,
        _ => false,
    }
}

impl Belief {
    /// The record to keep, whatever happens next.
    #[must_use]
    pub fn cloud(&self) -> Option<&CloudStatus> {
        match self {
            Self::Unasked | Self::Nothing { .. } => None,
            Self::Settling { cloud, .. } => cloud.as_ref(),
            Self::Asked { cloud } | Self::Present { cloud, .. } => Some(cloud),
        }
    }
}

/// The time that the record bears as a moment.
#[must_use]
pub fn moment(time: &Time) -> Timestamp {
    time.0
}
