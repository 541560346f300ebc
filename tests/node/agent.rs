//! A host in a namespace, an agent at work on it, and its slots.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eni_operator::agent::metrics::SharedMetrics;
use eni_operator::agent::{JournalError, JournalFile, Options, Ports, run};
use eni_operator::api::ConditionType;
use eni_operator::cluster::{KubeOwnSlots, OWN_WATCH_SECONDS, connect};
use eni_operator::host::{Events, Linux, Places};
use eni_operator::mandate::Mandate;
use eni_operator::model::MacAddress;
use eni_operator::plan::host::Settings;
use eni_operator::pulse::Pulse;
use k8s_openapi::jiff::SignedDuration;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::device::{Devices, Dressed, Fault};
use crate::kubelet::Nobody;
use crate::netns::NetNs;
use crate::slots::{MemorySlots, attached};

/// How long what is wanted may take to be there; a busy machine takes long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing must happen for it to count as not happening: many times what it would take.
pub(crate) const QUIET: Duration = Duration::from_millis(800);

/// Where an agent has its slots from.
pub(crate) enum Slots {
    /// From the test.
    InMemory(Arc<MemorySlots>),
    /// From a cluster, as those of a node.
    OfCluster { kubeconfig: PathBuf, node: String },
}

/// A node: a namespace for its links and one for what is at their other ends.
pub(crate) struct Node {
    pub(crate) ns: NetNs,
    pub(crate) world: NetNs,
    pub(crate) devices: Devices,
    pub(crate) slots: Arc<MemorySlots>,
    pub(crate) folder: TempDir,
    pub(crate) settings: Settings,
    pub(crate) fault: Option<Fault>,
    pub(crate) event_buffer: Option<usize>,
    pub(crate) metrics: SharedMetrics,
    agent: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

/// The journal. A process that another test is about to start has its lock's file too, until it runs its program.
fn journal(state: &Path) -> JournalFile {
    let begun = Instant::now();
    loop {
        match JournalFile::open(state, "this-boot") {
            Err(JournalError::Held) if begun.elapsed() < PATIENCE => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

impl Node {
    pub(crate) fn new() -> Option<Self> {
        if !crate::netns::obtainable() {
            return None;
        }
        Some(Self {
            ns: NetNs::new(),
            world: NetNs::new(),
            devices: Devices::default(),
            slots: MemorySlots::new(),
            folder: tempfile::tempdir().unwrap(),
            settings: Settings {
                default_mtu: None,
                interface_mtus: [].into(),
                carrier_patience: SignedDuration::from_millis(300),
                hands_off: [].into(),
                node_addresses: [].into(),
                binds_devices: false,
                allow_no_iommu: false,
            },
            fault: None,
            event_buffer: None,
            metrics: SharedMetrics::default(),
            agent: None,
        })
    }

    /// A node whose agent is at work.
    pub(crate) fn with_agent() -> Option<Self> {
        let mut node = Self::new()?;
        node.start();
        Some(node)
    }

    pub(crate) fn udev(&self) -> PathBuf {
        self.folder.path().join("udev")
    }

    pub(crate) fn networkd(&self) -> PathBuf {
        self.folder.path().join("networkd")
    }

    pub(crate) fn resolvers(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts the agent, on a thread in the namespace.
    pub(crate) fn start(&mut self) {
        let slots = Slots::InMemory(self.slots.clone());
        self.start_with(slots, || {});
    }

    /// Starts the agent with slots from elsewhere, after something was done on its thread.
    pub(crate) fn start_with(&mut self, slots: Slots, first: impl FnOnce() + Send + 'static) {
        let (stop, told) = watch::channel(false);
        let (name, fault) = (self.ns.name.clone(), self.fault.clone());
        let places = Places {
            sysfs: self.folder.path().join("sys"),
            dev: self.folder.path().join("dev"),
            udev: self.udev(),
            networkd: Some(self.networkd()).filter(|folder| folder.exists()),
            resolvers: self.resolvers(),
        };
        let (devices, state, buffer) = (self.devices.clone(), self.state(), self.event_buffer);
        let options = Options {
            settings: self.settings.clone(),
            resync: Duration::from_mins(1),
            metrics: self.metrics.clone(),
            pulse: Pulse::default(),
        };
        let thread = std::thread::spawn(move || {
            NetNs::enter(&name);
            first();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let journal = journal(&state);
                let wakeups = buffer.map_or_else(Events::subscribe, Events::with_buffer).unwrap();
                let host = Dressed { host: Linux::new(places), devices, fault };
                match slots {
                    Slots::InMemory(slots) => {
                        run(Ports { host, kubelet: Nobody::default(), wakeups, slots, journal }, options, told).await;
                    }
                    Slots::OfCluster { kubeconfig, node } => {
                        let client = connect(Some(&kubeconfig), OWN_WATCH_SECONDS, Mandate::unlimited())
                            .await
                            .unwrap();
                        let slots = Arc::new(KubeOwnSlots::new(client, &node));
                        let watching = slots.clone();
                        tokio::select! {
                            () = run(Ports { host, kubelet: Nobody::default(), wakeups, slots, journal }, options, told) => {}
                            () = watching.watch() => {}
                        }
                    }
                }
            });
        });
        self.agent = Some((stop, thread));
    }

    /// Stops the agent.
    pub(crate) fn stop(&mut self) {
        if let Some((stop, thread)) = self.agent.take() {
            stop.send_replace(true);
            thread.join().unwrap();
        }
    }

    /// Plugs a device in, whose other end is up.
    pub(crate) fn plug(&self, name: &str, number: u8) -> MacAddress {
        let mac = mac(number);
        self.devices.plug(mac);
        let other = format!("p{number}");
        self.ns.ip(&format!(
            "link add {name} address {mac} type veth peer name {other} netns {}",
            self.world.name
        ));
        self.world.ip(&format!("link set {other} up"));
        mac
    }

    /// Pulls a device out.
    pub(crate) fn pull(&self, name: &str, number: u8) {
        self.devices.pull(mac(number));
        self.ns.ip(&format!("link del {name}"));
    }

    /// A slot whose ENI is attached.
    pub(crate) fn want(&self, slot: &str, number: u8, alt_name: &str, mtu: Option<i64>) {
        self.slots.put(slot, |object| {
            attached(object, mac(number));
            alt_name.clone_into(&mut object.spec.alt_name);
            object.spec.mtu = mtu;
        });
    }

    /// Says that a slot has to go.
    pub(crate) fn release(&self, slot: &str) {
        self.slots.put(slot, |object| object.spec.release = true);
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "waited for {what}: {}", self.told());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a slot has a condition.
    #[track_caller]
    pub(crate) fn until_said(&self, slot: &str, type_: ConditionType, status: &str, reason: &str) {
        self.until(&format!("{slot}: {type_:?}={status} {reason}"), |node| {
            node.slots.says(slot, type_, status, reason)
        });
    }

    #[track_caller]
    pub(crate) fn until_ready(&self, slot: &str) {
        self.until_said(slot, ConditionType::LinkReady, "True", "AsSpecified");
    }

    /// Checks that something stays so.
    #[track_caller]
    pub(crate) fn stays(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < QUIET {
            assert!(holds(self), "{what}: {}", self.told());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The state of everything, for people.
    fn told(&self) -> String {
        let seen = eni_operator::cluster::OwnSlots::seen(self.slots.as_ref());
        let slots = seen.borrow().clone().unwrap_or_default();
        let status = |name: &String| serde_json::to_string(&self.slots.get(name).status).unwrap();
        let each: Vec<String> = slots.keys().map(|name| format!("{name}: {}", status(name))).collect();
        format!("{}\n{}", each.join("\n"), self.ns.try_ip("link").1)
    }

    /// Whether a link is up, with this MTU.
    pub(crate) fn is_up(&self, link: &str, mtu: u32) -> bool {
        let (there, text) = self.ns.try_ip(&format!("-o link show dev {link}"));
        let flags = text.split(['<', '>']).nth(1).unwrap_or_default();
        there && flags.split(',').any(|flag| flag == "UP") && text.contains(&format!(" mtu {mtu} "))
    }

    /// Whether a link answers to an alternative name.
    pub(crate) fn answers(&self, link: &str, alt_name: &str) -> bool {
        self.ns.try_ip(&format!("link show dev {link}")).1.contains(&format!("altname {alt_name}\n"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.agent.take() {
            stop.send_replace(true);
            let _ = thread.join();
        }
    }
}

/// The address of the hardware of a device.
pub(crate) fn mac(number: u8) -> MacAddress {
    MacAddress([2, 0x5e, 0x17, 0, 0, number])
}
