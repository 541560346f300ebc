//! The controller as a process: lead, watch, and run passes until told to stop.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::Client;
use tokio::sync::watch;
use tracing::Instrument;

use super::budget::{Budget, BudgetSettings, Budgeted, in_lane};
use super::lease::Leadership;
use super::metrics::{Counts, DegradedMode, Metered, Queue, SharedMetrics};
use super::queue::{self, Limits, Wake};
use super::watch::{Wakes, Watches};
use super::{
    Authority, Authorized, Clock, Context, Memory, Pulse, SharedEc2, SystemClock, instance_pass,
    node_eni_pass, sweep_pass,
};
use crate::api::NodeENIAttachment;
use crate::cluster::{Cluster, KubeCluster};
use crate::ec2::Ec2;
use crate::mandate::Mandate;
use crate::model::InstanceId;
use crate::plan::Settings;
use crate::plan::budget::Lane;

/// How the controller is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the decisions depend on.
    pub settings: Settings,
    /// Who wants to lead, and in which namespace; `None` to act without asking.
    pub lease: Option<(String, String)>,
    /// Passes over `NodeENI`s at once.
    pub node_enis_at_once: usize,
    /// Passes over instances at once.
    pub instances_at_once: usize,
    /// How fast EC2 may be called.
    pub budget: BudgetSettings,
    /// Where to count.
    pub metrics: SharedMetrics,
    /// Where the loops show that they turn.
    pub pulse: Pulse,
}

/// How far the controller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Another replica leads.
    Waiting,
    /// Leading, and reading what there is.
    CatchingUp,
    /// Leading.
    Leading,
}

/// Why the controller ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was told to stop, and stopped.
    Told,
    /// It may not act any more: somebody else may lead.
    LeaseLost,
}

/// A `NodeENI` is looked at once a second at most: many slots' changes are one change of the object.
const GATHER: Duration = Duration::from_secs(1);

/// The slots of an instance come one by one: one pass takes them all. An attach takes seconds.
const SLOTS_GATHER: Duration = Duration::from_millis(500);

/// What the controller acts through.
pub struct Ports<E> {
    /// For the lease alone: it is asked for before there is a mandate.
    pub lease: Client,
    /// Kubernetes, within the mandate.
    pub client: Client,
    /// EC2, within the mandate.
    pub ec2: E,
    /// Until when this process may act. It begins when the lease is held, or must have begun if none is asked
    /// for.
    pub mandate: Mandate,
}

/// Runs the controller until told to stop, and says how far it is.
pub async fn run<E: Ec2>(
    ports: Ports<E>,
    options: Options,
    stop: watch::Receiver<bool>,
    stage: watch::Sender<Stage>,
) -> End {
    let Ports { lease, client, ec2, mandate } = ports;
    let Some((namespace, identity)) = options.lease.clone() else {
        act(client, ec2, &options, (stop, stage)).await;
        return End::Told;
    };
    let mut leadership = Leadership::new(lease, &namespace, identity, SystemClock, mandate);
    let mut told = stop.clone();
    tokio::select! {
        () = leadership.acquire() => {}
        _ = told.wait_for(|stop| *stop) => return End::Told,
    }
    // Dropping the passes is what ends them at the deadline: a call under way has a time-out that is
    // over before anybody else may lead. The mandate keeps a process that was stopped and goes on from making
    // another one before that.
    // A task of its own: passes that are busy must not keep it from renewing.
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    let mut holding = tokio::spawn(async move {
        tokio::select! {
            biased;
            () = leadership.hold() => {}
            _ = left => {}
        }
        leadership
    });
    let end = tokio::select! {
        biased;
        _ = &mut holding => End::LeaseLost,
        () = act(client, ec2, &options, (stop, stage)) => End::Told,
    };
    if end == End::Told {
        drop(leave);
        if let Ok(mut leadership) = holding.await {
            leadership.release().await;
        }
    }
    end
}

/// EC2 as the passes know it: shared by them, within the budget, and while AWS takes our credentials.
type OurEc2<E> = SharedEc2<Budgeted<Authorized<Metered<E>, SystemClock>>>;

/// What our passes are given.
type OurContext<E> = Context<KubeCluster, OurEc2<E>, SystemClock>;

/// What every pass is given.
fn context<E: Ec2>(cluster: KubeCluster, ec2: E, options: &Options) -> Arc<OurContext<E>> {
    let authority = Authority::default();
    let ec2 = Metered::new(ec2, options.metrics.clone());
    let ec2 = Authorized::new(ec2, authority.clone(), SystemClock);
    let budget = Budget::new(&options.budget);
    let context = Arc::new(Context {
        cluster,
        ec2: SharedEc2::new(Budgeted::new(ec2, budget.clone())),
        clock: SystemClock,
        settings: options.settings.clone(),
        memory: Memory::default(),
        authority,
    });
    show(&options.metrics, &context, budget);
    context
}

