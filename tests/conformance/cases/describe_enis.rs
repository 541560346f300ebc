//! `DescribeNetworkInterfaces`.

use std::time::Duration;

use aws_sdk_ec2::types::Filter;

use crate::{
    case::{
        Runs::{Both, SimOnly},
        cases,
    },
    render::{self, said},
    world::World,
};

const NO_PAGES: &str = "moto ignores MaxResults and NextToken";
const BROKEN_FILTER: &str = "moto answers HTTP 500 to a filter on this attribute of the attachment";

cases! {
    one_missing_id_fails_the_call, Both => [
        "describe: InvalidNetworkInterfaceID.NotFound (400)",
    ];
    a_missing_id_is_left_out_of_a_filter, Both => [
        "describe: eni-1 available in subnet-1 vpc-1 us-east-1a, [sg-1], on nothing",
    ];
    values_are_alternatives_and_filters_are_conditions, Both => [
        "cluster c: eni-1; eni-2",
        "cluster c, node a: eni-1",
        "cluster c or d, node a: eni-1; eni-3",
    ];
    what_an_eni_is_can_be_filtered, Both => [
        "subnet-id subnet-2: eni-1",
        "availability-zone us-east-1a: eni-2",
        "group-id sg-1: eni-1; eni-2",
        "tag-key Name: eni-1",
        "tag:Name far one: eni-1",
        "status available: eni-1; eni-2",
        "status in-use: none",
        "mac-address of the second: eni-2",
    ];
    where_an_eni_hangs_can_be_filtered, Both => [
        "attachment.attachment-id: eni-2",
        "attachment.instance-id: eni-1; eni-2",
    ];
    how_far_an_attachment_is_can_be_filtered, SimOnly(BROKEN_FILTER) => [
        "attachment.status attached: eni-1; eni-2",
        "attachment.status attaching: none",
        "attachment.device-index 1: eni-2",
        "attachment.delete-on-termination false: eni-2",
    ];
    a_wildcard_stands_for_characters, Both => [
        "tenant*: eni-1; eni-2; eni-3",
        "tenant-?: eni-1; eni-2",
        "*-a: eni-1",
        "TENANT*: none",
    ];
    a_backslash_takes_a_wildcard_literally, SimOnly("moto does not know the backslash of a filter") => [
        "a\\*b: eni-1",
        "a\\?b: eni-2",
    ];
    two_hundred_values_are_taken_and_not_one_more, SimOnly("moto has no such limit") => [
        "200 values: 0",
        "201 values: FilterLimitExceeded (400)",
    ];
    an_unknown_filter_is_refused, SimOnly("moto takes a filter that it does not know for one that nothing fits") => [
        "no-such-filter: InvalidParameterValue (400)",
    ];
    a_listing_comes_in_pages, SimOnly(NO_PAGES) => [
        "page: 5",
        "page: 5",
        "page: 2",
        "ENIs: 12",
    ];
    a_page_has_five_to_a_thousand, SimOnly(NO_PAGES) => [
        "4: InvalidParameterValue (400)",
        "5: 0",
        "1000: 0",
        "1001: InvalidParameterValue (400)",
    ];
    ids_and_pages_exclude_each_other, SimOnly(NO_PAGES) => [
        "describe: InvalidParameterCombination (400)",
    ];
    a_token_that_ec2_did_not_give_is_refused, SimOnly(NO_PAGES) => [
        "describe: InvalidNextToken (400)",
    ];
    the_primary_eni_of_an_instance_is_listed, SimOnly("moto keeps an instance's primary ENI when the instance is terminated") => [
        "running: in-use, attached on i-1 card 0 index 0 by eni-attach-1, deleted with it",
        "terminated: none",
    ];
    a_new_eni_may_be_unknown_for_a_while, SimOnly("moto knows everything at once"), set |settings| {
        settings.lag = Duration::from_secs(5);
    } => [
        "unknown at times: true",
        "after 6 s: available, on nothing",
    ];
}

