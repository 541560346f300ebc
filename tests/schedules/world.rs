//! The world of a schedule: Kubernetes, EC2, the clock, and the operator's process.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ec2_sim::Simulator;
use ec2_sim::world::{Eni as SimEni, InstanceState};
use eni_operator::api::NodeENIAttachment;
use eni_operator::cluster::node::SlimNode;
use eni_operator::controller::{
    Authority, Authorized, Clock, Context, Memory, PassError, instance_pass, node_eni_pass, sweep_pass,
};
use eni_operator::model::ClusterId;
use eni_operator::plan::sweep::Rules;
use eni_operator::plan::{Pace, Settings};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::cluster::{MemoryCluster, Store, lock as lock_store};
use crate::ec2::{Mutation, SimEc2, lock};
use crate::gate::{Gate, Strike};
use crate::invariants;
use crate::key::Key;
use crate::queue::Queue;
use crate::region::{self, Machine, Region};
use crate::watch::Watches;

/// The cluster id of the operator under test.
pub const CLUSTER: &str = "test-cluster";

/// The schedule's clock.
#[derive(Clone)]
pub struct SetClock(Arc<AtomicI64>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        // Whole seconds, as the real clock gives them.
        Timestamp::from_second(self.0.load(Ordering::Relaxed).div_euclid(1000)).unwrap()
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

type Process = Context<MemoryCluster, Authorized<SimEc2, SetClock>, SetClock>;
type Running = Pin<Box<dyn Future<Output = Result<Pace, PassError>>>>;

/// What becomes of agents on the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agents {
    /// There are none.
    None,
    /// They do as they should, sooner or later.
    Faithful,
}

/// The world of a schedule.
pub struct World {
    /// EC2.
    pub sim: Arc<Mutex<Simulator>>,
    /// Kubernetes.
    pub store: Arc<Mutex<Store>>,
    /// What EC2 was asked.
    pub log: Arc<Mutex<Vec<Mutation>>>,
    /// What is in the region.
    pub region: Region,
    /// Milliseconds since 1970.
    pub now: i64,
    /// Whether the operator waits for agents, and whether there are any.
    pub agents: (bool, Agents),
    /// ENIs that are not ours, as they must stay.
    pub strangers: BTreeMap<String, SimEni>,
    /// ENIs of another controller that is gone.
    pub heirless: BTreeSet<String>,
    /// Slots that users tampered with in EC2: (`NodeENI`, instance, subnet).
    pub tampered: BTreeSet<(String, String, String)>,
    /// Slots whose ENI was attached elsewhere than asked because somebody held that place.
    pub displaced: BTreeSet<(String, String, String)>,
    /// When each position of an instance was last held: instance, card, device.
    pub held: BTreeMap<Spot, i64>,
    /// When each slot, by its object's name, last asked for a position.
    pub asked: BTreeMap<Spot, BTreeMap<String, i64>>,
    /// How careful the looks at all of EC2 are.
    pub rules: Rules,
    /// Since when agents have said that a device is in use, by the uid of the slot's object.
    pub in_use_since: BTreeMap<String, i64>,
    /// What happened, if anybody wants to read it.
    pub trace: Option<Vec<String>>,
    /// Steps so far.
    pub steps: u64,
    /// When something last changed.
    pub last_change: i64,
    seen: (u64, usize),
    process: Arc<Process>,
    clock: SetClock,
    gate: Gate,
    running: BTreeMap<Key, Running>,
    visits: Arc<Mutex<BTreeSet<String>>>,
    /// Looks at all of EC2 since something last changed.
    pub swept_in_vain: u32,
    /// Who is due.
    pub queue: Queue,
    /// What the watches have not brought.
    pub watches: Watches,
}

/// A position of an instance: its id, the network card, the device index.
pub type Spot = (String, u32, u32);

