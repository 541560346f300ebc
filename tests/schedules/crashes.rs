//! The plain job with crashes at every place, and at every pair of places.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::gate::Strike;
use crate::job::{Left, Stage, begin, finish, under_lag, watched};
use crate::run::{is_idle, jump, next, take};
use crate::users;
use crate::world::{Agents, World};

/// What a crash leaves, at every place of a job.
fn every_crash(world: &mut World, stage: Stage) -> Vec<Left> {
    let mut left = vec![];
    let done = watched(world, stage, |world, stage| left.push((world.remains(), stage)));
    done.unwrap_or_else(|error| panic!("{error}\n{}", world.story()));
    left
}

/// A new process comes up in what is left, after some time.
fn restart((remains, stage): Left, seconds: i64) -> (World, Stage) {
    let mut world = remains.revive();
    world.say(|| format!("CRASH, and another process {seconds} s later"));
    world.advance(seconds * 1000);
    (world, stage)
}

fn run(left: Left, seconds: i64) -> Result<(), String> {
    let (mut world, stage) = restart(left, seconds);
    finish(&mut world, stage).map_err(|error| format!("{error}\n{}", world.story()))
}

#[test]
fn a_plain_job_brings_enis_up_and_takes_them_away() {
    for agents in [(false, Agents::None), (true, Agents::None), (true, Agents::Faithful)] {
        let mut world = begin(2, 2, agents);
        finish(&mut world, Stage::Up).unwrap_or_else(|error| panic!("{error}\n{}", world.story()));
    }
}

#[test]
fn a_crash_at_any_place_leaves_nothing_undone_and_nothing_behind() {
    let mut runs = 0;
    for (agents, lag) in
        [((false, Agents::None), 0), ((true, Agents::Faithful), 0), ((false, Agents::None), 60)]
    {
        for left in every_crash(&mut under_lag(2, 2, agents, lag), Stage::Up) {
            for seconds in [1, 20, 100] {
                run(left.clone(), seconds).unwrap_or_else(|error| panic!("{error}"));
                runs += 1;
            }
        }
    }
    eprintln!("{runs} single crashes");
}

#[test]
fn a_deletion_at_any_place_leaves_nothing_behind_with_a_crash_or_without() {
    let mut runs = 0;
    for lag in [0, 30, 60] {
        let mut world = under_lag(2, 2, (false, Agents::None), lag);
        for (remains, _) in every_crash(&mut world, Stage::Up) {
            let (mut world, _) = restart((remains, Stage::Down), 1);
            users::delete_all(&mut world);
            finish(&mut world, Stage::Down).unwrap_or_else(|error| panic!("{error}\n{}", world.story()));
            runs += 1;
        }
    }
    for steps in 0.. {
        let mut world = under_lag(2, 2, (false, Agents::None), 30);
        if !run_steps(&mut world, steps) {
            break;
        }
        users::delete_all(&mut world);
        finish(&mut world, Stage::Down).unwrap_or_else(|error| panic!("{error}\n{}", world.story()));
        runs += 1;
    }
    eprintln!("{runs} deletions");
}

/// Runs so many steps, if there are as many before the job is done.
fn run_steps(world: &mut World, steps: u64) -> bool {
    while world.steps < steps {
        match next(world, None) {
            Some(turn) => take(world, turn, Strike::None).unwrap_or_else(|error| panic!("{error}")),
            None if is_idle(world) || !jump(world) => return false,
            None => {}
        }
    }
    true
}

#[test]
fn two_crashes_at_any_two_places_leave_nothing_undone_and_nothing_behind() {
    for (instances, subnets) in [(2, 1), (1, 2)] {
        let mut world = begin(instances, subnets, (false, Agents::None));
        let pairs = every_pair(every_crash(&mut world, Stage::Up));
        eprintln!("{pairs} pairs of crashes");
    }
}

/// Crashes each of these once more, at every place that it comes to.
fn every_pair(firsts: Vec<Left>) -> usize {
    let work = Mutex::new(firsts.into_iter());
    let runs = AtomicUsize::new(0);
    let one = || {
        loop {
            let Some(first) = work.lock().unwrap().next() else { return };
            let (mut world, stage) = restart(first, 1);
            for second in every_crash(&mut world, stage) {
                run(second, 5).unwrap_or_else(|error| panic!("{error}"));
                runs.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(one);
        scope.spawn(one);
    });
    runs.into_inner()
}
