//! `DescribeSubnets`.

use aws_sdk_ec2::types::Filter;

use crate::{
    case::{Runs::Both, cases},
    render::{self, done, said},
    world::World,
};

cases! {
    a_subnet_is_told_with_its_room, Both => [
        "subnet: subnet-1 vpc-1 us-east-1a 10.0.1.0/24 free 251 {Name=near}",
    ];
    a_missing_subnet_is_left_out_of_a_filter, Both => [
        "subnet: none",
    ];
    one_missing_id_fails_the_call, Both => [
        "describe: InvalidSubnetID.NotFound (400)",
    ];
    a_name_is_looked_for_in_its_vpc, Both => [
        "here: subnet-1 vpc-1 us-east-1a 10.0.1.0/24 free 251 {Name=near}",
        "there: subnet-3 vpc-2 us-east-1a 10.7.1.0/24 free 251 {Name=near}",
    ];
    several_subnets_can_have_one_name, Both => [
        "near: subnet-1 vpc-1 us-east-1a 10.0.1.0/24 free 251 {Name=near}; subnet-3 vpc-1 us-east-1b 10.0.3.0/24 free 251 {Name=near}",
        "near in zone b: subnet-3 vpc-1 us-east-1b 10.0.3.0/24 free 251 {Name=near}",
    ];
}

async fn list(world: &mut World, asked: &str, filters: &[(&str, &str)]) {
    let filters = filters.iter().map(|(name, value)| Filter::builder().name(*name).values(*value).build());
    let answer = world.ec2.describe_subnets().set_filters(Some(filters.collect())).send().await.unwrap();
    let told: Vec<_> = answer.subnets().iter().map(render::subnet).collect();
    world.note_all(asked, &told);
}

async fn a_subnet_is_told_with_its_room(world: &mut World) {
    let subnet = world.subnet.clone();
    list(world, "subnet", &[("subnet-id", &subnet)]).await;
}

async fn a_missing_subnet_is_left_out_of_a_filter(world: &mut World) {
    list(world, "subnet", &[("subnet-id", "subnet-0123456789abcdef0")]).await;
}

async fn one_missing_id_fails_the_call(world: &mut World) {
    let request = world.ec2.describe_subnets().subnet_ids(&world.subnet);
    let answer = request.subnet_ids("subnet-0123456789abcdef0").send().await;
    world.note("describe", said(answer, done));
}

async fn a_name_is_looked_for_in_its_vpc(world: &mut World) {
    let (vpc, other) = (world.vpc.clone(), world.new_vpc("10.7.0.0/16").await);
    world.new_subnet(&other, "10.7.1.0/24", "a", "near").await;
    list(world, "here", &[("vpc-id", &vpc), ("tag:Name", "near")]).await;
    list(world, "there", &[("vpc-id", &other), ("tag:Name", "near")]).await;
}

async fn several_subnets_can_have_one_name(world: &mut World) {
    let vpc = world.vpc.clone();
    world.new_subnet(&vpc, "10.0.3.0/24", "b", "near").await;
    list(world, "near", &[("vpc-id", &vpc), ("tag:Name", "near")]).await;
    let far = [("vpc-id", vpc.as_str()), ("tag:Name", "near"), ("availability-zone", "us-east-1b")];
    list(world, "near in zone b", &far).await;
}
