//! Who calls when: to the millisecond, by a time that leaps.

mod clock;
mod quiet;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use self::clock::LeapingTimer;
use self::quiet::{Quiet, attachment, eni, instance};
use super::*;
use crate::ec2::Ec2;
use crate::model::{EniChange, Position};

/// A budget, the time that it is kept by, and an EC2 behind it.
struct Stage {
    timer: LeapingTimer,
    budget: Budget<LeapingTimer>,
    ec2: Arc<Budgeted<Quiet, LeapingTimer>>,
}

type Task = LocalBoxFuture<'static, ()>;

/// Who did something, and when, in milliseconds.
type Log = Rc<RefCell<Vec<(String, u128)>>>;

impl Stage {
    fn new(limits: &str) -> Self {
        Self::with(limits, 3)
    }

    fn with(limits: &str, cleanup_at_once: usize) -> Self {
        let timer = LeapingTimer::default();
        let limits = limits.parse().unwrap();
        let settings = BudgetSettings { limits, share: Share::ALL, cleanup_at_once };
        let budget = Budget::by(timer.clone(), &settings);
        let ec2 = Arc::new(Budgeted::new(Quiet::new(timer.clone()), budget.clone()));
        Self { timer, budget, ec2 }
    }

    /// Begins a delete on an errand, which tells when it was sent.
    fn delete(&self, lane: Lane, name: &str, log: &Log) -> Task {
        let (ec2, timer, name, log) = (self.ec2.clone(), self.timer.clone(), name.to_owned(), log.clone());
        async move {
            let done = in_lane(lane, ec2.delete(&eni(1))).await;
            let word = done.err().map_or(name.clone(), |error| format!("{name}: {}", error.code));
            log.borrow_mut().push((word, timer.now().as_millis()));
        }
        .boxed_local()
    }

    /// How long so many attaches to different instances take.
    fn attaches(&self, count: u32) -> Duration {
        self.timer.run(|start| {
            for n in 0..count {
                let ec2 = self.ec2.clone();
                start(async move { ec2.attach_anywhere(n).await }.boxed_local());
            }
        })
    }
}

impl Budgeted<Quiet, LeapingTimer> {
    async fn attach_anywhere(&self, n: u32) {
        self.attach(&eni(n), &instance(n), Position { card: 0, device: 1 }).await.unwrap();
    }
}

#[test]
fn so_many_calls_take_what_their_burst_and_rate_make_of_them() {
    // Of a burst of 50, 49 are ours.
    for (count, seconds) in [(1, 0.0), (49, 0.0), (50, 0.2), (99, 10.0), (249, 40.0)] {
        let took = Stage::new("AttachNetworkInterface=50/5").attaches(count);
        assert!((took.as_secs_f64() - seconds).abs() < 0.002, "{count} took {took:?}");
    }
}

#[test]
fn actions_do_not_wait_for_each_other() {
    let stage = Stage::new("DeleteNetworkInterface=1/0.1");
    let log = Log::default();
    let took = stage.timer.run(|start| {
        start(stage.delete(Lane::Delete, "first", &log));
        start(stage.delete(Lane::Delete, "second", &log));
        let ec2 = stage.ec2.clone();
        let (timer, log) = (stage.timer.clone(), log.clone());
        start(
            async move {
                ec2.attach_anywhere(1).await;
                log.borrow_mut().push(("attach".to_owned(), timer.now().as_millis()));
            }
            .boxed_local(),
        );
    });
    assert_eq!(took, Duration::from_secs(10));
    let log = log.borrow();
    assert_eq!(*log, [("first".to_owned(), 0), ("attach".to_owned(), 0), ("second".to_owned(), 10_000)]);
}

#[test]
fn within_a_lane_the_first_that_came_goes_first_and_higher_lanes_go_before() {
    let stage = Stage::new("DeleteNetworkInterface=1/1");
    let log = Log::default();
    stage.timer.run(|start| {
        start(stage.delete(Lane::Sweep, "takes the token", &log));
        for (lane, name) in [
            (Lane::Sweep, "sweep 1"),
            (Lane::Delete, "delete 1"),
            (Lane::Sweep, "sweep 2"),
            (Lane::Repair, "repair"),
            (Lane::Delete, "delete 2"),
            (Lane::BringUp, "bring-up"),
        ] {
            start(stage.delete(lane, name, &log));
        }
    });
    let names: Vec<String> = log.borrow().iter().map(|(name, _)| name.clone()).collect();
    let ideal = ["takes the token", "bring-up", "repair", "delete 1", "delete 2", "sweep 1", "sweep 2"];
    assert_eq!(names, ideal);
    let times: Vec<u128> = log.borrow().iter().map(|(_, at)| *at).collect();
    assert_eq!(times, [0, 1000, 2000, 3000, 4000, 5000, 6000]);
}

