//! EBS volumes, as far as they take slots from ENIs. They attach and detach at once.

use super::list::{Listed, Listing, list};
use super::network::zone_name;
use super::{Perform, required, slot, tag};
use crate::api::{
    AttachVolume, CreateVolume, DescribeVolumes, DescribeVolumesAnswer, DetachVolume, VolumeAttachmentItem,
    VolumeItem, tag_set,
};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Instance, InstanceState, Tags, Volume, VolumeAttachment};

impl Listed for Volume {
    const FILTERS: &'static [&'static str] = &[
        "attachment.device",
        "attachment.instance-id",
        "attachment.status",
        "availability-zone",
        "size",
        "status",
        "volume-id",
        "volume-type",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, _view: View<'_>, filter: &str) -> Vec<String> {
        let place = self.attachment.iter();
        match filter {
            "attachment.device" => place.map(|place| place.device.clone()).collect(),
            "attachment.instance-id" => place.map(|place| place.instance_id.clone()).collect(),
            "attachment.status" => place.map(|_| "attached".to_owned()).collect(),
            "availability-zone" => vec![self.zone.clone()],
            "size" => vec![self.size.to_string()],
            "status" => vec![status(self).to_owned()],
            "volume-id" => vec![self.id.clone()],
            _ => vec![self.volume_type.clone()],
        }
    }
}

fn status(volume: &Volume) -> &'static str {
    if volume.attachment.is_some() { "in-use" } else { "available" }
}

fn item(view: View<'_>, volume: &Volume) -> VolumeItem {
    VolumeItem {
        volume_id: volume.id.clone(),
        availability_zone: volume.zone.clone(),
        availability_zone_id: view.settings.zone_id(&volume.zone),
        size: volume.size,
        status: status(volume).to_owned(),
        volume_type: volume.volume_type.clone(),
        create_time: volume.created_at,
        encrypted: false,
        attachments: volume
            .attachment
            .iter()
            .map(|place| place_item(&volume.id, place, "attached"))
            .collect(),
        tags: tag_set(&volume.tags),
    }
}

fn place_item(volume: &str, place: &VolumeAttachment, status: &str) -> VolumeAttachmentItem {
    VolumeAttachmentItem {
        volume_id: volume.to_owned(),
        instance_id: place.instance_id.clone(),
        device: place.device.clone(),
        status: status.to_owned(),
        attach_time: place.attach_time,
        delete_on_termination: place.delete_on_termination,
    }
}

impl Perform for CreateVolume {
    type Answer = VolumeItem;

    fn perform(&self, core: &mut Core) -> Result<VolumeItem, ApiError> {
        if self.availability_zone.is_none() && self.availability_zone_id.is_none() {
            return Err(ApiError::missing("AvailabilityZone"));
        }
        let zone = zone_name(core, self.availability_zone.as_deref(), self.availability_zone_id.as_deref())?;
        let mut tags = tag::specified(&self.tag_specifications, &[Kind::Volume])?;
        let volume = Volume {
            id: core.draw_id(Kind::Volume),
            zone,
            size: self.size.unwrap_or(1),
            volume_type: self.volume_type.clone().unwrap_or_else(|| "gp3".to_owned()),
            created_at: core.now,
            attachment: None,
            tags: tags.remove(Kind::Volume.resource_type()).unwrap_or_default(),
        };
        let answer = item(core.view(core.now), &volume);
        core.world.volumes.insert(volume.id.clone(), volume);
        Ok(VolumeItem { status: "creating".to_owned(), ..answer })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        Question::making(
            "CreateVolume",
            Kind::Volume,
            &tag::unchecked(&self.tag_specifications, Kind::Volume),
        )
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl DescribeVolumes {
    fn listing(&self) -> Listing<'_> {
        Listing {
            ids: &self.volume_ids,
            filters: &self.filters,
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
            most: 1000,
        }
    }
}

impl Perform for DescribeVolumes {
    type Answer = DescribeVolumesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let at = core.draw_moment();
        let (volumes, next_token) = list(core.view(at), self.listing(), item)?;
        Ok(DescribeVolumesAnswer { volumes, next_token })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeVolumes")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }

