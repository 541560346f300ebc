//! What kubelet is served, and when.

use eni_operator::kubelet::{DevicePlugins, Kubelet as _};
use eni_operator::model::{Offer, Offers, PodName, Publication};
use serde_json::{Value, json};

use super::fake::{Kubelet, device_plugins};
use super::rig::{Life, Rig, offer, until};

const POOL: &str = "intel.com/dpdk_pool";
const A: &str = "0000:00:06.0";
const B: &str = "0000:00:07.0";
const C: &str = "0000:80:08.0";

#[tokio::test]
async fn a_container_gets_what_the_sriov_device_plugin_would_give_it() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    life.listed(POOL, &[A, B]).await;
    let given = kubelet.allocate(POOL, &[A, B]).await.unwrap().containers.remove(0);
    let mut variables: Vec<_> = given.variables.iter().collect();
    variables.sort();
    let info = json!({
        A: { "generic": { "deviceID": A }, "vfio": { "dev-mount": "/dev/vfio/6", "mount": "/dev/vfio/vfio" } },
        B: { "generic": { "deviceID": B }, "vfio": { "dev-mount": "/dev/vfio/7", "mount": "/dev/vfio/vfio" } },
    });
    assert_eq!(variables[0].0, "PCIDEVICE_INTEL_COM_DPDK_POOL");
    assert_eq!(variables[0].1, "0000:00:06.0,0000:00:07.0");
    assert_eq!(variables[1].0, "PCIDEVICE_INTEL_COM_DPDK_POOL_INFO");
    assert_eq!(serde_json::from_str::<Value>(variables[1].1).unwrap(), info);
    assert_eq!(variables.len(), 2);
    let nodes: Vec<_> = given
        .nodes
        .iter()
        .map(|node| (node.on_host.as_str(), node.in_container.as_str(), node.permissions.as_str()))
        .collect();
    // The one that they share comes once.
    let node = |path| (path, path, "rw");
    assert_eq!(nodes, [node("/dev/vfio/vfio"), node("/dev/vfio/6"), node("/dev/vfio/7")]);
}

#[tokio::test]
async fn a_variable_that_no_shell_can_read_has_a_second_name() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers("example.com/fast-path.1", &[A]));
    life.listed("example.com/fast-path.1", &[A]).await;
    let given = kubelet.allocate("example.com/fast-path.1", &[A]).await.unwrap().containers.remove(0);
    assert_eq!(given.variables["PCIDEVICE_EXAMPLE_COM_FAST-PATH_1"], A);
    assert_eq!(given.variables["PCIDEVICE_EXAMPLE_COM_FAST_PATH_1"], A);
    assert_eq!(given.variables.len(), 4);
}

#[tokio::test]
async fn every_change_sends_the_whole_list_on_the_same_stream() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[B]));
    life.listed(POOL, &[B]).await;
    life.offer(&rig.offers(POOL, &[B, A]));
    life.listed(POOL, &[A, B]).await;
    let mut offers = rig.offers(POOL, &[A, B]);
    offers.get_mut(POOL).unwrap()[0].healthy = false;
    life.offer(&offers);
    until("an unhealthy device", || kubelet.state().of(POOL), || !kubelet.state().of(POOL)[A]).await;
    let state = kubelet.state();
    let ids = |list: &[super::messages::Device]| -> Vec<String> {
        list.iter().map(|device| device.id.clone()).collect()
    };
    let lists: Vec<Vec<String>> = state.lists.iter().map(|(_, list)| ids(list)).collect();
    assert_eq!(
        lists,
        [vec![B.to_owned()], vec![A.to_owned(), B.to_owned()], vec![A.to_owned(), B.to_owned()]]
    );
    assert_eq!(state.lists[0].1[0].topology.as_ref().unwrap().nodes[0].id, 0);
    assert_eq!(state.registered[POOL], 1);
}

