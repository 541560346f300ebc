//! When passes run, and when they do not.

#![allow(clippy::disallowed_methods, reason = "a test measures too")]

use std::cell::{Cell, RefCell};

use futures::future::pending;

use super::*;
use crate::pulse::Pulse;

/// Limits under which a test need not wait.
const EAGER: Limits = Limits { at_once: 8, interval: Duration::ZERO, gather: Duration::ZERO };

fn changed<K>(key: K) -> Wake<K> {
    Wake { key, news: true }
}

/// A queue whose requests are looked at, with nobody behind it.
fn queue(limits: Limits) -> (Queue<&'static str>, UnboundedReceiver<ScheduleRequest<&'static str>>) {
    let (requests, scheduled) = unbounded();
    (Queue::new(requests, limits), scheduled)
}

/// The time of the next request.
fn asked(scheduled: &mut UnboundedReceiver<ScheduleRequest<&'static str>>) -> Instant {
    scheduled.try_recv().unwrap().run_at
}

fn refused(kind: ClusterErrorKind, retry_after: Option<SignedDuration>) -> Result<Pace, PassError> {
    let (doing, message) = ("writing".to_owned(), "no".to_owned());
    Err(PassError::Cluster(crate::cluster::ClusterError { doing, kind, message, retry_after }))
}

#[test]
fn after_a_failure_our_own_writes_wake_nothing_before_the_back_off_and_news_do() {
    let (mut queue, mut scheduled) = queue(EAGER);
    let begun = Instant::now();
    queue.ended("a", refused(ClusterErrorKind::Retry, None));
    assert!(asked(&mut scheduled) >= begun + Duration::from_secs(2));
    queue.wake(Wake { key: "a", news: false });
    assert!(asked(&mut scheduled) >= begun + Duration::from_secs(2));
    queue.wake(Wake { key: "a", news: true });
    assert!(asked(&mut scheduled) < begun + Duration::from_secs(1));
    queue.ended("a", Ok(Pace::Settled));
    queue.wake(Wake { key: "a", news: false });
    assert!(asked(&mut scheduled) < begun + Duration::from_secs(1));
}

#[test]
fn the_api_servers_own_wait_is_kept() {
    let (mut queue, mut scheduled) = queue(EAGER);
    let begun = Instant::now();
    queue.ended("a", refused(ClusterErrorKind::Retry, Some(SignedDuration::from_secs(9))));
    assert!(asked(&mut scheduled) >= begun + Duration::from_secs(9));
}

#[test]
fn what_is_refused_is_left_alone_for_longer() {
    let (mut queue, mut scheduled) = queue(EAGER);
    let begun = Instant::now();
    queue.ended("a", refused(ClusterErrorKind::Refused, None));
    assert!(asked(&mut scheduled) >= begun + Duration::from_secs(30));
}

#[test]
fn what_happens_during_a_pass_waits_for_its_end_and_the_interval() {
    let (mut queue, mut scheduled) = queue(Limits { interval: Duration::from_secs(1), ..EAGER });
    queue.busy.insert("a");
    queue.wake(changed("a"));
    assert!(scheduled.try_recv().is_err(), "a pass was asked for while one is under way");
    let ended = Instant::now();
    queue.ended("a", Ok(Pace::Settled));
    assert!(asked(&mut scheduled) >= ended + Duration::from_secs(1));
    assert!(scheduled.try_recv().is_err());
}

#[tokio::test]
async fn passes_over_one_key_never_overlap_and_those_over_others_do() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let running = RefCell::new(HashSet::new());
    let (most, left) = (Cell::new(0), Cell::new(40));
    wakes.unbounded_send(changed(1)).unwrap();
    wakes.unbounded_send(changed(2)).unwrap();
    run(woken, EAGER, told, Pulse::default().heart("queue"), async |key| {
        assert!(running.borrow_mut().insert(key), "two passes over {key}");
        most.set(most.get().max(running.borrow().len()));
        wakes.unbounded_send(changed(key)).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        running.borrow_mut().remove(&key);
        left.set(left.get() - 1);
        if left.get() == 0 {
            stop.send_replace(true);
        }
        Ok(Pace::Settled)
    })
    .await;
    assert_eq!(most.get(), 2);
}