/// What the filters let through, by id.
async fn list(world: &mut World, asked: &str, filters: &[(&str, &str)]) {
    let filters: Vec<_> = [("vpc-id", world.vpc.clone())]
        .into_iter()
        .chain(filters.iter().map(|(name, value)| (*name, (*value).to_owned())))
        .map(|(name, value)| Filter::builder().name(name).values(value).build())
        .collect();
    let answer = world.ec2.describe_network_interfaces().set_filters(Some(filters)).send().await;
    match answer {
        Ok(answer) => {
            let ids: Vec<_> = answer
                .network_interfaces()
                .iter()
                .map(|eni| eni.network_interface_id().unwrap().to_owned())
                .collect();
            world.note_all(asked, &ids);
        }
        Err(error) => world.note(asked, said::<(), _>(Err(error), |()| String::new())),
    }
}

async fn one_missing_id_fails_the_call(world: &mut World) {
    let eni = world.new_eni().await;
    let request = world.ec2.describe_network_interfaces().network_interface_ids(eni);
    let answer = request.network_interface_ids("eni-0123456789abcdef0").send().await;
    world.note("describe", said(answer, |_| "listed".to_owned()));
}

async fn a_missing_id_is_left_out_of_a_filter(world: &mut World) {
    let eni = world.new_eni().await;
    let ids =
        Filter::builder().name("network-interface-id").values(eni).values("eni-0123456789abcdef0").build();
    let answer = world.ec2.describe_network_interfaces().filters(ids).send().await;
    world.note("describe", said(answer, |answer| render::eni(&answer.network_interfaces()[0])));
}

async fn values_are_alternatives_and_filters_are_conditions(world: &mut World) {
    let near = world.subnet.clone();
    world.new_eni_in(&near, &[("cluster", "c"), ("node", "a")]).await;
    world.new_eni_in(&near, &[("cluster", "c"), ("node", "b")]).await;
    world.new_eni_in(&near, &[("cluster", "d"), ("node", "a")]).await;
    list(world, "cluster c", &[("tag:cluster", "c")]).await;
    list(world, "cluster c, node a", &[("tag:cluster", "c"), ("tag:node", "a")]).await;
    let cluster = Filter::builder().name("tag:cluster").values("c").values("d").build();
    let node = Filter::builder().name("tag:node").values("a").build();
    let answer = world.ec2.describe_network_interfaces().filters(cluster).filters(node).send().await.unwrap();
    let in_vpc = answer.network_interfaces().iter().filter(|eni| eni.vpc_id() == Some(world.vpc.as_str()));
    let ids: Vec<_> = in_vpc.map(|eni| eni.network_interface_id().unwrap().to_owned()).collect();
    world.note_all("cluster c or d, node a", &ids);
}

async fn what_an_eni_is_can_be_filtered(world: &mut World) {
    let (far, group) = (world.far_subnet.clone(), world.group.clone());
    world.new_eni_in(&far, &[("Name", "far one")]).await;
    let near = world.new_eni().await;
    let mac = world.eni(&near).await.mac_address().unwrap().to_owned();
    for (name, value) in [
        ("subnet-id", far.as_str()),
        ("availability-zone", "us-east-1a"),
        ("group-id", group.as_str()),
        ("tag-key", "Name"),
        ("tag:Name", "far one"),
        ("status", "available"),
        ("status", "in-use"),
        ("mac-address", mac.as_str()),
    ] {
        let value_told = if name == "mac-address" { "of the second" } else { value };
        list(world, &format!("{name} {value_told}"), &[(name, value)]).await;
    }
}

async fn where_an_eni_hangs_can_be_filtered(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    let attachment = world.attached(&eni, &instance, 1).await;
    list(world, "attachment.attachment-id", &[("attachment.attachment-id", &attachment)]).await;
    list(world, "attachment.instance-id", &[("attachment.instance-id", &instance)]).await;
}

async fn how_far_an_attachment_is_can_be_filtered(world: &mut World) {
    let (instance, eni) = (world.new_instance("m5.large").await, world.new_eni().await);
    world.attached(&eni, &instance, 1).await;
    for (name, value) in [
        ("attachment.status", "attached"),
        ("attachment.status", "attaching"),
        ("attachment.device-index", "1"),
        ("attachment.delete-on-termination", "false"),
    ] {
        list(world, &format!("{name} {value}"), &[(name, value)]).await;
    }
}

