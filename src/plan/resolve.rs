//! Which subnets and security groups a `NodeENI` means for a node.
//!
//! Names are looked for in the node's own VPC: `default` exists in every VPC, and a group of another one
//! cannot be used. What does not resolve is a problem with a reason; the rest is served all the same.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::api::{NodeENISpec, Reason};
use crate::model::{ClusterId, SecurityGroup, SecurityGroupId, Subnet, SubnetId, VpcId};

/// How often names are looked up again when nothing else calls for it, in seconds: a tag that moves to
/// another subnet changes nothing that Kubernetes would tell of.
const NAMES_PERIOD: i64 = 600;

/// What EC2 told of the subnets and groups that a spec names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The subnets that the spec gives by id.
    pub subnets: Vec<Subnet>,
    /// Subnets with one of the given names, by VPC.
    pub named_subnets: BTreeMap<VpcId, Vec<Subnet>>,
    /// The groups that the spec gives by id; `None` where EC2 did not tell, so that it judges at the create.
    pub groups: Option<Vec<SecurityGroup>>,
    /// Groups with one of the given names, by VPC.
    pub named_groups: BTreeMap<VpcId, Vec<SecurityGroup>>,
}

/// Something that keeps a spec from being carried out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// For programs.
    pub reason: Reason,
    /// For people: what is wrong with what.
    pub message: String,
}

impl Problem {
    /// A problem.
    #[must_use]
    pub fn new(reason: Reason, message: String) -> Self {
        Self { reason, message }
    }
}

/// The ids of subnets that a spec gives, in order, once each.
#[must_use]
pub fn subnet_ids(spec: &NodeENISpec) -> Vec<SubnetId> {
    let ids = spec.subnet_id.iter().chain(spec.subnet_ids.iter().flatten());
    let mut seen = BTreeSet::new();
    ids.filter_map(|id| id.parse().ok()).filter(|id: &SubnetId| seen.insert(id.clone())).collect()
}

/// The names of subnets that a spec gives, in order, once each.
#[must_use]
pub fn subnet_names(spec: &NodeENISpec) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = spec.subnet_name.iter().chain(spec.subnet_names.iter().flatten());
    names.filter(|name| seen.insert(name.as_str())).cloned().collect()
}

/// The ids of security groups that a spec gives.
#[must_use]
pub fn group_ids(spec: &NodeENISpec) -> BTreeSet<SecurityGroupId> {
    spec.security_group_ids.iter().flatten().filter_map(|id| id.parse().ok()).collect()
}

/// How long until the names of a spec are to be looked up again; none for one that uses no names.
///
/// All of a cluster are due at the same moments, so that they share one call for each VPC, and those of
/// other clusters of the account at others.
#[must_use]
pub fn names_due(spec: &NodeENISpec, cluster: &ClusterId, now: Timestamp) -> Option<SignedDuration> {
    let uses_names = !subnet_names(spec).is_empty()
        || spec.security_group_names.as_ref().is_some_and(|names| !names.is_empty());
    let phase = cluster.0.bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % NAMES_PERIOD);
    let since = (now.as_second() - phase).rem_euclid(NAMES_PERIOD);
    uses_names.then(|| SignedDuration::from_secs(NAMES_PERIOD - since))
}

/// All subnets of a VPC that a spec lists, in the spec's order, once each; and what is wrong with it.
///
/// Where nodes are in several `vpcs`, an id of any of them is right: it means nothing in the others.
#[must_use]
pub fn subnets(
    spec: &NodeENISpec,
    network: &Network,
    vpc: &VpcId,
    vpcs: &BTreeSet<VpcId>,
) -> (Vec<Subnet>, Vec<Problem>) {
    let (mut found, mut problems): (Vec<Subnet>, Vec<Problem>) = (vec![], vec![]);
    let ids = subnet_ids(spec);
    for result in ids.iter().map(|id| by_id(id, network, vpc, vpcs)) {
        match result {
            Ok(subnet) => found.extend(subnet),
            Err(problem) => problems.push(problem),
        }
    }
    for name in subnet_names(spec) {
        let (subnets, problem) = by_name(&name, network, vpc);
        found.extend(subnets);
        problems.extend(problem);
    }
    let mut seen = BTreeSet::new();
    found.retain(|subnet| seen.insert(subnet.id.clone()));
    (found, problems)
}

