//! Bad properties of ENIs, links and devices.

use crate::table::{
    Bad,
    Spec::{Made, With},
    bad,
};

/// What is said about an MTU.
const MTU: &str = "mtu must be 0 (leave it alone) or 128 to 9001";
/// What is said about an interface type.
const EFA: &str = "interfaceType must be interface: EC2 cannot attach an EFA";
/// What is said about the form of a resource name.
const RESOURCE: &str = "dpdkResourceName must be NAME or PREFIX/NAME";
/// What is said about kubelet's own resource names.
const KUBERNETES_IO: &str = "dpdkResourceName must not have a prefix in kubernetes.io";
/// What is said about a PCI address.
const PCI: &str = "dpdkPCIAddress must be DOMAIN:BUS:DEVICE.FUNCTION in hexadecimal, such as 0000:00:07.0";
/// What is said about the beginning of a link's name.
const PREFIX: &str = "altNamePrefix must be a letter and at most 5 more letters, digits or '_'";
/// What is said about tags that are not the user's.
const RESERVED: &str = "tags must not begin with aws:, networking.k8s.aws/";
/// What is said about the reference system's tags.
const OPERATORS: &str = "the tags NodeENI, Node and SubnetID are the operator's";
/// What is said about numbers below zero.
const NOT_NEGATIVE: &str = "greater than or equal to 0";

