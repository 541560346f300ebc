//! VPCs, subnets, security groups and zones.

use std::collections::BTreeSet;

use super::list::{Listed, Listing, any, check_filter_names, list};
use super::{Perform, required, tag};
use crate::api::{
    AvailabilityZone, BlockState, CreateSecurityGroup, CreateSecurityGroupAnswer, CreateSubnet, CreateSubnetAnswer,
    CreateVpc, CreateVpcAnswer, DeleteSecurityGroup, DeleteSecurityGroupAnswer, DeleteSubnet, DeleteVpc,
    DescribeAvailabilityZones, DescribeAvailabilityZonesAnswer, DescribeSecurityGroups,
    DescribeSecurityGroupsAnswer, DescribeSubnets, DescribeSubnetsAnswer, DescribeVpcs, DescribeVpcsAnswer, Done,
    Ipv6CidrBlock, SecurityGroupItem, SubnetItem, VpcItem, tag_set,
};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::net::{Cidr4, Cidr6};
use crate::policy::Question;
use crate::world::{SecurityGroup, Subnet, Tags, Vpc};

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

fn arn(view: View<'_>, kind: &str, id: &str) -> String {
    format!("arn:aws:ec2:{}:{}:{kind}/{id}", view.settings.region, view.settings.account)
}

fn ipv6_blocks(kind: &str, id: &str, block: Option<Cidr6>) -> Vec<Ipv6CidrBlock> {
    let digits = id.rsplit('-').next().unwrap_or_default();
    let item = |block: Cidr6| Ipv6CidrBlock {
        association_id: format!("{kind}-cidr-assoc-{digits}"),
        ipv6_cidr_block: block.to_string(),
        ipv6_cidr_block_state: BlockState { state: "associated".to_owned() },
    };
    block.map(item).into_iter().collect()
}