/// The subnet of an id; none if it is in another VPC that has nodes.
fn by_id(
    id: &SubnetId,
    network: &Network,
    vpc: &VpcId,
    vpcs: &BTreeSet<VpcId>,
) -> Result<Option<Subnet>, Problem> {
    let Some(subnet) = network.subnets.iter().find(|subnet| subnet.id == *id) else {
        return Err(Problem::new(Reason::SubnetNotFound, format!("{id} does not exist")));
    };
    if vpcs.contains(&subnet.vpc) || subnet.vpc == *vpc {
        return Ok(Some(subnet.clone()).filter(|subnet| subnet.vpc == *vpc));
    }
    let message = format!("{id} is in {}, the nodes are in {vpc}", subnet.vpc);
    Err(Problem::new(Reason::SubnetInOtherVpc, message))
}

/// The subnets of a name: at most one in each zone.
fn by_name(name: &str, network: &Network, vpc: &VpcId) -> (Vec<Subnet>, Vec<Problem>) {
    let mut zones: BTreeMap<&str, Vec<&Subnet>> = BTreeMap::new();
    for subnet in network.named_subnets.get(vpc).into_iter().flatten() {
        if subnet.name.as_deref() == Some(name) {
            zones.entry(&subnet.zone).or_default().push(subnet);
        }
    }
    if zones.is_empty() {
        let message = format!("no subnet of {vpc} has the tag Name={name}");
        return (vec![], vec![Problem::new(Reason::SubnetNotFound, message)]);
    }
    let mut found = vec![];
    let mut problems = vec![];
    for (zone, mut subnets) in zones {
        subnets.sort_by(|a, b| a.id.cmp(&b.id));
        match subnets.as_slice() {
            [one] => found.push((*one).clone()),
            several => {
                let ids = join(several.iter().map(|subnet| subnet.id.to_string()));
                let message = format!("the name {name} stands for several subnets of {zone}: {ids}");
                problems.push(Problem::new(Reason::SubnetAmbiguous, message));
            }
        }
    }
    (found, problems)
}

/// The security groups that a spec means in a VPC, sorted.
pub fn groups(spec: &NodeENISpec, network: &Network, vpc: &VpcId) -> Result<Vec<SecurityGroupId>, Problem> {
    let mut found = BTreeSet::new();
    for id in spec.security_group_ids.iter().flatten() {
        let id =
            id.parse().map_err(|error| Problem::new(Reason::SecurityGroupNotFound, format!("{error}")))?;
        found.insert(group_by_id(id, network, vpc)?);
    }
    for name in spec.security_group_names.iter().flatten() {
        found.insert(group_by_name(name, network, vpc)?);
    }
    Ok(found.into_iter().collect())
}

/// The group of an id, if it can be used in the VPC.
fn group_by_id(id: SecurityGroupId, network: &Network, vpc: &VpcId) -> Result<SecurityGroupId, Problem> {
    let Some(known) = &network.groups else { return Ok(id) };
    match known.iter().find(|group| group.id == id) {
        None => Err(Problem::new(Reason::SecurityGroupNotFound, format!("{id} does not exist"))),
        Some(group) if group.vpc != *vpc => {
            let message = format!("{id} is in {}, the nodes are in {vpc}", group.vpc);
            Err(Problem::new(Reason::SecurityGroupInOtherVpc, message))
        }
        Some(_) => Ok(id),
    }
}

/// The group of a name: by group name, which is unique in a VPC, or else by the tag `Name`.
fn group_by_name(name: &str, network: &Network, vpc: &VpcId) -> Result<SecurityGroupId, Problem> {
    let known = || network.named_groups.get(vpc).into_iter().flatten();
    if let Some(group) = known().find(|group| group.group_name == name) {
        return Ok(group.id.clone());
    }
    let tagged: BTreeSet<_> =
        known().filter(|group| group.name.as_deref() == Some(name)).map(|group| group.id.clone()).collect();
    match tagged.len() {
        1 => tagged.into_iter().next().ok_or_else(|| no_group(name, vpc)),
        0 => Err(no_group(name, vpc)),
        _ => {
            let ids = join(tagged.iter().map(ToString::to_string));
            let message = format!("the name {name} stands for several security groups of {vpc}: {ids}");
            Err(Problem::new(Reason::SecurityGroupAmbiguous, message))
        }
    }
}

