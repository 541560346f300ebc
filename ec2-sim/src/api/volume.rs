//! EBS volumes, as far as they take slots from ENIs.

use serde::{Deserialize, Serialize};

use super::parts::{Filter, Tag, TagSpecification};
use crate::clock::Timestamp;

/// Makes a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CreateVolume {
    /// The name of the zone.
    pub availability_zone: Option<String>,
    /// The id of the zone.
    pub availability_zone_id: Option<String>,
    /// The size in GiB.
    pub size: Option<u32>,
    /// The type; none: `gp3`.
    pub volume_type: Option<String>,
    /// The tags.
    #[serde(rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Taken and ignored.
    pub client_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// A volume as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeItem {
    /// `vol-…`
    pub volume_id: String,
    /// The name of its zone.
    pub availability_zone: String,
    /// The id of its zone.
    pub availability_zone_id: String,
    /// Its size in GiB.
    pub size: u32,
    /// `available` or `in-use`.
    pub status: String,
    /// Its type.
    pub volume_type: String,
    /// When it was made.
    pub create_time: Timestamp,
    /// Never.
    pub encrypted: bool,
    /// Its places on instances: none or one.
    #[serde(rename = "attachmentSet")]
    pub attachments: Vec<VolumeAttachmentItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Vec<Tag>,
}

/// A volume's place on an instance as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeAttachmentItem {
    /// The volume.
    pub volume_id: String,
    /// The instance.
    pub instance_id: String,
    /// The device name.
    pub device: String,
    /// `attaching`, `attached` or `detaching`.
    pub status: String,
    /// When it was attached.
    pub attach_time: Timestamp,
    /// Whether EC2 deletes the volume with the instance.
    pub delete_on_termination: bool,
}

/// Puts a volume on an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AttachVolume {
    /// The volume.
    pub volume_id: String,
    /// The instance.
    pub instance_id: String,
    /// The device name.
    pub device: String,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Takes a volume off its instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DetachVolume {
    /// The volume.
    pub volume_id: String,
    /// The instance, if given the one it must be on.
    pub instance_id: Option<String>,
    /// Taken and ignored.
    pub device: Option<String>,
    /// Taken and ignored.
    pub force: Option<bool>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// Lists volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeVolumes {
    /// These only.
    #[serde(rename = "VolumeId")]
    pub volume_ids: Vec<String>,
    /// Those that fit all filters.
    #[serde(rename = "Filter")]
    pub filters: Vec<Filter>,
    /// The page size, 5 to 1000. Not with ids.
    pub max_results: Option<i32>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Only ask whether it would be allowed.
    pub dry_run: Option<bool>,
}

/// A page of volumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVolumesAnswer {
    /// The volumes, by id.
    #[serde(rename = "volumeSet")]
    pub volumes: Vec<VolumeItem>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}
