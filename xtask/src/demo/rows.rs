//! What is shown of each ENI.

use std::collections::BTreeMap;

use eni_operator::api::{CloudState, ConditionType, NodeENIAttachment, find_condition};
use serde::Serialize;

/// One ENI, in the words of its object's status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// Name of the node.
    pub(super) node: String,
    /// Zone of the node.
    pub(super) zone: String,
    /// Subnet, by its id.
    pub(super) subnet: String,
    /// The ENI; empty while there is none.
    pub(super) eni: String,
    /// Its address; empty while it has none.
    pub(super) ip: String,
    /// The device index that EC2 gave.
    pub(super) device_index: Option<i64>,
    /// How far EC2 is.
    pub(super) state: String,
    /// The status of its condition `Ready`.
    pub(super) ready: String,
    /// Why, if it is not.
    #[serde(skip)]
    pub(super) reason: String,
}

impl Row {
    /// Reads an object.
    pub(super) fn of(object: &NodeENIAttachment) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let ready = find_condition(&status.conditions, ConditionType::Ready);
        let mut row = Self {
            node: object.spec.node_name.clone(),
            zone: object.spec.zone.clone(),
            subnet: object.spec.subnet_id.clone(),
            ready: ready.map_or_else(|| "-".to_owned(), |condition| condition.status.clone()),
            reason: ready
                .map(|condition| format!("{}: {}", condition.reason, condition.message))
                .unwrap_or_default(),
            ..Self::default()
        };
        if let Some(cloud) = status.cloud {
            row.eni = cloud.eni_id.unwrap_or_default();
            row.ip = cloud.private_ip.unwrap_or_default();
            row.device_index = cloud.device_index;
            row.state = cloud.state.map(|state| format!("{state:?}").to_lowercase()).unwrap_or_default();
        }
        row
    }

    /// Whether it is attached and can be used.
    pub(super) fn is_ready(&self) -> bool {
        self.ready == "True" && self.state == format!("{:?}", CloudState::Attached).to_lowercase()
    }

    /// What it is told from others by.
    pub(super) fn key(&self) -> (String, String) {
        (self.node.clone(), self.subnet.clone())
    }

    /// Its cells, in the order of [`HEADINGS`].
    pub(super) fn cells(&self, names: &BTreeMap<String, String>) -> [String; 8] {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let index = self.device_index.map(|index| index.to_string()).unwrap_or_default();
        let subnet = names.get(&self.subnet).unwrap_or(&self.subnet);
        [&self.node, &self.zone, &self.eni, subnet, &self.ip, &index, &self.state, &self.ready]
            .map(|c| or_dash(c))
    }
}

/// The headings of a row's cells.
pub(super) const HEADINGS: [&str; 8] = ["NODE", "ZONE", "ENI", "SUBNET", "IP", "INDEX", "STATE", "READY"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn row_is_what_the_status_says() {
        let object: NodeENIAttachment = serde_json::from_value(json!({
            "apiVersion": "networking.k8s.aws/v1alpha1",
            "kind": "NodeENIAttachment",
            "metadata": {"name": "x"},
            "spec": {
                "nodeENI": "multus", "nodeName": "n1", "instanceID": "i-00000001", "zone": "z", "subnetID": "subnet-1",
                "offset": 0, "securityGroupIDs": [], "deviceIndex": 2, "deleteOnTermination": true,
                "description": "", "altName": "eth2", "uniqueAltName": "eth-1",
                "detachPolicy": {"type": "AfterTimeout"},
            },
            "status": {
                "cloud": {
                    "epoch": 1, "lastCreate": "2026-01-01T00:00:00Z", "lastChange": "2026-01-01T00:00:00Z",
                    "eniID": "eni-1", "state": "Attached", "privateIP": "10.0.0.4", "deviceIndex": 2,
                },
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "Attached", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            },
        }))
        .unwrap();
        let row = Row::of(&object);
        assert!(row.is_ready());
        let names = BTreeMap::from([("subnet-1".to_owned(), "multus-a".to_owned())]);
        assert_eq!(row.cells(&names), ["n1", "z", "eni-1", "multus-a", "10.0.0.4", "2", "attached", "True"]);
    }
}
