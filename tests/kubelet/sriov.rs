//! The SR-IOV device plugin's configuration as the way to offer devices.

use std::path::PathBuf;

use eni_operator::kubelet::{DevicePlugins, Kubelet as _};
use eni_operator::model::{Offers, Publication};
use serde_json::{Value, json};

use super::fake::Kubelet;
use super::rig::{Life, Rig, until};

const POOL: &str = "intel.com/dpdk_pool";
const A: &str = "0000:00:06.0";
const B: &str = "0000:00:07.0";

/// An administrator's file: selectors as an object, fields that the agent does not know, and their own layout.
const THEIRS: &str = r#"{
  "resourceList": [
      {"resourceName":"mlnx","isRdma":true,
       "selectors": { "pfNames": ["ens1f0#0-3"],  "vendors":["15b3"] } },
      { "resourceName": "fpga", "deviceType": "accelerator", "selectors": [{"vendors": ["1d0f"], "n": 1.50e1}] }
  ],
  "note": "by hand"
}
"#;

fn file(rig: &Rig) -> PathBuf {
    rig.path().join("pcidp/config.json")
}

fn text(rig: &Rig) -> String {
    std::fs::read_to_string(file(rig)).unwrap_or_default()
}

fn life(rig: &Rig) -> Life {
    Life::of(DevicePlugins::configure(rig.places(), file(rig)))
}

fn given(rig: &Rig) {
    std::fs::create_dir_all(file(rig).parent().unwrap()).unwrap();
    std::fs::write(file(rig), THEIRS).unwrap();
}

async fn configured(life: &Life) -> String {
    let hash = || match life.published(POOL) {
        Some(Publication::Configured(hash)) => Some(hash),
        _ => None,
    };
    until("the hash", || life.published(POOL), || hash().is_some()).await;
    hash().unwrap()
}

/// W49, W51: what an administrator wrote stays to the byte, and nothing is started again.
#[tokio::test]
async fn an_administrators_pools_stay_as_they_are_while_the_agents_come_change_and_go() {
    let rig = Rig::new();
    given(&rig);
    let agent = life(&rig);
    agent.offer(&rig.offers(POOL, &[A]));
    let first = configured(&agent).await;
    let pools = serde_json::from_str::<Value>(&text(&rig)).unwrap()["resourceList"].clone();
    let own = json!({
        "resourceName": "dpdk_pool", "resourcePrefix": "intel.com",
        "selectors": [{ "pciAddresses": [A], "drivers": ["vfio-pci"] }],
    });
    assert_eq!((pools.as_array().unwrap().len(), &pools[2]), (3, &own));
    for theirs in
        THEIRS.split("      ").skip(1).map(|part| part.trim().trim_end_matches(['\n', ' ', ']', ',']))
    {
        let start = theirs.lines().next().unwrap();
        assert!(text(&rig).contains(start), "{start} is not in {}", text(&rig));
    }
    // The next agent knows them by its record.
    drop(agent);
    let agent = life(&rig);
    agent.offer(&rig.offers(POOL, &[A, B]));
    until("both devices", || text(&rig), || text(&rig).contains(B)).await;
    until(
        "another hash",
        || agent.published(POOL),
        || matches!(agent.published(POOL), Some(Publication::Configured(hash)) if hash != first),
    )
    .await;
    agent.offer(&Offers::new());
    let without = || !text(&rig).contains("dpdk_pool");
    until("the pool's end", || text(&rig), without).await;
    let (left, theirs): (Value, Value) =
        (serde_json::from_str(&text(&rig)).unwrap(), serde_json::from_str(THEIRS).unwrap());
    assert_eq!(left, theirs);
    assert!(text(&rig).contains("\"n\": 1.50e1"), "not as it was written: {}", text(&rig));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_left_alone() {
    let rig = Rig::new();
    given(&rig);
    std::fs::write(file(&rig), "resourceList: []").unwrap();
    let agent = life(&rig);
    agent.offer(&rig.offers(POOL, &[A]));
    let says =
        || matches!(agent.published(POOL), Some(Publication::Waiting(why)) if why.contains("config.json"));
    until("what is wrong", || agent.published(POOL), says).await;
    assert_eq!(text(&rig), "resourceList: []");
}

#[tokio::test]
async fn a_pool_of_somebody_elses_with_that_name_or_that_device_is_not_taken_over() {
    let rig = Rig::new();
    given(&rig);
    let agent = life(&rig);
    agent.offer(&rig.offers("intel.com/mlnx", &[A]));
    let refused = || matches!(agent.published("intel.com/mlnx"), Some(Publication::ServedByAnother(_)));
    until("the refusal", || agent.published("intel.com/mlnx"), refused).await;
    assert_eq!(text(&rig), THEIRS);
}

/// Never two publishers of one device: the agent's own plugins begin by taking its pools out of the file.
#[tokio::test]
async fn plugins_of_the_agents_own_take_its_pools_out_of_the_configuration() {
    let rig = Rig::new();
    let _kubelet = Kubelet::start(rig.path());
    given(&rig);
    let agent = life(&rig);
    agent.offer(&rig.offers(POOL, &[A]));
    configured(&agent).await;
    agent.plugins.allotted().await.unwrap();
    agent.end().await;
    let agent = rig.life();
    agent.offer(&rig.offers(POOL, &[A]));
    agent.listed(POOL, &[A]).await;
    assert!(!text(&rig).contains("dpdk_pool"));
}
