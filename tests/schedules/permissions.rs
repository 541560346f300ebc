//! The controller under the policies that its role is given, and without some of their actions.

use std::time::Duration;

use ec2_sim::api::{
    AttachNetworkInterface, Call as SimCall, CreateNetworkInterface, CreateTags, DeleteNetworkInterface,
    DeleteTags, DetachNetworkInterface, ModifyInstanceMetadataOptions, Tag,
};
use ec2_sim::{Policy, Statement};
use eni_operator::api::{ConditionType, NodeENI, Reason, find_condition};
use eni_operator::model::permission::Feature;
use eni_operator::model::{Call, tag_key};
use xtask::install::iam;

use crate::cluster::lock as lock_store;
use crate::ec2::lock;
use crate::gate::Strike;
use crate::job::in_region;
use crate::region::Layout;
use crate::run::settle;
use crate::scenarios::{at_rest, calls, cleared, detach_by_hand, lagging, rests, until};
use crate::users::{self, edit};
use crate::wanted::slot_of;
use crate::world::{Agents, CLUSTER, World};

/// The policies of some features, for our cluster.
pub fn role(features: &[Feature]) -> Policy {
    Policy::joined(features.iter().map(|feature| {
        let text = iam::policy(*feature).to_string().replace(iam::CLUSTER_ID, CLUSTER);
        serde_json::from_str(&text).unwrap()
    }))
}

/// The same without an action.
fn without(action: &str) -> Policy {
    let mut policy = role(&Feature::ALL);
    let deny = serde_json::json!({ "Effect": "Deny", "Action": format!("ec2:{action}"), "Resource": "*" });
    policy.statement.push(serde_json::from_value::<Statement>(deny).unwrap());
    policy
}

/// Whoever calls EC2 has these rights from now on; all, if none are named.
pub fn set(world: &World, policy: Option<Policy>) {
    lock(&world.sim).settings_mut().policy = policy;
}

/// What somebody does to EC2 who has all rights, and not the role.
fn by_hand<T>(world: &mut World, act: impl FnOnce(&mut World) -> T) -> T {
    let policy = lock(&world.sim).settings_mut().policy.take();
    let done = act(world);
    set(world, policy);
    done
}

fn ours(world: &World) -> Vec<String> {
    let sim = lock(&world.sim);
    sim.state().enis.values().filter(|eni| slot_of(eni).is_some()).map(|eni| eni.id.clone()).collect()
}

/// Changes of all kinds, one after the other.
fn change_everything(world: &mut World) {
    let groups = world.region.groups[..2].to_vec();
    edit(world, "net-0", "everything", |spec| {
        spec.security_group_ids = Some(groups);
        spec.source_dest_check = Some(false);
        spec.description = Some("mine".to_owned());
        spec.delete_on_termination = false;
        spec.tags = Some([("team".to_owned(), "a".to_owned())].into());
        (spec.secondary_private_ip_count, spec.ipv6_address_count) = (Some(2), Some(1));
    });
    at_rest(world);
    edit(world, "net-0", "nothing", |spec| {
        (spec.source_dest_check, spec.description, spec.tags) = (None, None, None);
        (spec.secondary_private_ip_count, spec.ipv6_address_count) = (Some(0), Some(0));
    });
    at_rest(world);
}

#[test]
fn with_the_policies_of_its_role_the_whole_life_of_enis_goes_well() {
    for lag in [0, 60] {
        let mut world = lagging(2, 2, lag);
        set(&world, Some(role(&[Feature::Core, Feature::Tags, Feature::Addresses])));
        // The answers are lost: what is asked for again may be there, or gone.
        for call in ["CreateNetworkInterface", "AttachNetworkInterface"] {
            until(&mut world, call, Strike::Lost);
        }
        at_rest(&mut world);
        change_everything(&mut world);
        let id = ours(&world)[0].clone();
        by_hand(&mut world, |world| detach_by_hand(world, &id));
        at_rest(&mut world);
        users::delete_all(&mut world);
        for call in ["DetachNetworkInterface", "DeleteNetworkInterface"] {
            until(&mut world, call, Strike::Lost);
        }
        cleared(&mut world);
        let refused = lock(&world.log).iter().filter(|one| !one.done).map(|one| one.call).collect::<Vec<_>>();
        // What is repeated after a lost answer, of an ENI that is not there any more.
        assert!(refused.iter().all(|call| [Call::Detach, Call::Delete].contains(call)), "{refused:?}");
    }
}

