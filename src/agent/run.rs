//! The agent as a process: what wakes it, and passes until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;
use tokio::sync::watch;

use super::burst::Burst;
use super::journal::JournalFile;
use super::metrics::SharedMetrics;
use super::pass::{Keeper, Passed};
use super::publish::{Says, publish};
use crate::clock::{Clock, SteadyClock, SystemClock};
use crate::cluster::{OwnSlots, Slots};
use crate::host::{Host, Wakeups};
use crate::kubelet::Kubelet;
use crate::model::Publications;
use crate::plan::host::Settings;
use crate::plan::lease::Uptime;
use crate::pulse::{BEAT, Pulse};

/// How the agent is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the decisions depend on.
    pub settings: Settings,
    /// How long at most between two looks, whatever is announced.
    pub resync: Duration,
    /// Where to count.
    pub metrics: SharedMetrics,
    /// Where the loop shows that it turns.
    pub pulse: Pulse,
}

/// How soon to look again after a look that failed.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(1);

/// Most announcements that are taken for one: more than the socket's buffer holds.
const GATHERED: usize = 20_000;

/// What the agent works through.
pub struct Ports<H, B, W, S> {
    /// The host.
    pub host: H,
    /// Kubelet.
    pub kubelet: B,
    /// The host's announcements, from before the first look.
    pub wakeups: W,
    /// The node's slots.
    pub slots: Arc<S>,
    /// The journal.
    pub journal: JournalFile,
}

/// Runs the agent until it is told to stop. Links stay as they are then.
pub async fn run<H: Host, B: Kubelet, W: Wakeups, S: OwnSlots>(
    ports: Ports<H, B, W, S>,
    options: Options,
    mut stop: watch::Receiver<bool>,
) {
    let Ports { host, kubelet, wakeups, slots, journal } = ports;
    let says = watch::channel(Says::new()).0;
    let published = kubelet.published();
    let (settings, metrics) = (options.settings.clone(), options.metrics.clone());
    let keeper = Keeper::new((host, kubelet, SystemClock), settings, journal, metrics);
    let news = News { wakeups, seen: slots.seen(), published };
    let told = says.subscribe();
    tokio::select! {
        () = turn(keeper, news, &says, &options) => {}
        () = publish(slots.as_ref(), &SystemClock, &options.metrics, told) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// What is new to the agent.
struct News<W> {
    wakeups: W,
    seen: watch::Receiver<Option<Slots>>,
    published: watch::Receiver<Publications>,
}

/// Makes passes for ever.
async fn turn<H: Host, B: Kubelet, W: Wakeups>(
    mut keeper: Keeper<H, B, SystemClock>,
    news: News<W>,
    says: &watch::Sender<Says>,
    options: &Options,
) {
    let News { mut wakeups, mut seen, mut published } = news;
    let clock = SystemClock;
    let heart = options.pulse.heart("passes");
    let mut burst = Burst::whole(clock.uptime());
    let mut due = clock.uptime();
    loop {
        heart.beat();
        let left = due.since(clock.uptime()).max(SignedDuration::ZERO).unsigned_abs();
        tokio::select! {
            woken = wakeups.next() => options.metrics.woken(woken),
            changed = seen.changed() => if changed.is_err() { return },
            () = change(&mut published) => {}
            () = tokio::time::sleep(left.min(BEAT)) => if left > BEAT { continue },
        }
        let wait = burst.next(clock.uptime());
        if wait.is_positive() {
            tokio::time::sleep(wait.unsigned_abs()).await;
        }
        // What was announced meanwhile is seen by this pass.
        for _ in 0..GATHERED {
            let Some(woken) = wakeups.next().now_or_never() else { break };
            options.metrics.woken(woken);
        }
        let slots = seen.borrow_and_update().clone();
        // Without a list of the slots nothing is known, and nothing is done.
        let Some(slots) = slots else {
            due = clock.uptime().after(resync(options, clock.jitter()));
            continue;
        };
        due = one_pass(&mut keeper, &slots, says, options, clock).await;
    }
}

/// Waits for a change. There is none any more once nobody is there to make it.
async fn change(published: &mut watch::Receiver<Publications>) {
    if published.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Makes a pass, hands over what there is to say, and tells when to make the next.
async fn one_pass<H: Host, B: Kubelet>(
    keeper: &mut Keeper<H, B, SystemClock>,
    slots: &Slots,
    says: &watch::Sender<Says>,
    options: &Options,
    clock: SystemClock,
) -> Uptime {
    let all: Vec<_> = slots.values().cloned().collect();
    let begun = clock.uptime();
    let done = keeper.pass(&all).await;
    options.metrics.passed(clock.uptime().since(begun).unsigned_abs(), done.is_ok());
    let passed = done.unwrap_or_else(|error| {
        tracing::warn!(%error, "the host cannot be seen");
        Passed { within: Some(AFTER_FAILURE), ..Passed::default() }
    });
    says.send_if_modified(|says| {
        let before = says.clone();
        says.extend(all.iter().filter_map(|slot| {
            let (uid, generation) = (slot.uid()?, slot.metadata.generation);
            passed.says.get(&uid).map(|say| (uid, (generation, say.clone())))
        }));
        says.retain(|uid, _| all.iter().any(|slot| slot.uid().as_ref() == Some(uid)));
        *says != before
    });
    let phases: Vec<_> = says.borrow().values().map(|(_, say)| say.phase).collect();
    options.metrics.set_slots(all.len(), &phases);
    let resync = resync(options, clock.jitter());
    clock.uptime().after(passed.within.map_or(resync, |within| within.min(resync)))
}

/// When to look again though nothing was announced: up to a fifth sooner, so that nodes do it at their own times.
fn resync(options: &Options, jitter: f64) -> SignedDuration {
    let longest = SignedDuration::try_from(options.resync).unwrap_or(SignedDuration::from_mins(1));
    SignedDuration::from_secs_f64(longest.as_secs_f64() * (1.0 - 0.2 * jitter))
}
