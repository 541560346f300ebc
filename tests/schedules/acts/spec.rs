//! Changes of a `NodeENI`'s spec.

use std::collections::BTreeMap;

use eni_operator::api::{
    DetachPolicy, DetachPolicyType, Expression, NodeENISpec, NodeSelectorTerm, Operator, SubnetPolicy,
};

use super::nodes::POOLS;
use crate::rng::Rng;
use crate::switches;
use crate::users::{self, NET};
use crate::world::World;

/// A change of a spec.
pub type Edit = Box<dyn FnOnce(&mut NodeENISpec)>;

/// Somebody edits a `NodeENI`.
pub fn edit_any(world: &mut World, rng: &mut Rng) {
    if rng.percent(8) {
        return users::replace_one(world, rng);
    }
    let Some(name) = rng.pick(&users::names(world)).cloned() else { return };
    let (what, edit) = any(world, rng);
    users::edit(world, &name, &what, edit);
}

/// A change by chance, and what it is.
fn any(world: &World, rng: &mut Rng) -> (String, Edit) {
    match rng.below(11) {
        0 | 1 => without_a_subnet(world, rng),
        2 => reordered(world, rng),
        3 => named("delete-on-termination", |spec| spec.delete_on_termination = !spec.delete_on_termination),
        4 => named("paused", |spec| spec.paused = Some(spec.paused != Some(true))),
        5 if switches::TAGS => ("tags".to_owned(), tags(rng)),
        6 if switches::ADDRESSES => ("addresses".to_owned(), addresses(rng)),
        7 if switches::REPLACEMENT => {
            let index = i64::try_from(rng.between(1, 3)).unwrap();
            named(&format!("index {index}"), move |spec| spec.device_index = index)
        }
        _ => ("another value".to_owned(), in_place(world, rng)),
    }
}

/// A field that a new object may have.
pub fn at_birth(world: &World, rng: &mut Rng) -> Edit {
    match rng.below(4) {
        0 => tags(rng),
        1 => addresses(rng),
        _ => in_place(world, rng),
    }
}

fn named(what: &str, edit: impl FnOnce(&mut NodeENISpec) + 'static) -> (String, Edit) {
    (what.to_owned(), Box::new(edit))
}

fn a_subnet(world: &World, rng: &mut Rng) -> String {
    let all: Vec<String> = world.region.subnets.values().flatten().cloned().collect();
    rng.pick(&all).cloned().unwrap_or_default()
}

fn without_a_subnet(world: &World, rng: &mut Rng) -> (String, Edit) {
    let subnet = a_subnet(world, rng);
    let edit = {
        let subnet = subnet.clone();
        move |spec: &mut NodeENISpec| {
            let list = spec.subnet_ids.get_or_insert_default();
            if list.len() > 1 {
                list.retain(|id| *id != subnet);
            }
        }
    };
    named(&format!("without {subnet}"), edit)
}

/// One subnet in front, or the list the other way round.
fn reordered(world: &World, rng: &mut Rng) -> (String, Edit) {
    let subnet = a_subnet(world, rng);
    let turned = rng.percent(30);
    named(&format!("{subnet} in front, turned {turned}"), move |spec| {
        let list = spec.subnet_ids.get_or_insert_default();
        list.retain(|id| *id != subnet);
        list.insert(0, subnet);
        if turned {
            list.reverse();
        }
    })
}

fn tags(rng: &mut Rng) -> Edit {
    let some = |rng: &mut Rng| {
        let mut tags = BTreeMap::new();
        for key in users::TAGS {
            if rng.percent(40) {
                tags.insert(key.to_owned(), format!("v{}", rng.below(3)));
            }
        }
        tags
    };
    let tags = Some(some(rng)).filter(|tags| !tags.is_empty());
    Box::new(move |spec| spec.tags = tags)
}

/// Secondary addresses or prefixes, not both, and IPv6 addresses.
fn addresses(rng: &mut Rng) -> Edit {
    let count = |rng: &mut Rng| [None, Some(0), Some(1), Some(2)][rng.below(4)];
    let (ipv4, ipv6, prefixes) = (count(rng), count(rng), rng.percent(40));
    Box::new(move |spec| {
        (spec.secondary_private_ip_count, spec.ipv4_prefix_count) =
            if prefixes { (None, ipv4) } else { (ipv4, None) };
        spec.ipv6_address_count = ipv6;
    })
}

/// A field that EC2 changes in place, or that is about nodes.
fn in_place(world: &World, rng: &mut Rng) -> Edit {
    match rng.below(8) {
        0 | 1 => groups(world, rng),
        2 => {
            let text = rng.percent(70).then(|| format!("{} {}", users::TEXT, rng.below(3)));
            Box::new(move |spec| spec.description = text)
        }
        3 => {
            let check = [None, Some(true), Some(false)][rng.below(3)];
            Box::new(move |spec| spec.source_dest_check = check)
        }
        4 => detach_policy(rng),
        5 => {
            let policy = [SubnetPolicy::All, SubnetPolicy::One][rng.below(2)];
            Box::new(move |spec| spec.subnet_policy = policy)
        }
        6 => nodes(rng),
        _ => subnet_fields(world, rng),
    }
}

/// Groups by id, by name, or by both.
fn groups(world: &World, rng: &mut Rng) -> Edit {
    let all = world.region.groups.clone();
    let id = all[rng.below(all.len())].clone();
    let name = world.region.group_names[&all[rng.below(all.len())]].clone();
    let which = rng.below(3);
    Box::new(move |spec| {
        spec.security_group_ids = (which != 1).then(|| vec![id]);
        spec.security_group_names = (which != 0).then(|| vec![name]);
    })
}

fn detach_policy(rng: &mut Rng) -> Edit {
    let policy = match rng.below(3) {
        0 => Some(DetachPolicy { type_: DetachPolicyType::Force, timeout_seconds: None }),
        1 => Some(DetachPolicy { type_: DetachPolicyType::AfterTimeout, timeout_seconds: Some(30) }),
        _ => None,
    };
    Box::new(move |spec| spec.detach_policy = policy)
}

/// Which nodes: by label, by expression, or by both.
fn nodes(rng: &mut Rng) -> Edit {
    let pool = POOLS[rng.below(POOLS.len())].to_owned();
    let by_pool = rng.percent(30).then(|| (super::nodes::POOL.to_owned(), pool.clone()));
    let operator = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist][rng.below(4)];
    let values = if matches!(operator, Operator::In | Operator::NotIn) { vec![pool] } else { vec![] };
    let expression = Expression { key: super::nodes::POOL.to_owned(), operator, values };
    let terms = rng.percent(40).then(|| vec![NodeSelectorTerm { match_expressions: vec![expression] }]);
    Box::new(move |spec| {
        let selector = [(NET.0.to_owned(), NET.1.to_owned())].into_iter().chain(by_pool);
        spec.node_selector = Some(selector.collect());
        spec.node_selector_terms = terms;
    })
}

/// The other three fields that name subnets.
fn subnet_fields(world: &World, rng: &mut Rng) -> Edit {
    let id = rng.percent(30).then(|| a_subnet(world, rng));
    let name = rng.percent(30).then(|| format!("net{}", rng.below(3)));
    let names = rng.percent(30).then(|| vec![format!("net{}", rng.below(2))]);
    let known = |name: &String| world.region.names.values().any(|one| one == name);
    let (name, names) = (name.filter(known), names.filter(|all| all.iter().all(known)));
    Box::new(move |spec| {
        spec.subnet_id = id;
        spec.subnet_name = name;
        spec.subnet_names = names;
    })
}
