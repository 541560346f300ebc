//! Kubelets and agents that end and start, and other plugins beside ours.

use eni_operator::kubelet::Kubelet as _;
use eni_operator::model::{Offers, Publication};

use super::fake::{Kubelet, device_plugins};
use super::rig::{Rig, until};

const POOL: &str = "intel.com/dpdk_pool";
const OTHER: &str = "intel.com/other";
const A: &str = "0000:00:06.0";
const B: &str = "0000:00:07.0";

#[tokio::test]
async fn every_kubelet_that_starts_gets_every_list() {
    let rig = Rig::new();
    let life = rig.life();
    let mut offers = rig.offers(POOL, &[A]);
    offers.extend(rig.offers(OTHER, &[B]));
    life.offer(&offers);
    for _ in 0..5 {
        let kubelet = Kubelet::start(rig.path());
        life.listed(POOL, &[A]).await;
        life.listed(OTHER, &[B]).await;
        assert!(kubelet.state().of(POOL)[A]);
        kubelet.allocate(OTHER, &[B]).await.unwrap();
        drop(kubelet);
        let gone = || !life.lists(POOL, &[A]) && !life.lists(OTHER, &[B]);
        until("the end of its streams", || life.published(POOL), gone).await;
    }
}

/// A plugin that tries to register until that goes well would try for ever: its own socket is gone.
#[tokio::test]
async fn a_socket_that_kubelet_removes_while_it_registers_is_made_anew() {
    let rig = Rig::new();
    let kubelet = Kubelet::with(rig.path(), |habits| habits.cleans = 3);
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    life.listed(POOL, &[A]).await;
    assert_eq!(kubelet.state().registered[POOL], 4);
}

#[tokio::test]
async fn a_socket_that_somebody_removes_is_made_anew() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    life.listed(POOL, &[A]).await;
    let folder = device_plugins(rig.path());
    let own = || {
        let names = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
        names.filter(|path| path.to_string_lossy().contains("eni-operator")).collect::<Vec<_>>()
    };
    std::fs::remove_file(&own()[0]).unwrap();
    until("its new socket", own, || own().len() == 1 && kubelet.state().registered[POOL] >= 2).await;
    // However the two connections are mixed up, one stands at last.
    let begun = std::time::Instant::now();
    while kubelet.allocate(POOL, &[A]).await.is_err() {
        assert!(begun.elapsed().as_secs() < 30, "{:?}", life.published(POOL));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    life.listed(POOL, &[A]).await;
}

#[tokio::test]
async fn what_an_agent_listed_before_it_was_killed_is_the_next_agents_own() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    life.listed(POOL, &[A, B]).await;
    drop(life);
    let stopped = || kubelet.state().stopped.contains(POOL);
    until("the end of the stream", stopped, stopped).await;
    // Kubelet still lists what is gone by now; a pod holds it, too.
    kubelet.state().held.insert((POOL.to_owned(), B.to_owned()), "user");
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    let shown = || (kubelet.state().of(POOL), life.published(POOL));
    let both = [(A.to_owned(), true), (B.to_owned(), false)].into();
    until("both devices", shown, || kubelet.state().of(POOL) == both).await;
    kubelet.state().held.clear();
    life.listed(POOL, &[A]).await;
}

#[tokio::test]
async fn a_resource_that_nobody_wants_any_more_is_withdrawn_by_the_next_agent() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    life.listed(POOL, &[A]).await;
    life.end().await;
    let life = rig.life();
    // Before anything is offered nothing is withdrawn.
    assert_eq!(life.plugins.published().borrow().len(), 0);
    life.offer(&Offers::new());
    let shown = || kubelet.state().of(POOL);
    until("an empty list", shown, || shown().is_empty()).await;
}

#[tokio::test]
async fn a_name_that_another_plugin_serves_is_refused_until_it_does_not() {
    let rig = Rig::new();
    let kubelet = Kubelet::with(rig.path(), |habits| {
        habits.devices.insert(POOL.to_owned(), [("0000:00:1f.0".to_owned(), true)].into());
    });
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    let why = "kubelet lists 0000:00:1f.0 under this name, of another device plugin";
    let refused =
        || matches!(life.published(POOL), Some(Publication::ServedByAnother(said)) if said.contains(why));
    until("the refusal", || life.published(POOL), refused).await;
    assert!(!kubelet.state().registered.contains_key(POOL));
    kubelet.state().devices.clear();
    life.listed(POOL, &[A]).await;
}

/// Never two publishers of one device.
#[tokio::test]
async fn a_device_that_another_plugin_offers_is_refused_under_any_name() {
    let rig = Rig::new();
    let kubelet = Kubelet::with(rig.path(), |habits| {
        habits.devices.insert(OTHER.to_owned(), [(A.to_owned(), true)].into());
    });
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A, B]));
    let why = "kubelet lists 0000:00:06.0 as intel.com/other too, of another device plugin";
    let refused =
        || matches!(life.published(POOL), Some(Publication::ServedByAnother(said)) if said.contains(why));
    until("the refusal", || life.published(POOL), refused).await;
    assert!(kubelet.state().registered.is_empty());
}

#[tokio::test]
async fn at_rest_kubelet_is_asked_for_nothing() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    life.listed(POOL, &[A]).await;
    let asked = kubelet.state().asked;
    // What is looked at while something is amiss is looked at several times in this time.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(kubelet.state().asked, asked);
    assert_eq!(kubelet.state().registered[POOL], 1);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_listed_and_what_was_is_withdrawn_all_the_same() {
    let rig = Rig::new();
    let kubelet = Kubelet::start(rig.path());
    let life = rig.life();
    life.offer(&rig.offers(POOL, &[A]));
    life.listed(POOL, &[A]).await;
    // Not even root writes a file where there is a folder.
    let blocked = rig.path().join("state/.kubelet.json.eni-operator");
    std::fs::create_dir(&blocked).unwrap();
    let mut offers = rig.offers(POOL, &[A, B]);
    offers.get_mut(POOL).unwrap()[0].healthy = false;
    offers.extend(rig.offers(OTHER, &["0000:00:08.0"]));
    life.offer(&offers);
    let unhealthy = [(A.to_owned(), false)].into();
    until("what was", || kubelet.state().of(POOL), || kubelet.state().of(POOL) == unhealthy).await;
    let waits = || matches!(life.published(OTHER), Some(Publication::Waiting(why)) if why.contains("state"));
    until("a reason", || life.published(OTHER), waits).await;
    std::fs::remove_dir(&blocked).unwrap();
    life.listed(OTHER, &["0000:00:08.0"]).await;
    until("what is new", || kubelet.state().of(POOL), || kubelet.state().of(POOL).len() == 2).await;
}