/// Watches, and runs passes until told to stop.
async fn act<E: Ec2>(
    client: Client,
    ec2: E,
    options: &Options,
    (stop, stage): (watch::Receiver<bool>, watch::Sender<Stage>),
) {
    let snapshot = Arc::new(RwLock::default());
    let (node_enis, woken_node_enis) = unbounded();
    let (instances, woken_instances) = unbounded();
    let (woken, visits) =
        (Woken { node_enis: woken_node_enis, instances: woken_instances }, node_enis.clone());
    let watches = Watches::new(client.clone(), snapshot.clone(), Wakes { node_enis, instances });
    let cluster = KubeCluster::new(client, snapshot);
    let context = context(cluster, ec2, options);
    stage.send_replace(Stage::CatchingUp);
    let (mut seen_all, has_begun) = (stage.subscribe(), stage.subscribe());
    let passes = async {
        // A pass over half a snapshot would take what is missing for absent.
        if seen_all.wait_for(|stage| *stage == Stage::Leading).await.is_err() {
            return;
        }
        tracing::info!("caught up with the API server");
        queues(&context, options, &stop, woken, visits).await;
    };
    let mut told = stop.clone();
    let told_early = async {
        let _ = told.wait_for(|stop| *stop).await;
        // Passes that have begun end by themselves.
        if *has_begun.borrow() == Stage::Leading {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = passes => {}
        () = watches.run(stage) => {}
        () = told_early => {}
    }
}

/// The keys that the watches wake.
struct Woken {
    node_enis: UnboundedReceiver<Wake<String>>,
    instances: UnboundedReceiver<Wake<InstanceId>>,
}

/// Runs passes until told to stop.
async fn queues<E: Ec2>(
    context: &OurContext<E>,
    options: &Options,
    stop: &watch::Receiver<bool>,
    woken: Woken,
    visits: UnboundedSender<Wake<String>>,
) {
    let (metrics, pulse) = (&options.metrics, &options.pulse);
    let (sweeps, woken_sweeps) = unbounded();
    // The receiver lives as long as this.
    let _ = sweeps.unbounded_send(Wake { key: "sweep", news: true });
    let limits = |at_once, interval, gather| Limits { at_once, interval, gather };
    futures::join!(
        queue::run(
            woken.node_enis,
            limits(options.node_enis_at_once, GATHER, Duration::ZERO),
            stop.clone(),
            pulse.heart(Queue::NodeEnis.word()),
            async |name: String| {
                let span = tracing::info_span!("pass", nodeeni = name);
                let pass = node_eni_pass::pass(&name, context).instrument(span);
                metrics.pass(Queue::NodeEnis, pass).await
            }
        ),
        queue::run(
            woken.instances,
            limits(options.instances_at_once, Duration::ZERO, SLOTS_GATHER),
            stop.clone(),
            pulse.heart(Queue::Instances.word()),
            async |id| {
                let span = tracing::info_span!("pass", instance = %id);
                let pass = instance_pass::pass(&id, context).instrument(span);
                metrics.pass(Queue::Instances, pass).await
            }
        ),
        queue::run(
            woken_sweeps,
            limits(1, GATHER, Duration::ZERO),
            stop.clone(),
            pulse.heart(Queue::Sweep.word()),
            async |_| {
                let sweep = in_lane(Lane::Sweep, sweep_pass::pass(context));
                let looked = metrics.pass(Queue::Sweep, sweep).await?;
                for name in looked.visit {
                    let _ = visits.unbounded_send(Wake { key: name, news: true });
                }
                Ok(looked.pace)
            }
        ),
    );
}

/// Has what is there counted whenever somebody asks for it, for as long as it is looked after.
fn show<C: Cluster, E: Ec2, K: Clock>(
    metrics: &SharedMetrics,
    context: &Arc<Context<C, E, K>>,
    budget: Budget,
) {
    let context = Arc::downgrade(context);
    metrics.read_with(move |metrics| {
        let context = context.upgrade();
        metrics.set_leader(context.is_some());
        let Some(context) = context else { return };
        let (swept, known) = (context.memory.swept(), context.authority.known());
        let state = |slot: &NodeENIAttachment| slot.recorded().and_then(|cloud| cloud.state);
        metrics.set_budget(&budget.levels());
        metrics.set_counts(&Counts {
            slots: context.cluster.attachments().iter().map(|slot| state(slot)).collect(),
            node_enis: context.cluster.node_eni_names().len(),
            orphans: swept.sightings.len(),
            strangers: swept.strangers.len(),
        });
        metrics.set_degraded(DegradedMode::DeletionsHeld, swept.hold.is_some());
        metrics.set_degraded(DegradedMode::ReadOnly, known.credentials.is_some());
        metrics.set_degraded(DegradedMode::CreateRefused, known.create.is_some());
        metrics.set_degraded(DegradedMode::Throttled, budget.levels().iter().any(|level| level.slowed));
    });
}
