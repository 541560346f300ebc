//! Security groups, without their rules.

use super::super::list::Listed;
use super::super::{Perform, required, tag};
use super::{arn, tags_of};
use crate::api::{
    CreateSecurityGroup, CreateSecurityGroupAnswer, DeleteSecurityGroup, DeleteSecurityGroupAnswer,
    SecurityGroupItem, tag_set,
};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::policy::Question;
use crate::world::{SecurityGroup, Tags, Vpc};

impl Listed for SecurityGroup {
    const FILTERS: &'static [&'static str] = &["description", "group-id", "group-name", "owner-id", "vpc-id"];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, view: View<'_>, filter: &str) -> Vec<String> {
        vec![match filter {
            "description" => self.description.clone(),
            "group-id" => self.id.clone(),
            "group-name" => self.name.clone(),
            "owner-id" => view.settings.account.clone(),
            "vpc-id" => self.vpc_id.clone(),
            _ => String::new(),
        }]
    }
}

pub(super) fn group_item(view: View<'_>, group: &SecurityGroup) -> SecurityGroupItem {
    SecurityGroupItem {
        group_id: group.id.clone(),
        group_name: group.name.clone(),
        group_description: group.description.clone(),
        vpc_id: group.vpc_id.clone(),
        owner_id: view.settings.account.clone(),
        security_group_arn: arn(view, "security-group", &group.id),
        tags: tag_set(&group.tags),
    }
}

/// A security group to be made, by a call or by a seed.
#[derive(Clone, Debug)]
pub(crate) struct NewGroup {
    pub(crate) id: Option<String>,
    pub(crate) vpc_id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) tags: Tags,
}

/// Makes a security group, and answers with its id.
pub(crate) fn make_group(core: &mut Core, new: NewGroup) -> Result<String, ApiError> {
    let vpc = core.find::<Vpc>(&new.vpc_id)?;
    let named = |group: &SecurityGroup| group.vpc_id == vpc.id && group.name == new.name;
    if core.world.groups.values().any(named) {
        let text = format!("The security group '{}' already exists for VPC '{}'", new.name, vpc.id);
        return Err(ApiError::client("InvalidGroup.Duplicate", text));
    }
    let id = new.id.unwrap_or_else(|| core.draw_id(Kind::SecurityGroup));
    let group = SecurityGroup {
        id: id.clone(),
        name: new.name,
        description: new.description,
        vpc_id: new.vpc_id,
        created_at: core.now,
        tags: new.tags,
    };
    core.world.groups.insert(id.clone(), group);
    Ok(id)
}

impl Perform for CreateSecurityGroup {
    type Answer = CreateSecurityGroupAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.group_name, "groupName")?;
        required(&self.group_description, "groupDescription")?;
        let no_vpc = || ApiError::client("VPCIdNotSpecified", "No default VPC for this user");
        let tags = tags_of(&self.tag_specifications, Kind::SecurityGroup)?;
        let new = NewGroup {
            id: None,
            vpc_id: self.vpc_id.clone().ok_or_else(no_vpc)?,
            name: self.group_name.clone(),
            description: self.group_description.clone(),
            tags: tags.clone(),
        };
        let group_id = make_group(core, new)?;
        let security_group_arn = arn(core.view(core.now), "security-group", &group_id);
        Ok(CreateSecurityGroupAnswer { done: true, group_id, security_group_arn, tags: tag_set(&tags) })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "CreateSecurityGroup";
        let tags = tag::unchecked(&self.tag_specifications, Kind::SecurityGroup);
        let mut questions = Question::making(name, Kind::SecurityGroup, &tags);
        let vpc = self.vpc_id.iter();
        questions.extend(vpc.map(|id| Question::about(name, &core.world, Kind::Vpc, id)));
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl Perform for DeleteSecurityGroup {
    type Answer = DeleteSecurityGroupAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.group_id, "groupId")?;
        let group = core.find::<SecurityGroup>(&self.group_id)?;
        if group.name == "default" {
            let text = format!(
                "the specified group: \"{}\" name: \"default\" cannot be deleted by a user",
                group.id
            );
            return Err(ApiError::client("CannotDelete", text));
        }
        if core.world.enis.values().any(|eni| eni.groups.contains(&group.id)) {
            return Err(ApiError::dependency(format!("resource {} has a dependent object", group.id)));
        }
        core.world.groups.remove(&group.id);
        Ok(DeleteSecurityGroupAnswer { done: true, group_id: group.id.clone() })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("DeleteSecurityGroup", &core.world, Kind::SecurityGroup, &self.group_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
