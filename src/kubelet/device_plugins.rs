//! Kubelet as the agent has it: by device plugins of its own, by the SR-IOV device plugin, or not at all.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::devices::Devices;
use super::pod_resources::allotted;
use super::{Kubelet, sriov};
use crate::model::{Allotted, Offers, Publication, Publications};

/// Where things are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Kubelet's folder of device plugins' sockets.
    pub device_plugins: PathBuf,
    /// Kubelet's socket of pods' resources.
    pub pod_resources: PathBuf,
    /// The folder of the files that tell CNI plugins of devices; none are written without it.
    pub device_info: Option<PathBuf>,
    /// The host's sysfs.
    pub sysfs: PathBuf,
    /// The folder of what has to outlive the agent.
    pub state: PathBuf,
}

/// The device plugins of a node. It is one thing, however often it is cloned.
#[derive(Debug, Clone)]
pub struct DevicePlugins {
    way: Way,
    offers: watch::Sender<Option<Offers>>,
    published: Arc<watch::Sender<Publications>>,
}

/// How devices are offered.
#[derive(Debug, Clone)]
enum Way {
    Plugins(Places),
    Sriov(Places, PathBuf),
    Nowhere(String),
}

impl DevicePlugins {
    /// Plugins of the kubelet in these places. They run while [`DevicePlugins::run`] does.
    #[must_use]
    pub fn new(places: Places) -> Self {
        Self::by(Way::Plugins(places))
    }

    /// No plugins, but the configuration of the SR-IOV device plugin in this file.
    #[must_use]
    pub fn configure(places: Places, file: PathBuf) -> Self {
        Self::by(Way::Sriov(places, file))
    }

    /// No plugins: what is to be offered waits, for this reason.
    #[must_use]
    pub fn absent(why: &str) -> Self {
        Self::by(Way::Nowhere(why.to_owned()))
    }

    fn by(way: Way) -> Self {
        Self { way, offers: watch::Sender::new(None), published: Arc::default() }
    }

    /// Serves what is offered, until it is told to stop. Kubelet sees the plugins end then, and gives out no device
    /// that they listed; pods keep theirs.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let offers = self.offers.subscribe();
        tokio::select! {
            () = self.serve(offers) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn serve(&self, mut offers: watch::Receiver<Option<Offers>>) {
        match &self.way {
            Way::Plugins(places) => {
                sriov::withdraw(&places.state);
                Devices::new(places.clone(), self.published.clone()).run(offers).await;
            }
            Way::Sriov(places, file) => {
                let published = self.published.clone();
                sriov::publish(file.clone(), places.state.clone(), offers, published).await;
            }
            Way::Nowhere(why) => loop {
                let offered = offers.borrow_and_update().clone().unwrap_or_default();
                let waiting = offered.into_keys().map(|name| (name, Publication::Waiting(why.clone())));
                self.published.send_replace(waiting.collect());
                if offers.changed().await.is_err() {
                    return;
                }
            },
        }
    }
}

impl Kubelet for DevicePlugins {
    async fn allotted(&self) -> Result<Allotted, String> {
        match &self.way {
            Way::Plugins(places) | Way::Sriov(places, _) => allotted(&places.pod_resources).await,
            Way::Nowhere(why) => Err(why.clone()),
        }
    }

    fn offer(&self, offers: &Offers) {
        self.offers.send_if_modified(|now| {
            let other = now.as_ref() != Some(offers);
            if other {
                *now = Some(offers.clone());
            }
            other
        });
    }

    fn published(&self) -> watch::Receiver<Publications> {
        self.published.subscribe()
    }
}