#[test]
fn an_orphan_is_swept_under_the_role() {
    let mut world = lagging(1, 1, 0);
    set(&world, Some(role(&[Feature::Core])));
    at_rest(&mut world);
    by_hand(&mut world, |world| crate::sweep::orphan(world, "nobodys", 0, 1));
    assert_eq!(ours(&world).len(), 2);
    at_rest(&mut world);
    assert_eq!(ours(&world).len(), 1);
    cleared(&mut world);
}

#[test]
fn a_strangers_eni_cannot_be_touched_with_the_role() {
    // One is nobody's that we know, the other of another cluster.
    let layout = Layout {
        zones: vec![('a', 1)],
        instances: vec![('a', "m5.4xlarge", vec![2, 3])],
        lag: Duration::ZERO,
        seed: 3,
    };
    let mut world = in_region(&layout, (false, Agents::None));
    at_rest(&mut world);
    set(&world, Some(role(&[Feature::Core, Feature::Tags, Feature::Addresses, Feature::HopLimit])));
    let strangers: Vec<_> = world.strangers.values().cloned().collect();
    assert!(strangers.len() > 1);
    for eni in &strangers {
        let id = eni.id.clone();
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: Some(value.to_owned()) };
        let tags = |tags: Vec<Tag>| CreateTags { resources: vec![id.clone()], tags, dry_run: None };
        refused(&world, DeleteNetworkInterface { network_interface_id: id.clone(), dry_run: None });
        refused(&world, tags(vec![tag("a", "b")]));
        // To make it one of the cluster's is the first thing that a thief would try.
        refused(&world, tags(vec![tag(tag_key::CLUSTER, CLUSTER)]));
        let resources = vec![id.clone()];
        refused(&world, DeleteTags { resources, tags: vec![tag("owner", "")], ..DeleteTags::default() });
        let attach = AttachNetworkInterface {
            network_interface_id: id.clone(),
            instance_id: world.region.machines[0].instance.clone(),
            device_index: Some(3),
            ..AttachNetworkInterface::default()
        };
        refused(&world, attach);
        if let Some(place) = &eni.attachment {
            let attachment_id = place.id.clone();
            refused(&world, DetachNetworkInterface { attachment_id, ..DetachNetworkInterface::default() });
        }
    }
    let subnet_id = world.region.subnets.values().flatten().next().unwrap().clone();
    refused(&world, CreateNetworkInterface { subnet_id, ..CreateNetworkInterface::default() });
    let id = ours(&world)[0].clone();
    let mark = Tag { key: tag_key::CLUSTER.to_owned(), value: Some("another".to_owned()) };
    refused(&world, CreateTags { resources: vec![id.clone()], tags: vec![mark.clone()], dry_run: None });
    refused(&world, DeleteTags { resources: vec![id.clone()], tags: vec![mark], ..DeleteTags::default() });
    refused(&world, DeleteTags { resources: vec![id], ..DeleteTags::default() });
    set(&world, None);
    cleared(&mut world);
}

#[track_caller]
fn refused<C: SimCall>(world: &World, request: C)
where
    C::Answer: std::fmt::Debug,
{
    let failure = lock(&world.sim).send(request).unwrap_err();
    assert_eq!(failure.code(), Some("UnauthorizedOperation"), "{failure}");
}

/// The condition that tells of a right that is missing: its type, status, and reason.
fn says_missing(world: &World, call: Call) -> Result<(), String> {
    let mut store = lock_store(&world.store);
    let object = store.get::<NodeENI>("net-0").unwrap();
    let conditions = object.status.clone().unwrap_or_default().conditions;
    let said = find_condition(&conditions, ConditionType::Authorized)
        .filter(|one| one.status == "False" && one.reason == Reason::Unauthorized.name())
        .is_some_and(|one| one.message.contains(&format!("ec2:{}", call.action())));
    if said { Ok(()) } else { Err(format!("{call}: {conditions:#?}")) }
}

