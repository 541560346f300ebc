//! The plain job with crashes at every place, and at every pair of places.

use std::sync::Mutex;

use crate::job::{Left, Stage, begin, finish, watched};
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
    for agents in [(false, Agents::None), (true, Agents::Faithful)] {
        for left in every_crash(&mut begin(2, 2, agents), Stage::Up) {
            for seconds in [1, 20, 100] {
                run(left.clone(), seconds).unwrap_or_else(|error| panic!("{error}"));
                runs += 1;
            }
        }
    }
    eprintln!("{runs} single crashes");
}

#[test]
fn two_crashes_at_any_two_places_leave_nothing_undone_and_nothing_behind() {
    let firsts = every_crash(&mut begin(2, 1, (false, Agents::None)), Stage::Up);
    let work = Mutex::new(firsts.into_iter());
    let runs = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(first) = work.lock().unwrap().next() else { return };
                    let (mut world, stage) = restart(first, 1);
                    for second in every_crash(&mut world, stage) {
                        run(second, 5).unwrap_or_else(|error| panic!("{error}"));
                        runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    eprintln!("{runs:?} pairs of crashes");
}
