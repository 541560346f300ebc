//! The slots of a node, as the controller writes them.

use eni_operator::api::{
    CloudState, CloudStatus, DpdkSpec, NodeENIAttachment, NodeENIAttachmentSpec, find_condition,
};
use eni_operator::api::{ConditionType, NodeENIAttachmentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::machine::mac;

/// A slot for the ENI with this number.
pub fn slot(n: u8) -> NodeENIAttachment {
    let spec = NodeENIAttachmentSpec {
        node_eni: "net".to_owned(),
        node_name: "node".to_owned(),
        alt_name: format!("eth{n}"),
        unique_alt_name: format!("u-{n}"),
        mtu: Some(9001),
        ..NodeENIAttachmentSpec::default()
    };
    let mut object = NodeENIAttachment::new(&format!("slot-{n}"), spec);
    object.metadata.uid = Some(format!("uid-{n}"));
    object.metadata.generation = Some(1);
    object.metadata.creation_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    let epoch = Time(Timestamp::UNIX_EPOCH);
    let cloud: CloudStatus =
        serde_json::from_value(serde_json::json!({ "epoch": 1, "lastCreate": epoch, "lastChange": epoch }))
            .unwrap();
    let cloud = CloudStatus {
        eni_id: Some(format!("eni-{n:08}")),
        state: Some(CloudState::Attached),
        mac: Some(mac(n).to_string()),
        device_index: Some(i64::from(n) + 1),
        ..cloud
    };
    object.status =
        Some(NodeENIAttachmentStatus { cloud: Some(cloud), ..NodeENIAttachmentStatus::default() });
    object
}

/// DPDK with this driver.
pub fn dpdk(driver: &str) -> DpdkSpec {
    DpdkSpec {
        enabled: true,
        driver: driver.to_owned(),
        resource_name: Some("intel.com/fast".to_owned()),
        pci_address: None,
        allow_unsafe_no_iommu: false,
    }
}

/// A device that is offered and stays the kernel's.
pub fn offered() -> DpdkSpec {
    DpdkSpec { enabled: false, ..dpdk("vfio-pci") }
}

/// What a slot says of a condition: its status, its reason and its message.
pub fn said(slot: &NodeENIAttachment, type_: ConditionType) -> Option<(String, String, String)> {
    let status = slot.status.as_ref()?;
    let one = find_condition(&status.conditions, type_)?;
    Some((one.status.clone(), one.reason.clone(), one.message.clone()))
}
