//! `CreateNetworkInterface`.

use aws_sdk_ec2::{
    operation::create_network_interface::builders::CreateNetworkInterfaceFluentBuilder as Request,
    types::{NetworkInterfaceCreationType, ResourceType},
};

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, said},
    world::{World, tagged},
};

const NO_TOKENS: &str = "moto ignores ClientToken and creates a second ENI";
const NO_PREFIXES: &str = "moto ignores IPv4 prefixes";
const ANY_GROUP: &str = "moto accepts any security group, and invents one that it does not know";
const ANY_ADDRESS: &str = "moto accepts any private address";

cases! {
    what_is_asked_for_is_stored, Both => [
        "create: eni-1",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], \"ours\", {Name=n networking.k8s.aws/cluster-id=c}, on nothing",
    ];
    a_new_eni_is_pending_and_then_available, SimOnly("moto answers Create with available") => [
        "create: pending, on nothing",
        "listed: available, on nothing",
    ];
    secondary_addresses_are_counted, Both => [
        "create: eni-1",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, 3 secondary, [sg-1], on nothing",
    ];
    ipv6_addresses_are_counted, Both => [
        "IPv6 addresses: 2",
    ];
    prefixes_are_counted, SimOnly(NO_PREFIXES) => [
        "create: eni-1",
        "listed: eni-1 available in subnet-1 vpc-1 us-east-1a, 2 prefixes, [sg-1], on nothing",
        "subnet: 218 free",
    ];
    prefixes_and_addresses_exclude_each_other, SimOnly(NO_PREFIXES) => [
        "create: InvalidParameterCombination (400)",
    ];
    without_a_group_it_gets_the_default_one, Both => [
        "groups: default",
    ];
    the_same_token_gives_the_same_eni, SimOnly(NO_TOKENS) => [
        "first: eni-1",
        "again: eni-1",
        "another: eni-2",
    ];
    the_same_token_with_other_parameters_is_refused, SimOnly(NO_TOKENS) => [
        "first: eni-1",
        "again: IdempotentParameterMismatch (400)",
    ];
    a_token_outlives_its_eni, SimOnly(NO_TOKENS) => [
        "first: eni-1",
        "again: eni-1",
        "listed: 0",
    ];
    an_unknown_subnet_is_not_found, Both => [
        "create: InvalidSubnetID.NotFound (400)",
    ];
    a_malformed_subnet_is_told_as_such, SimOnly("moto says NotFound of a malformed id") => [
        "create: InvalidSubnetID.Malformed (400)",
    ];
    an_unknown_group_is_not_found, SimOnly(ANY_GROUP) => [
        "create: InvalidSecurityGroupID.NotFound (400)",
    ];
    a_group_of_another_vpc_is_refused, SimOnly(ANY_GROUP) => [
        "create: InvalidParameter (400)",
    ];
    more_groups_than_an_eni_takes_are_refused, SimOnly("moto has no such limit") => [
        "create: SecurityGroupsPerInterfaceLimitExceeded (400)",
    ];
    an_address_in_use_is_refused, SimOnly(ANY_ADDRESS) => [
        "first: eni-1",
        "second: InvalidIPAddress.InUse (400)",
    ];
    an_address_of_another_subnet_is_refused, SimOnly(ANY_ADDRESS) => [
        "create: InvalidParameterValue (400)",
    ];
    every_address_counts_in_the_subnet, Both => [
        "empty: 251 free",
        "two ENIs: 249 free",
        "one ENI: 250 free",
    ];
    a_full_subnet_is_told_as_such, SimOnly("moto lets the count of free addresses go below zero") => [
        "twelfth: InsufficientFreeAddressesInSubnet (400)",
        "with a prefix: InsufficientCidrBlocks (400)",
    ];
    a_full_account_is_told_as_such, SimOnly("moto has no quota"), set |settings| settings.eni_quota = 2 => [
        "first: eni-1",
        "second: eni-2",
        "third: NetworkInterfaceLimitExceeded (400)",
    ];
    a_dry_run_creates_nothing, Both => [
        "create: DryRunOperation (412)",
        "listed: 0",
    ];
    an_efa_is_stored_as_one, SimOnly("moto ignores InterfaceType") => [
        "type: efa",
    ];
    fifty_tags_are_taken_and_not_one_more, Both => [
        "50 tags: eni-1",
        "51 tags: TagLimitExceeded (400)",
    ];
    a_tag_of_aws_is_refused, SimOnly("moto accepts keys that begin with aws:") => [
        "create: InvalidParameterValue (400)",
    ];
}

