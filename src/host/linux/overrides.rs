//! Which driver alone may take a device. Reading that waits while a driver is at work on the device, or cannot let go
//! of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::{aside, sysfs};
use crate::lock::lock;
use crate::model::PciAddress;

/// How long a device is waited for. A driver that begins with it may take longer; then it is seen when that is done.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is read of a device: the driver, if one is named.
type Override = (PciAddress, Option<String>);

/// Reads them, and keeps away from devices that do not answer.
#[derive(Debug, Clone)]
pub(super) struct Overrides {
    sysfs: PathBuf,
    silent: Arc<Mutex<BTreeSet<PciAddress>>>,
    late: Arc<Notify>,
}

impl Overrides {
    /// A reader that says by `late` when a device answered after it was given up.
    pub(super) fn new(sysfs: &Path, late: Arc<Notify>) -> Self {
        Self { sysfs: sysfs.to_owned(), silent: Arc::default(), late }
    }

    /// The driver that alone may take each of these devices. Of one that does not answer there is no entry.
    pub(super) async fn read(&self, devices: Vec<PciAddress>) -> BTreeMap<PciAddress, Option<String>> {
        let mut left: VecDeque<PciAddress> = devices.into();
        left.retain(|device| !lock(&self.silent).contains(device));
        let mut found = BTreeMap::new();
        while !left.is_empty() {
            let Some(answers) = self.ask(left.clone()) else { break };
            let (answered, rest) = aside::gather(answers, left.len(), PATIENCE).await;
            let Some(answers) = rest else { break };
            left.retain(|device| answered.iter().all(|(one, _)| one != device));
            found.extend(answered);
            // They are asked in their order, so it is the first that does not answer.
            if let Some(device) = left.pop_front() {
                self.wait_on(device, answers);
            }
        }
        found
    }

    fn ask(&self, devices: VecDeque<PciAddress>) -> Option<aside::Answers<Override>> {
        let sysfs = self.sysfs.clone();
        let asked = aside::ask(move |say| {
            for device in devices {
                let driver = sysfs::driver_override(&sysfs, &device);
                if say.send((device, driver)).is_err() {
                    break;
                }
            }
        });
        asked.inspect_err(|error| tracing::warn!(%error, "devices cannot be read")).ok()
    }

    /// Leaves a device alone until it has answered.
    fn wait_on(&self, device: PciAddress, answers: aside::Answers<Override>) {
        lock(&self.silent).insert(device.clone());
        let silent = self.silent.clone();
        aside::wait_on("a question to a device", self.late.clone(), move || {
            let _ = answers.recv();
            drop(answers);
            lock(&silent).remove(&device);
        });
    }
}
