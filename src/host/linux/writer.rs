//! Changes of drivers: one write to a file of sysfs each, watched while it lasts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::aside;
use crate::lock::lock;
use crate::model::{DeviceChange, HostError, PciAddress};

/// How long a write is waited for. A driver's own work on a device takes up to some hundred milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// `EINVAL` and `EIO`, as the kernel numbers them.
const EINVAL: i32 = 22;
const EIO: i32 = 5;

/// The value that lets any driver have a device. Writing nothing at all would change nothing.
const ANY: &str = "\n";

/// Writes, and those that the kernel has not answered.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    sysfs: PathBuf,
    patience: Duration,
    unanswered: Arc<Mutex<BTreeMap<Option<PciAddress>, DeviceChange>>>,
    late: Arc<Notify>,
}

impl Writer {
    /// A writer that says by `late` when a write was answered after it was given up.
    pub(super) fn new(sysfs: &Path, late: Arc<Notify>) -> Self {
        Self { sysfs: sysfs.to_owned(), patience: PATIENCE, unanswered: Arc::default(), late }
    }

    /// The write to each device that the kernel has not answered.
    pub(super) fn unanswered(&self) -> BTreeMap<PciAddress, DeviceChange> {
        let all = lock(&self.unanswered);
        all.iter().filter_map(|(device, change)| Some((device.clone()?, change.clone()))).collect()
    }

    /// Makes a change. An error without a code says that the kernel has not answered.
    pub(super) async fn write(&self, change: &DeviceChange) -> Result<(), HostError> {
        let write = Write::of(&self.sysfs, change)?;
        let device = change.device().cloned();
        let silent = |message: String| HostError { doing: write.doing(), code: None, message };
        {
            let mut all = lock(&self.unanswered);
            if let Some(other) = all.get(&device) {
                return Err(silent(format!("the kernel has not answered {other:?}")));
            }
            all.insert(device.clone(), change.clone());
        }
        let asked = aside::ask({
            let (write, unanswered, device) = (write.clone(), self.unanswered.clone(), device.clone());
            move |say| {
                let done = write.make();
                lock(&unanswered).remove(&device);
                // If nobody waits any more, nobody has to know.
                let _ = say.send(done);
            }
        });
        let answers = asked.map_err(|error| {
            lock(&self.unanswered).remove(&device);
            write.failed(&error)
        })?;
        let (mut answer, answers) = aside::gather(answers, 1, self.patience).await;
        if let (None, Some(answers)) = (answer.first(), answers) {
            self.wait_on(change.clone(), answers);
        }
        answer.pop().unwrap_or_else(|| Err(silent(format!("no answer within {:?}", self.patience))))
    }

    /// Waits for an answer for as long as it takes.
    fn wait_on(&self, change: DeviceChange, answers: aside::Answers<Result<(), HostError>>) {
        aside::wait_on("a write", self.late.clone(), move || match answers.recv() {
            Ok(Ok(())) => tracing::info!(?change, "a write was answered at last"),
            Ok(Err(error)) => tracing::warn!(?change, %error, "a write was answered at last"),
            Err(_) => tracing::error!(?change, "a write ended without an answer"),
        });
    }
}

/// One write.
#[derive(Debug, Clone)]
struct Write {
    file: PathBuf,
    value: String,
    /// What the file is to say afterwards, if it says anything.
    then: Option<String>,
}

impl Write {
    fn of(sysfs: &Path, change: &DeviceChange) -> Result<Self, HostError> {
        let bus = sysfs.join("bus/pci");
        let (file, value, then) = match change {
            DeviceChange::Override { device, driver } => {
                let value = driver.clone().unwrap_or_else(|| ANY.to_owned());
                let then = driver.clone().unwrap_or_else(|| super::sysfs::NO_OVERRIDE.to_owned());
                (bus.join("devices").join(device.as_str()).join("driver_override"), value, Some(then))
            }
            DeviceChange::Unbind { device, driver } => {
                (driver_file(&bus, driver, "unbind")?, device.to_string(), None)
            }
            DeviceChange::Bind { device, driver } => {
                (driver_file(&bus, driver, "bind")?, device.to_string(), None)
            }
            DeviceChange::Probe { device } => (bus.join("drivers_probe"), device.to_string(), None),
            DeviceChange::AllowNoIommu(allow) => {
                let value = if *allow { "Y" } else { "N" }.to_owned();
                (sysfs.join(super::sysfs::NO_IOMMU_MODE), value.clone(), Some(value))
            }
        };
        Ok(Self { file, value, then })
    }

    /// Writes once, and reads back what can be read back.
    fn make(&self) -> Result<(), HostError> {
        let mut file = File::options().write(true).open(&self.file).map_err(|error| self.failed(&error))?;
        // A second write of what is left would be another one to the kernel.
        let written = file.write(self.value.as_bytes()).map_err(|error| self.failed(&error))?;
        drop(file);
        if written != self.value.len() {
            return Err(self.wrong(format!("{written} of {} bytes were taken", self.value.len())));
        }
        let Some(then) = &self.then else { return Ok(()) };
        let now = fs::read_to_string(&self.file).map_err(|error| self.failed(&error))?;
        if now.trim_end() == then {
            return Ok(());
        }
        Err(self
            .wrong(format!("it was answered, and the file says {:?} instead of {then:?}", now.trim_end())))
    }

    fn doing(&self) -> String {
        format!("writing {:?} to {}", self.value, self.file.display())
    }

    fn failed(&self, error: &std::io::Error) -> HostError {
        HostError {
            doing: self.doing(),
            code: error.raw_os_error().or(Some(EIO)),
            message: error.to_string(),
        }
    }

    fn wrong(&self, message: String) -> HostError {
        HostError { doing: self.doing(), code: Some(EIO), message }
    }
}

/// A file of a driver, whose name must be no path.
fn driver_file(bus: &Path, driver: &str, file: &str) -> Result<PathBuf, HostError> {
    if driver.is_empty() || driver.starts_with('.') || driver.contains('/') {
        return Err(HostError {
            doing: format!("looking for the driver {driver:?}"),
            code: Some(EINVAL),
            message: "that is no name of a driver".to_owned(),
        });
    }
    Ok(bus.join("drivers").join(driver).join(file))
}

#[cfg(test)]
mod tests;
