//! What happens next: one thing at a time, in a fixed order or by chance.

use crate::agent;
use crate::gate::Strike;
use crate::key::Key;
use crate::rng::Rng;
use crate::world::World;

/// How long nothing must have changed for a world to be at rest: longer than any back-off.
const REST: i64 = 11 * 60 * 1000;

/// Longest lag of EC2's reads, and a second.
const LAG: i64 = 61 * 1000;

/// How long a world may take to come to rest.
const PATIENCE: i64 = 2 * 60 * 60 * 1000;

/// Steps that a world may take to come to rest; a pass that spins takes more.
const STEPS: u64 = 60_000;

/// Something that can happen now.
#[derive(Debug, Clone)]
pub enum Turn {
    /// A watch brings a change.
    Deliver(usize),
    /// A pass begins.
    Begin(Key),
    /// A request is sent.
    Release(u64),
}

/// Everything that can happen now, in the order in which a fast machine would do it.
pub fn turns(world: &World) -> Vec<Turn> {
    let deliver = world.watches.kinds().into_iter().map(Turn::Deliver);
    let release = world.tickets().into_iter().map(Turn::Release);
    let begin = world.due().into_iter().map(Turn::Begin);
    deliver.chain(release).chain(begin).collect()
}

/// Lets one thing happen.
pub fn take(world: &mut World, turn: Turn, strike: Strike) -> Result<(), String> {
    match turn {
        Turn::Deliver(kind) => {
            world.steps += 1;
            world.deliver(kind);
            Ok(())
        }
        Turn::Begin(key) => world.begin(&key),
        Turn::Release(ticket) => world.release(ticket, strike),
    }
}

/// The next thing that happens by itself; by chance one of all, in order without a chance.
pub fn next(world: &World, rng: Option<&mut Rng>) -> Option<Turn> {
    let turns = turns(world);
    match rng {
        Some(rng) => rng.pick(&turns).cloned(),
        None => turns.into_iter().next(),
    }
}

/// Moves the clock to the next time at which something is due. Says whether anything is.
pub fn jump(world: &mut World) -> bool {
    let agent = agent::next_due(world);
    let Some(next) = world.queue.next().into_iter().chain(agent).min() else { return false };
    // Passes come due at whole seconds, as the real clock has it.
    let ahead = (next - world.now).max(1);
    world.advance((ahead + 999) / 1000 * 1000);
    true
}

/// Whether there is nothing to do any more. Two looks at all of EC2 that found nothing new will find nothing new
/// for ever.
pub fn is_idle(world: &World) -> bool {
    world.queue.only_sweeps() && world.swept_in_vain > 1
}

/// Runs the world until it is at rest, without faults.
pub fn settle(world: &mut World, rng: Option<&mut Rng>) -> Result<(), String> {
    settle_by(world, rng, |_| ())
}

/// Likewise, in order, and shows the world before each step.
pub fn settle_watched(world: &mut World, at: impl FnMut(&World)) -> Result<(), String> {
    settle_by(world, None, at)
}

fn settle_by(world: &mut World, mut rng: Option<&mut Rng>, mut at: impl FnMut(&World)) -> Result<(), String> {
    let begun = world.now;
    let steps = world.steps;
    world.last_change = world.now;
    world.swept_in_vain = 0;
    loop {
        if let Some(turn) = next(world, rng.as_deref_mut()) {
            if matches!(turn, Turn::Release(_)) {
                at(world);
            }
            take(world, turn, Strike::None)?;
        } else {
            agent::act(world);
            if next(world, None).is_some() {
                continue;
            }
            if is_idle(world) || world.now - world.last_change > REST {
                world.advance(LAG);
                return Ok(());
            }
            if !jump(world) {
                // What EC2 shows may be older than the rest.
                world.advance(LAG);
                return Ok(());
            }
        }
        if world.now - begun > PATIENCE {
            return Err("it does not come to rest within two hours".to_owned());
        }
        if world.steps - steps > STEPS {
            return Err(format!("it does not come to rest within {STEPS} steps"));
        }
    }
}
