//! What the server must take: the edges of what is legal.

use eni_operator::api::NodeENI;
use serde_json::Value;

use crate::{
    server::{client, create},
    table::{
        ATTACHMENT, NODE_ENI,
        Spec::{self, Made, Only, With},
        all_good,
    },
};

/// A legal object: why it is here, and its spec.
type Good = (&'static str, Spec);

const ROWS: &[Good] = &[
    ("as little as can be", With("{}")),
    ("MTU 0 leaves the link alone", With("mtu: 0")),
    ("MTU 128 is ENA's least", With("mtu: 128")),
    ("MTU 9001 is the VPC's most", With("mtu: 9001")),
    ("whole number with a point", With("ipv6AddressCount: 2.0")),
    (
        "null stands for unset",
        With("{mtu: null, tags: null, detachPolicy: null, deviceIndex: null, altNamePrefix: null}"),
    ),
    ("device index 0 on card 1", With("{networkCardIndex: 1, deviceIndex: 0}")),
    ("device index 1 on card 0", With("{networkCardIndex: 0, deviceIndex: 1}")),
    ("last position", With("{networkCardIndex: 31, deviceIndex: 127}")),
    ("ids of 8 digits", With("{subnetID: subnet-00000000, securityGroupIDs: [sg-ffffffff]}")),
    (
        "ids of 17 digits",
        With("{subnetID: subnet-0a1b2c3d4e5f60718, securityGroupIDs: [sg-0a1b2c3d4e5f60718]}"),
    ),
    ("empty selector means every node", With("nodeSelector: {}")),
    ("label with an empty value", With("nodeSelector: {node-role.kubernetes.io/worker: ''}")),
    (
        "terms instead of a selector",
        Only(
            "{nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}],
               subnetID: subnet-0a1b2c3d, securityGroupIDs: [sg-0a1b2c3d]}",
        ),
    ),
    (
        "all six operators",
        With(
            "nodeSelectorTerms: [{matchExpressions: [
                {key: a, operator: In, values: [b]}, {key: a, operator: NotIn, values: [b, c]},
                {key: a, operator: Exists}, {key: a, operator: DoesNotExist, values: []},
                {key: a, operator: Gt, values: ['-1']}, {key: a, operator: Lt, values: ['10']}]}]",
        ),
    ),
    ("term that matches no node", With("nodeSelectorTerms: [{}]")),
    ("all four subnet fields", With("{subnetIDs: [subnet-0a1b2c3e], subnetName: a, subnetNames: [b, c]}")),
    ("repeated subnet counts once", With("subnetIDs: [subnet-0a1b2c3d, subnet-0a1b2c3d]")),
    ("empty list beside a subnet", With("{subnetIDs: [], subnetNames: []}")),
    ("only names", Only("{nodeSelector: {ng: a}, subnetNames: [multus-a], securityGroupNames: [multus]}")),
    ("one subnet of several", With("{subnetNames: [a, b], subnetPolicy: One}")),
    ("description of 255 characters", Made(description)),
    ("35 tags with key and value as long as can be", Made(tags)),
    ("tag whose value is empty", With("tags: {team: ''}")),
    (
        "tags that only resemble the operator's",
        With("tags: {node: a, nodeeni: b, Name: c, awsteam: d, kubernetes.io/x: e}"),
    ),
    ("both names of the DPDK switch agree", With("{enableDPDK: true, dpdkEnabled: true}")),
    ("the other name of the DPDK switch", With("dpdkEnabled: true")),
    (
        "DPDK with all its fields",
        With(
            "{enableDPDK: true, dpdkDriver: igb_uio, dpdkResourceName: intel.com/sriov_net,
               dpdkPCIAddress: '0000:00:1F.7', allowUnsafeNoIommu: true}",
        ),
    ),
    ("resource name without a slash", With("dpdkResourceName: sriov_net")),
    ("resource name of 63 characters", Made(resource_name)),
    ("resource prefix that only resembles kubelet's", With("dpdkResourceName: notkubernetes.io/net")),
    ("resource name without DPDK", With("dpdkResourceName: intel.com/sriov_kernel")),
    ("firewall", With("sourceDestCheck: false")),
    (
        "63 addresses, no prefix",
        With("{secondaryPrivateIPCount: 63, ipv4PrefixCount: 0, ipv6AddressCount: 63}"),
    ),
    ("prefixes, no addresses", With("{secondaryPrivateIPCount: 0, ipv4PrefixCount: 63}")),
    ("ordinary interface", With("interfaceType: interface")),
    ("name prefix of one letter", With("altNamePrefix: n")),
    ("name prefix of six", With("altNamePrefix: aB_1_2")),
    ("detach after a day", With("detachPolicy: {type: AfterTimeout, timeoutSeconds: 86400}")),
    ("detach after no time", With("detachPolicy: {type: AfterTimeout, timeoutSeconds: 0}")),
    ("detach by force", With("detachPolicy: {type: Force}")),
    ("paused", With("paused: true")),
];

fn description() -> String {
    format!("description: {}", "ü".repeat(255))
}

fn tags() -> String {
    let (key, value) = ("k".repeat(126), "v".repeat(256));
    let tags: Vec<_> = (10..45).map(|number| format!("? {key}{number} : {value}")).collect();
    format!("tags: {{{}}}", tags.join(", "))
}

fn resource_name() -> String {
    format!("dpdkResourceName: a.example.com/{}", "r".repeat(63))
}

#[tokio::test]
async fn legal_node_eni_is_taken_and_decodes() {
    assert!(ROWS.len() >= 20);
    let client = client();
    let mut failures = vec![];
    for (number, (case, spec)) in ROWS.iter().enumerate() {
        let object = NODE_ENI.object(&format!("good-{number}"), *spec);
        match create(&client, NODE_ENI.collection, &object).await {
            Ok(stored) => failures.extend(decode(stored).err().map(|error| format!("{case}: {error}"))),
            Err(status) => failures.push(format!("{case}: {}", status.message)),
        }
    }
    all_good(&failures);
}

fn decode(stored: Value) -> serde_json::Result<NodeENI> {
    serde_json::from_value(stored)
}

#[tokio::test]
async fn unset_fields_get_their_defaults() {
    let stored =
        create(&client(), NODE_ENI.collection, &NODE_ENI.object("defaults", With("{}"))).await.unwrap();
    let spec = decode(stored).unwrap().spec;
    assert_eq!((spec.device_index, spec.network_card_index, spec.delete_on_termination), (1, 0, true));
    assert_eq!((spec.alt_name_prefix.as_str(), spec.mtu, spec.paused), ("eth", None, None));
}

#[tokio::test]
async fn legal_attachment_is_taken() {
    let object = ATTACHMENT.object("good", With("{}"));
    create(&client(), ATTACHMENT.collection, &object).await.unwrap();
}
