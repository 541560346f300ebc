//! `AttachNetworkInterface` and `DetachNetworkInterface`.

use super::slot::{self, Slot};
use super::{Perform, required};
use crate::api::{
    AttachNetworkInterface, AttachNetworkInterfaceAnswer, DetachNetworkInterface, Done, EnaSrdSpecification,
};
use crate::catalog::InstanceType;
use crate::core::{Core, Due};
use crate::error::ApiError;
use crate::events::What;
use crate::ids::{self, Kind};
use crate::policy::Question;
use crate::world::{Attachment, AttachmentStatus, Eni, Instance, InstanceState};

impl Perform for AttachNetworkInterface {
    type Answer = AttachNetworkInterfaceAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        required(&self.instance_id, "instanceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        let instance = core.find::<Instance>(&self.instance_id)?;
        let kind = slot::type_of(&instance)?;
        let slot = Slot::read(kind, self.network_card_index, self.device_index)?;
        let srd = srd(kind, self.ena_srd_specification)?;
        queues(kind, self.ena_queue_count)?;
        together(core, &eni, &instance)?;
        slot::check(&core.world, &instance, kind, &eni, slot)?;
        let attachment_id = slot::place(core, &eni.id, &instance.id, slot, false);
        if let Some(place) = core.world.enis.get_mut(&eni.id).and_then(|eni| eni.attachment.as_mut()) {
            place.ena_srd = srd;
            place.ena_queue_count = self.ena_queue_count;
        }
        core.time_attach(&attachment_id);
        Ok(AttachNetworkInterfaceAnswer { attachment_id, network_card_index: slot.card })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "AttachNetworkInterface";
        vec![
            Question::about(name, &core.world, Kind::NetworkInterface, &self.network_interface_id),
            Question::about(name, &core.world, Kind::Instance, &self.instance_id),
        ]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

/// Refuses an ENI and an instance that cannot come together now.
fn together(core: &Core, eni: &Eni, instance: &Instance) -> Result<(), ApiError> {
    if eni.attachment.is_some() {
        let text = format!("Interface: [{}] in use.", eni.id);
        return Err(ApiError::client("InvalidNetworkInterface.InUse", text));
    }
    reachable(instance)?;
    if eni.interface_type.is_efa() && instance.state == InstanceState::Running {
        return Err(ApiError::client(
            "IncorrectInstanceState",
            format!("Elastic Fabric Adapters cannot be attached to the running instance '{}'", instance.id),
        ));
    }
    if eni.zone != instance.zone {
        return Err(ApiError::combination(
            "You may not attach a network interface to an instance if they are not in the same availability zone",
        ));
    }
    if eni.vpc_id != instance.vpc_id && !core.settings.multi_vpc {
        return Err(ApiError::combination(
            "You may not attach a network interface to an instance if they are not in the same VPC",
        ));
    }
    Ok(())
}

/// Refuses instances that are neither running nor stopped.
fn reachable(instance: &Instance) -> Result<(), ApiError> {
    match instance.state {
        InstanceState::Running | InstanceState::Stopped => Ok(()),
        InstanceState::Pending
        | InstanceState::Stopping
        | InstanceState::ShuttingDown
        | InstanceState::Terminated => Err(ApiError::state(format!(
            "Instance '{}' is not 'running' or 'stopped' but '{}'.",
            instance.id,
            instance.state.name()
        ))),
    }
}

/// Reads ENA Express: on or off, and for UDP only where it is on.
pub(super) fn srd(
    kind: &InstanceType,
    request: Option<EnaSrdSpecification>,
) -> Result<Option<(bool, bool)>, ApiError> {
    let Some(request) = request else { return Ok(None) };
    let tcp = request.ena_srd_enabled == Some(true);
    let udp = request.ena_srd_udp_specification.is_some_and(|udp| udp.ena_srd_udp_enabled == Some(true));
    if udp && !tcp {
        return Err(ApiError::combination("ENA Express for UDP requires ENA Express"));
    }
    if tcp && !kind.ena_srd_supported {
        let text = format!("Instance type {} does not support ENA Express", kind.name);
        return Err(ApiError::client("UnsupportedOperation", text));
    }
    Ok(Some((tcp, udp)))
}

pub(super) fn queues(kind: &InstanceType, count: Option<u32>) -> Result<(), ApiError> {
    if count.is_some() && !kind.flexible_ena_queues {
        let text = format!("Instance type {} does not support flexible ENA queues", kind.name);
        return Err(ApiError::client("UnsupportedOperation", text));
    }
    Ok(())
}

impl Perform for DetachNetworkInterface {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.attachment_id, "attachmentId")?;
        ids::check(Kind::Attachment, &self.attachment_id)?;
        let unknown = || Kind::Attachment.not_found(&self.attachment_id);
        let eni_id = core.world.attachments.get(&self.attachment_id).cloned().ok_or_else(unknown)?;
        let eni = core.find::<Eni>(&eni_id).map_err(|_| unknown())?;
        let place = eni.attachment.as_ref().ok_or_else(unknown)?;
        let force = self.force == Some(true);
        detachable(core, &eni, place, force)?;
        if let Some(place) = core.world.enis.get_mut(&eni.id).and_then(|eni| eni.attachment.as_mut()) {
            place.status = AttachmentStatus::Detaching;
        }
        if let Some(eni) = core.world.enis.get(&eni_id) {
            core.log.note(core.now, What::Detaching, eni);
        }
        if !core.endless || force {
            core.after(core.settings.detach, Due::Detached(self.attachment_id.clone()));
        }
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "DetachNetworkInterface";
        let Some(eni) = core.world.attached(&self.attachment_id) else {
            return vec![Question::general(name)];
        };
        let mut questions = vec![Question::about(name, &core.world, Kind::NetworkInterface, &eni.id)];
        let instance = eni.attachment.iter();
        questions
            .extend(instance.map(|p| Question::about(name, &core.world, Kind::Instance, &p.instance_id)));
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

/// Refuses an attachment that cannot end now. Force is for those that hang on the way on or off.
fn detachable(core: &Core, eni: &Eni, place: &Attachment, force: bool) -> Result<(), ApiError> {
    if place.is_primary() {
        return Err(ApiError::forbidden(
            "The network interface at device index 0 and networkCard index 0 cannot be detached.",
        ));
    }
    if eni.requester_id.is_some() {
        return Err(ApiError::forbidden(
            "You are not allowed to manage network interfaces of another service.",
        ));
    }
    if place.status != AttachmentStatus::Attached && !force {
        let (id, status) = (&place.id, place.status.name());
        return Err(ApiError::state(format!("The attachment '{id}' is not 'attached' but '{status}'.")));
    }
    let Some(instance) = core.world.instances.get(&place.instance_id) else { return Ok(()) };
    if eni.interface_type.is_efa() && instance.state == InstanceState::Running {
        return Err(ApiError::client(
            "IncorrectInstanceState",
            format!("Elastic Fabric Adapters cannot be detached from the running instance '{}'", instance.id),
        ));
    }
    reachable(instance)
}