#[tokio::test]
async fn wakes_that_come_together_are_one_pass() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let passes = Cell::new(0);
    for _ in 0..100 {
        wakes.unbounded_send(changed("a")).unwrap();
    }
    run(
        woken,
        Limits { gather: Duration::from_millis(20), ..EAGER },
        told,
        Pulse::default().heart("queue"),
        async |_| {
            passes.set(passes.get() + 1);
            stop.send_replace(true);
            Ok(Pace::Settled)
        },
    )
    .await;
    assert_eq!(passes.get(), 1);
}

#[tokio::test]
async fn a_pass_that_says_when_to_look_again_is_followed_by_another() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let passes = Cell::new(0);
    wakes.unbounded_send(changed("a")).unwrap();
    run(woken, EAGER, told, Pulse::default().heart("queue"), async |_| {
        passes.set(passes.get() + 1);
        if passes.get() == 3 {
            stop.send_replace(true);
        }
        Ok(Pace::Within(SignedDuration::from_millis(1)))
    })
    .await;
    assert_eq!(passes.get(), 3);
}

#[tokio::test]
async fn a_stop_lets_the_pass_under_way_end() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let ended = Cell::new(false);
    wakes.unbounded_send(changed("a")).unwrap();
    run(woken, EAGER, told, Pulse::default().heart("queue"), async |_| {
        stop.send_replace(true);
        tokio::task::yield_now().await;
        ended.set(true);
        Ok(Pace::Settled)
    })
    .await;
    assert!(ended.get());
}

#[tokio::test]
async fn a_pass_that_hangs_does_not_hold_up_the_others() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let seen = RefCell::new(vec![]);
    for key in ["hangs", "a", "b"] {
        wakes.unbounded_send(changed(key)).unwrap();
    }
    let queue = run(woken, EAGER, told, Pulse::default().heart("queue"), async |key| {
        if key == "hangs" {
            pending::<()>().await;
        }
        seen.borrow_mut().push(key);
        if seen.borrow().len() == 2 {
            stop.send_replace(true);
        }
        Ok(Pace::Settled)
    });
    let others = async {
        while seen.borrow().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = queue => {}
        () = others => {}
    }
    seen.borrow_mut().sort_unstable();
    assert_eq!(*seen.borrow(), ["a", "b"]);
}

#[tokio::test]
async fn a_queue_shows_that_it_turns_until_a_pass_blocks_it() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let pulse = Pulse::default();
    wakes.unbounded_send(Wake { key: "a", news: true }).unwrap();
    let heart = pulse.heart("queue");
    let begun = pulse.last("queue").unwrap();
    run(woken, EAGER, told, heart, async |_| {
        while pulse.last("queue").unwrap() == begun {
            // Waiting lets the queue turn; a pass that blocked instead would wait here for ever.
            tokio::task::yield_now().await;
        }
        stop.send_replace(true);
        Ok(Pace::Settled)
    })
    .await;
    assert_eq!(pulse.last("queue"), None, "a queue that has ended is not stuck");
}

#[tokio::test]
async fn a_pass_that_panics_is_left_alone_for_a_while_and_stops_no_other() {
    let (wakes, woken) = unbounded();
    let (stop, told) = watch::channel(false);
    let ended = RefCell::new(vec![]);
    for key in ["broken", "sound"] {
        wakes.unbounded_send(changed(key)).unwrap();
    }
    let pass = async |key: &'static str| {
        ended.borrow_mut().push(key);
        assert_ne!(key, "broken", "a defect");
        if ended.borrow().contains(&"broken") {
            stop.send_replace(true);
        }
        Ok(Pace::Within(SignedDuration::from_millis(1)))
    };
    run(woken, EAGER, told, Pulse::default().heart("queue"), pass).await;
    assert_eq!(ended.borrow().last(), Some(&"sound"));
    assert_eq!(ended.borrow().iter().filter(|key| **key == "broken").count(), 1);
    let (mut queue, mut scheduled) = queue(EAGER);
    let begun = Instant::now();
    queue.ended("broken", Err(PassError::Panicked));
    assert!(asked(&mut scheduled) >= begun + Duration::from_secs(24));
}
