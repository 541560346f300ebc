//! The port `Ec2` by its adapter: what the operator asks for, and what it makes of the answers.

use std::collections::BTreeMap;

use eni_operator::{
    ec2::{Ec2 as _, EniQuery, SecurityGroupQuery, SubnetQuery},
    model::{ClusterId, CreateEni, EniChange, EniId, InstanceId, Position, VpcId, tag_key},
};

use crate::{
    case::{
        Runs::{Both, NeverOnMoto, SimOnly},
        cases,
    },
    render::{meant, ours},
    world::{World, attachment_id, eni_id, instance_id},
};

cases! {
    an_eni_is_created_attached_detached_and_deleted, Both => [
        "created: eni-2 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", available, on nothing",
        "attached: eni-2 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", not available, Attached to i-1 at device index 1 on network card 0 by eni-attach-1, kept without it",
        "detach: done",
        "detached: eni-2 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", available, on nothing",
        "delete: done",
        "deleted: none",
    ];
    the_same_request_creates_one_eni, SimOnly("moto ignores ClientToken") => [
        "first: eni-2",
        "again: eni-2",
        "otherwise: TokenReused, IdempotentParameterMismatch",
    ];
    an_eni_is_found_by_its_tags, Both => [
        "created: eni-3",
        "created: eni-4",
        "created: eni-5",
        "of the first instance: eni-3 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", available, on nothing; eni-4 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", available, on nothing",
        "of the NodeENI: eni-3; eni-5",
        "of another cluster: 0",
    ];
    hundreds_of_names_are_asked_for_in_several_calls, SimOnly("moto cannot tell how many calls there were") => [
        "found: true",
        "calls: 3",
    ];
    many_enis_come_in_pages, NeverOnMoto("moto gives everything in one page, and takes minutes for so many") => [
        "ENIs: 1005",
        "calls: 2",
    ];
    every_attribute_is_changed, Both => [
        "modify: done",
        "modify: done",
        "modify: done",
        "changed: eni-2 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-2, sg-3], \"changed\", check false, available, on nothing",
    ];
    delete_on_termination_is_changed, SimOnly("moto does not store DeleteOnTermination") => [
        "listed: eni-2 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", not available, Attached to i-1 at device index 1 on network card 0 by eni-attach-1, deleted with it",
        "listed: eni-2 in subnet-1 vpc-1 us-east-1a, 2 secondary, [sg-1], \"ours\", not available, Attached to i-1 at device index 1 on network card 0 by eni-attach-1, kept without it",
    ];
    instances_are_told_and_missing_ones_left_out, Both => [
        "instance: i-1 Running m5.large us-east-1a vpc-1 subnet-1, [eni-1 on device index 0 on network card 0, eni-2 on device index 2 on network card 0]",
    ];
    types_are_told_and_missing_ones_left_out, Both => [
        "type: m5.large [0:3], 10 IPv4, 10 IPv6",
        "type: p4d.24xlarge [0:15, 1:15, 2:15, 3:15], 50 IPv4, 50 IPv6",
    ];
    subnets_are_found_by_id_and_by_name, Both => [
        "by id: subnet-1 Some(\"near\") vpc-1 us-east-1a 10.0.1.0/24 251",
        "by name: subnet-1 Some(\"near\") vpc-1 us-east-1a 10.0.1.0/24 251; subnet-2 Some(\"far\") vpc-1 us-east-1b 10.0.2.0/24 251",
    ];
    a_name_with_a_wildcard_finds_only_itself, SimOnly("moto does not know the backslash of a filter") => [
        "net-*: subnet-3 Some(\"net-*\") vpc-1 us-east-1a 10.0.3.0/24 251",
        "net-?: subnet-5 Some(\"net-?\") vpc-1 us-east-1a 10.0.5.0/24 251",
        "net-a: subnet-4 Some(\"net-a\") vpc-1 us-east-1a 10.0.4.0/24 251",
        "net-b: none",
    ];
    groups_are_found_by_id_and_by_both_names, Both => [
        "by id: sg-1 data Some(\"Data plane\") vpc-1",
        "by group name: sg-1 data Some(\"Data plane\") vpc-1",
        "by tag: sg-1 data Some(\"Data plane\") vpc-1",
        "by the wrong name: none",
    ];
    nothing_is_asked_for_nothing, Both => [
        "found: 0",
    ];
    what_is_gone_is_not_found, Both => [
        "create: NotFound(Subnet), InvalidSubnetID.NotFound",
        "attach to no instance: NotFound(Instance), InvalidInstanceID.NotFound",
        "modify: NotFound(Eni), InvalidNetworkInterfaceID.NotFound",
        "detach: NotFound(Attachment), InvalidAttachmentID.NotFound",
        "delete: NotFound(Eni), InvalidNetworkInterfaceID.NotFound",
    ];
    what_does_not_go_together_is_a_mismatch, SimOnly("moto compares neither zones nor VPCs") => [
        "another zone: Mismatch, InvalidParameterCombination",
        "a group of another VPC: Mismatch, InvalidParameter",
        "such a group afterwards: Mismatch, InvalidParameter",
        "an unknown group: NotFound(SecurityGroup), InvalidSecurityGroupID.NotFound",
    ];
    what_is_taken_is_told_apart, SimOnly("moto accepts all of it") => [
        "an index: PositionTaken, InvalidParameterValue",
        "an ENI: Conflict, InvalidNetworkInterface.InUse",
        "an ENI to delete: Conflict, InvalidParameterValue",
    ];
    what_is_full_is_told_apart, SimOnly("moto has no limits"), set |settings| settings.eni_quota = 6 => [
        "ENI 1: eni-attach-1",
        "ENI 2: eni-attach-2",
        "ENI 3: InstanceFull, AttachmentLimitExceeded",
        "30 addresses: SubnetFull, InsufficientFreeAddressesInSubnet",
        "fifth ENI: created",
        "sixth ENI: created",
        "seventh ENI: AccountFull, NetworkInterfaceLimitExceeded",
    ];
    an_instance_that_starts_is_not_ready, SimOnly("moto attaches to an instance in any state"), set |settings| {
        settings.start = std::time::Duration::from_secs(9);
    } => [
        "attach: InstanceNotReady, IncorrectState",
        "instance: Pending",
    ];
}

