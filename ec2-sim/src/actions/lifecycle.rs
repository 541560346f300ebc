//! Instances coming up, going down and going away, and what becomes of their ENIs and volumes.

use super::Perform;
use super::instance::state;
use crate::api::{
    InstanceStateChange, InstanceStateChanges, StartInstances, StopInstances, TerminateInstances,
};
use crate::core::{Core, Due};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Instance, InstanceState};

impl Core {
    /// Ends the start of an instance: it runs, and the ENIs it was launched with are attached.
    pub(crate) fn finish_start(&mut self, id: &str) {
        if self.enter(id, InstanceState::Pending, InstanceState::Running) {
            let places: Vec<_> =
                self.world.enis_of(id).filter_map(|eni| Some(eni.attachment.as_ref()?.id.clone())).collect();
            for attachment in places {
                self.finish_attach(&attachment);
            }
        }
    }

    /// Ends the stop of an instance.
    pub(crate) fn finish_stop(&mut self, id: &str) {
        self.enter(id, InstanceState::Stopping, InstanceState::Stopped);
    }

    /// Ends an instance: its ENIs are deleted or set free, its volumes too.
    pub(crate) fn finish_termination(&mut self, id: &str) {
        if !self.enter(id, InstanceState::ShuttingDown, InstanceState::Terminated) {
            return;
        }
        let enis: Vec<_> = self.world.enis_of(id).cloned().collect();
        for eni in enis {
            let Some(place) = eni.attachment else { continue };
            self.take_off(&place.id);
            if place.delete_on_termination {
                self.remove_eni(&eni.id);
            }
        }
        self.free_volumes(id);
        self.after(self.settings.terminated_visible, Due::Forgotten(id.to_owned()));
    }

    fn free_volumes(&mut self, instance: &str) {
        let volumes: Vec<_> = self.world.volumes.values().filter(|v| v.is_on(instance)).cloned().collect();
        for mut volume in volumes {
            match volume.attachment.take() {
                Some(place) if place.delete_on_termination => drop(self.world.volumes.remove(&volume.id)),
                Some(_) | None => self.world.volumes.insert(volume.id.clone(), volume),
            }
        }
    }

    /// Moves an instance from one state to another; says whether it was in the first.
    fn enter(&mut self, id: &str, from: InstanceState, to: InstanceState) -> bool {
        match self.world.instances.get_mut(id) {
            Some(instance) if instance.state == from => {
                instance.state = to;
                true
            }
            Some(_) | None => false,
        }
    }
}

/// One step of many instances: all of them can take it, or none does.
fn step(
    core: &mut Core,
    ids: &[String],
    allowed: impl Fn(&Instance) -> Result<(), ApiError>,
    take: impl Fn(&mut Core, &Instance) -> InstanceState,
) -> Result<InstanceStateChanges, ApiError> {
    if ids.is_empty() {
        return Err(ApiError::missing("InstanceId"));
    }
    let mut instances = Vec::new();
    for id in ids {
        let instance = core.find::<Instance>(id)?;
        allowed(&instance)?;
        instances.push(instance);
    }
    let mut changes = Vec::new();
    for instance in instances {
        let (previous, current) = (instance.state, take(core, &instance));
        if let Some(instance) = core.world.instances.get_mut(&instance.id) {
            instance.state = current;
        }
        changes.push(InstanceStateChange {
            instance_id: instance.id.clone(),
            current_state: state(current),
            previous_state: state(previous),
        });
    }
    Ok(InstanceStateChanges { instances: changes })
}

fn wrong_state(instance: &Instance, verb: &str) -> ApiError {
    let text = format!("The instance '{}' is not in a state from which it can be {verb}.", instance.id);
    ApiError::client("IncorrectInstanceState", text)
}

fn questions(name: &'static str, core: &Core, ids: &[String]) -> Vec<Question> {
    ids.iter().map(|id| Question::about(name, &core.world, Kind::Instance, id)).collect()
}

impl Perform for StartInstances {
    type Answer = InstanceStateChanges;

    fn perform(&self, core: &mut Core) -> Result<InstanceStateChanges, ApiError> {
        let allowed = |instance: &Instance| match instance.state {
            InstanceState::Stopped | InstanceState::Running | InstanceState::Pending => Ok(()),
            InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                Err(wrong_state(instance, "started"))
            }
        };
        step(core, &self.instance_ids, allowed, |core, instance| {
            if instance.state != InstanceState::Stopped {
                return instance.state;
            }
            if let Some(changed) = core.world.instances.get_mut(&instance.id) {
                changed.launch_time = core.now;
                changed.state_reason = None;
            }
            core.after(core.settings.start, Due::Running(instance.id.clone()));
            InstanceState::Pending
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        questions("StartInstances", core, &self.instance_ids)
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl Perform for StopInstances {
    type Answer = InstanceStateChanges;

    fn perform(&self, core: &mut Core) -> Result<InstanceStateChanges, ApiError> {
        let allowed = |instance: &Instance| match instance.state {
            InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => Ok(()),
            InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
                Err(wrong_state(instance, "stopped"))
            }
        };
        step(core, &self.instance_ids, allowed, |core, instance| {
            if instance.state != InstanceState::Running {
                return instance.state;
            }
            give_reason(core, &instance.id, "Client.UserInitiatedShutdown");
            core.after(core.settings.stop, Due::Stopped(instance.id.clone()));
            InstanceState::Stopping
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        questions("StopInstances", core, &self.instance_ids)
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl Perform for TerminateInstances {
    type Answer = InstanceStateChanges;

    fn perform(&self, core: &mut Core) -> Result<InstanceStateChanges, ApiError> {
        step(
            core,
            &self.instance_ids,
            |_| Ok(()),
            |core, instance| {
                if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
                    return instance.state;
                }
                give_reason(core, &instance.id, "Client.UserInitiatedShutdown");
                core.after(core.settings.terminate, Due::Terminated(instance.id.clone()));
                InstanceState::ShuttingDown
            },
        )
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        questions("TerminateInstances", core, &self.instance_ids)
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

fn give_reason(region: &mut Core, id: &str, code: &str) {
    if let Some(instance) = region.world.instances.get_mut(id) {
        instance.state_reason = Some((code.to_owned(), format!("{code}: User initiated shutdown")));
    }
}
