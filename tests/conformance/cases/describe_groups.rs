//! `DescribeSecurityGroups`.

use aws_sdk_ec2::types::Filter;

use crate::{
    case::{Runs::Both, cases},
    render::{self, done, said},
    world::World,
};

cases! {
    a_group_is_told_with_both_its_names, Both => [
        "by id: sg-1 data vpc-1 {Name=Data plane}",
        "by group name: sg-1 data vpc-1 {Name=Data plane}",
        "by tag: sg-1 data vpc-1 {Name=Data plane}",
    ];
    a_missing_group_is_left_out_of_a_filter, Both => [
        "by id: none",
    ];
    one_missing_id_fails_the_call, Both => [
        "describe: InvalidGroup.NotFound (400)",
    ];
    a_group_name_is_looked_for_in_its_vpc, Both => [
        "here: sg-1 data vpc-1 {Name=Data plane}",
        "there: sg-2 data vpc-2 {Name=Other}",
    ];
    every_vpc_has_a_default_group, Both => [
        "default: sg-2 default vpc-1 {}",
    ];
}

async fn list(world: &mut World, asked: &str, filters: &[(&str, &str)]) {
    let filters = filters.iter().map(|(name, value)| Filter::builder().name(*name).values(*value).build());
    let answer =
        world.ec2.describe_security_groups().set_filters(Some(filters.collect())).send().await.unwrap();
    let told: Vec<_> = answer.security_groups().iter().map(render::group).collect();
    world.note_all(asked, &told);
}

async fn a_group_is_told_with_both_its_names(world: &mut World) {
    let (vpc, group) = (world.vpc.clone(), world.group.clone());
    list(world, "by id", &[("group-id", &group)]).await;
    list(world, "by group name", &[("vpc-id", &vpc), ("group-name", "data")]).await;
    list(world, "by tag", &[("vpc-id", &vpc), ("tag:Name", "Data plane")]).await;
}

async fn a_missing_group_is_left_out_of_a_filter(world: &mut World) {
    list(world, "by id", &[("group-id", "sg-0123456789abcdef0")]).await;
}

async fn one_missing_id_fails_the_call(world: &mut World) {
    let request = world.ec2.describe_security_groups().group_ids(&world.group);
    let answer = request.group_ids("sg-0123456789abcdef0").send().await;
    world.note("describe", said(answer, done));
}

async fn a_group_name_is_looked_for_in_its_vpc(world: &mut World) {
    let (vpc, other) = (world.vpc.clone(), world.new_vpc("10.7.0.0/16").await);
    world.new_group(&other, "data", "Other").await;
    list(world, "here", &[("vpc-id", &vpc), ("group-name", "data")]).await;
    list(world, "there", &[("vpc-id", &other), ("group-name", "data")]).await;
}

async fn every_vpc_has_a_default_group(world: &mut World) {
    let vpc = world.vpc.clone();
    list(world, "default", &[("vpc-id", &vpc), ("group-name", "default")]).await;
}