fn cluster() -> ClusterId {
    ClusterId("c1".to_owned())
}

fn wanted(world: &World, token: &str, node_eni: &str, instance: &str) -> CreateEni {
    let tags = [(tag_key::CLUSTER, "c1"), (tag_key::NODE_ENI, node_eni), (tag_key::INSTANCE, instance)];
    CreateEni {
        client_token: token.to_owned(),
        subnet: world.subnet.parse().unwrap(),
        groups: vec![world.group.parse().unwrap()],
        description: "ours".to_owned(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        secondary_private_ip_count: 2,
        ipv4_prefix_count: 0,
        ipv6_address_count: 0,
    }
}

fn at(device: u32) -> Position {
    Position { card: 0, device }
}

async fn created(world: &mut World, token: &str, node_eni: &str, instance: &str) -> EniId {
    let request = wanted(world, token, node_eni, instance);
    world.aws.create(&request).await.expect("an ENI").id
}

async fn told(world: &mut World, asked: &str, instance: &str) {
    let query = EniQuery::OfInstances(cluster(), vec![instance_id(instance)]);
    let told: Vec<_> = world.aws.enis(&query).await.expect("a listing").iter().map(ours).collect();
    world.note_all(asked, &told);
}

async fn an_eni_is_created_attached_detached_and_deleted(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let eni = created(world, "t", "n", &instance).await;
    told(world, "created", &instance).await;
    let attachment = world.aws.attach(&eni, &instance_id(&instance), at(1)).await.unwrap();
    told(world, "attached", &instance).await;
    world.note("detach", meant(world.aws.detach(&attachment, false).await, |()| "done".to_owned()));
    told(world, "detached", &instance).await;
    world.note("delete", meant(world.aws.delete(&eni).await, |()| "done".to_owned()));
    told(world, "deleted", &instance).await;
}

async fn the_same_request_creates_one_eni(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    for asked in ["first", "again"] {
        let eni = created(world, "t", "n", &instance).await;
        world.note(asked, eni.as_str());
    }
    let request = CreateEni { description: "other".to_owned(), ..wanted(world, "t", "n", &instance) };
    world.note("otherwise", meant(world.aws.create(&request).await, |eni| eni.id.to_string()));
}

async fn an_eni_is_found_by_its_tags(world: &mut World) {
    let (instance, other) = (world.new_instance("m5.large").await, world.new_instance("m5.large").await);
    // Names of this VPC's own, because moto has one account for all cases.
    let (one, two) = (format!("{}-one", world.vpc), format!("{}-two", world.vpc));
    for (token, node_eni, instance) in [("a", &one, &instance), ("b", &two, &instance), ("c", &one, &other)] {
        let eni = created(world, token, node_eni, instance).await;
        world.note("created", eni.as_str());
    }
    told(world, "of the first instance", &instance).await;
    let query = EniQuery::OfNodeEnis(cluster(), vec![one]);
    let listed: Vec<_> = world.aws.enis(&query).await.unwrap().iter().map(|eni| eni.id.to_string()).collect();
    world.note_all("of the NodeENI", &listed);
    let query = EniQuery::OfInstances(ClusterId("c2".to_owned()), vec![instance_id(&instance)]);
    world.note("of another cluster", world.aws.enis(&query).await.unwrap().len().to_string());
}

async fn hundreds_of_names_are_asked_for_in_several_calls(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let eni = created(world, "t", "name-449", &instance).await;
    let before = world.calls("DescribeNetworkInterfaces");
    let names = (0..450).map(|number| format!("name-{number}")).collect();
    let listed = world.aws.enis(&EniQuery::OfNodeEnis(cluster(), names)).await.unwrap();
    world.note("found", (listed.len() == 1 && listed[0].id == eni).to_string());
    world.note("calls", (world.calls("DescribeNetworkInterfaces") - before).to_string());
}

async fn many_enis_come_in_pages(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let vpc = world.vpc.clone();
    let wide = world.new_subnet(&vpc, "10.0.128.0/17", "a", "wide").await;
    for number in 0..1005 {
        let request = CreateEni {
            subnet: wide.parse().unwrap(),
            secondary_private_ip_count: 0,
            ..wanted(world, &number.to_string(), "n", &instance)
        };
        world.aws.create(&request).await.unwrap();
    }
    let before = world.calls("DescribeNetworkInterfaces");
    let query = EniQuery::OfNodeEnis(cluster(), vec!["n".to_owned()]);
    world.note("ENIs", world.aws.enis(&query).await.unwrap().len().to_string());
    world.note("calls", (world.calls("DescribeNetworkInterfaces") - before).to_string());
}

async fn every_attribute_is_changed(world: &mut World) {
    let (instance, vpc) = (world.new_instance("m5.large").await, world.vpc.clone());
    let eni = created(world, "t", "n", &instance).await;
    let groups = [world.new_group(&vpc, "one", "1").await, world.new_group(&vpc, "two", "2").await];
    for change in [
        EniChange::SourceDestCheck(false),
        EniChange::Groups(groups.iter().map(|group| group.parse().unwrap()).collect()),
        EniChange::Description("changed".to_owned()),
    ] {
        world.note("modify", meant(world.aws.modify(&eni, &change).await, |()| "done".to_owned()));
    }
    told(world, "changed", &instance).await;
}

async fn delete_on_termination_is_changed(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let eni = created(world, "t", "n", &instance).await;
    let attachment = world.aws.attach(&eni, &instance_id(&instance), at(1)).await.unwrap();
    for on in [true, false] {
        let change = EniChange::DeleteOnTermination { attachment: attachment.clone(), on };
        world.aws.modify(&eni, &change).await.unwrap();
        told(world, "listed", &instance).await;
    }
}

async fn instances_are_told_and_missing_ones_left_out(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 2).await;
    let ids: Vec<InstanceId> = vec![instance_id(&instance), instance_id("i-0123456789abcdef0")];
    for told in world.aws.instances(&ids).await.unwrap() {
        let held: Vec<_> = told.held.iter().map(|held| format!("{} on {}", held.eni, held.at)).collect();
        let (vpc, subnet) = (told.vpc.unwrap(), told.subnet.unwrap());
        let text = format!(
            "{} {:?} {} {} {vpc} {subnet}, [{}]",
            told.id,
            told.state,
            told.instance_type,
            told.zone,
            held.join(", ")
        );
        world.note("instance", text);
    }
}

