//! `DeleteNetworkInterface`.

use super::{Perform, required};
use crate::api::{DeleteNetworkInterface, Done};
use crate::core::Core;
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::Eni;

impl Perform for DeleteNetworkInterface {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.network_interface_id, "networkInterfaceId")?;
        let eni = core.find::<Eni>(&self.network_interface_id)?;
        if eni.attachment.is_some() {
            return Err(ApiError::value(format!("Network interface '{}' is currently in use.", eni.id)));
        }
        if eni.requester_id.is_some() {
            return Err(ApiError::forbidden(
                "You are not allowed to manage network interfaces of another service.",
            ));
        }
        core.remove_eni(&eni.id);
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "DeleteNetworkInterface";
        vec![Question::about(name, &core.world, Kind::NetworkInterface, &self.network_interface_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
