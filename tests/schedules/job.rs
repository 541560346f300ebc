//! The plain job: bring some ENIs up, then take them away.

use crate::check;
use crate::region::Layout;
use crate::run::settle;
use crate::users;
use crate::world::{Agents, Remains, World};

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// ENIs are coming up.
    Up,
    /// ENIs are going.
    Down,
}

/// A small world in which a `NodeENI` has just been made.
pub fn begin(instances: usize, subnets: usize, agents: (bool, Agents)) -> World {
    under_lag(instances, subnets, agents, 0)
}

/// Likewise, under a lag of EC2's reads, in seconds.
pub fn under_lag(instances: usize, subnets: usize, agents: (bool, Agents), lag: u64) -> World {
    let layout = Layout {
        zones: vec![('a', subnets)],
        instances: (0..instances)
            .map(|n| ('a', "m5.xlarge", if n == 0 { vec![1] } else { vec![] }))
            .collect(),
        lag: std::time::Duration::from_secs(lag),
        seed: 1,
    };
    in_region(&layout, agents)
}

/// A region with nodes, in which a `NodeENI` over all its subnets has just been made.
pub fn in_region(layout: &Layout, agents: (bool, Agents)) -> World {
    let (sim, region) = layout.build();
    let mut world = World::new(sim, region, agents);
    world.trace = Some(vec![]);
    users::register_all(&mut world);
    let subnets = world.region.subnets["us-east-1a"].clone();
    let groups = world.region.groups[..1].to_vec();
    users::create(&mut world, &users::node_eni("net-0", &subnets, &groups, 1));
    world
}

/// Runs a job to its end.
pub fn finish(world: &mut World, stage: Stage) -> Result<(), String> {
    if stage == Stage::Up {
        settle(world, None)?;
        check::everything_is_there(world)?;
        users::delete_all(world);
    }
    settle(world, None)?;
    check::nothing_is_left(world)
}

/// Runs a job to its end and gives what a crash would leave, before each step.
pub fn watched(world: &mut World, stage: Stage, mut at: impl FnMut(&World, Stage)) -> Result<(), String> {
    if stage == Stage::Up {
        crate::run::settle_watched(world, |world| at(world, Stage::Up))?;
        check::everything_is_there(world)?;
        users::delete_all(world);
    }
    crate::run::settle_watched(world, |world| at(world, Stage::Down))?;
    check::nothing_is_left(world)
}

/// What a crash leaves, at which stage.
pub type Left = (Remains, Stage);