/// No group has the name.
fn no_group(name: &str, vpc: &VpcId) -> Problem {
    let message = format!("no security group of {vpc} has the group name {name} or the tag Name={name}");
    Problem::new(Reason::SecurityGroupNotFound, message)
}

/// A list for people: the first five, and how many more.
#[must_use]
pub fn join(names: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = names.into_iter().collect();
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpc(n: u32) -> VpcId {
        format!("vpc-{n:08x}").parse().unwrap()
    }

    fn subnet(n: u32, name: &str, zone: &str, in_vpc: u32) -> Subnet {
        Subnet {
            id: format!("subnet-{n:08x}").parse().unwrap(),
            name: Some(name.to_owned()),
            vpc: vpc(in_vpc),
            zone: zone.to_owned(),
            cidr: "10.0.0.0/24".to_owned(),
            free_addresses: 1,
        }
    }

    fn group(n: u32, group_name: &str, name: Option<&str>) -> SecurityGroup {
        SecurityGroup {
            id: format!("sg-{n:08x}").parse().unwrap(),
            group_name: group_name.to_owned(),
            name: name.map(ToOwned::to_owned),
            vpc: vpc(1),
        }
    }

    fn spec(json: serde_json::Value) -> NodeENISpec {
        serde_json::from_value(json).unwrap()
    }

    fn reasons(problems: &[Problem]) -> Vec<Reason> {
        problems.iter().map(|problem| problem.reason).collect()
    }

    #[test]
    fn a_subnet_listed_twice_counts_once_and_order_is_kept() {
        let network = Network {
            subnets: vec![subnet(1, "x", "a", 1), subnet(2, "y", "a", 1)],
            named_subnets: BTreeMap::from([(vpc(1), vec![subnet(2, "y", "a", 1)])]),
            ..Network::default()
        };
        let spec = spec(serde_json::json!({
            "subnetID": "subnet-00000002", "subnetIDs": ["subnet-00000001", "subnet-00000002"], "subnetName": "y",
        }));
        let (found, problems) = subnets(&spec, &network, &vpc(1), &BTreeSet::from([vpc(1)]));
        let ids: Vec<_> = found.iter().map(|subnet| subnet.id.as_str()).collect();
        assert_eq!((ids, problems), (vec!["subnet-00000002", "subnet-00000001"], vec![]));
    }

    #[test]
    fn what_does_not_resolve_is_told_and_the_rest_is_served() {
        let network = Network {
            subnets: vec![subnet(1, "x", "a", 1), subnet(2, "y", "a", 2)],
            named_subnets: BTreeMap::from([(
                vpc(1),
                vec![subnet(4, "twice", "b", 1), subnet(5, "twice", "b", 1)],
            )]),
            ..Network::default()
        };
        let spec = spec(serde_json::json!({
            "subnetIDs": ["subnet-00000001", "subnet-00000002", "subnet-00000003"], "subnetNames": ["twice", "none"],
        }));
        let (found, problems) = subnets(&spec, &network, &vpc(1), &BTreeSet::from([vpc(1)]));
        assert_eq!(found.len(), 1);
        let expected = [
            Reason::SubnetInOtherVpc,
            Reason::SubnetNotFound,
            Reason::SubnetAmbiguous,
            Reason::SubnetNotFound,
        ];
        assert_eq!(reasons(&problems), expected);
    }

    #[test]
    fn a_group_name_wins_over_a_tag_and_ambiguity_names_the_candidates() {
        let all = vec![
            group(1, "web", None),
            group(2, "x", Some("web")),
            group(3, "y", Some("db")),
            group(4, "z", Some("db")),
        ];
        let network = Network { named_groups: BTreeMap::from([(vpc(1), all)]), ..Network::default() };
        let find =
            |name: &str| groups(&spec(serde_json::json!({"securityGroupNames": [name]})), &network, &vpc(1));
        assert_eq!(find("web").unwrap()[0].as_str(), "sg-00000001");
        let ambiguous = find("db").unwrap_err();
        assert_eq!(ambiguous.reason, Reason::SecurityGroupAmbiguous);
        assert!(ambiguous.message.contains("sg-00000003, sg-00000004"), "{}", ambiguous.message);
        assert_eq!(find("none").unwrap_err().reason, Reason::SecurityGroupNotFound);
    }
}
