//! Bad subnets, security groups and positions.

use crate::table::{
    Bad,
    Spec::{Made, Only, With},
    bad,
};

/// What is said about an id that is not a subnet's.
const SUBNET_ID: &str = "should match '^subnet-[0-9a-f]{8,17}$'";
/// What is said about an id that is not a security group's.
const GROUP_ID: &str = "should match '^sg-[0-9a-f]{8,17}$'";
/// What is said where no subnet is given.
const SUBNET: &str = "a subnet is required: set subnetID, subnetIDs, subnetName or subnetNames";
/// What is said where no security group is given.
const GROUP: &str = "a security group is required: set securityGroupIDs or securityGroupNames";
/// What is said about index 0 of card 0.
const PRIMARY: &str = "must be 1 or more on network card 0, where index 0 is the primary ENI's";

pub(super) const ROWS: &[Bad] = &[
    bad("no subnet", Only("{nodeSelector: {ng: a}, securityGroupIDs: [sg-0a1b2c3d]}"), "spec", SUBNET),
    bad("subnet of nothing", With("subnetID: null"), "spec", SUBNET),
    bad(
        "empty lists of subnets",
        Only("{nodeSelector: {ng: a}, subnetIDs: [], subnetNames: [], securityGroupIDs: [sg-0a1b2c3d]}"),
        "spec",
        SUBNET,
    ),
    bad("placeholder for a subnet", With("subnetID: subnet-tenant-a"), "spec.subnetID", SUBNET_ID),
    bad("subnet id of 3 digits", With("subnetID: subnet-abc"), "spec.subnetID", SUBNET_ID),
    bad("subnet id of 7 digits", With("subnetID: subnet-0a1b2c3"), "spec.subnetID", SUBNET_ID),
    bad("subnet id of 18 digits", With("subnetID: subnet-0a1b2c3d4e5f678901"), "spec.subnetID", SUBNET_ID),
    bad("subnet id in capitals", With("subnetID: subnet-0A1B2C3D"), "spec.subnetID", SUBNET_ID),
    bad("three characters", With("subnetID: abc"), "spec.subnetID", SUBNET_ID),
    bad("empty subnet id", With("subnetID: ''"), "spec.subnetID", SUBNET_ID),
    bad("security group as a subnet", With("subnetID: sg-0a1b2c3d"), "spec.subnetID", SUBNET_ID),
    bad("subnet id with a blank", With("subnetID: 'subnet-0a1b2c3d '"), "spec.subnetID", SUBNET_ID),
    bad("second of two ids", With("subnetIDs: [subnet-0a1b2c3d, subnet-x]"), "spec.subnetIDs[1]", SUBNET_ID),
    bad("65 subnet ids", Made(many_subnets), "spec.subnetIDs", "must have at most 64 items"),
    bad("empty subnet name", With("subnetName: ''"), "spec.subnetName", "at least 1 chars long"),
    bad("empty name in a list", With("subnetNames: [a, '']"), "spec.subnetNames[1]", "at least 1 chars long"),
    bad("subnet name of 257 characters", Made(long_name), "spec.subnetName", "may not be more than 256"),
    bad(
        "single subnet as a list",
        With("subnetID: [subnet-0a1b2c3d]"),
        "spec.subnetID",
        "must be of type string",
    ),
    bad("unknown subnet policy", With("subnetPolicy: Some"), "spec.subnetPolicy", "\"All\", \"One\""),
    bad("no security group", Only("{nodeSelector: {ng: a}, subnetID: subnet-0a1b2c3d}"), "spec", GROUP),
    bad("security groups of nothing", With("securityGroupIDs: null"), "spec", GROUP),
    bad(
        "empty lists of security groups",
        With("{securityGroupIDs: [], securityGroupNames: []}"),
        "spec",
        GROUP,
    ),
    bad(
        "placeholder for a group",
        With("securityGroupIDs: [sg-tenant-a]"),
        "spec.securityGroupIDs[0]",
        GROUP_ID,
    ),
    bad("group id of 3 digits", With("securityGroupIDs: [sg-0a1]"), "spec.securityGroupIDs[0]", GROUP_ID),
    bad(
        "group id in capitals",
        With("securityGroupIDs: [sg-0A1B2C3D]"),
        "spec.securityGroupIDs[0]",
        GROUP_ID,
    ),
    bad("17 security groups", Made(many_groups), "spec.securityGroupIDs", "must have at most 16 items"),
    bad(
        "empty group name",
        With("securityGroupNames: ['']"),
        "spec.securityGroupNames[0]",
        "at least 1 chars long",
    ),
    bad("device index 0 on card 0", With("deviceIndex: 0"), "spec.deviceIndex", PRIMARY),
    bad("device index below 0", With("deviceIndex: -1"), "spec.deviceIndex", "greater than or equal to 0"),
    bad("device index 128", With("deviceIndex: 128"), "spec.deviceIndex", "less than or equal to 127"),
    bad("device index in quotes", With("deviceIndex: '2'"), "spec.deviceIndex", "must be of type integer"),
    bad(
        "device index below 0 on card 1",
        With("{networkCardIndex: 1, deviceIndex: -1}"),
        "spec.deviceIndex",
        "greater than or equal to 0",
    ),
    bad("card below 0", With("networkCardIndex: -1"), "spec.networkCardIndex", "greater than or equal to 0"),
    bad("card 32", With("networkCardIndex: 32"), "spec.networkCardIndex", "less than or equal to 31"),
];

fn many_subnets() -> String {
    let ids: Vec<_> = (0..65).map(|number| format!("subnet-{number:08x}")).collect();
    format!("subnetIDs: [{}]", ids.join(", "))
}

fn many_groups() -> String {
    let ids: Vec<_> = (0..17).map(|number| format!("sg-{number:08x}")).collect();
    format!("securityGroupIDs: [{}]", ids.join(", "))
}

fn long_name() -> String {
    format!("subnetName: {}", "n".repeat(257))
}