#[test]
fn one_that_comes_late_in_a_higher_lane_goes_before_those_that_wait() {
    let stage = Stage::new("DeleteNetworkInterface=1/1");
    let log = Log::default();
    stage.timer.run(|start| {
        for n in 0..4 {
            start(stage.delete(Lane::Delete, &format!("delete {n}"), &log));
        }
        let late = stage.delete(Lane::BringUp, "late", &log);
        let timer = stage.timer.clone();
        start(
            async move {
                timer.until(Duration::from_millis(1500)).await;
                late.await;
            }
            .boxed_local(),
        );
    });
    let names: Vec<String> = log.borrow().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["delete 0", "delete 1", "late", "delete 2", "delete 3"]);
}

#[test]
fn a_call_that_would_wait_too_long_is_answered_at_once_and_one_that_is_overtaken_in_the_end() {
    let stage = Stage::new("DeleteNetworkInterface=1/1");
    let log = Log::default();
    stage.timer.run(|start| {
        // One goes at once, 15 wait for 15 seconds at most, and one finds no place.
        for n in 0..17 {
            start(stage.delete(Lane::Delete, &format!("delete {n}"), &log));
        }
        start(stage.delete(Lane::BringUp, "bring-up", &log));
    });
    let log = log.borrow();
    let unsent: Vec<_> = log.iter().filter(|(name, _)| name.ends_with(BUDGET_SPENT)).collect();
    assert_eq!(unsent[0], &(format!("delete 16: {BUDGET_SPENT}"), 0));
    assert_eq!(unsent[1], &(format!("delete 15: {BUDGET_SPENT}"), 15_000));
    assert_eq!((unsent.len(), log.len()), (2, 18));
}

#[test]
fn those_that_are_sent_away_are_told_to_come_back_one_after_the_other() {
    let stage = Stage::new("DeleteNetworkInterface=1/2");
    let again: Rc<RefCell<Vec<SignedDuration>>> = Rc::default();
    stage.timer.run(|start| {
        for _ in 0..100 {
            let (ec2, again) = (stage.ec2.clone(), again.clone());
            let ask = async move {
                if let Turn::After(wait) = in_lane(Lane::Delete, ec2.turn(Call::Delete)).await {
                    again.borrow_mut().push(wait);
                }
            };
            start(ask.boxed_local());
        }
    });
    let again = again.borrow();
    assert!(again.len() >= 68, "{}", again.len());
    let apart: Vec<f64> = again.windows(2).map(|two| (two[1] - two[0]).as_secs_f64()).collect();
    assert!(apart.iter().all(|apart| (apart - 0.5).abs() < 0.01), "{apart:?}");
    let first = again[0].as_secs_f64();
    assert!((1.0..=15.5).contains(&first), "{first}");
}

#[test]
fn a_turn_that_has_come_is_for_the_next_call_of_its_errand_and_for_no_other() {
    let stage = Stage::new("DeleteNetworkInterface=1/1");
    let log = Log::default();
    let took = stage.timer.run(|start| {
        let (ec2, other) = (stage.ec2.clone(), stage.delete(Lane::Delete, "other", &log));
        let timer = stage.timer.clone();
        start(
            in_lane(Lane::Delete, async move {
                assert_eq!(ec2.turn(Call::Delete).await, Turn::Now);
                timer.until(Duration::from_millis(300)).await;
                ec2.delete(&eni(1)).await.unwrap();
                assert_eq!(timer.now(), Duration::from_millis(300), "its turn had come");
            })
            .boxed_local(),
        );
        start(other);
    });
    assert_eq!(took, Duration::from_secs(1));
}

#[test]
fn a_throttled_action_slows_down_alone_and_recovers() {
    let stage = Stage::new("AttachNetworkInterface=2/10,CreateNetworkInterface=2/10");
    stage.ec2.inner().throttle(true);
    stage.timer.run(|start| {
        let ec2 = stage.ec2.clone();
        start(
            async move {
                let refused = ec2.attach(&eni(1), &instance(1), Position { card: 0, device: 1 }).await;
                assert_eq!(refused.unwrap_err().kind, Ec2ErrorKind::Throttled);
            }
            .boxed_local(),
        );
    });
    stage.ec2.inner().throttle(false);
    let rate = |call| stage.budget.levels().into_iter().find(|level| level.call == call).unwrap().per_second;
    assert!((rate(Call::Attach) - 5.0).abs() < 1e-9 && (rate(Call::Create) - 10.0).abs() < 1e-9);
    // Half speed, and a tenth of the whole more each second: five seconds make 37.5 calls.
    let took = stage.attaches(37);
    assert!(took > Duration::from_millis(4900) && took < Duration::from_secs(5), "{took:?}");
    assert!(rate(Call::Attach) > 9.8);
}

#[test]
fn an_instance_gets_five_attaches_at_once_and_others_do_not_wait_for_it() {
    let stage = Stage::new("AttachNetworkInterface=100/100");
    stage.ec2.inner().answer_after(Duration::from_secs(1));
    let took = stage.timer.run(|start| {
        for n in 0..14 {
            let ec2 = stage.ec2.clone();
            let at = Position { card: 0, device: 1 };
            start(async move { drop(ec2.attach(&eni(n), &instance(1), at).await) }.boxed_local());
        }
        for n in 2..20 {
            let ec2 = stage.ec2.clone();
            start(async move { ec2.attach_anywhere(n).await }.boxed_local());
        }
    });
    assert_eq!(took, Duration::from_secs(3), "14 are three times five");
    assert_eq!(stage.ec2.inner().most_in_flight(), 5 + 18);
}

