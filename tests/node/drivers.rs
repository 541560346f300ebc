//! The kernel's answers to changes of a device's driver, of a device that has none and wants none: the host bridge.

use std::path::Path;

use eni_operator::host::{Host, Linux, Places};
use eni_operator::model::{DeviceChange, PciAddress};

/// The bridge between a processor and its PCI bus.
const BRIDGE: &str = "0000:00:00.0";

/// The host bridge, if it may be used to ask the kernel.
fn bridge() -> Option<PciAddress> {
    let folder = Path::new("/sys/bus/pci/devices").join(BRIDGE);
    let is_bridge =
        std::fs::read_to_string(folder.join("class")).is_ok_and(|class| class.starts_with("0x0600"));
    let writable = std::fs::File::options().write(true).open(folder.join("driver_override")).is_ok();
    if !is_bridge || folder.join("driver").exists() || !writable {
        println!("skipped: this machine has no PCI host bridge without a driver whose files may be written");
        return None;
    }
    Some(BRIDGE.parse().unwrap())
}

#[tokio::test]
async fn the_kernel_refuses_with_its_numbers_and_a_probe_that_finds_nothing_goes_well() {
    let Some(device) = bridge() else { return };
    let driver = std::fs::read_dir("/sys/bus/pci/drivers").unwrap().flatten().next().unwrap();
    let driver = driver.file_name().into_string().unwrap();
    let nowhere = || "nowhere".into();
    let sysfs = "/sys".into();
    let places = Places { sysfs, dev: nowhere(), udev: nowhere(), networkd: None, resolvers: nowhere() };
    let host = Linux::new(places);
    let own = device.clone();
    let write = async |change| host.write(&change).await.map_err(|error| error.code);
    let bind = |driver: &str| DeviceChange::Bind { device: own.clone(), driver: driver.to_owned() };
    // Any name is taken, and so is none.
    for driver in [Some("eni-operator-test".to_owned()), None] {
        let named = DeviceChange::Override { device: device.clone(), driver };
        assert_eq!(write(named).await, Ok(()));
    }
    // A driver that does not know it, one that does not have it, and one that is not there.
    assert_eq!(write(bind(&driver)).await, Err(Some(19)));
    let unbind = DeviceChange::Unbind { device: device.clone(), driver: driver.clone() };
    assert_eq!(write(unbind).await, Err(Some(19)));
    assert_eq!(write(bind("eni-operator-test")).await, Err(Some(2)));
    assert_eq!(write(DeviceChange::Probe { device: device.clone() }).await, Ok(()));
    assert!(!Path::new("/sys/bus/pci/devices").join(BRIDGE).join("driver").exists());
    let gone = DeviceChange::Probe { device: "0000:ff:1f.7".parse().unwrap() };
    assert_eq!(write(gone).await, Err(Some(19)));
}
