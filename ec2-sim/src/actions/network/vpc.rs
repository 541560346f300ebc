//! VPCs, each with its default security group.

use super::super::list::Listed;
use super::super::{Perform, required, tag};
use super::{block, ipv6_blocks, tags_of};
use crate::api::{CreateVpc, CreateVpcAnswer, DeleteVpc, Done, VpcItem, tag_set};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::net::{Cidr4, Cidr6};
use crate::policy::Question;
use crate::world::{SecurityGroup, Tags, Vpc};

impl Listed for Vpc {
    const FILTERS: &'static [&'static str] =
        &["cidr", "cidr-block-association.cidr-block", "is-default", "owner-id", "state", "vpc-id"];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, view: View<'_>, filter: &str) -> Vec<String> {
        vec![match filter {
            "cidr" | "cidr-block-association.cidr-block" => self.cidr.to_string(),
            "is-default" => false.to_string(),
            "owner-id" => view.settings.account.clone(),
            "state" => "available".to_owned(),
            "vpc-id" => self.id.clone(),
            _ => String::new(),
        }]
    }
}

pub(super) fn vpc_item(view: View<'_>, vpc: &Vpc) -> VpcItem {
    VpcItem {
        vpc_id: vpc.id.clone(),
        owner_id: view.settings.account.clone(),
        state: "available".to_owned(),
        cidr_block: vpc.cidr.to_string(),
        ipv6_cidr_blocks: ipv6_blocks("vpc", &vpc.id, vpc.ipv6_cidr),
        dhcp_options_id: "dopt-default".to_owned(),
        instance_tenancy: "default".to_owned(),
        is_default: false,
        tags: tag_set(&vpc.tags),
    }
}

/// A VPC to be made, by a call or by a seed.
#[derive(Clone, Debug)]
pub(crate) struct NewVpc {
    pub(crate) id: Option<String>,
    pub(crate) cidr: Cidr4,
    pub(crate) ipv6: bool,
    pub(crate) tags: Tags,
}

/// Makes a VPC and its default security group, and answers with the VPC's id.
pub(crate) fn make_vpc(core: &mut Core, new: NewVpc) -> String {
    let id = new.id.unwrap_or_else(|| core.draw_id(Kind::Vpc));
    // 2600:1f00::/24 is Amazon's; the VPC's number fills the next bits.
    let number = u128::from(core.rng.next() & 0xffff_ffff);
    let base = 0x2600_1f00_u128 << 96 | number << 72;
    let vpc = Vpc {
        id: id.clone(),
        cidr: new.cidr,
        ipv6_cidr: new.ipv6.then_some(Cidr6 { base, length: 56 }),
        created_at: core.now,
        tags: new.tags,
    };
    core.world.vpcs.insert(id.clone(), vpc);
    let group = SecurityGroup {
        id: core.draw_id(Kind::SecurityGroup),
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc_id: id.clone(),
        created_at: core.now,
        tags: Tags::new(),
    };
    core.world.groups.insert(group.id.clone(), group);
    id
}

impl Perform for CreateVpc {
    type Answer = CreateVpcAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.cidr_block, "cidrBlock")?;
        let tags = tags_of(&self.tag_specifications, Kind::Vpc)?;
        let cidr = block(&self.cidr_block, "InvalidVpc.Range")?;
        let ipv6 = self.amazon_provided_ipv6_cidr_block == Some(true);
        let id = make_vpc(core, NewVpc { id: None, cidr, ipv6, tags });
        let view = core.view(core.now);
        let vpc = view.world.vpcs.get(&id).ok_or_else(|| Kind::Vpc.not_found(&id))?;
        Ok(CreateVpcAnswer { vpc: vpc_item(view, vpc) })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        Question::making("CreateVpc", Kind::Vpc, &tag::unchecked(&self.tag_specifications, Kind::Vpc))
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl Perform for DeleteVpc {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.vpc_id, "vpcId")?;
        let vpc = core.find::<Vpc>(&self.vpc_id)?;
        let subnets = core.world.subnets.values().any(|subnet| subnet.vpc_id == vpc.id);
        let groups: Vec<_> =
            core.world.groups.values().filter(|group| group.vpc_id == vpc.id).cloned().collect();
        if subnets || groups.iter().any(|group| group.name != "default") {
            let text = format!("The vpc '{}' has dependencies and cannot be deleted.", vpc.id);
            return Err(ApiError::dependency(text));
        }
        for group in groups {
            core.world.groups.remove(&group.id);
        }
        core.world.vpcs.remove(&vpc.id);
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("DeleteVpc", &core.world, Kind::Vpc, &self.vpc_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