async fn types_are_told_and_missing_ones_left_out(world: &mut World) {
    let names = ["m5.large", "p4d.24xlarge", "m5.tiny"].map(str::to_owned);
    let mut types = world.aws.instance_types(&names).await.unwrap();
    types.sort_by(|one, other| one.name.cmp(&other.name));
    for kind in types {
        let cards: Vec<_> =
            kind.cards.iter().map(|card| format!("{}:{}", card.index, card.max_enis)).collect();
        let text = format!(
            "{} [{}], {} IPv4, {} IPv6",
            kind.name,
            cards.join(", "),
            kind.ipv4_addresses_per_eni,
            kind.ipv6_addresses_per_eni
        );
        world.note("type", text);
    }
}

async fn subnets(world: &mut World, asked: &str, query: SubnetQuery) {
    let subnets = world.aws.subnets(&query).await.unwrap();
    let told: Vec<_> = subnets
        .iter()
        .map(|subnet| {
            format!(
                "{} {:?} {} {} {} {}",
                subnet.id, subnet.name, subnet.vpc, subnet.zone, subnet.cidr, subnet.free_addresses
            )
        })
        .collect();
    world.note_all(asked, &told);
}

fn vpc(world: &World) -> VpcId {
    world.vpc.parse().unwrap()
}

