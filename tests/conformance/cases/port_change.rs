//! The port `Ec2` by its adapter: what is changed on an ENI that is there, and what is asked without a change.

use std::collections::BTreeMap;

use eni_operator::{
    ec2::{Ec2 as _, EniQuery},
    model::{AddressKind, ClusterId, CreateEni, EniId, tag_key},
};

use crate::{
    case::{
        Runs::{Both, NeverOnMoto, SimOnly},
        cases,
    },
    render::{meant, ours},
    world::{World, eni_id, instance_id},
};

cases! {
    tags_are_set_over_others_and_taken_off_by_key, Both => [
        "set: done",
        "set again: done",
        "tags: {backup=daily empty= team=b}",
        "off: done",
        "off again: done",
        "nothing off: done",
        "tags: {backup=daily}",
    ];
    tags_of_no_eni_are_refused, SimOnly("moto tags what is not there") => [
        "set: NotFound(Eni), InvalidNetworkInterfaceID.NotFound",
    ];
    more_tags_than_fit_are_refused, Both => [
        "50 tags: done",
        "one more: Refused, TagLimitExceeded",
    ];
    addresses_are_given_by_number_and_taken_by_name, SimOnly("moto answers with all addresses of the ENI") => [
        "given: 3",
        "listed: 3",
        "the listed are the given: true",
        "taken: done",
        "left: the first",
    ];
    prefixes_are_given_by_number_and_taken_by_name, SimOnly("moto ignores IPv4 prefixes") => [
        "given: 2",
        "of sixteen addresses: true",
        "taken: done",
        "left: the first",
    ];
    ipv6_addresses_are_given_by_number_and_taken_by_name, Both => [
        "given: 2",
        "listed: 2",
        "taken: done",
        "left: the first",
    ];
    the_same_number_twice_gives_twice, SimOnly("moto answers with all addresses of the ENI") => [
        "given: 2",
        "given: 2",
        "listed: 4",
    ];
    what_is_not_there_cannot_be_taken, SimOnly("moto takes it without a word") => [
        "an address: Refused, InvalidParameterValue",
    ];
    more_addresses_than_the_type_takes_are_refused, SimOnly("moto has no limit by type") => [
        "nine: 9",
        "a tenth: Refused, PrivateIpAddressLimitExceeded",
    ];
    a_full_subnet_gives_no_address, NeverOnMoto("moto looks for a free address for ever") => [
        "thirty: SubnetFull, InsufficientFreeAddressesInSubnet",
    ];
    a_dry_run_tells_whether_a_create_is_allowed_and_creates_nothing, SimOnly("moto says nothing but yes") => [
        "may create: done",
        "of no subnet: NotFound(Subnet), InvalidSubnetID.NotFound",
        "ENIs: 0",
    ];
    the_hop_limit_is_set_and_told, SimOnly("moto does not keep the hop limit") => [
        "at first: Some(2)",
        "set: done",
        "then: Some(3)",
        "of no instance: NotFound(Instance), InvalidInstanceID.NotFound",
    ];
    a_whole_cluster_is_listed_and_nobody_elses, Both => [
        "of the cluster: eni-2 in subnet-1 vpc-1 us-east-1a, [sg-1], \"ours\", available, on nothing; eni-3 in subnet-1 vpc-1 us-east-1a, [sg-1], \"ours\", available, on nothing",
        "of another: 0",
    ];
    enis_of_the_reference_system_are_found_by_its_tags, Both => [
        "of one: eni-2",
        "of both: eni-2; eni-3",
        "of none: 0",
    ];
}

fn done(_: ()) -> String {
    "done".to_owned()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|&one| one.to_owned()).collect()
}

fn wanted(world: &World, token: &str, tags: &[(&str, &str)]) -> CreateEni {
    CreateEni {
        client_token: token.to_owned(),
        subnet: world.subnet.parse().unwrap(),
        groups: vec![world.group.parse().unwrap()],
        description: "ours".to_owned(),
        tags: map(tags),
        secondary_private_ip_count: 0,
        ipv4_prefix_count: 0,
        ipv6_address_count: 0,
    }
}

/// The tags of an ENI, sorted.
async fn note_tags(world: &mut World, eni: &EniId) {
    let listed = world.eni(eni.as_str()).await;
    let mut tags: Vec<String> = listed
        .tag_set()
        .iter()
        .map(|tag| format!("{}={}", tag.key().unwrap(), tag.value().unwrap_or_default()))
        .collect();
    tags.sort();
    world.note("tags", format!("{{{}}}", tags.join(" ")));
}

