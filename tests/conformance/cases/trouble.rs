//! What goes wrong between the operator and EC2, and what the adapter makes of it.

use std::{collections::BTreeMap, time::Duration};

use ec2_sim::{Fault, FaultRule, Throttle};
use eni_operator::{
    ec2::{Ec2 as _, SubnetQuery, aws::Aws},
    model::CreateEni,
};

use crate::{
    case::{Runs::SimOnly, cases},
    render::meant,
    world::{World, eni_id},
};

const NO_TROUBLE: &str = "moto has no limits, no permissions and no faults";

cases! {
    too_many_calls_are_throttled, SimOnly(NO_TROUBLE), set |settings| settings.throttle = Throttle::default() => [
        "after 100: Throttled, RequestLimitExceeded",
        "after 5: Throttled, RequestLimitExceeded",
    ];
    every_action_has_a_limit_of_its_own, SimOnly(NO_TROUBLE), set |settings| settings.throttle = Throttle::default() => [
        "after 100: Throttled, RequestLimitExceeded",
        "create: eni-1",
    ];
    a_forbidden_action_is_told_as_such, SimOnly(NO_TROUBLE), set |settings| {
        settings.denied.insert("CreateNetworkInterface".to_owned());
    } => [
        "create: Unauthorized, UnauthorizedOperation",
        "subnets: 1",
    ];
    a_fault_of_ec2_is_no_answer, SimOnly(NO_TROUBLE) => [
        "first: NoAnswer, InternalError",
        "second: NoAnswer, Unavailable",
        "third: eni-1",
    ];
    an_answer_that_is_lost_is_no_answer, SimOnly(NO_TROUBLE) => [
        "create: NoAnswer, Unreachable",
        "ENIs: 1",
        "again: eni-1",
        "ENIs: 1",
    ];
    an_answer_that_never_comes_is_no_answer, SimOnly(NO_TROUBLE) => [
        "create: NoAnswer, Timeout",
    ];
    a_part_that_fails_fails_the_listing, SimOnly(NO_TROUBLE) => [
        "first: NoAnswer, InternalError",
        "second: 1",
    ];
}

fn wanted(world: &World) -> CreateEni {
    CreateEni {
        client_token: "token".to_owned(),
        subnet: world.subnet.parse().unwrap(),
        groups: vec![world.group.parse().unwrap()],
        description: String::new(),
        tags: BTreeMap::new(),
        secondary_private_ip_count: 0,
        ipv4_prefix_count: 0,
        ipv6_address_count: 0,
    }
}

async fn create(world: &mut World, asked: &str) {
    let answer = world.aws.create(&wanted(world)).await;
    world.note(asked, meant(answer, |eni| eni.id.to_string()));
}

/// More than EC2 lets somebody call at once. moto, which has no limit, answers all of them.
const ENOUGH: u32 = 110;

/// Deletes nothing, until EC2 has had enough: how often that took, and what it said.
async fn deletes_until_throttled(world: &mut World) {
    let nothing = eni_id("eni-0123456789abcdef0");
    for number in 0..ENOUGH {
        let error = world.aws.delete(&nothing).await.unwrap_err();
        if error.code != "InvalidNetworkInterfaceID.NotFound" {
            return world.note(&format!("after {number}"), meant::<()>(Err(error), |()| String::new()));
        }
    }
}

async fn too_many_calls_are_throttled(world: &mut World) {
    deletes_until_throttled(world).await;
    world.pass(Duration::from_secs(1));
    deletes_until_throttled(world).await;
}

async fn every_action_has_a_limit_of_its_own(world: &mut World) {
    deletes_until_throttled(world).await;
    create(world, "create").await;
}

async fn a_forbidden_action_is_told_as_such(world: &mut World) {
    create(world, "create").await;
    let query = SubnetQuery::Ids(vec![world.subnet.parse().unwrap()]);
    world.note("subnets", meant(world.aws.subnets(&query).await, |subnets| subnets.len().to_string()));
}

async fn a_fault_of_ec2_is_no_answer(world: &mut World) {
    world.fault(&FaultRule::nth("CreateNetworkInterface", 1, Fault::InternalError));
    let error = Fault::Error { code: "Unavailable".to_owned(), message: String::new(), status: 503 };
    world.fault(&FaultRule::nth("CreateNetworkInterface", 2, error));
    for asked in ["first", "second", "third"] {
        create(world, asked).await;
    }
}

async fn an_answer_that_is_lost_is_no_answer(world: &mut World) {
    world.fault(&FaultRule::nth("CreateNetworkInterface", 1, Fault::Lost));
    create(world, "create").await;
    world.note("ENIs", world.truth().to_string());
    create(world, "again").await;
    world.note("ENIs", world.truth().to_string());
}

async fn an_answer_that_never_comes_is_no_answer(world: &mut World) {
    world.fault(&FaultRule::nth("CreateNetworkInterface", 1, Fault::Hang));
    world.aws = Aws::over(&world.config, Duration::from_millis(300));
    create(world, "create").await;
}

async fn a_part_that_fails_fails_the_listing(world: &mut World) {
    world.fault(&FaultRule::nth("DescribeSubnets", 2, Fault::InternalError));
    let ids = (0..250).map(|number| format!("subnet-{number:08}").parse().unwrap());
    let query = SubnetQuery::Ids(ids.chain([world.subnet.parse().unwrap()]).collect());
    for asked in ["first", "second"] {
        world.note(asked, meant(world.aws.subnets(&query).await, |subnets| subnets.len().to_string()));
    }
}
