//! `CreateNetworkInterface`.

use super::make::{NewEni, make_eni};
use super::{Perform, render, required, tag};
use crate::api::{CreateNetworkInterface, CreateNetworkInterfaceAnswer};
use crate::core::Core;
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;

impl Perform for CreateNetworkInterface {
    type Answer = CreateNetworkInterfaceAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let request = Self { client_token: None, dry_run: None, ..self.clone() };
        let token = self.client_token.as_deref();
        let life = core.settings.token_life;
        if let Some(answer) = core.eni_tokens.replay(token, &request, core.now, life)? {
            return Ok(answer);
        }
        required(&self.subnet_id, "subnetId")?;
        let tags = tag::specified(&self.tag_specifications, &[Kind::NetworkInterface])?;
        let tags = tags.get(Kind::NetworkInterface.resource_type()).cloned().unwrap_or_default();
        let (ready_at, now) = (core.now.plus(core.settings.create), core.now);
        let id = make_eni(core, &NewEni { tags, ..NewEni::requested(self)? })?;
        let eni = core.world.enis.get_mut(&id).ok_or_else(|| Kind::NetworkInterface.not_found(&id))?;
        eni.ready_at = ready_at;
        let mut network_interface = match core.world.enis.get(&id) {
            Some(eni) => render::eni(core.view(now), eni),
            None => return Err(Kind::NetworkInterface.not_found(&id)),
        };
        "pending".clone_into(&mut network_interface.status);
        let answer =
            CreateNetworkInterfaceAnswer { network_interface, client_token: self.client_token.clone() };
        core.eni_tokens.note(token, request, answer.clone(), now);
        Ok(answer)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "CreateNetworkInterface";
        let tags = tag::unchecked(&self.tag_specifications, Kind::NetworkInterface);
        let mut questions = Question::making(name, Kind::NetworkInterface, &tags);
        questions.push(Question::about(name, &core.world, Kind::Subnet, &self.subnet_id));
        let groups = self.groups.iter();
        questions.extend(groups.map(|id| Question::about(name, &core.world, Kind::SecurityGroup, id)));
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