#[test]
fn detaches_and_deletes_in_flight_are_as_many_as_set() {
    let stage = Stage::with("DeleteNetworkInterface=100/100,DetachNetworkInterface=100/100", 2);
    stage.ec2.inner().answer_after(Duration::from_secs(1));
    let log = Log::default();
    stage.timer.run(|start| {
        for n in 0..3 {
            start(stage.delete(Lane::Delete, &n.to_string(), &log));
            let ec2 = stage.ec2.clone();
            start(async move { ec2.detach(&attachment(1), false).await.unwrap() }.boxed_local());
        }
    });
    assert_eq!(stage.ec2.inner().most_in_flight(), 2);
}

#[test]
fn who_gives_up_waiting_leaves_the_line() {
    let stage = Stage::new("DeleteNetworkInterface=1/1");
    let log = Log::default();
    stage.timer.run(|start| {
        start(stage.delete(Lane::Delete, "first", &log));
        let (given_up, timer) = (stage.delete(Lane::BringUp, "given up", &log), stage.timer.clone());
        start(
            async move {
                let (end, given_up) = (std::pin::pin!(timer.until(Duration::from_millis(500))), given_up);
                futures::future::select(end, given_up).await;
            }
            .boxed_local(),
        );
        start(stage.delete(Lane::Delete, "second", &log));
    });
    assert_eq!(*log.borrow(), [("first".to_owned(), 0), ("second".to_owned(), 1000)]);
    let level = stage.budget.levels().into_iter().find(|level| level.call == Call::Delete).unwrap();
    assert!(level.waiting.values().all(|waiting| *waiting == 0));
}

/// A pass that brings an ENI up, and holds one of the passes that may run at once.
fn bring_up(stage: &Stage, passes: &Arc<Semaphore>, n: u32) -> Task {
    let (ec2, passes) = (stage.ec2.clone(), passes.clone());
    async move {
        let _pass = passes.acquire_owned().await.unwrap();
        in_lane(Lane::BringUp, async {
            assert_eq!(ec2.turn(Call::Attach).await, Turn::Now);
            ec2.attach_anywhere(n).await;
            ec2.modify(&eni(n), &EniChange::SourceDestCheck(false)).await.unwrap();
        })
        .await;
    }
    .boxed_local()
}

/// A pass that takes an ENI away, as often as it takes.
fn take_away(stage: &Stage, passes: &Arc<Semaphore>, tries: &Rc<RefCell<usize>>) -> Task {
    let (ec2, passes, tries, timer) = (stage.ec2.clone(), passes.clone(), tries.clone(), stage.timer.clone());
    async move {
        loop {
            let pass = passes.clone().acquire_owned().await.unwrap();
            *tries.borrow_mut() += 1;
            let wait = in_lane(Lane::Delete, async {
                let turn = ec2.turn(Call::Detach).await;
                if turn == Turn::Now {
                    ec2.detach(&attachment(1), false).await.unwrap();
                }
                turn
            });
            let Turn::After(wait) = wait.await else { return };
            drop(pass);
            timer.until(timer.now() + Duration::try_from(wait).unwrap()).await;
        }
    }
    .boxed_local()
}

#[test]
fn a_thousand_deletes_that_wait_hold_up_no_bring_up_and_lose_no_time_themselves() {
    let limits = "AttachNetworkInterface=50/5,ModifyNetworkInterfaceAttribute=100/5";
    let alone = {
        let (stage, passes) = (Stage::new(limits), Arc::new(Semaphore::new(64)));
        stage.timer.run(|start| (0..150).for_each(|n| start(bring_up(&stage, &passes, n))))
    };
    let (stage, passes) = (Stage::new(limits), Arc::new(Semaphore::new(96)));
    let (tries, up) = (Rc::default(), Rc::new(RefCell::new(Duration::ZERO)));
    let took = stage.timer.run(|start| {
        for _ in 0..1000 {
            start(take_away(&stage, &passes, &tries));
        }
        for n in 0..150 {
            let (pass, up, timer) = (bring_up(&stage, &passes, n), up.clone(), stage.timer.clone());
            start(
                async move {
                    pass.await;
                    *up.borrow_mut() = timer.now();
                }
                .boxed_local(),
            );
        }
    });
    assert_eq!(*up.borrow(), alone, "as fast as without the deletes");
    // A burst of 40, and 5 a second.
    let ideal = 960.0 / 5.0;
    assert!((ideal..ideal * 1.02).contains(&took.as_secs_f64()), "{took:?}");
    assert!(*tries.borrow() < 2500, "each looks a few times at most: {}", tries.borrow());
}