async fn tags_are_set_over_others_and_taken_off_by_key(world: &mut World) {
    let subnet = world.subnet.clone();
    let eni = eni_id(&world.new_eni_in(&subnet, &[("backup", "daily")]).await);
    let sets =
        [("set", map(&[("team", "a"), ("x", "1")])), ("set again", map(&[("team", "b"), ("empty", "")]))];
    for (asked, tags) in sets {
        world.note(asked, meant(world.aws.tag(&eni, &tags).await, done));
    }
    world.aws.untag(&eni, &texts(&["x"])).await.unwrap();
    note_tags(world, &eni).await;
    let keys = texts(&["team", "empty", "never there"]);
    for (asked, keys) in [("off", &keys), ("off again", &keys), ("nothing off", &vec![])] {
        world.note(asked, meant(world.aws.untag(&eni, keys).await, done));
    }
    note_tags(world, &eni).await;
}

async fn tags_of_no_eni_are_refused(world: &mut World) {
    let gone = eni_id("eni-0123456789abcdef0");
    world.note("set", meant(world.aws.tag(&gone, &map(&[("team", "a")])).await, done));
}

async fn more_tags_than_fit_are_refused(world: &mut World) {
    let eni = eni_id(&world.new_eni().await);
    let tags = (0..50).map(|n| (format!("k{n}"), String::new())).collect();
    world.note("50 tags", meant(world.aws.tag(&eni, &tags).await, done));
    world.note("one more", meant(world.aws.tag(&eni, &map(&[("more", "")])).await, done));
}

/// The addresses of a kind that an ENI has, without its primary one.
async fn addresses(world: &World, eni: &EniId, kind: AddressKind) -> Vec<String> {
    let listed = world.eni(eni.as_str()).await;
    let text = |one: Option<&str>| one.unwrap().to_owned();
    match kind {
        AddressKind::SecondaryIpv4 => {
            let secondary = listed.private_ip_addresses().iter().filter(|one| one.primary() != Some(true));
            secondary.map(|one| text(one.private_ip_address())).collect()
        }
        AddressKind::Ipv4Prefix => listed.ipv4_prefixes().iter().map(|one| text(one.ipv4_prefix())).collect(),
        AddressKind::Ipv6 => listed.ipv6_addresses().iter().map(|one| text(one.ipv6_address())).collect(),
    }
}

/// Takes all addresses but the first.
async fn take_all_but_the_first(world: &mut World, eni: &EniId, kind: AddressKind, given: &[String]) {
    world.note("taken", meant(world.aws.unassign(eni, kind, &given[1..]).await, done));
    let left = addresses(world, eni, kind).await;
    world.note(
        "left",
        if left == given[..1] { "the first".to_owned() } else { format!("{left:?} of {given:?}") },
    );
}

async fn addresses_are_given_by_number_and_taken_by_name(world: &mut World) {
    let (eni, kind) = (eni_id(&world.new_eni().await), AddressKind::SecondaryIpv4);
    let given = world.aws.assign(&eni, kind, 3).await.unwrap();
    world.note("given", given.len().to_string());
    let listed = addresses(world, &eni, kind).await;
    world.note("listed", listed.len().to_string());
    world.note("the listed are the given", (listed == given).to_string());
    take_all_but_the_first(world, &eni, kind, &given).await;
}

async fn prefixes_are_given_by_number_and_taken_by_name(world: &mut World) {
    let (eni, kind) = (eni_id(&world.new_eni().await), AddressKind::Ipv4Prefix);
    let given = world.aws.assign(&eni, kind, 2).await.unwrap();
    world.note("given", given.len().to_string());
    world.note("of sixteen addresses", given.iter().all(|one| one.ends_with("/28")).to_string());
    take_all_but_the_first(world, &eni, kind, &given).await;
}

async fn ipv6_addresses_are_given_by_number_and_taken_by_name(world: &mut World) {
    let answer =
        world.ec2.create_vpc().cidr_block("10.8.0.0/16").amazon_provided_ipv6_cidr_block(true).send();
    let made = answer.await.expect("a VPC");
    let made = made.vpc().unwrap();
    let range = made.ipv6_cidr_block_association_set()[0].ipv6_cidr_block().unwrap().replace("/56", "/64");
    let request = world.ec2.create_subnet().vpc_id(made.vpc_id().unwrap()).cidr_block("10.8.1.0/24");
    let subnet = request.ipv6_cidr_block(range).send().await.expect("a subnet");
    let subnet = subnet.subnet().unwrap().subnet_id().unwrap().to_owned();
    let eni = world.ec2.create_network_interface().subnet_id(subnet).send().await.expect("an ENI");
    let eni = eni_id(eni.network_interface().unwrap().network_interface_id().unwrap());
    let given = world.aws.assign(&eni, AddressKind::Ipv6, 2).await.unwrap();
    world.note("given", given.len().to_string());
    world.note("listed", addresses(world, &eni, AddressKind::Ipv6).await.len().to_string());
    take_all_but_the_first(world, &eni, AddressKind::Ipv6, &given).await;
}

