//! Device plugins, the folders that they work in, and ways to wait.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eni_operator::kubelet::{DevicePlugins, Kubelet as _, Places};
use eni_operator::model::{DeviceNode, Offer, Offers, Publication};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fake::{device_plugins, pod_resources};

/// How long what is waited for may take, on a machine that others use too.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folders of a node.
pub(crate) struct Rig {
    pub(crate) root: TempDir,
}

/// A life of the agent's plugins. It is killed when it is dropped.
pub(crate) struct Life {
    pub(crate) plugins: DevicePlugins,
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let rig = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(rig.at("devices")).unwrap();
        rig
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn infos(&self) -> PathBuf {
        self.at("devinfo/dp")
    }

    /// The names of the files about devices.
    pub(crate) fn info_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.infos()).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn places(&self) -> Places {
        Places {
            device_plugins: device_plugins(self.path()),
            pod_resources: pod_resources(self.path()),
            device_info: Some(self.infos()),
            sysfs: self.at("sys"),
            state: self.at("state"),
        }
    }

    /// Starts the plugins.
    pub(crate) fn life(&self) -> Life {
        Life::of(DevicePlugins::new(self.places()))
    }

    /// Binds a device to a driver, in sysfs.
    pub(crate) fn bind(&self, device: &str, driver: &str) {
        let folder = self.at("sys/bus/pci/devices").join(device);
        std::fs::create_dir_all(&folder).unwrap();
        let _ = std::fs::remove_file(folder.join("driver"));
        symlink(format!("../../../../bus/pci/drivers/{driver}"), folder.join("driver")).unwrap();
    }

    /// Offers of one resource, of devices that are bound to vfio-pci.
    pub(crate) fn offers(&self, resource: &str, devices: &[&str]) -> Offers {
        let offer = |device: &&str| {
            self.bind(device, "vfio-pci");
            offer(device)
        };
        Offers::from([(resource.to_owned(), devices.iter().map(offer).collect())])
    }
}

/// An offer of a device of vfio-pci. Its group is the number of its slot.
pub(crate) fn offer(device: &str) -> Offer {
    let group = u32::from_str_radix(&device[8..10], 16).unwrap();
    let node = |path: String| DeviceNode { on_host: path.clone(), in_container: path };
    Offer {
        device: device.parse().unwrap(),
        healthy: true,
        numa_node: Some(0),
        driver: "vfio-pci".to_owned(),
        nodes: vec![node("/dev/vfio/vfio".to_owned()), node(format!("/dev/vfio/{group}"))],
    }
}

impl Life {
    pub(crate) fn of(plugins: DevicePlugins) -> Self {
        let (stop, told) = watch::channel(false);
        let mut running = JoinSet::new();
        let run = plugins.clone();
        running.spawn(async move { run.run(told).await });
        Self { plugins, stop, running }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn end(mut self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.running.join_next()).await.unwrap();
    }

    pub(crate) fn offer(&self, offers: &Offers) {
        self.plugins.offer(offers);
    }

    pub(crate) fn published(&self, resource: &str) -> Option<Publication> {
        self.plugins.published().borrow().get(resource).cloned()
    }

    /// Whether kubelet has exactly these devices of a resource, all healthy.
    pub(crate) fn lists(&self, resource: &str, devices: &[&str]) -> bool {
        let all = devices.iter().map(|device| (device.parse().unwrap(), true)).collect();
        self.published(resource) == Some(Publication::Listed(all))
    }

    pub(crate) async fn listed(&self, resource: &str, devices: &[&str]) {
        until("the list", || self.published(resource), || self.lists(resource, devices)).await;
    }
}

/// Waits until something holds, and says what there is if it does not come.
#[track_caller]
pub(crate) fn until<S: std::fmt::Debug>(
    what: &str,
    shown: impl Fn() -> S,
    holds: impl Fn() -> bool,
) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "{place}: waited for {what}: {:?}", shown());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
