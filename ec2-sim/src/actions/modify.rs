//! Changing attributes of ENIs.

use super::{Perform, asked, attach, make, required, slot};
use crate::api::{AttachmentChanges, Done, ModifyNetworkInterfaceAttribute, ResetNetworkInterfaceAttribute};
use crate::core::Core;
use crate::error::ApiError;
use crate::ids::{self, Kind};
use crate::policy::Question;
use crate::world::{Eni, Instance};

impl ModifyNetworkInterfaceAttribute {
    /// How many attributes the call wants to change. One is allowed.
    fn attributes(&self) -> usize {
        [
            self.attachment.is_some(),
            self.description.is_some(),
            !self.groups.is_empty(),
            self.source_dest_check.is_some(),
            self.ena_srd_specification.is_some(),
            self.enable_primary_ipv6.is_some(),
            self.connection_tracking_specification.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }
}

impl Perform for ModifyNetworkInterfaceAttribute {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        match self.attributes() {
            0 => return Err(ApiError::client("MissingParameter", "No attributes specified.")),
            1 => {}
            _ => return Err(ApiError::combination("Fields for multiple attribute types specified")),
        }
        let mut changed = Eni::clone(&eni);
        if let Some(changes) = &self.attachment {
            change_attachment(core, &mut changed, changes)?;
        }
        if let Some(description) = &self.description {
            make::description(&description.value)?;
            changed.description.clone_from(&description.value);
        }
        if !self.groups.is_empty() {
            changed.groups = make::groups(core, &self.groups, &eni.vpc_id)?;
        }
        if let Some(check) = &self.source_dest_check {
            changed.source_dest_check = check.value;
        }
        if let Some(on) = self.enable_primary_ipv6 {
            changed.primary_ipv6 |= on;
        }
        if self.connection_tracking_specification.is_some() {
            changed.connection_tracking = asked::tracking(self.connection_tracking_specification)?;
        }
        if self.ena_srd_specification.is_some() {
            let place = changed
                .attachment
                .as_mut()
                .ok_or_else(|| ApiError::state("The network interface is not attached"))?;
            let instance = core.get::<Instance>(&place.instance_id)?;
            place.ena_srd = attach::srd(slot::type_of(&instance)?, self.ena_srd_specification)?;
        }
        core.world.enis.insert(changed.id.clone(), changed);
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "ModifyNetworkInterfaceAttribute";
        let mut questions =
            vec![Question::about(name, &core.world, Kind::NetworkInterface, &self.network_interface_id)];
        let groups = self.groups.iter();
        questions.extend(groups.map(|id| Question::about(name, &core.world, Kind::SecurityGroup, id)));
        let attachment = self.attachment.as_ref().and_then(|changes| changes.attachment_id.as_deref());
        let eni = attachment.and_then(|id| core.world.attached(id));
        let place = eni.and_then(|eni| eni.attachment.as_ref());
        questions.extend(
            place.map(|place| Question::about(name, &core.world, Kind::Instance, &place.instance_id)),
        );
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

fn change_attachment(core: &mut Core, eni: &mut Eni, changes: &AttachmentChanges) -> Result<(), ApiError> {
    let id = changes.attachment_id.as_deref().ok_or_else(|| ApiError::missing("attachmentId"))?;
    ids::check(Kind::Attachment, id)?;
    let place = eni.attachment.as_mut().filter(|place| place.id == id);
    let place = place.ok_or_else(|| Kind::Attachment.not_found(id))?;
    if let Some(dot) = changes.delete_on_termination {
        place.delete_on_termination = dot;
    }
    if changes.ena_queue_count.is_some() {
        let instance = core.get::<Instance>(&place.instance_id)?;
        attach::queues(slot::type_of(&instance)?, changes.ena_queue_count)?;
        place.ena_queue_count = changes.ena_queue_count;
    }
    if changes.default_ena_queue_count == Some(true) {
        place.ena_queue_count = None;
    }
    Ok(())
}

impl Perform for ResetNetworkInterfaceAttribute {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        if self.source_dest_check.is_none() {
            return Err(ApiError::missing("sourceDestCheck"));
        }
        if let Some(eni) = core.world.enis.get_mut(&eni.id) {
            eni.source_dest_check = true;
        }
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "ResetNetworkInterfaceAttribute";
        vec![Question::about(name, &core.world, Kind::NetworkInterface, &self.network_interface_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