/// Where a slot's ENI is meant to hang.
pub fn asked_spot(slot: &NodeENIAttachment) -> Spot {
    let [card, device] =
        [slot.spec.network_card_index, slot.spec.device_index].map(|index| u32::try_from(index).unwrap());
    (slot.spec.instance_id.clone(), card, device)
}

/// A state of the world without a process in it.
#[derive(Clone)]
pub struct Remains {
    sim: Simulator,
    store: Store,
    region: Region,
    now: i64,
    agents: (bool, Agents),
    strangers: BTreeMap<String, SimEni>,
    displaced: BTreeSet<(String, String, String)>,
    held: BTreeMap<Spot, i64>,
    trace: Option<Vec<String>>,
}

impl World {
    /// A world with a region in it, and a process that has just started.
    pub fn new(sim: Simulator, region: Region, agents: (bool, Agents)) -> Self {
        let now = i64::try_from(sim.now().0).unwrap();
        let strangers = sim.state().enis.iter().map(|(id, eni)| (id.to_owned(), eni.clone())).collect();
        let store = Store::new(Timestamp::from_millisecond(now).unwrap());
        let (displaced, held) = (BTreeSet::new(), BTreeMap::new());
        Remains { sim, store, region, now, agents, strangers, displaced, held, trace: None }.revive()
    }

    /// What is left of the world if the process dies now.
    pub fn remains(&self) -> Remains {
        Remains {
            sim: lock(&self.sim).clone(),
            store: lock_store(&self.store).clone(),
            region: self.region.clone(),
            now: self.now,
            agents: self.agents,
            strangers: self.strangers.clone(),
            displaced: self.displaced.clone(),
            held: self.held.clone(),
            trace: self.trace.clone(),
        }
    }

    /// What happened, to read.
    pub fn story(&self) -> String {
        let Some(trace) = &self.trace else { return String::new() };
        let store = lock_store(&self.store);
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let objects = store.attachments().map(|one| {
            let meta = &one.metadata;
            let marks = format!("deleted {:?} generation {:?}", meta.deletion_timestamp, meta.generation);
            format!("{:?} {marks} {} {}", meta.name, text(&one.spec), text(&one.status))
        });
        trace.iter().cloned().chain(["IN THE END".to_owned()]).chain(objects).collect::<Vec<_>>().join("\n")
    }

    /// How much has changed: in Kubernetes, and by calls to EC2.
    pub fn changes(&self) -> (u64, usize) {
        (lock_store(&self.store).version(), lock(&self.log).len())
    }

    /// The process dies, wherever it is, and another one starts.
    pub fn crash(&mut self) {
        self.say(|| "CRASH".to_owned());
        self.running.clear();
        self.process = process(self);
        self.queue = Queue::default();
        self.relist();
    }

    fn relist(&mut self) {
        let woken = {
            let mut store = lock_store(&self.store);
            self.watches.relist(&mut store, &self.process.cluster.snapshot)
        };
        self.wake(woken);
        self.wake(vec![Key::Sweep]);
    }

    /// Wakes everybody.
    pub fn wake_all(&mut self) {
        let store = self.store.clone();
        let store = lock_store(&store);
        let names = store.node_enis().filter_map(|one| one.metadata.name.clone()).map(Key::NodeEni);
        let ids = store.attachments().filter_map(|one| one.spec.instance_id.parse().ok()).map(Key::Instance);
        self.wake(names.chain(ids).collect());
    }

