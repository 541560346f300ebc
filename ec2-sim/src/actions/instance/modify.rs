//! Changing instances: the metadata service, the type, the source/destination check.

use std::collections::BTreeMap;

use super::super::{Perform, required, slot};
use super::item::metadata;
use crate::api::{
    Done, MetadataOptionsItem, MetadataOptionsRequest, ModifyInstanceAttribute,
    ModifyInstanceMetadataOptions, ModifyInstanceMetadataOptionsAnswer,
};
use crate::core::Core;
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{Instance, InstanceState, MetadataOptions};

/// Changes those options that are given, if they may be so.
pub(in crate::actions) fn change_metadata(
    options: &mut MetadataOptions,
    request: &MetadataOptionsRequest,
) -> Result<(), ApiError> {
    let choose = |now: &mut String, wanted: &Option<String>, choices: [&str; 2]| match wanted {
        Some(wanted) if choices.contains(&wanted.as_str()) => {
            now.clone_from(wanted);
            Ok(())
        }
        Some(wanted) => {
            Err(ApiError::value(format!("Invalid value '{wanted}': {} or {}", choices[0], choices[1])))
        }
        None => Ok(()),
    };
    let switch = ["enabled", "disabled"];
    choose(&mut options.http_tokens, &request.http_tokens, ["optional", "required"])?;
    choose(&mut options.http_endpoint, &request.http_endpoint, switch)?;
    choose(&mut options.http_protocol_ipv6, &request.http_protocol_ipv6, switch)?;
    choose(&mut options.instance_metadata_tags, &request.instance_metadata_tags, switch)?;
    if let Some(limit) = request.http_put_response_hop_limit {
        if !(1..=64).contains(&limit) {
            return Err(ApiError::value(format!(
                "Invalid value '{limit}' for httpPutResponseHopLimit: 1 to 64"
            )));
        }
        options.http_put_response_hop_limit = limit;
    }
    Ok(())
}

impl Perform for ModifyInstanceMetadataOptions {
    type Answer = ModifyInstanceMetadataOptionsAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.instance_id, "instanceId")?;
        let instance = core.find::<Instance>(&self.instance_id)?;
        let mut options = instance.metadata.clone();
        change_metadata(&mut options, &self.options())?;
        let answer = metadata(&options);
        if let Some(instance) = core.world.instances.get_mut(&instance.id) {
            instance.metadata = options;
        }
        Ok(ModifyInstanceMetadataOptionsAnswer {
            instance_id: self.instance_id.clone(),
            instance_metadata_options: MetadataOptionsItem { state: "pending".to_owned(), ..answer },
        })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("ModifyInstanceMetadataOptions", &core.world, Kind::Instance, &self.instance_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl ModifyInstanceMetadataOptions {
    fn options(&self) -> MetadataOptionsRequest {
        MetadataOptionsRequest {
            http_tokens: self.http_tokens.clone(),
            http_put_response_hop_limit: self.http_put_response_hop_limit,
            http_endpoint: self.http_endpoint.clone(),
            http_protocol_ipv6: self.http_protocol_ipv6.clone(),
            instance_metadata_tags: self.instance_metadata_tags.clone(),
        }
    }
}

impl Perform for ModifyInstanceAttribute {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.instance_id, "instanceId")?;
        let instance = core.find::<Instance>(&self.instance_id)?;
        match (&self.instance_type, &self.source_dest_check) {
            (Some(kind), None) => change_type(core, &instance, &kind.value)?,
            (None, Some(check)) => change_check(core, &instance, check.value)?,
            (None, None) => return Err(ApiError::client("MissingParameter", "No attributes specified.")),
            (Some(_), Some(_)) => {
                return Err(ApiError::combination("Fields for multiple attribute types specified"));
            }
        }
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("ModifyInstanceAttribute", &core.world, Kind::Instance, &self.instance_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

/// Gives a stopped instance another type, if its ENIs still fit.
fn change_type(core: &mut Core, instance: &Instance, name: &str) -> Result<(), ApiError> {
    if instance.state != InstanceState::Stopped {
        let text = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(ApiError::client("IncorrectInstanceState", text));
    }
    let changed = Instance { instance_type: name.to_owned(), ..instance.clone() };
    let kind = slot::type_of(&changed)?;
    let slots = core.world.slots.get(&instance.id);
    let on = |card: u32| slots.map_or(0, |slots| slots.range((card, 0)..=(card, u32::MAX)).count());
    let lost = slots.is_some_and(|slots| slots.keys().any(|(card, _)| kind.card(*card).is_none()));
    if lost || kind.cards.iter().any(|card| on(card.index) > card.max_interfaces) {
        let count = slots.map_or(0, BTreeMap::len);
        let text = format!("Interface count {count} exceeds the limit for {name}");
        return Err(ApiError::client("AttachmentLimitExceeded", text));
    }
    core.world.instances.insert(changed.id.clone(), changed);
    Ok(())
}

/// Changes the check of the only ENI; with more, EC2 wants to be told which.
fn change_check(core: &mut Core, instance: &Instance, check: bool) -> Result<(), ApiError> {
    let slots = core.world.slots.get(&instance.id).filter(|slots| slots.len() == 1);
    let Some(eni) = slots.and_then(|slots| slots.values().next()) else {
        let text = format!(
            "There are multiple interfaces attached to instance '{}'. \
             Please specify an interface ID for the operation instead.",
            instance.id
        );
        return Err(ApiError::client("InvalidInstanceID", text));
    };
    if let Some(eni) = core.world.enis.get_mut(eni) {
        eni.source_dest_check = check;
    }
    Ok(())
}
