//! The same end by any road: a `NodeENI` that was changed leaves what one leaves that was made so.
//!
//! A world goes from one spec to the next, field by field as the CRD's own schema has them, and after every
//! step another world is made with that spec from the start. Both are held against each other: see `view`.
//!
//! `ROAD_SEEDS` is the number of chains, `ROAD_ONLY` runs one seed alone.

mod fields;
mod view;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eni_operator::api::{ConditionType, NodeENI, NodeENIAttachment, Reason};
use kube::ResourceExt;

use crate::cluster::lock as lock_store;
use crate::region::{Layout, Region};
use crate::rng::Rng;
use crate::run::settle;
use crate::world::{Agents, World};
use crate::{check, users};
use fields::Spec;

/// The `NodeENI` that is changed.
const NAME: &str = "net-0";

/// Changes in a chain.
const STEPS: usize = 20;

/// A world in which every ENI gets the place that it asks for: wide instances, and nobody else's ENIs.
fn empty_world(trace: bool) -> World {
    let layout = Layout {
        zones: vec![('a', 2), ('b', 3)],
        instances: vec![
            ('a', "m5.8xlarge", vec![]),
            ('b', "m5.8xlarge", vec![]),
            ('b', "m5.8xlarge", vec![]),
        ],
        lag: Duration::from_secs(5),
        seed: 11,
    };
    let (sim, region) = layout.build();
    let mut world = World::new(sim, region, (true, Agents::Faithful));
    world.trace = trace.then(Vec::new);
    for (n, machine) in world.region.machines.clone().iter().enumerate() {
        // One node is in another pool: which nodes are selected is part of a spec.
        let pool = if n == 2 { ("pool", "b") } else { ("pool", "a") };
        users::register(&mut world, machine, &[users::NET, pool, ("rank", &n.to_string())]);
    }
    world
}

/// Makes the `NodeENI` with a spec.
fn made(spec: &Spec) -> Result<World, String> {
    let mut world = empty_world(false);
    users::create(&mut world, &NodeENI::new(NAME, spec.decoded()));
    settle(&mut world, None)?;
    check::everything_is_there(&world)?;
    Ok(world)
}

/// The slots whose ENI cannot be made right without their user's word, or hangs elsewhere because another one was
/// in the way when it came.
fn needy(world: &World) -> Vec<String> {
    let store = lock_store(&world.store);
    let says = |one: &NodeENIAttachment, type_: ConditionType, reason: &str| {
        one.condition(type_)
            .is_some_and(|said| said.status == "True" && (reason.is_empty() || said.reason == reason))
    };
    let needs = |one: &NodeENIAttachment| {
        says(one, ConditionType::ReplacementNeeded, "")
            || says(one, ConditionType::Attached, &Reason::OtherDeviceIndex.name())
    };
    store.attachments().filter(|one| needs(one)).map(|one| one.name_any()).collect()
}

/// Asks for other ENIs until none is needed. Two that trade places are in each other's way once.
fn replace_all(world: &mut World) -> Result<(), String> {
    for _ in 0..6 {
        let names = needy(world);
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            users::replace(world, &name);
        }
        settle(world, None)?;
    }
    Err("other ENIs are needed again and again".to_owned())
}

/// Walks a chain of changes, and looks after each.
fn walk(world: &mut World, rng: &mut Rng) -> Result<(), String> {
    let mut spec = Spec::first(&world.region);
    users::create(world, &NodeENI::new(NAME, spec.decoded()));
    settle(world, None)?;
    for step in 0..STEPS {
        let before = spec.clone();
        let what = spec.change(rng, &world.region);
        users::edit(world, NAME, &what, |old| *old = spec.decoded());
        settle(world, None)?;
        if !spec.is_paused() {
            replace_all(world)?;
        }
        let at = |error| format!("step {step}, {what}\nfrom {before}\nto   {spec}\n{error}");
        if spec.is_paused() {
            continue;
        }
        check::everything_is_there(world).map_err(at)?;
        let fresh = made(&spec).map_err(|error| at(format!("made so: {error}")))?;
        view::compare(&view::of(world), &view::of(&fresh)).map_err(at)?;
    }
    spec.unpause();
    users::delete_all(world);
    settle(world, None)?;
    check::nothing_is_left(world)
}

fn chain(seed: u64, trace: bool) -> Result<(), String> {
    let mut world = empty_world(trace);
    let mut rng = Rng::new(seed);
    let done = catch_unwind(AssertUnwindSafe(|| walk(&mut world, &mut rng)));
    let done = done.unwrap_or_else(|panic| {
        Err(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panicked".to_owned()))
    });
    done.map_err(|error| format!("{error}\n{}", world.story()))
}

#[test]
fn a_changed_spec_ends_where_one_that_was_made_so_ends() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Some(seed) = number("ROAD_ONLY") {
        chain(seed, true).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        return;
    }
    let count = number("ROAD_SEEDS").unwrap_or(200);
    let (next, failures) = (AtomicU64::new(1), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while failures.lock().unwrap().len() < 20 {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > count {
                        return;
                    }
                    if let Err(error) = chain(seed, false) {
                        failures.lock().unwrap().push(format!("seed {seed}: {error:.1500}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} chains fail:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_field_of_the_schema_has_a_generator_and_every_generator_a_field() {
    let region: Region = empty_world(false).region.clone();
    fields::all_are_known(&region);
}