fn request(world: &World) -> Request {
    world.ec2.create_network_interface().subnet_id(&world.subnet).groups(&world.group)
}

/// Creates and tells the id, or why not.
async fn create(world: &mut World, asked: &str, request: Request) -> Option<String> {
    let answer = request.send().await;
    let id = answer.as_ref().ok().and_then(|answer| answer.network_interface()?.network_interface_id());
    let id = id.map(str::to_owned);
    let text = said(answer, |answer| answer.network_interface.unwrap().network_interface_id.unwrap());
    world.note(asked, text);
    id
}

/// Creates and tells what is listed then.
async fn created(world: &mut World, request: Request) {
    if let Some(id) = create(world, "create", request).await {
        world.note("listed", render::eni(&world.eni(&id).await));
    }
}

async fn what_is_asked_for_is_stored(world: &mut World) {
    let tags =
        tagged(ResourceType::NetworkInterface, &[("Name", "n"), ("networking.k8s.aws/cluster-id", "c")]);
    let request = request(world).description("ours").tag_specifications(tags);
    created(world, request).await;
}

async fn a_new_eni_is_pending_and_then_available(world: &mut World) {
    let answer = request(world).send().await.unwrap().network_interface.unwrap();
    world.note("create", render::hold(&answer));
    let listed = world.eni(answer.network_interface_id().unwrap()).await;
    world.note("listed", render::hold(&listed));
}

async fn secondary_addresses_are_counted(world: &mut World) {
    let request = request(world).secondary_private_ip_address_count(3);
    created(world, request).await;
}

async fn ipv6_addresses_are_counted(world: &mut World) {
    let answer = world.ec2.create_vpc().cidr_block("10.9.0.0/16").amazon_provided_ipv6_cidr_block(true);
    let vpc = answer.send().await.unwrap().vpc.unwrap();
    let range = vpc.ipv6_cidr_block_association_set()[0].ipv6_cidr_block().unwrap().replace("/56", "/64");
    let subnet = world
        .ec2
        .create_subnet()
        .vpc_id(vpc.vpc_id().unwrap())
        .cidr_block("10.9.1.0/24")
        .availability_zone("us-east-1a")
        .ipv6_cidr_block(range);
    let subnet = subnet.send().await.unwrap().subnet.unwrap();
    let request = world.ec2.create_network_interface().subnet_id(subnet.subnet_id().unwrap());
    let answer = request.ipv6_address_count(2).send().await.unwrap().network_interface.unwrap();
    let listed = world.eni(answer.network_interface_id().unwrap()).await;
    world.note("IPv6 addresses", listed.ipv6_addresses().len().to_string());
}

async fn prefixes_are_counted(world: &mut World) {
    let request = request(world).ipv4_prefix_count(2);
    created(world, request).await;
    world.note("subnet", free(world).await);
}

async fn prefixes_and_addresses_exclude_each_other(world: &mut World) {
    let request = request(world).ipv4_prefix_count(1).secondary_private_ip_address_count(1);
    create(world, "create", request).await;
}

async fn without_a_group_it_gets_the_default_one(world: &mut World) {
    let request = world.ec2.create_network_interface().subnet_id(&world.subnet);
    let answer = request.send().await.unwrap().network_interface.unwrap();
    let names: Vec<_> = answer.groups().iter().map(|group| group.group_name().unwrap()).collect();
    world.note("groups", names.join(" "));
}

async fn the_same_token_gives_the_same_eni(world: &mut World) {
    let first = request(world).client_token("token");
    let second = request(world).client_token("token");
    let other = request(world).client_token("another");
    create(world, "first", first).await;
    create(world, "again", second).await;
    create(world, "another", other).await;
}

async fn the_same_token_with_other_parameters_is_refused(world: &mut World) {
    let first = request(world).client_token("token").description("a");
    let second = request(world).client_token("token").description("b");
    create(world, "first", first).await;
    create(world, "again", second).await;
}

async fn a_token_outlives_its_eni(world: &mut World) {
    let first = request(world).client_token("token");
    let id = create(world, "first", first).await.unwrap();
    world.ec2.delete_network_interface().network_interface_id(&id).send().await.unwrap();
    let second = request(world).client_token("token");
    create(world, "again", second).await;
    world.note("listed", world.enis(&[("vpc-id", &world.vpc)]).await.len().to_string());
}