async fn subnets_are_found_by_id_and_by_name(world: &mut World) {
    let ids = [world.subnet.as_str(), "subnet-0123456789abcdef0"].map(|id| id.parse().unwrap());
    subnets(world, "by id", SubnetQuery::Ids(ids.into())).await;
    let names = SubnetQuery::Names(vpc(world), vec!["far".to_owned(), "near".to_owned(), "none".to_owned()]);
    subnets(world, "by name", names).await;
}

async fn a_name_with_a_wildcard_finds_only_itself(world: &mut World) {
    let in_vpc = world.vpc.clone();
    for (cidr, name) in [("10.0.3.0/24", "net-*"), ("10.0.4.0/24", "net-a"), ("10.0.5.0/24", "net-?")] {
        world.new_subnet(&in_vpc, cidr, "a", name).await;
    }
    for name in ["net-*", "net-?", "net-a", "net-b"] {
        let query = SubnetQuery::Names(vpc(world), vec![name.to_owned()]);
        subnets(world, name, query).await;
    }
}

async fn groups_are_found_by_id_and_by_both_names(world: &mut World) {
    for (asked, query) in [
        (
            "by id",
            SecurityGroupQuery::Ids(vec![
                world.group.parse().unwrap(),
                "sg-0123456789abcdef0".parse().unwrap(),
            ]),
        ),
        ("by group name", SecurityGroupQuery::GroupNames(vpc(world), vec!["data".to_owned()])),
        ("by tag", SecurityGroupQuery::TagNames(vpc(world), vec!["Data plane".to_owned()])),
        ("by the wrong name", SecurityGroupQuery::GroupNames(vpc(world), vec!["Data plane".to_owned()])),
    ] {
        let groups = world.aws.security_groups(&query).await.unwrap();
        let told: Vec<_> = groups
            .iter()
            .map(|group| format!("{} {} {:?} {}", group.id, group.group_name, group.name, group.vpc))
            .collect();
        world.note_all(asked, &told);
    }
}

async fn nothing_is_asked_for_nothing(world: &mut World) {
    let nothing = [
        world.aws.enis(&EniQuery::OfInstances(cluster(), Vec::new())).await.unwrap().len(),
        world.aws.enis(&EniQuery::OfNodeEnis(cluster(), Vec::new())).await.unwrap().len(),
        world.aws.instances(&[]).await.unwrap().len(),
        world.aws.instance_types(&[]).await.unwrap().len(),
        world.aws.subnets(&SubnetQuery::Ids(Vec::new())).await.unwrap().len(),
        world.aws.security_groups(&SecurityGroupQuery::Ids(Vec::new())).await.unwrap().len(),
    ];
    world.note("found", nothing.iter().sum::<usize>().to_string());
}

