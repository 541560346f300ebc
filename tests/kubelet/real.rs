//! The real kubelet, on a node with a container runtime: what is offered shows in the node, and pods get it.
//!
//! A device's file is one that every machine has; whether a device is bound is said by a folder that stands for sysfs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eni_operator::kubelet::{DevicePlugins, Kubelet as _, Places};
use eni_operator::model::{DeviceNode, Offer, Offers, PodName, Publication};
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use xtask::nodes::{NodeOptions, Nodes};

use super::grpc::{call, dial, once, serve, unary};
use super::messages::{Device, List, Nothing, Options, Register};
use super::rig::{Life, Rig, offer};

const NODE: &str = "node-a";
const POOL: &str = "intel.com/dpdk_pool";
const A: &str = "0000:00:06.0";
const B: &str = "0000:00:07.0";

/// How long what is wanted may take to be there, on two cores that others use too.
const PATIENCE: Duration = Duration::from_mins(2);

/// A cluster of one node, and what the agent would have there.
struct World {
    nodes: Nodes,
    rig: Rig,
    /// Plugins run beside the test, which waits for kubectl.
    runtime: Runtime,
    begun: Instant,
}

impl World {
    /// None where there can be none.
    fn new() -> Option<Self> {
        if !xtask::parts::has(xtask::nodes::obtainable()).unwrap() {
            return None;
        }
        let mut nodes = Nodes::start().unwrap();
        let options = NodeOptions {
            name: NODE.to_owned(),
            provider_id: "aws:///us-east-1a/i-0123456789abcdef0".to_owned(),
            labels: String::new(),
        };
        nodes.add(&options, &[]).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let world = Self { nodes, rig: Rig::new(), runtime: runtime.unwrap(), begun: Instant::now() };
        world.until(
            "the node is ready",
            || world.get("nodes"),
            |nodes| {
                let conditions =
                    nodes["items"][0]["status"]["conditions"].as_array().cloned().unwrap_or_default();
                conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
            },
        );
        Some(world)
    }

    /// A life of the agent, with a state of that name.
    fn life(&self, state: &str) -> Life {
        let root = self.nodes.kubelet_root(NODE).unwrap();
        let places = Places {
            device_plugins: root.join("device-plugins"),
            pod_resources: root.join("pod-resources/kubelet.sock"),
            state: self.rig.path().join(state),
            ..self.rig.places()
        };
        let _here = self.runtime.enter();
        Life::of(DevicePlugins::new(places))
    }

    /// Kills a life of the agent: its sockets stay where they are, and its connections end.
    fn kill(&self, life: Life) {
        let folder = self.nodes.kubelet_root(NODE).unwrap().join("device-plugins");
        let names = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
        let own: Vec<_> = names.filter(|path| path.to_string_lossy().contains("eni-operator-")).collect();
        let _here = self.runtime.enter();
        drop(life);
        self.until("its sockets' end", || own.iter().any(|path| path.exists()), |there| !there);
        // One that is killed leaves them.
        for path in own {
            drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        }
    }

    fn offers(&self, devices: &[&str]) -> Offers {
        let null = |in_container: String| DeviceNode { on_host: "/dev/null".to_owned(), in_container };
        let offer = |device: &&str| {
            self.rig.bind(device, "vfio-pci");
            let offer = offer(device);
            let nodes = offer.nodes.into_iter().map(|node| null(node.in_container)).collect();
            Offer { nodes, numa_node: None, ..offer }
        };
        [(POOL.to_owned(), devices.iter().map(offer).collect())].into()
    }