    fn wake(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake(key, self.now);
        }
    }

    /// Writes down what happened.
    pub fn say(&mut self, what: impl FnOnce() -> String) {
        let second = self.now / 1000;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{second} {}", what()));
        }
    }

    /// Takes over what the API server tells its watches.
    pub fn gather(&mut self) {
        let mut store = lock_store(&self.store);
        self.watches.take(&mut store);
        let seen = (store.version(), lock(&self.log).len());
        drop(store);
        if seen != self.seen {
            self.seen = seen;
            self.last_change = self.now;
            self.swept_in_vain = 0;
            self.note_asked();
        }
    }

    /// A watch brings its next change.
    pub fn deliver(&mut self, kind: usize) {
        let woken = self.watches.deliver(kind, &self.process.cluster.snapshot);
        self.wake(woken);
    }

    /// The passes that may begin.
    pub fn due(&self) -> Vec<Key> {
        self.queue.due(self.now, |key| self.running.contains_key(key))
    }

    /// The tickets of requests that may be sent.
    pub fn tickets(&self) -> Vec<u64> {
        self.gate.tickets()
    }

    /// Whether a ticket is for a kind of request.
    pub fn is_for(&self, ticket: u64, call: &str) -> bool {
        self.gate.holder(ticket).is_some_and(|(_, request)| request.call == call)
    }

    /// A pass begins.
    pub fn begin(&mut self, key: &Key) -> Result<(), String> {
        self.say(|| format!("pass over {key}"));
        self.queue.begun(key);
        let process = self.process.clone();
        let pass: Running = match key.clone() {
            Key::NodeEni(name) => Box::pin(async move { node_eni_pass::pass(&name, &process).await }),
            Key::Instance(id) => Box::pin(async move { instance_pass::pass(&id, &process).await }),
            Key::Sweep => {
                let visits = self.visits.clone();
                Box::pin(async move {
                    let looked = sweep_pass::pass(&process).await?;
                    lock(&visits).extend(looked.visit);
                    Ok(looked.pace)
                })
            }
        };
        self.running.insert(key.clone(), pass);
        self.poll(key)
    }

    /// A request is sent, and its pass goes on to its next ones.
    pub fn release(&mut self, ticket: u64, strike: Strike) -> Result<(), String> {
        let Some((key, request)) = self.gate.holder(ticket) else { return Ok(()) };
        self.say(|| {
            let struck = if strike == Strike::None { String::new() } else { format!("  !! {strike:?}") };
            format!("  {key}: {} {}{struck}", request.call, request.about)
        });
        self.gate.release(ticket, strike);
        self.poll(&key)
    }

    fn poll(&mut self, key: &Key) -> Result<(), String> {
        self.steps += 1;
        let Some(pass) = self.running.get_mut(key) else { return Ok(()) };
        self.gate.polls(Some(key.clone()));
        let before = lock(&self.log).len();
        let done = pass.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        self.gate.polls(None);
        if let std::task::Poll::Ready(result) = done {
            self.running.remove(key);
            self.say(|| format!("pass over {key} ended: {result:?}"));
            self.queue.ended(key.clone(), &result, self.now);
            self.swept_in_vain += u32::from(*key == Key::Sweep);
            let visits = std::mem::take(&mut *lock(&self.visits));
            self.wake(visits.into_iter().map(Key::NodeEni).collect());
        } else if !self.gate.has(key) {
            return Err(format!("the pass over {key} waits for something that is no port"));
        }
        self.gather();
        let after = lock(&self.log).len();
        if before < after { invariants::after_calls(self, before) } else { Ok(()) }
    }

    /// The node that runs on a machine, if it is registered as that.
    pub fn node_of(&self, machine: &Machine) -> Option<Arc<SlimNode>> {
        let node = lock_store(&self.store).node(&machine.node).cloned()?;
        node.spec.provider_id.as_ref()?.ends_with(&machine.instance).then_some(node)
    }

    /// How many ENIs an instance carries, by the type that it has now.
    pub fn carries(&self, instance: &str) -> usize {
        let sim = lock(&self.sim);
        sim.state().instances.get(instance).map_or(0, |one| region::carries(&one.instance_type))
    }

    /// How an instance stands.
    pub fn state_of(&self, instance: &str) -> Option<InstanceState> {
        lock(&self.sim).state().instances.get(instance).map(|one| one.state)
    }

    /// The ENIs that an instance was launched with are not ours.
    pub fn adopt_strangers(&mut self, instance: &str) {
        let enis: Vec<SimEni> = lock(&self.sim).state().enis_of(instance).cloned().collect();
        self.strangers.extend(enis.into_iter().map(|eni| (eni.id.clone(), eni)));
    }

    /// Notes which positions are asked for now.
    fn note_asked(&mut self) {
        for one in lock_store(&self.store).attachments() {
            self.asked.entry(asked_spot(one)).or_default().insert(one.name_any(), self.now);
        }
    }

    /// Whoever is under way knows what was held and asked for when it looked, however long it stands still.
    fn carry_over(&mut self, millis: i64) {
        if self.running.is_empty() {
            return;
        }
        let now = self.now;
        let late = |last: &&mut i64| **last + invariants::LOOKS_HELD > now;
        let asked = self.asked.values_mut().flat_map(BTreeMap::values_mut);
        self.held.values_mut().chain(asked).filter(late).for_each(|last| *last += millis);
    }

    /// Notes which positions are held now, and which are asked for.
    pub fn note_held(&mut self) {
        self.note_asked();
        let sim = self.sim.clone();
        let sim = lock(&sim);
        for (instance, slots) in &sim.state().slots {
            for (card, device) in slots.keys() {
                self.held.insert((instance.clone(), *card, *device), self.now);
            }
        }
    }

    /// Time passes.
    pub fn advance(&mut self, millis: i64) {
        self.note_held();
        self.carry_over(millis);
        self.now += millis;
        lock(&self.sim).advance(Duration::from_millis(millis.unsigned_abs()));
        lock_store(&self.store).now = Timestamp::from_millisecond(self.now).unwrap();
        self.clock.0.store(self.now, Ordering::Relaxed);
        self.note_held();
    }
}

