//! What exists in the simulated region: the truth, without any lag.

mod eni;
mod instance;
mod network;
mod table;
mod volume;

pub use eni::{Attachment, AttachmentStatus, ConnectionTracking, Eni, EniStatus, InterfaceType};
pub use instance::{Instance, InstanceState, MetadataOptions};
pub use network::{SecurityGroup, Subnet, Vpc};
pub use table::Table;
pub use volume::{Volume, VolumeAttachment};

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ids::Kind;

/// The tags of a thing.
pub type Tags = BTreeMap<String, String>;

/// Everything that exists. Read it through `Simulator::state`; only calls change it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct World {
    /// The VPCs.
    pub vpcs: Table<Vpc>,
    /// The subnets.
    pub subnets: Table<Subnet>,
    /// The security groups.
    pub groups: Table<SecurityGroup>,
    /// The instances, terminated ones for an hour.
    pub instances: Table<Instance>,
    /// The network interfaces.
    pub enis: Table<Eni>,
    /// The EBS volumes.
    pub volumes: Table<Volume>,
    /// Which ENI an attachment id speaks of.
    pub attachments: BTreeMap<String, String>,
    /// Which ENI holds which slot of an instance: by instance, then by (card, device index).
    #[serde(skip)]
    pub slots: BTreeMap<String, BTreeMap<(u32, u32), String>>,
}

impl World {
    /// The ENIs that hold a slot of the instance, by (card, device index).
    pub fn enis_of(&self, instance: &str) -> impl Iterator<Item = &Eni> {
        self.slots.get(instance).into_iter().flatten().filter_map(|(_, id)| self.enis.get(id))
    }

    /// The ENI of an attachment.
    #[must_use]
    pub fn attached(&self, attachment: &str) -> Option<&Eni> {
        self.attachments.get(attachment).and_then(|id| self.enis.get(id))
    }

    /// How many volumes hold a slot of the instance.
    #[must_use]
    pub fn volumes_of(&self, instance: &str) -> usize {
        self.volumes.values().filter(|volume| volume.is_on(instance)).count()
    }

    /// The tags of the thing with the id; none if there is no such thing.
    #[must_use]
    pub fn tags(&self, kind: Kind, id: &str) -> Option<&Tags> {
        match kind {
            Kind::NetworkInterface => self.enis.get(id).map(|eni| &eni.tags),
            Kind::Instance => self.instances.get(id).map(|instance| &instance.tags),
            Kind::Subnet => self.subnets.get(id).map(|subnet| &subnet.tags),
            Kind::SecurityGroup => self.groups.get(id).map(|group| &group.tags),
            Kind::Vpc => self.vpcs.get(id).map(|vpc| &vpc.tags),
            Kind::Volume => self.volumes.get(id).map(|volume| &volume.tags),
            Kind::Attachment | Kind::Reservation => None,
        }
    }

    pub(crate) fn tags_mut(&mut self, kind: Kind, id: &str) -> Option<&mut Tags> {
        match kind {
            Kind::NetworkInterface => self.enis.get_mut(id).map(|eni| &mut eni.tags),
            Kind::Instance => self.instances.get_mut(id).map(|instance| &mut instance.tags),
            Kind::Subnet => self.subnets.get_mut(id).map(|subnet| &mut subnet.tags),
            Kind::SecurityGroup => self.groups.get_mut(id).map(|group| &mut group.tags),
            Kind::Vpc => self.vpcs.get_mut(id).map(|vpc| &mut vpc.tags),
            Kind::Volume => self.volumes.get_mut(id).map(|volume| &mut volume.tags),
            Kind::Attachment | Kind::Reservation => None,
        }
    }
}