pub(super) const ROWS: &[Bad] = &[
    bad("MTU 1", With("mtu: 1"), "spec.mtu", MTU),
    bad("MTU 127", With("mtu: 127"), "spec.mtu", MTU),
    bad("MTU 9002", With("mtu: 9002"), "spec.mtu", MTU),
    bad("MTU below 0", With("mtu: -1"), "spec.mtu", MTU),
    bad("MTU in quotes", With("mtu: '9001'"), "spec.mtu", "must be of type integer"),
    bad("MTU with a fraction", With("mtu: 1500.5"), "spec.mtu", "must be of type integer"),
    bad("MTU of a whole number with a point", With("mtu: 1500.0"), "spec.mtu", "expected int"),
    bad("EFA", With("interfaceType: efa"), "spec.interfaceType", EFA),
    bad("EFA without IP", With("interfaceType: efa-only"), "spec.interfaceType", EFA),
    bad("trunk", With("interfaceType: trunk"), "spec.interfaceType", "interfaceType must be interface"),
    bad(
        "description of 256 characters",
        Made(long_description),
        "spec.description",
        "may not be more than 255",
    ),
    bad("empty resource name", With("dpdkResourceName: ''"), "spec.dpdkResourceName", RESOURCE),
    bad("resource name with two slashes", With("dpdkResourceName: a/b/c"), "spec.dpdkResourceName", RESOURCE),
    bad(
        "resource name with an empty prefix",
        With("dpdkResourceName: /net"),
        "spec.dpdkResourceName",
        RESOURCE,
    ),
    bad("prefix without a name", With("dpdkResourceName: intel.com/"), "spec.dpdkResourceName", RESOURCE),
    bad("resource name of 64 characters", Made(long_resource), "spec.dpdkResourceName", RESOURCE),
    bad(
        "resource name that ends in a dash",
        With("dpdkResourceName: intel.com/net-"),
        "spec.dpdkResourceName",
        RESOURCE,
    ),
    bad("prefix in capitals", With("dpdkResourceName: Intel.com/net"), "spec.dpdkResourceName", RESOURCE),
    bad(
        "resource name with a blank",
        With("dpdkResourceName: intel.com/a b"),
        "spec.dpdkResourceName",
        RESOURCE,
    ),
    bad(
        "kubelet's prefix",
        With("dpdkResourceName: kubernetes.io/net"),
        "spec.dpdkResourceName",
        KUBERNETES_IO,
    ),
    bad(
        "prefix within kubelet's",
        With("dpdkResourceName: x.kubernetes.io/net"),
        "spec.dpdkResourceName",
        KUBERNETES_IO,
    ),
    bad(
        "unknown DPDK driver",
        With("dpdkDriver: uio"),
        "spec.dpdkDriver",
        "must be vfio-pci, igb_uio or uio_pci_generic",
    ),
    bad(
        "kernel's driver for DPDK",
        With("dpdkDriver: ena"),
        "spec.dpdkDriver",
        "must be vfio-pci, igb_uio or uio_pci_generic",
    ),
    bad(
        "empty DPDK driver",
        With("dpdkDriver: ''"),
        "spec.dpdkDriver",
        "must be vfio-pci, igb_uio or uio_pci_generic",
    ),
    bad("PCI address without a domain", With("dpdkPCIAddress: '00:07.0'"), "spec.dpdkPCIAddress", PCI),
    bad("PCI address of a 33rd device", With("dpdkPCIAddress: '0000:00:20.0'"), "spec.dpdkPCIAddress", PCI),
    bad("PCI address of a 9th function", With("dpdkPCIAddress: '0000:00:07.8'"), "spec.dpdkPCIAddress", PCI),
    bad("link's name as a PCI address", With("dpdkPCIAddress: eth2"), "spec.dpdkPCIAddress", PCI),
    bad(
        "names of the DPDK switch disagree",
        With("{enableDPDK: true, dpdkEnabled: false}"),
        "spec.dpdkEnabled",
        "dpdkEnabled is another name of enableDPDK, and the two disagree",
    ),
    bad("DPDK switch in quotes", With("enableDPDK: 'true'"), "spec.enableDPDK", "must be of type boolean"),
    bad(
        "addresses and prefixes together",
        With("{secondaryPrivateIPCount: 1, ipv4PrefixCount: 1}"),
        "spec.ipv4PrefixCount",
        "EC2 takes secondaryPrivateIPCount or ipv4PrefixCount, not both",
    ),
    bad(
        "addresses below 0",
        With("secondaryPrivateIPCount: -1"),
        "spec.secondaryPrivateIPCount",
        NOT_NEGATIVE,
    ),
    bad("prefixes below 0", With("ipv4PrefixCount: -1"), "spec.ipv4PrefixCount", NOT_NEGATIVE),
    bad("IPv6 addresses below 0", With("ipv6AddressCount: -1"), "spec.ipv6AddressCount", NOT_NEGATIVE),
    bad(
        "64 addresses",
        With("secondaryPrivateIPCount: 64"),
        "spec.secondaryPrivateIPCount",
        "less than or equal to 63",
    ),
    bad("36 tags", Made(many_tags), "spec.tags", "must have at most 35 items"),
    bad("tag without a key", With("tags: {'': a}"), "spec.tags", "a tag's key must have 1 to 128 characters"),
    bad(
        "tag's key of 129 characters",
        Made(long_key),
        "spec.tags",
        "a tag's key must have 1 to 128 characters",
    ),
    bad(
        "tag's value of 257 characters",
        Made(long_value),
        "spec.tags",
        "a tag's value must have at most 256 characters",
    ),
    bad("tag without a value", With("tags: {team: }"), "spec.tags", "a tag has no value"),
    bad(
        "tag of a number",
        With("tags: {cost-center: 4711}"),
        "spec.tags.cost-center",
        "must be of type string",
    ),
    bad("tag of EC2's", With("tags: {'aws:team': a}"), "spec.tags", RESERVED),
    bad("tag in the operator's group", With("tags: {networking.k8s.aws/slot: a}"), "spec.tags", RESERVED),
    bad(
        "tag of the VPC CNI's",
        With("tags: {node.k8s.amazonaws.com/no_manage: 'false'}"),
        "spec.tags",
        RESERVED,
    ),
    bad("tag of the cluster's", With("tags: {kubernetes.io/cluster/mine: owned}"), "spec.tags", RESERVED),
    bad("tag NodeENI", With("tags: {NodeENI: a}"), "spec.tags", OPERATORS),
    bad("tag Node", With("tags: {Node: a}"), "spec.tags", OPERATORS),
    bad("tag SubnetID", With("tags: {SubnetID: a}"), "spec.tags", OPERATORS),
    bad("name prefix of 7 characters", With("altNamePrefix: network"), "spec.altNamePrefix", PREFIX),
    bad("name prefix that starts with a digit", With("altNamePrefix: 2eth"), "spec.altNamePrefix", PREFIX),
    bad("name prefix with a slash", With("altNamePrefix: a/b"), "spec.altNamePrefix", PREFIX),
    bad("empty name prefix", With("altNamePrefix: ''"), "spec.altNamePrefix", PREFIX),
    bad("name prefix with a line break", With("altNamePrefix: \"eth\\n\""), "spec.altNamePrefix", PREFIX),
];

fn long_description() -> String {
    format!("description: {}", "d".repeat(256))
}

fn long_resource() -> String {
    format!("dpdkResourceName: intel.com/{}", "r".repeat(64))
}

fn many_tags() -> String {
    let tags: Vec<_> = (0..36).map(|number| format!("t{number}: v")).collect();
    format!("tags: {{{}}}", tags.join(", "))
}

fn long_key() -> String {
    format!("tags: {{? {} : v}}", "k".repeat(129))
}

fn long_value() -> String {
    format!("tags: {{t: {}}}", "v".repeat(257))
}