    fn kubectl(&self, words: &str) -> anyhow::Result<String> {
        self.nodes.kubectl(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn get(&self, words: &str) -> Value {
        let text = self.kubectl(&format!("get -o json {words}")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// How many devices a node has, and how many of them pods may have.
    fn counts(&self) -> (String, String) {
        let status = self.get(&format!("node {NODE}"))["status"].clone();
        let count = |of: &str| status[of][POOL].as_str().unwrap_or("-").to_owned();
        (count("capacity"), count("allocatable"))
    }

    fn counted(&self, capacity: &str, allocatable: &str) {
        let wanted = (capacity.to_owned(), allocatable.to_owned());
        self.until(
            &format!("capacity {capacity}, allocatable {allocatable}"),
            || self.counts(),
            |now| *now == wanted,
        );
    }

    #[track_caller]
    fn until<S: std::fmt::Debug>(&self, what: &str, look: impl Fn() -> S, holds: impl Fn(&S) -> bool) {
        let begun = Instant::now();
        loop {
            let seen = look();
            if holds(&seen) {
                break;
            }
            if begun.elapsed() > PATIENCE {
                let log =
                    std::fs::read_to_string(self.nodes.folder().join("main/kubelet.log")).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(40).collect();
                panic!(
                    "waited for {what}: {seen:?}\n{}",
                    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("{:6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    fn listed(&self, life: &Life, devices: &[&str]) {
        self.until("kubelet has the list", || life.published(POOL), |_| life.lists(POOL, devices));
    }

    /// Makes a pod that asks for a device, and shows what it got.
    fn pod(&self, name: &str) {
        let shows = "/busybox env; /busybox ls -ln /dev/vfio; exec /busybox tail -f /dev/null";
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
            "spec": {
                "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false, "hostNetwork": true,
                "tolerations": [{ "operator": "Exists" }],
                "containers": [{
                    "name": "c", "image": "localhost/pause:1", "imagePullPolicy": "Never",
                    "command": ["/busybox", "sh", "-c", shows],
                    "resources": { "limits": { POOL: "1" } },
                }],
            },
        });
        let file = self.nodes.folder().join("pod.json");
        std::fs::write(&file, pod.to_string()).unwrap();
        self.kubectl(&format!("apply -f {}", file.display())).unwrap();
    }

    fn running(&self, name: &str) {
        self.until(&format!("pod {name} runs"), || self.phase(name), |phase| *phase == "Running");
    }

    fn phase(&self, name: &str) -> Value {
        self.get(&format!("pod {name}"))["status"]["phase"].clone()
    }

    /// Who holds what, by kubelet.
    fn holders(&self, life: &Life) -> Vec<(String, PodName)> {
        let allotted = self.runtime.block_on(life.plugins.allotted()).unwrap_or_default();
        let each = allotted.holders.into_iter().flat_map(|((resource, id), pods)| {
            assert_eq!(resource, POOL);
            pods.into_iter().map(move |pod| (id.clone(), pod))
        });
        each.collect()
    }
}

#[test]
fn devices_are_offered_given_withdrawn_and_offered_again_whoever_is_killed() {
    let Some(mut world) = World::new() else { return };
    let life = world.life("state");
    life.offer(&world.offers(&[A, B]));
    world.listed(&life, &[A, B]);
    world.counted("2", "2");
    // A pod gets one, with what a program needs to find it.
    world.pod("user");
    world.running("user");
    let (device, pod) = held(&world, &life);
    assert_eq!(pod, PodName { namespace: "default".to_owned(), name: "user".to_owned() });
    let said = || world.kubectl("logs user").unwrap_or_default();
    let group = &device[9..10];
    world.until("what the pod sees", said, |log| {
        log.contains(&format!("PCIDEVICE_INTEL_COM_DPDK_POOL={device}\n"))
            && log.contains("PCIDEVICE_INTEL_COM_DPDK_POOL_INFO={")
            && log.lines().any(|line| {
                line.starts_with('c') && line.ends_with(&format!(" /dev/vfio/{group}"))
                    || line.starts_with('c') && line.ends_with(&format!(" {group}"))
            })
    });
    // One device is unhealthy, and the pod that holds it runs on.
    let mut offers = world.offers(&[A, B]);
    let unhealthy = offers.get_mut(POOL).unwrap().iter_mut().find(|offer| offer.device.as_str() == device);
    unhealthy.unwrap().healthy = false;
    life.offer(&offers);
    world.counted("2", "1");
    life.offer(&world.offers(&[A, B]));
    world.counted("2", "2");
    kubelets(&mut world, &life);
    let life = agents(&world, life);
    // All is withdrawn while the pod holds its device, and then that too.
    life.offer(&Offers::new());
    world.counted("1", "0");
    assert_eq!(world.phase("user"), "Running");
    assert_eq!(world.holders(&life), [(device, pod)]);
    world.kubectl("delete pod user --grace-period=0 --force").unwrap();
    world.counted("0", "0");
    world.until("nothing is published", || life.published(POOL), Option::is_none);
    world.kill(life);
    another(&world);
}

/// The device that a pod holds, and the pod.
fn held(world: &World, life: &Life) -> (String, PodName) {
    world.until("kubelet names the pod", || world.holders(life), |held| held.len() == 1);
    world.holders(life).remove(0)
}

/// Kubelets that end in any way are followed by ones that have the list; pods keep their devices.
fn kubelets(world: &mut World, life: &Life) {
    let before = held(world, life);
    for signal in ["TERM", "KILL", "KILL"] {
        world.nodes.end_kubelet(NODE, signal).unwrap();
        world.until(
            "the stream's end",
            || life.published(POOL),
            |now| matches!(now, Some(Publication::Waiting(_))),
        );
        world.nodes.start_kubelet(NODE).unwrap();
        world.listed(life, &[A, B]);
        world.counted("2", "2");
    }
    assert_eq!(held(world, life), before);
    assert_eq!(world.phase("user"), "Running");
}

/// Agents that are killed, or follow each other in an update, are followed by ones whose devices pods can have.
fn agents(world: &World, mut life: Life) -> Life {
    for round in 0..3 {
        if round == 0 {
            world.runtime.block_on(life.end());
        } else {
            world.kill(life);
        }
        world.until("no device is to be had", || world.counts(), |now| now.1 == "0");
        life = world.life("state");
        life.offer(&world.offers(&[A, B]));
        world.listed(&life, &[A, B]);
        world.counted("2", "2");
    }
    // What stands in the node is not all: kubelet must be able to ask the plugin.
    world.pod("second");
    world.running("second");
    world.kubectl("delete pod second --grace-period=0 --force").unwrap();
    world.until("the device is free", || world.holders(&life), |held| held.len() == 1);
    life
}

/// A name that another plugin serves is not taken from it while it lives.
fn another(world: &World) {
    let folder = world.nodes.kubelet_root(NODE).unwrap().join("device-plugins");
    let other = world.runtime.spawn(plugin(folder, "fpga-0"));
    world.counted("1", "1");
    let life = world.life("state");
    life.offer(&world.offers(&[A]));
    let refused = |now: &Option<Publication>| matches!(now, Some(Publication::ServedByAnother(why)) if why.contains("fpga-0"));
    world.until("the refusal", || life.published(POOL), refused);
    world.counted("1", "1");
    // Kubelet does not list the devices of a plugin that is gone.
    other.abort();
    world.listed(&life, &[A]);
    world.counted("1", "1");
    world.kill(life);
}

/// Another plugin: it has one device.
async fn plugin(folder: PathBuf, device: &'static str) {
    let socket = folder.join("another.sock");
    let serving = serve(UnixListener::bind(&socket).unwrap(), move |request| async move {
        if request.uri().path().ends_with("/GetDevicePluginOptions") {
            return unary(request, |_: Nothing| std::future::ready(Ok(Options::default()))).await;
        }
        let device = Device { id: device.to_owned(), health: "Healthy".to_owned(), topology: None };
        once(request, List { devices: vec![device] }).await
    });
    let register = async {
        let kubelet = dial(&folder.join("kubelet.sock")).await.unwrap();
        let request = Register {
            version: "v1beta1".to_owned(),
            endpoint: "another.sock".to_owned(),
            resource: POOL.to_owned(),
            options: None,
        };
        let _: Nothing = call(&kubelet, "/v1beta1.Registration/Register", request).await.unwrap();
    };
    tokio::join!(serving, register);
}
