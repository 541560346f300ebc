//! Subnets.

use std::collections::BTreeSet;

use super::super::list::Listed;
use super::super::{Perform, required, tag};
use super::{arn, block, ipv6_blocks, tags_of, zone_name};
use crate::api::{CreateSubnet, CreateSubnetAnswer, DeleteSubnet, Done, SubnetItem, tag_set};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::net::{Cidr4, Cidr6};
use crate::policy::Question;
use crate::world::{Subnet, Tags, Vpc};

impl Listed for Subnet {
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "available-ip-address-count",
        "cidr",
        "cidr-block",
        "cidrBlock",
        "default-for-az",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, view: View<'_>, filter: &str) -> Vec<String> {
        vec![match filter {
            "availability-zone" | "availabilityZone" => self.zone.clone(),
            "availability-zone-id" => view.settings.zone_id(&self.zone),
            "available-ip-address-count" => self.free().to_string(),
            "cidr" | "cidr-block" | "cidrBlock" => self.cidr.to_string(),
            "default-for-az" | "map-public-ip-on-launch" => false.to_string(),
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                self.ipv6_cidr.map(|block| block.to_string()).unwrap_or_default()
            }
            "owner-id" => view.settings.account.clone(),
            "state" => "available".to_owned(),
            "subnet-arn" => arn(view, "subnet", &self.id),
            "subnet-id" => self.id.clone(),
            "vpc-id" => self.vpc_id.clone(),
            _ => String::new(),
        }]
    }
}

pub(super) fn subnet_item(view: View<'_>, subnet: &Subnet) -> SubnetItem {
    SubnetItem {
        subnet_id: subnet.id.clone(),
        subnet_arn: arn(view, "subnet", &subnet.id),
        owner_id: view.settings.account.clone(),
        state: "available".to_owned(),
        vpc_id: subnet.vpc_id.clone(),
        cidr_block: subnet.cidr.to_string(),
        ipv6_cidr_blocks: ipv6_blocks("subnet", &subnet.id, subnet.ipv6_cidr),
        available_ip_address_count: subnet.free(),
        availability_zone: subnet.zone.clone(),
        availability_zone_id: view.settings.zone_id(&subnet.zone),
        default_for_az: false,
        map_public_ip_on_launch: false,
        assign_ipv6_address_on_creation: false,
        ipv6_native: false,
        tags: tag_set(&subnet.tags),
    }
}

/// A subnet to be made, by a call or by a seed.
#[derive(Clone, Debug)]
pub(crate) struct NewSubnet {
    pub(crate) id: Option<String>,
    pub(crate) vpc_id: String,
    pub(crate) zone: String,
    pub(crate) cidr: Cidr4,
    pub(crate) ipv6_cidr: Option<Cidr6>,
    pub(crate) tags: Tags,
}

/// Makes a subnet, and answers with its id.
pub(crate) fn make_subnet(core: &mut Core, new: NewSubnet) -> Result<String, ApiError> {
    let vpc = core.find::<Vpc>(&new.vpc_id)?;
    if !vpc.cidr.covers(new.cidr) {
        return Err(ApiError::client("InvalidSubnet.Range", format!("The CIDR '{}' is invalid.", new.cidr)));
    }
    let siblings = || core.world.subnets.values().filter(|subnet| subnet.vpc_id == vpc.id);
    if siblings().any(|subnet| subnet.cidr.overlaps(new.cidr)) {
        let text = format!("The CIDR '{}' conflicts with another subnet", new.cidr);
        return Err(ApiError::client("InvalidSubnet.Conflict", text));
    }
    if let Some(block) = new.ipv6_cidr {
        let inside = vpc.ipv6_cidr.is_some_and(|all| all.contains(block.base)) && block.length == 64;
        if !inside || siblings().filter_map(|subnet| subnet.ipv6_cidr).any(|other| other == block) {
            return Err(ApiError::client(
                "InvalidSubnet.Range",
                format!("The IPv6 CIDR '{block}' is invalid."),
            ));
        }
    }
    let id = new.id.unwrap_or_else(|| core.draw_id(Kind::Subnet));
    let subnet = Subnet {
        id: id.clone(),
        vpc_id: new.vpc_id,
        zone: new.zone,
        cidr: new.cidr,
        ipv6_cidr: new.ipv6_cidr,
        taken: BTreeSet::new(),
        taken6: BTreeSet::new(),
        created_at: core.now,
        tags: new.tags,
    };
    core.world.subnets.insert(id.clone(), subnet);
    Ok(id)
}

impl Perform for CreateSubnet {
    type Answer = CreateSubnetAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.vpc_id, "vpcId")?;
        required(&self.cidr_block, "cidrBlock")?;
        let ipv6 = self.ipv6_cidr_block.as_deref().map(str::parse::<Cidr6>).transpose();
        let new = NewSubnet {
            id: None,
            tags: tags_of(&self.tag_specifications, Kind::Subnet)?,
            zone: zone_name(core, self.availability_zone.as_deref(), self.availability_zone_id.as_deref())?,
            vpc_id: self.vpc_id.clone(),
            cidr: block(&self.cidr_block, "InvalidSubnet.Range")?,
            ipv6_cidr: ipv6.map_err(|()| ApiError::value("Invalid IPv6 CIDR block"))?,
        };
        let id = make_subnet(core, new)?;
        let view = core.view(core.now);
        let subnet = view.world.subnets.get(&id).ok_or_else(|| Kind::Subnet.not_found(&id))?;
        Ok(CreateSubnetAnswer { subnet: subnet_item(view, subnet) })
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "CreateSubnet";
        let tags = tag::unchecked(&self.tag_specifications, Kind::Subnet);
        let mut questions = Question::making(name, Kind::Subnet, &tags);
        questions.push(Question::about(name, &core.world, Kind::Vpc, &self.vpc_id));
        questions
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

impl Perform for DeleteSubnet {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.subnet_id, "subnetId")?;
        let subnet = core.find::<Subnet>(&self.subnet_id)?;
        if core.world.enis.values().any(|eni| eni.subnet_id == subnet.id) {
            let text = format!("The subnet '{}' has dependencies and cannot be deleted.", subnet.id);
            return Err(ApiError::dependency(text));
        }
        core.world.subnets.remove(&subnet.id);
        Ok(Done::YES)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        vec![Question::about("DeleteSubnet", &core.world, Kind::Subnet, &self.subnet_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