#[tokio::test]
async fn a_device_that_cannot_be_used_now_is_refused() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    let mut offers = rig.offers(POOL, &[A, B]);
    offers.get_mut(POOL).unwrap()[1].healthy = false;
    life.offer(&offers);
    until("the list", || kubelet.state().of(POOL), || kubelet.state().of(POOL).len() == 2).await;
    let refused = async |ids: &[&str]| {
        let status = kubelet.allocate(POOL, ids).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        status.message().to_owned()
    };
    assert_eq!(refused(&[B]).await, "0000:00:07.0: not to be given to pods");
    assert_eq!(refused(&[A, C]).await, "0000:80:08.0: no device of intel.com/dpdk_pool");
    assert_eq!(refused(&["../../x"]).await, "../../x: no device of intel.com/dpdk_pool");
    rig.bind(A, "ena");
    assert_eq!(refused(&[A]).await, "0000:00:06.0: its driver is ena, and not vfio-pci");
    rig.bind(A, "vfio-pci");
    kubelet.allocate(POOL, &[A]).await.unwrap();
}

#[tokio::test]
async fn kubelet_is_told_which_devices_are_near_to_each_other() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    let mut offers = rig.offers(POOL, &[A, B, C]);
    offers.get_mut(POOL).unwrap()[0].numa_node = Some(1);
    offers.get_mut(POOL).unwrap()[2].numa_node = Some(1);
    life.offer(&offers);
    life.listed(POOL, &[A, B, C]).await;
    let available = vec![A.to_owned(), B.to_owned(), C.to_owned()];
    let question = super::messages::PreferredOf { available, must: vec![C.to_owned()], size: 2 };
    assert_eq!(kubelet.preferred(POOL, question).await, [C, A]);
}

/// W48.
#[tokio::test]
async fn one_pool_has_every_device_of_its_name_and_another_prefix_is_another_pool() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    let devices: Vec<String> = (1..=15).map(|slot| format!("0000:00:{slot:02x}.0")).collect();
    let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
    let mut offers = rig.offers(POOL, &devices);
    offers.extend(rig.offers("amazon.com/dpdk_pool", &[C]));
    life.offer(&offers);
    life.listed(POOL, &devices).await;
    life.listed("amazon.com/dpdk_pool", &[C]).await;
    assert_eq!(kubelet.state().of(POOL).len(), 15);
    let given = kubelet.allocate(POOL, &devices).await.unwrap().containers.remove(0);
    assert_eq!(given.nodes.len(), 16);
}

#[tokio::test]
async fn without_a_kubelet_resources_wait_and_say_so() {
    let rig = Rig::new();
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    let waits = || matches!(life.published(POOL), Some(Publication::Waiting(_)));
    until("a reason", || life.published(POOL), waits).await;
    assert!(life.plugins.allotted().await.is_err());
    let kubelet = Kubelet::start(rig.path());
    life.listed(POOL, &[A]).await;
    drop(kubelet);
    until("a reason", || life.published(POOL), waits).await;

    let nowhere = Life::of(DevicePlugins::absent("--device-plugin-dir is not mounted"));
    nowhere.offer(&rig.offers(POOL, &[A]));
    let said = Some(Publication::Waiting("--device-plugin-dir is not mounted".to_owned()));
    until("the reason", || nowhere.published(POOL), || nowhere.published(POOL) == said).await;
    assert_eq!(nowhere.plugins.allotted().await.unwrap_err(), "--device-plugin-dir is not mounted");
}

#[tokio::test]
async fn kubelet_tells_who_holds_what_and_what_it_offers() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    life.listed(POOL, &[A, B]).await;
    kubelet.state().held.insert((POOL.to_owned(), A.to_owned()), "user");
    let allotted = life.plugins.allotted().await.unwrap();
    let pod = PodName { namespace: "default".to_owned(), name: "user".to_owned() };
    assert_eq!(allotted.holders, [((POOL.to_owned(), A.to_owned()), [pod].into())].into());
    assert_eq!(allotted.offered, [(POOL.to_owned(), [A.to_owned(), B.to_owned()].into())].into());
}

#[tokio::test]
async fn a_list_counts_only_when_kubelet_has_asked_for_it() {
    let rig = Rig::new();
    let kubelet = Kubelet::with(rig.path(), |habits| habits.deaf = true);
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    let said = "kubelet has registered the resource, and does not ask for its list";
    let deaf = Some(Publication::Waiting(said.to_owned()));
    until("the reason", || life.published(POOL), || life.published(POOL) == deaf).await;
    kubelet.state().deaf = false;
    life.listed(POOL, &[A]).await;
}