/// Makes the controller need a call, so that it notices that it is not allowed to.
fn need(world: &mut World, call: Call) {
    match call {
        Call::Create
        | Call::Attach
        | Call::DescribeEnis
        | Call::DescribeInstances
        | Call::DescribeInstanceTypes
        | Call::DescribeSubnets
        | Call::Modify => {}
        // Groups that are given by id are used unchecked.
        Call::DescribeSecurityGroups => {
            let name = world.region.group_names.values().next().cloned().unwrap();
            edit(world, "net-0", "groups by name", |spec| {
                (spec.security_group_ids, spec.security_group_names) = (None, Some(vec![name]));
            });
        }
        Call::Detach | Call::Delete => users::delete_all(world),
        Call::CreateTags => edit(world, "net-0", "tags", |spec| {
            spec.tags = Some([("team".to_owned(), "b".to_owned())].into());
        }),
        Call::DeleteTags => edit(world, "net-0", "no tags", |spec| spec.tags = None),
        Call::AssignIpv4 => edit(world, "net-0", "more", |spec| spec.secondary_private_ip_count = Some(3)),
        Call::UnassignIpv4 => edit(world, "net-0", "less", |spec| spec.secondary_private_ip_count = Some(0)),
        Call::AssignIpv6 => edit(world, "net-0", "more", |spec| spec.ipv6_address_count = Some(3)),
        Call::UnassignIpv6 => edit(world, "net-0", "less", |spec| spec.ipv6_address_count = Some(0)),
        Call::ModifyMetadataOptions => unreachable!("it is told by an event"),
    }
}

/// Whether a call is one that a world needs that is not up yet.
fn brings_up(call: Call) -> bool {
    call.is_read() || matches!(call, Call::Create | Call::Attach | Call::Modify)
}

#[test]
fn an_action_that_is_taken_away_is_named_and_all_goes_on_once_it_is_given_back() {
    let mut wrong = vec![];
    for call in Call::ALL.into_iter().filter(|call| *call != Call::ModifyMetadataOptions) {
        let mut world = lagging(1, 1, 0);
        edit(&mut world, "net-0", "something", |spec| {
            spec.tags = Some([("team".to_owned(), "a".to_owned())].into());
            (spec.secondary_private_ip_count, spec.ipv6_address_count) = (Some(1), Some(1));
        });
        if !brings_up(call) {
            at_rest(&mut world);
        }
        set(&world, Some(without(call.action())));
        need(&mut world, call);
        // It is backed off, and never at rest.
        let _ = settle(&mut world, None);
        wrong.extend(says_missing(&world, call).err());
        set(&world, Some(role(&Feature::ALL)));
        if matches!(call, Call::Detach | Call::Delete) {
            cleared(&mut world);
        } else {
            rests(&mut world);
            at_rest(&mut world);
            cleared(&mut world);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_role_without_an_action_can_still_do_the_rest() {
    // Who may not tag later can make, and who may not make can take away.
    let mut world = lagging(1, 1, 0);
    set(&world, Some(role(&[Feature::Core])));
    at_rest(&mut world);
    set(&world, Some(without("CreateNetworkInterface")));
    cleared(&mut world);
    assert_eq!(calls(&world, Call::Delete), 1);
}

#[test]
fn the_hop_limit_is_raised_only_with_its_own_policy() {
    let world = lagging(1, 1, 0);
    let raise = ModifyInstanceMetadataOptions {
        instance_id: world.region.machines[0].instance.clone(),
        http_put_response_hop_limit: Some(2),
        ..ModifyInstanceMetadataOptions::default()
    };
    set(&world, Some(role(&[Feature::Core, Feature::Tags, Feature::Addresses, Feature::TakeOver])));
    refused(&world, raise.clone());
    set(&world, Some(role(&[Feature::HopLimit])));
    lock(&world.sim).send(raise).unwrap();
}