async fn an_unknown_subnet_is_not_found(world: &mut World) {
    let request = world.ec2.create_network_interface().subnet_id("subnet-0123456789abcdef0");
    create(world, "create", request).await;
}

async fn a_malformed_subnet_is_told_as_such(world: &mut World) {
    let request = world.ec2.create_network_interface().subnet_id("subnet-tenant-a");
    create(world, "create", request).await;
}

async fn an_unknown_group_is_not_found(world: &mut World) {
    let request = world.ec2.create_network_interface().subnet_id(&world.subnet);
    create(world, "create", request.groups("sg-0123456789abcdef0")).await;
}

async fn a_group_of_another_vpc_is_refused(world: &mut World) {
    let vpc = world.new_vpc("10.7.0.0/16").await;
    let group = world.new_group(&vpc, "other", "Other").await;
    let request = world.ec2.create_network_interface().subnet_id(&world.subnet).groups(group);
    create(world, "create", request).await;
}

async fn more_groups_than_an_eni_takes_are_refused(world: &mut World) {
    let vpc = world.vpc.clone();
    let mut request = request(world);
    for number in 1..=5 {
        request = request.groups(world.new_group(&vpc, &format!("g{number}"), "g").await);
    }
    create(world, "create", request).await;
}

async fn an_address_in_use_is_refused(world: &mut World) {
    for asked in ["first", "second"] {
        let request = request(world).private_ip_address("10.0.1.77");
        create(world, asked, request).await;
    }
}

async fn an_address_of_another_subnet_is_refused(world: &mut World) {
    let request = request(world).private_ip_address("10.0.2.77");
    create(world, "create", request).await;
}

/// Free addresses of the first subnet.
async fn free(world: &World) -> String {
    let answer = world.ec2.describe_subnets().subnet_ids(&world.subnet).send().await.unwrap();
    format!("{} free", answer.subnets()[0].available_ip_address_count().unwrap())
}

async fn every_address_counts_in_the_subnet(world: &mut World) {
    world.note("empty", free(world).await);
    let eni = world.new_eni().await;
    world.new_eni().await;
    world.note("two ENIs", free(world).await);
    world.ec2.delete_network_interface().network_interface_id(&eni).send().await.unwrap();
    world.note("one ENI", free(world).await);
}

async fn a_full_subnet_is_told_as_such(world: &mut World) {
    let vpc = world.vpc.clone();
    let small = world.new_subnet(&vpc, "10.0.3.0/28", "a", "small").await;
    for _ in 0..11 {
        world.new_eni_in(&small, &[]).await;
    }
    let request = world.ec2.create_network_interface().subnet_id(&small);
    create(world, "twelfth", request).await;
    let prefixes = world.ec2.create_network_interface().subnet_id(&small).ipv4_prefix_count(1);
    create(world, "with a prefix", prefixes).await;
}

async fn a_full_account_is_told_as_such(world: &mut World) {
    for asked in ["first", "second", "third"] {
        let request = request(world);
        create(world, asked, request).await;
    }
}

async fn a_dry_run_creates_nothing(world: &mut World) {
    let request = request(world).dry_run(true);
    create(world, "create", request).await;
    world.note("listed", world.enis(&[("vpc-id", &world.vpc)]).await.len().to_string());
}

async fn an_efa_is_stored_as_one(world: &mut World) {
    let request = request(world).interface_type(NetworkInterfaceCreationType::Efa);
    let answer = request.send().await.unwrap().network_interface.unwrap();
    world.note("type", answer.interface_type().unwrap().as_str());
}

async fn fifty_tags_are_taken_and_not_one_more(world: &mut World) {
    for count in [50, 51] {
        let keys: Vec<_> = (0..count).map(|number| format!("key-{number}")).collect();
        let tags: Vec<_> = keys.iter().map(|key| (key.as_str(), "")).collect();
        let request = request(world).tag_specifications(tagged(ResourceType::NetworkInterface, &tags));
        create(world, &format!("{count} tags"), request).await;
    }
}

async fn a_tag_of_aws_is_refused(world: &mut World) {
    let tags = tagged(ResourceType::NetworkInterface, &[("aws:mine", "x")]);
    let request = request(world).tag_specifications(tags);
    create(world, "create", request).await;
}
