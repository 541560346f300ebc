//! The host, in the kernel's words: the port that the node agent works through.
//!
//! Reads are whole: a dump, and never what an event says. Changes are single messages: none of them retries,
//! waits or decides.

#[cfg(feature = "node")]
mod linux;

use std::collections::BTreeSet;
use std::future::Future;

#[cfg(feature = "node")]
pub use linux::{Events, Linux, Places};

use crate::model::{DeviceChange, Elsewhere, HostError, HostView, LinkChange, MacAddress};

/// What the node agent needs of its host.
pub trait Host: Send + Sync + 'static {
    /// What there is in the agent's network namespace now.
    fn look(&self) -> impl Future<Output = Result<HostView, HostError>> + Send;

    /// What there is in the other network namespaces, and who listens on the links of the agent's own.
    fn look_elsewhere(&self) -> impl Future<Output = Result<Elsewhere, HostError>> + Send;

    /// Changes a link.
    fn change(&self, change: &LinkChange) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Changes a device's driver. Whether it did what it says is to be seen by a look. An error without a code is a
    /// write that the kernel has not answered in time: it goes on, and a look shows it as pending.
    fn write(&self, change: &DeviceChange) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Tells the host's network manager which devices are none of its business, instead of those that it was
    /// told of before. Without a place to tell it nothing happens.
    fn disown(&self, devices: &BTreeSet<MacAddress>) -> impl Future<Output = Result<(), HostError>> + Send;
}

/// Why to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakeup {
    /// Links, routes or namespaces changed.
    Changed,
    /// A PCI function came, went, or changed its driver; or what the kernel was asked about one was answered late.
    Device,
    /// Announcements were lost.
    Lost,
}

/// What wakes the agent: the kernel's announcements. What they say is not believed, only that they came.
pub trait Wakeups: Send + 'static {
    /// Waits for the next announcement. May be given up at any time without losing one.
    fn next(&mut self) -> impl Future<Output = Wakeup> + Send;
}