impl Remains {
    /// A new process starts in what is left.
    pub fn revive(self) -> World {
        let (clock, gate) = (SetClock(Arc::new(AtomicI64::new(self.now))), Gate::closed());
        let (sim, store) = (Arc::new(Mutex::new(self.sim)), Arc::new(Mutex::new(self.store)));
        let ec2 = SimEc2 { sim: sim.clone(), log: Arc::default(), gate: gate.clone() };
        let log = ec2.log.clone();
        let cluster = MemoryCluster::new(store.clone(), gate.clone());
        let process = started(cluster, ec2, clock.clone(), self.agents.0, Rules::default());
        let mut world = World {
            process,
            sim,
            store,
            log,
            region: self.region,
            now: self.now,
            agents: self.agents,
            strangers: self.strangers,
            heirless: BTreeSet::new(),
            tampered: BTreeSet::new(),
            displaced: self.displaced,
            held: self.held,
            asked: BTreeMap::new(),
            rules: Rules::default(),
            in_use_since: BTreeMap::new(),
            trace: self.trace,
            steps: 0,
            last_change: self.now,
            seen: (0, 0),
            clock,
            gate,
            running: BTreeMap::new(),
            visits: Arc::default(),
            swept_in_vain: 0,
            queue: Queue::default(),
            watches: Watches::default(),
        };
        world.relist();
        world
    }
}

/// A process that has just started in this world.
fn process(world: &World) -> Arc<Process> {
    let cluster = MemoryCluster::new(world.store.clone(), world.gate.clone());
    let ec2 = SimEc2 { sim: world.sim.clone(), log: world.log.clone(), gate: world.gate.clone() };
    started(cluster, ec2, world.clock.clone(), world.agents.0, world.rules.clone())
}

fn started(
    cluster: MemoryCluster,
    ec2: SimEc2,
    clock: SetClock,
    agent_required: bool,
    sweep: Rules,
) -> Arc<Process> {
    let settings = Settings {
        cluster: ClusterId(CLUSTER.to_owned()),
        listing_lag: SignedDuration::from_secs(60),
        agent_required,
        hop_limit: None,
        sweep,
    };
    let authority = Authority::default();
    let ec2 = Authorized::new(ec2, authority.clone(), clock.clone());
    Arc::new(Context { cluster, ec2, clock, settings, memory: Memory::default(), authority })
}
