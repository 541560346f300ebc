//! Which subnets and groups a spec means.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{NodeENISpec, Reason};
use eni_operator::model::{ClusterId, Subnet};
use eni_operator::plan::resolve::{Network, groups, join, names_due, subnets};
use serde_json::json;

use crate::make::{NOW, at, group, subnet, vpc};

fn spec(value: &serde_json::Value) -> NodeENISpec {
    serde_json::from_value(value.clone()).unwrap()
}

fn named(n: u32, zone: &str, vpc_number: u32, name: &str) -> Subnet {
    Subnet { name: Some(name.to_owned()), ..subnet(n, zone, vpc_number, 1) }
}

#[track_caller]
fn check(value: &serde_json::Value, network: &Network, in_vpcs: &[u32], found: &[&str], problems: &[Reason]) {
    let vpcs: BTreeSet<_> = in_vpcs.iter().map(|n| vpc(*n)).collect();
    let (subnets, told) = subnets(&spec(value), network, &vpc(1), &vpcs);
    assert_eq!(subnets.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), found);
    assert_eq!(told.iter().map(|one| one.reason).collect::<Vec<_>>(), problems);
    assert!(told.iter().all(|one| !one.message.is_empty()));
}

fn network() -> Network {
    Network {
        subnets: vec![subnet(1, "a", 1, 1), subnet(2, "b", 1, 1), subnet(3, "a", 2, 1)],
        named_subnets: BTreeMap::from([
            (
                vpc(1),
                vec![
                    named(4, "a", 1, "x"),
                    named(5, "b", 1, "x"),
                    named(6, "a", 1, "y"),
                    named(7, "a", 1, "y"),
                ],
            ),
            (vpc(2), vec![named(8, "a", 2, "z")]),
        ]),
        ..Network::default()
    }
}

#[test]
fn the_four_fields_are_one_list_in_their_order_and_no_subnet_counts_twice() {
    let all = json!({"subnetID": "subnet-00000002", "subnetIDs": ["subnet-00000001", "subnet-00000002"], "subnetName": "x", "subnetNames": ["x"]});
    check(
        &all,
        &network(),
        &[1],
        &["subnet-00000002", "subnet-00000001", "subnet-00000004", "subnet-00000005"],
        &[],
    );
}

#[test]
fn an_id_and_a_name_of_one_subnet_are_one_subnet() {
    let mut network = network();
    network.named_subnets.insert(vpc(1), vec![named(1, "a", 1, "x")]);
    check(
        &json!({"subnetID": "subnet-00000001", "subnetName": "x"}),
        &network,
        &[1],
        &["subnet-00000001"],
        &[],
    );
}

#[test]
fn a_name_means_nothing_in_another_vpc() {
    check(&json!({"subnetName": "z"}), &network(), &[1], &[], &[Reason::SubnetNotFound]);
}

#[test]
fn a_name_that_stands_twice_in_a_zone_is_told() {
    check(
        &json!({"subnetNames": ["y", "x"]}),
        &network(),
        &[1],
        &["subnet-00000004", "subnet-00000005"],
        &[Reason::SubnetAmbiguous],
    );
}

#[test]
fn an_id_of_a_vpc_without_nodes_is_told_and_one_with_nodes_is_not() {
    let both = json!({"subnetIDs": ["subnet-00000001", "subnet-00000003"]});
    check(&both, &network(), &[1], &["subnet-00000001"], &[Reason::SubnetInOtherVpc]);
    check(&both, &network(), &[1, 2], &["subnet-00000001"], &[]);
}

#[test]
fn an_id_that_ec2_does_not_know_is_told_and_the_rest_is_served() {
    let list = json!({"subnetIDs": ["subnet-00000009", "subnet-00000001"]});
    check(&list, &network(), &[1], &["subnet-00000001"], &[Reason::SubnetNotFound]);
}

#[test]
fn groups_are_those_of_the_nodes_vpc_sorted_once_each() {
    let network = Network {
        named_groups: BTreeMap::from([
            (vpc(1), vec![group(9, "default", None, 1)]),
            (vpc(2), vec![group(8, "default", None, 2)]),
        ]),
        ..Network::default()
    };
    let both =
        spec(&json!({"securityGroupIDs": ["sg-0000000a", "sg-00000009"], "securityGroupNames": ["default"]}));
    let found = groups(&both, &network, &vpc(1)).unwrap();
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["sg-00000009", "sg-0000000a"]);
    assert_eq!(groups(&both, &network, &vpc(3)).unwrap_err().reason, Reason::SecurityGroupNotFound);
}

#[test]
fn a_group_that_is_not_there_or_elsewhere_is_told_before_anything_is_made() {
    let known = |groups| Network { groups, ..Network::default() };
    let found = |id: &str, network: &Network| {
        groups(&spec(&json!({"securityGroupIDs": [id]})), network, &vpc(1))
            .map(|ids| ids.len())
            .map_err(|problem| (problem.reason, problem.message))
    };
    let told = known(Some(vec![group(1, "x", None, 1), group(2, "y", None, 2)]));
    assert_eq!(found("sg-00000001", &told), Ok(1));
    let missing = (Reason::SecurityGroupNotFound, "sg-00000003 does not exist".to_owned());
    assert_eq!(found("sg-00000003", &told), Err(missing));
    let there = format!("sg-00000002 is in {}, the nodes are in {}", vpc(2), vpc(1));
    assert_eq!(found("sg-00000002", &told), Err((Reason::SecurityGroupInOtherVpc, there)));
    // What EC2 did not tell, it judges itself.
    assert_eq!(found("sg-00000003", &known(None)), Ok(1));
}

#[test]
fn all_names_of_a_cluster_are_due_together_and_those_of_another_apart() {
    let named = spec(&json!({"subnetName": "x"}));
    let due = |spec: &NodeENISpec, cluster: &str, second| {
        let wait = names_due(spec, &ClusterId(cluster.to_owned()), at(NOW + second))?;
        Some(NOW + second + wait.as_secs())
    };
    let group = spec(&json!({"securityGroupNames": ["g"]}));
    let first = due(&named, "c1", 0).unwrap();
    for second in 0..700 {
        let next = due(&group, "c1", second).unwrap();
        assert!(next > NOW + second && (next - first) % 600 == 0, "{second}");
    }
    assert_ne!(due(&named, "c2", 0), Some(first));
    assert_eq!(due(&spec(&json!({"subnetID": "subnet-00000001"})), "c1", 0), None);
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let names = |n: usize| (0..n).map(|n| n.to_string());
    assert_eq!(join(names(5)), "0, 1, 2, 3, 4");
    assert_eq!(join(names(7)), "0, 1, 2, 3, 4 and 2 more");
}