/// A device that goes is unhealthy as long as a pod holds it, and then not listed; so is the last of its resource.
#[tokio::test]
async fn a_resource_is_withdrawn_when_no_pod_holds_its_devices() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    life.listed(POOL, &[A, B]).await;
    kubelet.state().held.insert((POOL.to_owned(), A.to_owned()), "user");
    life.offer(&Offers::new());
    let shown = || (kubelet.state().of(POOL), life.published(POOL));
    until("the held device", shown, || kubelet.state().of(POOL) == [(A.to_owned(), false)].into()).await;
    kubelet.allocate(POOL, &[A]).await.unwrap_err();
    assert_eq!(rig.info_names(), ["intel.com-dpdk_pool-0000:00:06.0-device.json"]);
    kubelet.state().held.clear();
    until("an empty list", shown, || kubelet.state().of(POOL).is_empty()).await;
    until("the end of its plugin", shown, || kubelet.state().stopped.contains(POOL)).await;
    until("the end of what is said", shown, || life.published(POOL).is_none()).await;
    assert!(rig.info_names().is_empty());
    assert_eq!(kubelet.state().registered[POOL], 1);
}

/// W50.
#[tokio::test]
async fn a_device_whose_resource_gets_another_name_is_to_be_had_under_one_of_them() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    life.listed(POOL, &[A, B]).await;
    kubelet.state().held.insert((POOL.to_owned(), A.to_owned()), "user");
    life.offer(&rig.offers("intel.com/renamed", &[A, B]));
    let state = || {
        let state = kubelet.state();
        (state.of(POOL), state.of("intel.com/renamed"))
    };
    let held =
        || state() == ([(A.to_owned(), false)].into(), [(A.to_owned(), false), (B.to_owned(), true)].into());
    until("both lists", state, held).await;
    kubelet.state().held.clear();
    life.listed("intel.com/renamed", &[A, B]).await;
    until("the end of the old name", state, || kubelet.state().of(POOL).is_empty()).await;
}

#[tokio::test]
async fn a_device_whose_driver_is_another_now_is_listed_anew_with_its_new_files() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    let kernel = Offer { driver: "ena".to_owned(), nodes: vec![], ..offer(A) };
    life.offer(&[(POOL.to_owned(), vec![kernel])].into());
    life.listed(POOL, &[A]).await;
    rig.bind(A, "ena");
    let given = kubelet.allocate(POOL, &[A]).await.unwrap().containers.remove(0);
    assert!(given.nodes.is_empty());
    assert_eq!(given.variables["PCIDEVICE_INTEL_COM_DPDK_POOL"], A);
    life.offer(&rig.offers(POOL, &[A]));
    let shown = || kubelet.state().lists.len();
    until("a second list", shown, || shown() == 2).await;
    assert_eq!(kubelet.allocate(POOL, &[A]).await.unwrap().containers[0].nodes.len(), 2);
}

#[tokio::test]
async fn files_about_devices_are_there_before_kubelet_hears_of_them_and_others_stay() {
    let rig = Rig::new();
    let name = "intel.com-dpdk_pool-0000:00:06.0-device.json";
    let theirs = "intel.com-dpdk_pool-0000:00:07.0-device.json";
    std::fs::create_dir_all(rig.infos()).unwrap();
    std::fs::write(rig.infos().join(theirs), "{}").unwrap();
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    // There is no kubelet yet.
    until("the file", || rig.info_names(), || rig.info_names() == [name, theirs]).await;
    let text = std::fs::read_to_string(rig.infos().join(name)).unwrap();
    let golden = json!({ "type": "pci", "version": "1.1.0", "pci": { "pci-address": A } });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), golden);
    // The agent dies, and the next has another device to offer.
    drop(life);
    let _kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[C]));
    let left = [theirs, "intel.com-dpdk_pool-0000:80:08.0-device.json"];
    until("what is left", || rig.info_names(), || rig.info_names() == left).await;
    life.offer(&Offers::new());
    until("what is left", || rig.info_names(), || rig.info_names() == [theirs]).await;
    assert_eq!(std::fs::read_to_string(rig.infos().join(theirs)).unwrap(), "{}");
    life.end().await;
    let sockets = std::fs::read_dir(device_plugins(rig.path())).unwrap().flatten();
    let own = sockets.filter(|entry| entry.file_name().to_string_lossy().starts_with("eni-operator"));
    assert_eq!(own.count(), 0);
}
