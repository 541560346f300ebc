//! Looks up the subnets and security groups that a spec names.

use std::collections::BTreeSet;

use crate::api::NodeENISpec;
use crate::ec2::{Answer, Ec2, SecurityGroupQuery, SubnetQuery};
use crate::model::{SecurityGroup, Subnet, VpcId};
use crate::plan::resolve::{self, Network};

/// Looks up what a spec names in the VPCs of its nodes, all at the same time.
pub(super) async fn look_up<E: Ec2>(spec: &NodeENISpec, vpcs: BTreeSet<VpcId>, ec2: &E) -> Answer<Network> {
    if vpcs.is_empty() {
        return Ok(Network::default());
    }
    let (subnets, groups, named) = futures::join!(
        subnets(spec, ec2),
        groups(spec, ec2),
        futures::future::try_join_all(vpcs.into_iter().map(|vpc| named(spec, vpc, ec2))),
    );
    let mut network = Network { subnets: subnets?, groups, ..Network::default() };
    for (vpc, subnets, groups) in named? {
        network.named_subnets.insert(vpc.clone(), subnets);
        network.named_groups.insert(vpc, groups);
    }
    Ok(network)
}

/// The subnets that are given by id.
async fn subnets<E: Ec2>(spec: &NodeENISpec, ec2: &E) -> Answer<Vec<Subnet>> {
    match resolve::subnet_ids(spec) {
        ids if ids.is_empty() => Ok(vec![]),
        ids => ec2.subnets(&SubnetQuery::Ids(ids)).await,
    }
}

/// The groups that are given by id.
///
/// They are looked up to tell early and clearly of one that cannot be used. A create can do without that,
/// and so can everything else: a failure holds up nothing.
async fn groups<E: Ec2>(spec: &NodeENISpec, ec2: &E) -> Option<Vec<SecurityGroup>> {
    let ids: Vec<_> = resolve::group_ids(spec).into_iter().collect();
    if ids.is_empty() {
        return Some(vec![]);
    }
    let found = ec2.security_groups(&SecurityGroupQuery::Ids(ids)).await;
    found
        .inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "security groups are used unchecked");
        })
        .ok()
}

/// What is given by name, in one VPC.
async fn named<E: Ec2>(
    spec: &NodeENISpec,
    vpc: VpcId,
    ec2: &E,
) -> Answer<(VpcId, Vec<Subnet>, Vec<SecurityGroup>)> {
    let subnets = async {
        match resolve::subnet_names(spec) {
            names if names.is_empty() => Ok(vec![]),
            names => ec2.subnets(&SubnetQuery::Names(vpc.clone(), names)).await,
        }
    };
    let (subnets, groups) = futures::try_join!(subnets, named_groups(spec, &vpc, ec2))?;
    Ok((vpc, subnets, groups))
}

/// The groups of some names: by group name, and those without one by tag.
async fn named_groups<E: Ec2>(spec: &NodeENISpec, vpc: &VpcId, ec2: &E) -> Answer<Vec<SecurityGroup>> {
    let mut names = spec.security_group_names.clone().unwrap_or_default();
    if names.is_empty() {
        return Ok(vec![]);
    }
    let query = SecurityGroupQuery::GroupNames(vpc.clone(), names.clone());
    let mut found = ec2.security_groups(&query).await?;
    names.retain(|name| !found.iter().any(|group| group.group_name == *name));
    if !names.is_empty() {
        found.extend(ec2.security_groups(&SecurityGroupQuery::TagNames(vpc.clone(), names)).await?);
    }
    Ok(found)
}
