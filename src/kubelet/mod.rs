//! Kubelet, as who offers devices to pods: the port that the node agent works through, and device plugins behind it.
//!
//! What is to be offered is handed over whole, each time; what became of it is watched. Kubelet is a process that
//! starts and ends when it likes: nothing here fails because it is away, it waits and says so.

#[cfg(feature = "node")]
mod api;
#[cfg(feature = "node")]
mod ask;
#[cfg(feature = "node")]
mod device_info;
#[cfg(feature = "node")]
mod device_plugins;
#[cfg(feature = "node")]
mod devices;
#[cfg(feature = "node")]
mod files;
#[cfg(feature = "node")]
mod folder;
#[cfg(feature = "node")]
mod keeper;
#[cfg(feature = "node")]
mod plugin;
#[cfg(feature = "node")]
mod pod_resources;
#[cfg(feature = "node")]
mod record;
#[cfg(feature = "node")]
mod server;
#[cfg(feature = "node")]
mod sriov;

use std::future::Future;

use tokio::sync::watch;

#[cfg(feature = "node")]
pub use device_plugins::{DevicePlugins, Places};

use crate::model::{Allotted, Offers, Publications};

/// What the node agent needs of its node's kubelet.
pub trait Kubelet: Send + Sync + 'static {
    /// What pods hold, and what kubelet offers.
    fn allotted(&self) -> impl Future<Output = Result<Allotted, String>> + Send;

    /// Hands over what is to be offered: all of it, each time.
    fn offer(&self, offers: &Offers);

    /// What became of it.
    fn published(&self) -> watch::Receiver<Publications>;
}