async fn a_wildcard_stands_for_characters(world: &mut World) {
    let near = world.subnet.clone();
    for name in ["tenant-a", "tenant-b", "tenant"] {
        world.new_eni_in(&near, &[("Name", name)]).await;
    }
    for pattern in ["tenant*", "tenant-?", "*-a", "TENANT*"] {
        list(world, pattern, &[("tag:Name", pattern)]).await;
    }
}

async fn a_backslash_takes_a_wildcard_literally(world: &mut World) {
    let near = world.subnet.clone();
    for name in ["a*b", "a?b", "axb"] {
        world.new_eni_in(&near, &[("Name", name)]).await;
    }
    for pattern in [r"a\*b", r"a\?b"] {
        list(world, pattern, &[("tag:Name", pattern)]).await;
    }
}

async fn two_hundred_values_are_taken_and_not_one_more(world: &mut World) {
    for count in [200, 201] {
        let values = (0..count).map(|number| format!("v{number}")).collect();
        let filter = Filter::builder().name("tag:Name").set_values(Some(values)).build();
        let answer = world.ec2.describe_network_interfaces().filters(filter).send().await;
        world.note(
            &format!("{count} values"),
            said(answer, |answer| answer.network_interfaces().len().to_string()),
        );
    }
}

async fn an_unknown_filter_is_refused(world: &mut World) {
    list(world, "no-such-filter", &[("no-such-filter", "x")]).await;
}

async fn a_listing_comes_in_pages(world: &mut World) {
    for _ in 0..12 {
        world.new_eni().await;
    }
    let (mut token, mut seen) = (None, std::collections::BTreeSet::new());
    loop {
        let request = world.ec2.describe_network_interfaces().max_results(5).set_next_token(token);
        let page = request.send().await.unwrap();
        seen.extend(
            page.network_interfaces().iter().map(|eni| eni.network_interface_id().unwrap().to_owned()),
        );
        world.note("page", page.network_interfaces().len().to_string());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    world.note("ENIs", seen.len().to_string());
}

async fn a_page_has_five_to_a_thousand(world: &mut World) {
    for size in [4, 5, 1000, 1001] {
        let answer = world.ec2.describe_network_interfaces().max_results(size).send().await;
        world.note(&format!("{size}"), said(answer, |answer| answer.network_interfaces().len().to_string()));
    }
}

async fn ids_and_pages_exclude_each_other(world: &mut World) {
    let eni = world.new_eni().await;
    let request = world.ec2.describe_network_interfaces().network_interface_ids(eni).max_results(5);
    world
        .note("describe", said(request.send().await, |answer| answer.network_interfaces().len().to_string()));
}

async fn a_token_that_ec2_did_not_give_is_refused(world: &mut World) {
    let request = world.ec2.describe_network_interfaces().max_results(5).next_token("garbage");
    world
        .note("describe", said(request.send().await, |answer| answer.network_interfaces().len().to_string()));
}

async fn the_primary_eni_of_an_instance_is_listed(world: &mut World) {
    let instance = world.new_instance("m5.large").await;
    let listed = world.enis(&[("attachment.instance-id", &instance)]).await;
    let listed: Vec<_> = listed.iter().map(render::hold).collect();
    world.note_all("running", &listed);
    world.ec2.terminate_instances().instance_ids(&instance).send().await.unwrap();
    list(world, "terminated", &[]).await;
}

async fn a_new_eni_may_be_unknown_for_a_while(world: &mut World) {
    let eni = world.new_eni().await;
    let mut unknown = 0;
    for _ in 0..50 {
        let answer = world.ec2.describe_network_interfaces().network_interface_ids(&eni).send().await;
        unknown += usize::from(answer.is_err());
    }
    world.note("unknown at times", (unknown > 0).to_string());
    world.pass(Duration::from_secs(6));
    let listed = world.eni(&eni).await;
    world.note("after 6 s", render::hold(&listed));
}