async fn the_same_number_twice_gives_twice(world: &mut World) {
    let (eni, kind) = (eni_id(&world.new_eni().await), AddressKind::SecondaryIpv4);
    for _ in 0..2 {
        let given = world.aws.assign(&eni, kind, 2).await.unwrap();
        world.note("given", given.len().to_string());
    }
    world.note("listed", addresses(world, &eni, kind).await.len().to_string());
}

async fn what_is_not_there_cannot_be_taken(world: &mut World) {
    let eni = eni_id(&world.new_eni().await);
    let answer = world.aws.unassign(&eni, AddressKind::SecondaryIpv4, &texts(&["10.0.1.200"])).await;
    world.note("an address", meant(answer, done));
}

async fn more_addresses_than_the_type_takes_are_refused(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let eni = world.new_eni().await;
    world.attached(&eni, &instance, 1).await;
    for (asked, count) in [("nine", 9), ("a tenth", 1)] {
        let answer = world.aws.assign(&eni_id(&eni), AddressKind::SecondaryIpv4, count).await;
        world.note(asked, meant(answer, |given| given.len().to_string()));
    }
}

async fn a_full_subnet_gives_no_address(world: &mut World) {
    let vpc = world.vpc.clone();
    let small = world.new_subnet(&vpc, "10.0.3.0/28", "a", "small").await;
    let eni = eni_id(&world.new_eni_in(&small, &[]).await);
    let answer = world.aws.assign(&eni, AddressKind::SecondaryIpv4, 30).await;
    world.note("thirty", meant(answer, |given| given.len().to_string()));
}

async fn a_dry_run_tells_whether_a_create_is_allowed_and_creates_nothing(world: &mut World) {
    let request = wanted(world, "t", &[]);
    world.note("may create", meant(world.aws.may_create(&request).await, done));
    let nowhere = CreateEni { subnet: "subnet-0123456789abcdef0".parse().unwrap(), ..request };
    world.note("of no subnet", meant(world.aws.may_create(&nowhere).await, done));
    world.note("ENIs", world.truth().to_string());
}

async fn the_hop_limit_is_set_and_told(world: &mut World) {
    let instance = instance_id(&world.new_instance("m5.large").await);
    let ids = [instance.clone()];
    let first = world.aws.instances(&ids).await.unwrap()[0].metadata_hop_limit;
    world.note("at first", format!("{first:?}"));
    world.note("set", meant(world.aws.set_hop_limit(&instance, 3).await, done));
    let then = world.aws.instances(&ids).await.unwrap()[0].metadata_hop_limit;
    world.note("then", format!("{then:?}"));
    let gone = instance_id("i-0123456789abcdef0");
    world.note("of no instance", meant(world.aws.set_hop_limit(&gone, 3).await, done));
}

async fn a_whole_cluster_is_listed_and_nobody_elses(world: &mut World) {
    // A name of this VPC's own, because moto has one account for all cases.
    let cluster = format!("{}-cluster", world.vpc);
    world.new_eni().await;
    for token in ["a", "b"] {
        let request = wanted(world, token, &[(tag_key::CLUSTER, &cluster)]);
        let id = world.aws.create(&request).await.unwrap().id;
        world.numbered(id.as_str());
    }
    let listed = world.aws.enis(&EniQuery::OfCluster(ClusterId(cluster))).await.unwrap();
    let told: Vec<_> = listed.iter().map(ours).collect();
    world.note_all("of the cluster", &told);
    let other = EniQuery::OfCluster(ClusterId("nobody's".to_owned()));
    world.note("of another", world.aws.enis(&other).await.unwrap().len().to_string());
}

async fn enis_of_the_reference_system_are_found_by_its_tags(world: &mut World) {
    let (one, two) = (format!("{}-one", world.vpc), format!("{}-two", world.vpc));
    let manager = (tag_key::REFERENCE_MANAGED_BY, tag_key::REFERENCE_MANAGER);
    // A tag of that name alone is anybody's.
    let strangers = wanted(world, "s", &[(tag_key::REFERENCE_NODE_ENI, &one)]);
    let id = world.aws.create(&strangers).await.unwrap().id;
    world.numbered(id.as_str());
    for (token, name) in [("a", &one), ("b", &two)] {
        let request = wanted(world, token, &[manager, (tag_key::REFERENCE_NODE_ENI, name)]);
        let id = world.aws.create(&request).await.unwrap().id;
        world.numbered(id.as_str());
    }
    let none = format!("{}-none", world.vpc);
    for (asked, names) in [("of one", vec![one.clone()]), ("of both", vec![one.clone(), two])] {
        let listed = world.aws.enis(&EniQuery::OfReference(names)).await.unwrap();
        let told: Vec<_> = listed.iter().map(|eni| eni.id.to_string()).collect();
        world.note_all(asked, &told);
    }
    let listed = world.aws.enis(&EniQuery::OfReference(vec![none])).await.unwrap();
    world.note("of none", listed.len().to_string());
}