    fn is_unfiltered(&self) -> bool {
        self.listing().is_unfiltered()
    }
}

impl Perform for AttachVolume {
    type Answer = VolumeAttachmentItem;

    fn perform(&self, core: &mut Core) -> Result<VolumeAttachmentItem, ApiError> {
        required(&self.volume_id, "volumeId")?;
        required(&self.instance_id, "instanceId")?;
        required(&self.device, "device")?;
        let volume = core.find::<Volume>(&self.volume_id)?;
        let instance = core.find::<Instance>(&self.instance_id)?;
        check(core, &volume, &instance, &self.device)?;
        let place = VolumeAttachment {
            instance_id: instance.id.clone(),
            device: self.device.clone(),
            attach_time: core.now,
            delete_on_termination: false,
        };
        let answer = place_item(&volume.id, &place, "attaching");
        if let Some(volume) = core.world.volumes.get_mut(&volume.id) {
            volume.attachment = Some(place);
        }
        Ok(answer)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "AttachVolume";
        vec![
            Question::about(name, &core.world, Kind::Volume, &self.volume_id),
            Question::about(name, &core.world, Kind::Instance, &self.instance_id),
        ]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

fn check(core: &Core, volume: &Volume, instance: &Instance, device: &str) -> Result<(), ApiError> {
    if volume.attachment.is_some() {
        let text = format!("{} is already attached to an instance", volume.id);
        return Err(ApiError::client("VolumeInUse", text));
    }
    if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
        let text = format!("Instance '{}' is not 'running'.", instance.id);
        return Err(ApiError::client("IncorrectState", text));
    }
    if volume.zone != instance.zone {
        let text = format!(
            "The volume '{}' is not in the same availability zone as instance '{}'",
            volume.id, instance.id
        );
        return Err(ApiError::client("InvalidVolume.ZoneMismatch", text));
    }
    let on_it = |other: &&Volume| other.is_on(&instance.id);
    let same_device = |other: &Volume| other.attachment.as_ref().is_some_and(|place| place.device == device);
    if core.world.volumes.values().filter(on_it).any(same_device) {
        return Err(ApiError::value(format!(
            "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        )));
    }
    let kind = slot::type_of(instance)?;
    let (volumes, enis) = (core.world.volumes_of(&instance.id), core.world.enis_of(&instance.id).count());
    let full = match kind.shared_attachments() {
        Some(slots) => volumes + enis >= slots,
        None => volumes >= kind.ebs_max,
    };
    if full {
        let text = format!("Attachment limit of {} exceeded for instance '{}'", kind.name, instance.id);
        return Err(ApiError::client("AttachmentLimitExceeded", text));
    }
    Ok(())
}

impl Perform for DetachVolume {
    type Answer = VolumeAttachmentItem;

    fn perform(&self, core: &mut Core) -> Result<VolumeAttachmentItem, ApiError> {
        required(&self.volume_id, "volumeId")?;
        let volume = core.find::<Volume>(&self.volume_id)?;
        let wanted = |place: &&VolumeAttachment| {
            self.instance_id.as_ref().is_none_or(|instance| *instance == place.instance_id)
        };
        let place = volume.attachment.as_ref().filter(wanted).cloned().ok_or_else(|| {
            let text = format!("Volume '{}' is in the 'available' state.", volume.id);
            ApiError::client("IncorrectState", text)
        })?;
        if let Some(volume) = core.world.volumes.get_mut(&volume.id) {
            volume.attachment = None;
        }
        Ok(place_item(&volume.id, &place, "detaching"))
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("DetachVolume", &core.world, Kind::Volume, &self.volume_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
