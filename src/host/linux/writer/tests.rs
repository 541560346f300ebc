use std::io::Read as _;
use std::process::Command;

use super::super::overrides::Overrides;
use super::*;

const DEVICE: &str = "0000:00:06.0";

/// How long what must happen may take on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// A tree with some files, and a writer to it that waits only shortly.
struct Tree {
    root: tempfile::TempDir,
    writer: Writer,
}

impl Tree {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let writer = Writer::new(root.path(), Arc::default());
        Self { root, writer: Writer { patience: Duration::from_millis(100), ..writer } }
    }

    fn at(&self, file: &str) -> PathBuf {
        let path = self.root.path().join("bus/pci").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn put(&self, file: &str, text: &str) -> PathBuf {
        let path = self.at(file);
        fs::write(&path, text).unwrap();
        path
    }

    /// A file that nobody can write to before somebody reads it.
    fn pipe(&self, file: &str) -> PathBuf {
        let path = self.at(file);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    async fn write(&self, change: &DeviceChange) -> Result<(), HostError> {
        self.writer.write(change).await
    }
}

fn device() -> PciAddress {
    DEVICE.parse().unwrap()
}

fn bind(device: &str) -> DeviceChange {
    DeviceChange::Bind { device: device.parse().unwrap(), driver: "vfio-pci".to_owned() }
}

fn only(driver: Option<&str>) -> DeviceChange {
    DeviceChange::Override { device: device(), driver: driver.map(str::to_owned) }
}

#[test]
fn each_change_is_one_value_to_one_file() {
    let unbind = DeviceChange::Unbind { device: device(), driver: "ena".to_owned() };
    for (change, file, value) in [
        (only(Some("vfio-pci")), "bus/pci/devices/0000:00:06.0/driver_override", "vfio-pci"),
        (only(None), "bus/pci/devices/0000:00:06.0/driver_override", "\n"),
        (unbind, "bus/pci/drivers/ena/unbind", DEVICE),
        (bind(DEVICE), "bus/pci/drivers/vfio-pci/bind", DEVICE),
        (DeviceChange::Probe { device: device() }, "bus/pci/drivers_probe", DEVICE),
        (DeviceChange::AllowNoIommu(true), "module/vfio/parameters/enable_unsafe_noiommu_mode", "Y"),
        (DeviceChange::AllowNoIommu(false), "module/vfio/parameters/enable_unsafe_noiommu_mode", "N"),
    ] {
        let write = Write::of(Path::new("/sys"), &change).unwrap();
        assert_eq!((write.file, write.value.as_str()), (Path::new("/sys").join(file), value));
    }
}

#[test]
fn a_driver_is_a_name_and_no_path() {
    for driver in ["", "..", "../../devices", "a/b"] {
        let change = DeviceChange::Bind { device: device(), driver: driver.to_owned() };
        assert_eq!(Write::of(Path::new("/sys"), &change).unwrap_err().code, Some(EINVAL), "{driver:?}");
    }
}

#[tokio::test]
async fn an_override_is_read_back() {
    let tree = Tree::new();
    let file = tree.put("devices/0000:00:06.0/driver_override", "(null)\n");
    tree.write(&only(Some("vfio-pci"))).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "vfio-pci");
    // A file that takes what it is given, and says something else.
    tree.put("devices/0000:00:06.0/driver_override", "somebody else\n");
    let error = tree.write(&only(Some("vfio-pci"))).await.unwrap_err();
    assert_eq!(error.code, Some(EIO));
    assert!(error.to_string().contains("driver_override"), "{error}");
}

#[tokio::test]
async fn a_refusal_has_its_number_and_names_file_and_device() {
    let error = Tree::new().write(&bind(DEVICE)).await.unwrap_err();
    assert_eq!(error.code, Some(2));
    assert!(
        error.to_string().contains(DEVICE) && error.to_string().contains("drivers/vfio-pci/bind"),
        "{error}"
    );
}

#[tokio::test]
async fn a_write_without_an_answer_is_pending_until_it_has_one_and_holds_up_no_other_device() {
    let tree = Tree::new();
    let pipe = tree.pipe("drivers/vfio-pci/bind");
    let error = tree.write(&bind(DEVICE)).await.unwrap_err();
    assert_eq!(error.code, None, "{error}");
    assert_eq!(tree.writer.unanswered(), [(device(), bind(DEVICE))].into());
    // Another write about it would wait behind this one, so it is not made.
    let file = tree.put("devices/0000:00:06.0/driver_override", "(null)\n");
    assert_eq!(tree.write(&only(Some("ena"))).await.unwrap_err().code, None);
    assert_eq!(fs::read_to_string(file).unwrap(), "(null)\n");
    let other = "0000:00:07.0";
    tree.put("devices/0000:00:07.0/driver_override", "(null)\n");
    let change =
        DeviceChange::Override { device: other.parse().unwrap(), driver: Some("vfio-pci".to_owned()) };
    tree.write(&change).await.unwrap();
    // The pipe's other end: the kernel answers.
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    tokio::time::timeout(LONG, tree.writer.late.notified()).await.unwrap();
    assert_eq!(read.await.unwrap(), DEVICE);
    assert_eq!(tree.writer.unanswered(), BTreeMap::new());
    tree.write(&only(Some("vfio-pci"))).await.unwrap();
}

#[tokio::test]
async fn a_thread_that_waits_for_the_kernel_holds_no_file_of_the_process() {
    let tree = Tree::new();
    let pipe = tree.pipe("drivers/vfio-pci/bind");
    let lock = File::create(tree.at("lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(tree.write(&bind(DEVICE)).await.unwrap_err().code, None);
    let files = || -> Vec<PathBuf> {
        let threads = fs::read_dir("/proc/self/task").unwrap().flatten().map(|entry| entry.path());
        let stuck = threads.filter(|thread| {
            // Only the name tells which thread of the process it is.
            fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "sysfs")
        });
        let entries =
            stuck.flat_map(|thread| fs::read_dir(thread.join("fd")).into_iter().flatten().flatten());
        entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
    };
    assert!(!files().is_empty());
    // A thread of another test that has just begun has all files still.
    let left = async {
        while files().contains(&tree.at("lock")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, left).await.unwrap();
    drop(File::options().read(true).open(pipe).unwrap());
}

#[tokio::test]
async fn a_device_that_does_not_answer_is_given_up_once_and_the_others_are_read() {
    let tree = Tree::new();
    let pipe = tree.pipe("devices/0000:00:06.0/driver_override");
    tree.put("devices/0000:00:07.0/driver_override", "vfio-pci\n");
    let late = Arc::new(Notify::new());
    let overrides = Overrides::new(tree.root.path(), late.clone());
    let other: PciAddress = "0000:00:07.0".parse().unwrap();
    let both = || vec![device(), other.clone()];
    let read = overrides.read(both()).await;
    assert_eq!(read, [(other.clone(), Some("vfio-pci".to_owned()))].into());
    // It is not asked again before it has answered.
    let again = tokio::time::timeout(Duration::from_millis(900), overrides.read(both())).await;
    assert_eq!(again.unwrap(), read);
    let answer = tokio::task::spawn_blocking(move || fs::write(pipe, "ena\n").unwrap());
    tokio::time::timeout(LONG, late.notified()).await.unwrap();
    answer.await.unwrap();
    fs::remove_file(tree.at("devices/0000:00:06.0/driver_override")).unwrap();
    tree.put("devices/0000:00:06.0/driver_override", "ena\n");
    assert_eq!(overrides.read(vec![device()]).await, [(device(), Some("ena".to_owned()))].into());
}
