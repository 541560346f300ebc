//! EBS volumes, simulated only so far as they take attachment slots from ENIs.

use serde::Serialize;

use super::Tags;
use crate::clock::Timestamp;

/// A volume's place on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeAttachment {
    /// The instance.
    pub instance_id: String,
    /// The device name.
    pub device: String,
    /// When it was attached.
    pub attach_time: Timestamp,
    /// Whether EC2 deletes the volume with the instance.
    pub delete_on_termination: bool,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// `vol-…`
    pub id: String,
    /// The name of its zone.
    pub zone: String,
    /// Its size in GiB.
    pub size: u32,
    /// Its type, e.g. `gp3`.
    pub volume_type: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its place on an instance.
    pub attachment: Option<VolumeAttachment>,
    /// The tags.
    pub tags: Tags,
}

impl Volume {
    /// Says whether the volume holds a slot of the instance.
    #[must_use]
    pub fn is_on(&self, instance: &str) -> bool {
        self.attachment.as_ref().is_some_and(|attachment| attachment.instance_id == instance)
    }
}