async fn what_is_gone_is_not_found(world: &mut World) {
    let (gone, eni) = (eni_id("eni-0123456789abcdef0"), eni_id(&world.new_eni().await));
    let nowhere = instance_id("i-0123456789abcdef0");
    let attachment = attachment_id("eni-attach-0123456789abcdef0");
    let request =
        CreateEni { subnet: "subnet-0123456789abcdef0".parse().unwrap(), ..wanted(world, "t", "n", "i") };
    let answers = [
        ("create", world.aws.create(&request).await.map(drop)),
        ("attach to no instance", world.aws.attach(&eni, &nowhere, at(1)).await.map(drop)),
        ("modify", world.aws.modify(&gone, &EniChange::SourceDestCheck(false)).await),
        ("detach", world.aws.detach(&attachment, false).await),
        ("delete", world.aws.delete(&gone).await),
    ];
    for (asked, answer) in answers {
        world.note(asked, meant(answer, |()| "done".to_owned()));
    }
}

async fn what_does_not_go_together_is_a_mismatch(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let far = world.far_subnet.clone();
    let eni = eni_id(&world.new_eni_in(&far, &[]).await);
    let answer = world.aws.attach(&eni, &instance_id(&instance), at(1)).await;
    world.note("another zone", meant(answer, |id| id.to_string()));
    let other = world.new_vpc("10.7.0.0/16").await;
    let group = world.new_group(&other, "other", "Other").await;
    let request = CreateEni { groups: vec![group.parse().unwrap()], ..wanted(world, "t", "n", &instance) };
    world.note("a group of another VPC", meant(world.aws.create(&request).await, |eni| eni.id.to_string()));
    let groups = EniChange::Groups(request.groups);
    world.note(
        "such a group afterwards",
        meant(world.aws.modify(&eni, &groups).await, |()| "done".to_owned()),
    );
    let request = CreateEni {
        groups: vec!["sg-0123456789abcdef0".parse().unwrap()],
        ..wanted(world, "u", "n", &instance)
    };
    world.note("an unknown group", meant(world.aws.create(&request).await, |eni| eni.id.to_string()));
}

async fn what_is_taken_is_told_apart(world: &mut World) {
    let instance = instance_id(&world.new_instance("m5.large").await);
    let (one, two) = (eni_id(&world.new_eni().await), eni_id(&world.new_eni().await));
    world.aws.attach(&one, &instance, at(1)).await.unwrap();
    let answers = [
        ("an index", world.aws.attach(&two, &instance, at(1)).await.map(drop)),
        ("an ENI", world.aws.attach(&one, &instance, at(2)).await.map(drop)),
        ("an ENI to delete", world.aws.delete(&one).await),
    ];
    for (asked, answer) in answers {
        world.note(asked, meant(answer, |()| "done".to_owned()));
    }
}

async fn what_is_full_is_told_apart(world: &mut World) {
    let instance = instance_id(&world.new_instance("m5.large").await);
    let enis =
        [eni_id(&world.new_eni().await), eni_id(&world.new_eni().await), eni_id(&world.new_eni().await)];
    for (device, eni) in (1..).zip(&enis) {
        let answer = world.aws.attach(eni, &instance, at(device)).await;
        world.note(&format!("ENI {device}"), meant(answer, |id| id.to_string()));
    }
    let in_vpc = world.vpc.clone();
    let small = world.new_subnet(&in_vpc, "10.0.3.0/28", "a", "small").await;
    let request = |token: &str, secondary| CreateEni {
        subnet: small.parse().unwrap(),
        secondary_private_ip_count: secondary,
        tags: BTreeMap::new(),
        ..wanted(world, token, "n", instance.as_str())
    };
    let requests = [request("full", 30), request("a", 0), request("b", 0), request("c", 0)];
    for (asked, request) in ["30 addresses", "fifth ENI", "sixth ENI", "seventh ENI"].iter().zip(requests) {
        world.note(asked, meant(world.aws.create(&request).await, |_| "created".to_owned()));
    }
}

async fn an_instance_that_starts_is_not_ready(world: &mut World) {
    let instance = instance_id(&world.new_instance("m5.large").await);
    let eni = eni_id(&world.new_eni().await);
    let answer = world.aws.attach(&eni, &instance, at(1)).await;
    world.note("attach", meant(answer, |id| id.to_string()));
    let state = world.aws.instances(&[instance]).await.unwrap()[0].state;
    world.note("instance", format!("{state:?}"));
}
