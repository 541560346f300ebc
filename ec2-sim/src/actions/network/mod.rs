//! VPCs, subnets, security groups and zones.

mod group;
mod subnet;
mod vpc;
mod zone;

pub(crate) use group::{NewGroup, make_group};
pub(crate) use subnet::{NewSubnet, make_subnet};
pub(crate) use vpc::{NewVpc, make_vpc};
pub(super) use zone::zone_name;

use self::group::group_item;
use self::subnet::subnet_item;
use self::vpc::vpc_item;
use super::list::{Listing, list};
use super::{Perform, tag};
use crate::api::{
    BlockState, DescribeSecurityGroups, DescribeSecurityGroupsAnswer, DescribeSubnets, DescribeSubnetsAnswer,
    DescribeVpcs, DescribeVpcsAnswer, Ipv6CidrBlock, TagSpecification,
};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::Kind;
use crate::net::{Cidr4, Cidr6};
use crate::policy::Question;
use crate::world::Tags;

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

fn block(text: &str, code: &str) -> Result<Cidr4, ApiError> {
    let wrong = || {
        ApiError::value(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    };
    let block: Cidr4 = text.parse().map_err(|()| wrong())?;
    if !(16..=28).contains(&block.length) {
        return Err(ApiError::client(code, format!("The CIDR '{text}' is invalid.")));
    }
    Ok(block)
}

/// The tags that a call wants the one thing it makes to have.
fn tags_of(specifications: &[TagSpecification], kind: Kind) -> Result<Tags, ApiError> {
    let mut by_type = tag::specified(specifications, &[kind])?;
    Ok(by_type.remove(kind.resource_type()).unwrap_or_default())
}