fn vpc_item(view: View<'_>, vpc: &Vpc) -> VpcItem {
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

fn subnet_item(view: View<'_>, subnet: &Subnet) -> SubnetItem {
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

fn group_item(view: View<'_>, group: &SecurityGroup) -> SecurityGroupItem {
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

macro_rules! describe {
    ($($name:ident -> $answer:ident, $ids:ident, $items:ident, $thing:ident by $render:ident;)*) => {$(
        impl $name {
            fn listing(&self) -> Listing<'_> {
                Listing {
                    ids: &self.$ids,
                    filters: &self.filters,
                    max_results: self.max_results,
                    next_token: self.next_token.as_deref(),
                    most: 1000,
                }
            }
        }

        impl Perform for $name {
            type Answer = $answer;

            fn perform(&self, core: &mut Core) -> Result<$answer, ApiError> {
                let at = core.draw_moment();
                let ($items, next_token) = list(core.view(at), self.listing(), $render)?;
                Ok($answer { $items, next_token })
            }

            fn questions(&self, _core: &Core) -> Vec<Question> {
                vec![Question::general(stringify!($name))]
            }

            fn is_dry_run(&self) -> bool {
                self.dry_run == Some(true)
            }

            fn is_unfiltered(&self) -> bool {
                self.listing().is_unfiltered()
            }
        }
    )*};
}

describe! {
    DescribeVpcs -> DescribeVpcsAnswer, vpc_ids, vpcs, Vpc by vpc_item;
    DescribeSubnets -> DescribeSubnetsAnswer, subnet_ids, subnets, Subnet by subnet_item;
    DescribeSecurityGroups -> DescribeSecurityGroupsAnswer, group_ids, security_groups, SecurityGroup by group_item;
}

impl Perform for DescribeAvailabilityZones {
    type Answer = DescribeAvailabilityZonesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let known = ["group-name", "region-name", "state", "zone-id", "zone-name", "zone-type", "opt-in-status"];
        check_filter_names(&self.filters, |name| known.contains(&name))?;
        let settings = &core.settings;
        let all: Vec<_> = settings.zones().map(|(name, id)| zone(&settings.region, name, id)).collect();
        let missing = |wanted: &[String], has: &dyn Fn(&AvailabilityZone) -> String| {
            wanted.iter().find(|name| !all.iter().any(|zone| has(zone) == **name)).cloned()
        };
        let missing = missing(&self.zone_names, &|zone| zone.zone_name.clone())
            .or_else(|| missing(&self.zone_ids, &|zone| zone.zone_id.clone()));
        if let Some(name) = missing {
            return Err(ApiError::value(format!("Invalid availability zone: [{name}]")));
        }
        let wanted = |zone: &AvailabilityZone| {
            (self.zone_names.is_empty() || self.zone_names.contains(&zone.zone_name))
                && (self.zone_ids.is_empty() || self.zone_ids.contains(&zone.zone_id))
                && self.filters.iter().all(|filter| any(filter, [zone_field(zone, &filter.name)]))
        };
        let availability_zones = all.iter().filter(|zone| wanted(zone)).cloned().collect();
        Ok(DescribeAvailabilityZonesAnswer { availability_zones })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeAvailabilityZones")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

fn zone(region: &str, zone_name: String, zone_id: String) -> AvailabilityZone {
    AvailabilityZone {
        zone_name,
        zone_id,
        region_name: region.to_owned(),
        zone_state: "available".to_owned(),
        zone_type: "availability-zone".to_owned(),
        opt_in_status: "opt-in-not-required".to_owned(),
        group_name: region.to_owned(),
        network_border_group: region.to_owned(),
    }
}

fn zone_field<'a>(zone: &'a AvailabilityZone, name: &str) -> &'a str {
    match name {
        "zone-id" => &zone.zone_id,
        "zone-name" => &zone.zone_name,
        "zone-type" => &zone.zone_type,
        "state" => &zone.zone_state,
        "opt-in-status" => &zone.opt_in_status,
        _ => &zone.region_name,
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

fn block(text: &str, code: &str) -> Result<Cidr4, ApiError> {
    let wrong = || ApiError::value(format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."));
    let block: Cidr4 = text.parse().map_err(|()| wrong())?;
    if !(16..=28).contains(&block.length) {
        return Err(ApiError::client(code, format!("The CIDR '{text}' is invalid.")));
    }
    Ok(block)
}

/// The tags that a call wants the one thing it makes to have.
fn tags_of(specifications: &[crate::api::TagSpecification], kind: Kind) -> Result<Tags, ApiError> {
    let mut by_type = tag::specified(specifications, &[kind])?;
    Ok(by_type.remove(kind.resource_type()).unwrap_or_default())
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
            return Err(ApiError::client("InvalidSubnet.Range", format!("The IPv6 CIDR '{block}' is invalid.")));
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

/// The name of the zone a call means; none given: the region's first.
pub(super) fn zone_name(core: &Core, name: Option<&str>, id: Option<&str>) -> Result<String, ApiError> {
    let mut zones = core.settings.zones();
    let wanted = name.or(id);
    let found = zones.find(|(zone, zone_id)| match (name, id) {
        (Some(name), _) => zone == name,
        (None, Some(id)) => zone_id == id,
        (None, None) => true,
    });
    let unknown = || ApiError::value(format!("Value ({}) for parameter availabilityZone is invalid.", wanted.unwrap_or_default()));
    found.map(|(zone, _)| zone).ok_or_else(unknown)
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

impl Perform for DeleteVpc {
    type Answer = Done;

    fn perform(&self, core: &mut Core) -> Result<Done, ApiError> {
        required(&self.vpc_id, "vpcId")?;
        let vpc = core.find::<Vpc>(&self.vpc_id)?;
        let subnets = core.world.subnets.values().any(|subnet| subnet.vpc_id == vpc.id);
        let groups: Vec<_> = core.world.groups.values().filter(|group| group.vpc_id == vpc.id).cloned().collect();
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

impl Perform for DeleteSecurityGroup {
    type Answer = DeleteSecurityGroupAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        required(&self.group_id, "groupId")?;
        let group = core.find::<SecurityGroup>(&self.group_id)?;
        if group.name == "default" {
            let text = format!("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group.id);
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
