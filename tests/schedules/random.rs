//! Thousands of schedules by chance.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eni_operator::plan::events::Event;

use crate::cluster::lock as lock_store;
use crate::gate::Strike;
use crate::region::Layout;
use crate::rng::Rng;
use crate::run::{self, Turn, settle};
use crate::wanted::wanted;
use crate::world::{Agents, World};
use crate::{acts, agent, check, users};

/// A region by chance.
fn layout(rng: &mut Rng) -> Layout {
    let letters = ['a', 'b', 'c'];
    let zones: Vec<(char, usize)> =
        letters[..rng.between(1, 3)].iter().map(|letter| (*letter, rng.between(1, 3))).collect();
    let types = ["m5.large", "m5.xlarge", "m5.xlarge", "m5.2xlarge", "m5.4xlarge"];
    let instances = (0..rng.between(1, 4))
        .map(|_| {
            let zone = zones[rng.below(zones.len())].0;
            let strangers =
                if rng.percent(40) { vec![u32::try_from(rng.between(1, 3)).unwrap()] } else { vec![] };
            (zone, types[rng.below(types.len())], strangers)
        })
        .collect();
    let lag = [0, 0, 2, 10, 30, 60][rng.below(6)];
    Layout { zones, instances, lag: Duration::from_secs(lag), seed: rng.next() }
}

/// How much goes wrong, in hundredths.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    strikes: usize,
    crashes: usize,
    users: usize,
}

fn strike(rng: &mut Rng, trouble: Trouble) -> Strike {
    if !rng.percent(trouble.strikes) {
        return Strike::None;
    }
    [Strike::Lost, Strike::Lost, Strike::Unsent, Strike::Refused][rng.below(4)]
}

/// One schedule, from its seed.
fn schedule(seed: u64, trace: bool) -> Result<u64, String> {
    let mut rng = Rng::new(seed);
    let (sim, region) = layout(&mut rng).build();
    let agents =
        [(false, Agents::None), (true, Agents::None), (true, Agents::Faithful), (false, Agents::Faithful)];
    let mut world = World::new(sim, region, agents[rng.below(4)]);
    world.trace = trace.then(Vec::new);
    let agents = world.agents;
    world.say(|| format!("agents {agents:?}"));
    let done = catch_unwind(AssertUnwindSafe(|| play(&mut world, &mut rng)));
    match done {
        Ok(Ok(())) => Ok(world.steps),
        Ok(Err(error)) => Err(format!("{error}\n{}", world.story())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panicked".to_owned());
            Err(format!("{text}\n{}", world.story()))
        }
    }
}

fn play(world: &mut World, rng: &mut Rng) -> Result<(), String> {
    for machine in world.region.machines.clone() {
        let labels: &[(&str, &str)] = if rng.percent(85) { &[users::NET] } else { &[] };
        users::register(world, &machine, labels);
    }
    for _ in 0..rng.between(1, 2) {
        let object = users::any_node_eni(world, rng);
        users::create(world, &object);
    }
    let trouble =
        Trouble { strikes: [0, 3, 10, 30][rng.below(4)], crashes: rng.below(3), users: rng.between(1, 6) };
    let length = rng.between(20, 250);
    for _ in 0..length {
        step(world, rng, trouble)?;
    }
    world.say(|| "NO MORE TROUBLE".to_owned());
    finish(world, rng)
}

/// One thing happens.
fn step(world: &mut World, rng: &mut Rng, trouble: Trouble) -> Result<(), String> {
    if rng.percent(trouble.users) {
        users::act(world, rng);
    }
    if rng.percent(trouble.crashes) {
        world.crash();
        world.advance(i64::try_from(rng.between(1, 30)).unwrap() * 1000);
        return Ok(());
    }
    if let Some(turn) = run::next(world, Some(rng)) {
        let strike = if matches!(turn, Turn::Release(_)) { strike(rng, trouble) } else { Strike::None };
        return run::take(world, turn, strike);
    }
    if rng.percent(10) {
        agent::act(world);
    }
    if !run::jump(world) {
        users::act(world, rng);
    }
    Ok(())
}

/// The world comes to rest, is looked at, does nothing more, and is cleared away.
fn finish(world: &mut World, rng: &mut Rng) -> Result<(), String> {
    users::collect_garbage(world);
    users::collect_nodes(world);
    if rng.percent(80) {
        acts::nodes::mend(world);
    }
    come_to_rest(world, rng)?;
    check::everything_is_there(world)?;
    world.say(|| "AT REST".to_owned());
    if wanted(world).exempt.is_empty() && rng.percent(40) {
        nothing_more_happens(world, rng)?;
    }
    if rng.percent(50) {
        users::register_all(world);
    }
    users::delete_all(world);
    acts::nodes::mend(world);
    come_to_rest(world, rng)?;
    check::nothing_is_left(world)
}

/// Comes to rest. Where a restore makes most ENIs look lost, deletions are held until somebody lets the brake off.
fn come_to_rest(world: &mut World, rng: &mut Rng) -> Result<(), String> {
    settle(world, Some(rng))?;
    let is_held = |(_, event): &(String, Event)| event.reason == "DeletionsHeld";
    if world.rules.brake < 100 && lock_store(&world.store).told.iter().any(is_held) {
        world.say(|| "USER lets the brake off".to_owned());
        world.rules.brake = 100;
        world.crash();
        settle(world, Some(rng))?;
    }
    Ok(())
}

/// At rest, whoever looks finds nothing to do: not a pass, and not a new process.
fn nothing_more_happens(world: &mut World, rng: &mut Rng) -> Result<(), String> {
    let before = world.changes();
    world.wake_all();
    settle(world, Some(rng))?;
    if world.changes() != before {
        return Err("a pass over a world at rest changed it".to_owned());
    }
    let before = world.changes();
    world.crash();
    settle(world, Some(rng))?;
    if world.changes().1 != before.1 {
        return Err("a new process in a world at rest called EC2".to_owned());
    }
    check::everything_is_there(world)
}

/// Failures after which there is no point in going on.
const MANY: usize = 50;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn any_schedule_ends_with_each_slot_filled_once_and_nothing_left_behind() {
    if let Some(seed) = variable("SCHEDULES_ONLY") {
        schedule(seed, true).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        return;
    }
    let first = variable("SCHEDULES_SEED").unwrap_or(1);
    let count = variable("SCHEDULES").unwrap_or(10_000);
    let (next, steps) = (AtomicU64::new(first), AtomicU64::new(0));
    let failures = Mutex::new(std::collections::BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while failures.lock().unwrap().len() < MANY {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match schedule(seed, false) {
                        Ok(taken) => drop(steps.fetch_add(taken, Ordering::Relaxed)),
                        Err(error) => drop(failures.lock().unwrap().insert(seed, error)),
                    }
                }
            });
        }
    });
    report(&failures.into_inner().unwrap(), count, steps.into_inner());
}

fn report(failures: &std::collections::BTreeMap<u64, String>, count: u64, steps: u64) {
    eprintln!("{count} schedules, {steps} steps");
    let Some(seed) = failures.keys().next() else { return };
    let list: Vec<String> =
        failures.iter().map(|(seed, error)| format!("seed {seed}: {error:.400}")).collect();
    let story = schedule(*seed, true).err().unwrap_or_default();
    panic!(
        "{} of {count} schedules fail:\n{}\n\nseed {seed}, in full:\n{story}",
        list.len(),
        list.join("\n")
    );
}
