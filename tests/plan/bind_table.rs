//! Devices and DPDK drivers, case by case: what is refused and why, and what each state leads to.

use std::collections::{BTreeMap, BTreeSet};

use eni_operator::api::{ConditionType, DpdkSpec, NodeENIAttachment, Reason};
use eni_operator::model::{
    Allotted, DefaultRoute, DeviceChange, DeviceNode, GroupMember, IommuGroup, Link, PodName, Publication,
};
use eni_operator::plan::host::{Aim, Change, Phase, Rebound, Record, Say, resource, status};

use crate::host_worlds::{Host, device, mac, pci, slot};
use crate::make::at;

/// A slot that asks for a DPDK driver.
fn asking(n: u8, change: impl FnOnce(&mut DpdkSpec)) -> NodeENIAttachment {
    let mut object = slot(n);
    let mut dpdk = DpdkSpec {
        enabled: true,
        driver: "vfio-pci".to_owned(),
        resource_name: Some("intel.com/fast".to_owned()),
        pci_address: None,
        allow_unsafe_no_iommu: false,
    };
    change(&mut dpdk);
    object.spec.dpdk = Some(dpdk);
    object
}

fn group(members: &[(u8, &str, Option<&str>)]) -> IommuGroup {
    let members = members.iter().map(|(n, class, driver)| GroupMember {
        address: pci(*n),
        class: (*class).to_owned(),
        driver: driver.map(str::to_owned),
    });
    IommuGroup { number: 12, no_iommu: false, members: members.collect() }
}

/// A host with an IOMMU whose one device a slot asks to be bound.
fn host(object: NodeENIAttachment) -> Host {
    let mut host = Host::new(vec![device(6, 1)], vec![object]);
    host.view.platform.drivers = ["vfio-pci", "igb_uio", "ena"].map(str::to_owned).into();
    host.view.platform.no_iommu_mode = Some(false);
    let binding = &mut host.view.functions[0].binding;
    binding.group = Some(group(&[(1, "0x020000", Some("ena"))]));
    binding.ids = Some(("0x1d0f".to_owned(), "0xec20".to_owned()));
    host
}

/// The same, bound.
fn bound(object: NodeENIAttachment) -> Host {
    let mut host = host(object);
    host.view.links.clear();
    let function = &mut host.view.functions[0];
    function.links.clear();
    function.driver = Some("vfio-pci".to_owned());
    function.binding.driver_override = Some("vfio-pci".to_owned());
    function.binding.node_exists = true;
    function.binding.numa_node = Some(1);
    let rebound = Rebound {
        original: Some("ena".to_owned()),
        target: "vfio-pci".to_owned(),
        ids: function.binding.ids.clone(),
        aim: Aim::Bound,
    };
    let record = Record {
        slot: "s".to_owned(),
        pci: Some(pci(1)),
        first_name: "ens6".to_owned(),
        first_mtu: 1500,
        alt_names: BTreeSet::new(),
        rebound: Some(rebound),
    };
    host.journal.devices.insert(mac(1), record);
    host
}

#[track_caller]
fn said(host: &Host) -> Say {
    host.plan().says.get("uid-1").unwrap_or_else(|| panic!("nothing is said: {:?}", host.plan())).clone()
}

fn verdict(say: &Say, type_: ConditionType) -> Option<(Option<bool>, Reason)> {
    say.verdicts.iter().find(|one| one.type_ == type_).map(|one| (one.holds, one.reason))
}

fn message(say: &Say, type_: ConditionType) -> String {
    say.verdicts.iter().find(|one| one.type_ == type_).map(|one| one.message.clone()).unwrap_or_default()
}

fn writes(host: &Host) -> Vec<DeviceChange> {
    let changes = host.plan().changes.into_iter().filter_map(|(_, change)| match change {
        Change::Device(change) => Some(change),
        Change::Link(_) => None,
    });
    changes.collect()
}

type Case = (fn(&mut Host), fn(&mut DpdkSpec), Reason, &'static str);

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn what_keeps_a_device_from_being_bound_is_said_and_nothing_is_written() {
    fn same(_: &mut DpdkSpec) {}
    let cases: [Case; 15] = [
        (|host| host.settings.binds_devices = false, same, Reason::DpdkUnsupported, "nodeAgent.dpdk.enabled"),
        (
            |host| host.view.routes = vec![DefaultRoute { v6: false, table: 254, metric: 0, link: 6 }],
            same,
            Reason::DefaultRoute,
            "default route",
        ),
        (|host| host.view.links[0].master = Some(3), same, Reason::MemberOfAnother, "member"),
        (
            |_| {},
            |dpdk| dpdk.pci_address = Some("0000:00:0a.0".to_owned()),
            Reason::PciAddressMismatch,
            "0000:00:01.0, and dpdkPCIAddress says 0000:00:0a.0",
        ),
        (
            |_| {},
            |dpdk| dpdk.driver = "uio_pci_generic".to_owned(),
            Reason::DriverNotLoaded,
            "its module uio_pci_generic is not loaded",
        ),
        (
            |host| {
                host.view.functions[0].binding.group =
                    Some(group(&[(1, "0x020000", Some("ena")), (9, "0x010802", Some("nvme"))]));
            },
            same,
            Reason::IommuGroupNotViable,
            "0000:00:09.0 (nvme)",
        ),
        (|host| host.view.functions[0].binding.group = None, same, Reason::NoIommu, "neither"),
        (
            |host| host.view.functions[0].binding.group = None,
            |dpdk| dpdk.allow_unsafe_no_iommu = true,
            Reason::NoIommuNotAllowed,
            "the node's agent does not allow it",
        ),
        (
            |host| {
                host.view.functions[0].binding.group = None;
                host.settings.allow_no_iommu = true;
            },
            same,
            Reason::NoIommuNotAllowed,
            "allowUnsafeNoIommu of the NodeENI is not true",
        ),
        (
            |host| {
                host.view.functions[0].binding.group = None;
                host.settings.allow_no_iommu = true;
                host.view.platform.no_iommu_mode = None;
            },
            |dpdk| dpdk.allow_unsafe_no_iommu = true,
            Reason::NoIommuUnsupported,
            "CONFIG_VFIO_NOIOMMU",
        ),
        (
            |_| {},
            |dpdk| dpdk.resource_name = Some("kubernetes.io/fast".to_owned()),
            Reason::ResourceNameInvalid,
            "kubelet keeps the prefix",
        ),
        (
            |host| host.elsewhere.listens = BTreeMap::from([(6, BTreeSet::from([mac(99)]))]),
            same,
            Reason::InUse,
            "cannot be seen listens on it",
        ),
        (
            |host| drop(host.elsewhere.namespaces.insert(3, Err("not permitted".to_owned()))),
            same,
            Reason::InUse,
            "namespace 3",
        ),
        (
            |host| host.allotted = Some(Ok(held("intel.com/other"))),
            same,
            Reason::InUse,
            "pod default/p holds it",
        ),
        (|host| host.allotted = Some(Err("no socket".to_owned())), same, Reason::InUse, "no socket"),
    ];
    for (change, spec, reason, words) in cases {
        let mut host = host(asking(1, spec));
        change(&mut host);
        let say = said(&host);
        assert_eq!(verdict(&say, ConditionType::DriverBound), Some((Some(false), reason)));
        assert_eq!(verdict(&say, ConditionType::LinkReady), Some((Some(false), reason)));
        assert_eq!(verdict(&say, ConditionType::Advertised), Some((Some(false), reason)));
        let why = message(&say, ConditionType::DriverBound);
        assert!(why.contains(words), "{why}");
        assert_eq!((host.plan().changes, host.plan().offers.len()), (vec![], 0), "{reason:?}");
    }
}

fn held(resource: &str) -> Allotted {
    let pod = PodName { namespace: "default".to_owned(), name: "p".to_owned() };
    let key = (resource.to_owned(), pci(1).to_string());
    Allotted { holders: BTreeMap::from([(key, BTreeSet::from([pod]))]), ..Allotted::default() }
}

#[test]
fn members_of_a_group_that_keep_nobody_from_it_are_bridges_the_driverless_and_those_of_vfio() {
    for (class, driver, fine) in [
        ("0x060400", Some("pcieport"), true),
        ("0x020000", None, true),
        ("0x020000", Some("vfio-pci"), true),
        ("0x020000", Some("ena"), false),
        ("0x010802", Some("nvme"), false),
    ] {
        let mut host = host(asking(1, |_| {}));
        host.view.functions[0].binding.group =
            Some(group(&[(1, "0x020000", Some("ena")), (9, class, driver)]));
        assert_eq!(!writes(&host).is_empty(), fine, "{class} {driver:?}");
    }
}

#[test]
fn the_way_to_a_driver_is_one_write_after_another_and_each_is_recorded_first() {
    let mut host = host(asking(1, |_| {}));
    host.view.links[0].up = true;
    let plan = host.plan();
    assert!(matches!(plan.changes[0].1, Change::Link(_)), "down first");
    let rebound = plan.journal.devices[&mac(1)].rebound.clone().unwrap();
    assert_eq!((rebound.original.as_deref(), rebound.target.as_str()), (Some("ena"), "vfio-pci"));
    let driver = || Some("vfio-pci".to_owned());
    assert_eq!(writes(&host), [DeviceChange::Override { device: pci(1), driver: driver() }]);
    host.view.functions[0].binding.driver_override = driver();
    assert_eq!(writes(&host), [DeviceChange::Unbind { device: pci(1), driver: "ena".to_owned() }]);
    host.journal = plan.journal;
    host.view.links.clear();
    host.view.functions[0].links.clear();
    host.view.functions[0].driver = None;
    assert_eq!(writes(&host), [DeviceChange::Bind { device: pci(1), driver: "vfio-pci".to_owned() }]);
    host.view.functions[0].driver = driver();
    let waits = host.plan();
    assert!(
        waits.changes.is_empty() && waits.offers.is_empty() && waits.pace.is_some(),
        "its file is awaited"
    );
    host.view.functions[0].binding.node_exists = true;
    assert_eq!(host.plan().offers["intel.com/fast"].len(), 1);
}

#[test]
fn a_bound_device_is_ready_and_says_what_is_true_of_it() {
    let object = asking(1, |_| {});
    let mut host = bound(object.clone());
    let listed = Publication::Listed(BTreeMap::from([(pci(1), true)]));
    host.published = BTreeMap::from([("intel.com/fast".to_owned(), listed)]);
    let say = said(&host);
    assert_eq!(say.phase, Phase::Bound);
    assert_eq!(verdict(&say, ConditionType::DriverBound), Some((Some(true), Reason::AsSpecified)));
    assert_eq!(verdict(&say, ConditionType::LinkReady), Some((Some(true), Reason::BoundToDpdkDriver)));
    assert_eq!(verdict(&say, ConditionType::Advertised), Some((Some(true), Reason::Advertised)));
    let built = status::build(&object, &say, at(5)).host.unwrap();
    assert_eq!(built.driver.as_deref(), Some("vfio-pci"));
    assert_eq!(built.pci_address.as_deref(), Some("0000:00:01.0"));
    assert_eq!(built.iommu.as_deref(), Some("iommu"));
    assert_eq!(built.resource_name.as_deref(), Some("intel.com/fast"));
    assert_eq!(built.phase.as_deref(), Some("Bound"));
    let offer = &host.plan().offers["intel.com/fast"][0];
    let same = |path: &str| DeviceNode { on_host: path.to_owned(), in_container: path.to_owned() };
    assert_eq!(offer.nodes, [same("/dev/vfio/vfio"), same("/dev/vfio/12")]);
    assert_eq!((offer.numa_node, offer.healthy, offer.driver.as_str()), (Some(1), true, "vfio-pci"));
}

#[test]
fn what_a_program_would_miss_is_told_and_keeps_nothing_from_being_bound() {
    let mut host = bound(asking(1, |_| {}));
    host.view.platform.lockdown = Some("integrity".to_owned());
    let why = message(&said(&host), ConditionType::DriverBound);
    for words in
        ["IOMMU group 12", "no huge pages", "locked down (integrity)", "write combining cannot be told"]
    {
        assert!(why.contains(words), "{why}");
    }
    host.view.platform.huge_pages = BTreeMap::from([((Some(0), 2048), (512, 512))]);
    host.view.platform.lockdown = Some("none".to_owned());
    host.view.platform.write_combining = Some(true);
    assert_eq!(
        message(&said(&host), ConditionType::DriverBound),
        "0000:00:01.0 is bound to vfio-pci; IOMMU group 12"
    );
}

#[test]
fn what_became_of_an_offer_is_what_is_said_of_it() {
    let listed = |healthy| Publication::Listed(BTreeMap::from([(pci(1), healthy)]));
    for (publication, verdict_) in [
        (None, (Some(false), Reason::NotAdvertised)),
        (Some(listed(true)), (Some(true), Reason::Advertised)),
        (Some(listed(false)), (Some(false), Reason::NotAdvertised)),
        (Some(Publication::Waiting("no socket".to_owned())), (Some(false), Reason::NotAdvertised)),
        (Some(Publication::ServedByAnother("it is".to_owned())), (Some(false), Reason::ServedByAnother)),
        (Some(Publication::Configured("abc".to_owned())), (Some(false), Reason::PluginConfigured)),
    ] {
        let mut host = bound(asking(1, |_| {}));
        host.published = publication.into_iter().map(|one| ("intel.com/fast".to_owned(), one)).collect();
        assert_eq!(verdict(&said(&host), ConditionType::Advertised), Some(verdict_));
    }
    let mut host = bound(asking(1, |_| {}));
    host.published =
        BTreeMap::from([("intel.com/fast".to_owned(), Publication::Configured("abc".to_owned()))]);
    let offered = BTreeMap::from([("intel.com/fast".to_owned(), BTreeSet::from([pci(1).to_string()]))]);
    host.allotted = Some(Ok(Allotted { offered, ..Allotted::default() }));
    let say = said(&host);
    assert_eq!(verdict(&say, ConditionType::Advertised), Some((Some(true), Reason::Advertised)));
    assert!(message(&say, ConditionType::Advertised).contains("abc"));
}

#[test]
fn a_device_that_is_awake_though_no_pod_holds_it_is_waited_for_and_then_tried() {
    let mut object = asking(1, |_| {});
    object.spec.release = true;
    let mut host = bound(object);
    host.view.functions[0].binding.asleep = Some(false);
    let plan = host.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(verdict(&plan.says["uid-1"], ConditionType::Released), Some((Some(false), Reason::InUse)));
    host.carry_out(&plan);
    host.now += 10;
    assert_eq!(writes(&host), [DeviceChange::Unbind { device: pci(1), driver: "vfio-pci".to_owned() }]);
    // One that sleeps is not waited for.
    host.now -= 9;
    host.view.functions[0].binding.asleep = Some(true);
    assert_eq!(writes(&host).len(), 1);
}

#[test]
fn while_the_kernel_has_not_answered_nothing_is_written_and_the_device_is_offered_to_nobody() {
    let mut host = bound(asking(1, |_| {}));
    let listed = Publication::Listed(BTreeMap::from([(pci(1), true)]));
    host.published = BTreeMap::from([("intel.com/fast".to_owned(), listed)]);
    host.view.functions[0].binding.pending =
        Some(DeviceChange::Unbind { device: pci(1), driver: "vfio-pci".to_owned() });
    let plan = host.plan();
    assert!(plan.changes.is_empty() && plan.offers.values().flatten().all(|offer| !offer.healthy));
    let said = verdict(&plan.says["uid-1"], ConditionType::DriverBound);
    assert_eq!(said, Some((Some(false), Reason::UnbindBlocked)));
}

#[test]
fn a_link_down_again_is_what_is_left_of_a_device_that_is_given_back() {
    let mut object = asking(1, |_| {});
    object.spec.release = true;
    let mut host = bound(object);
    assert_eq!(writes(&host), [DeviceChange::Unbind { device: pci(1), driver: "vfio-pci".to_owned() }]);
    host.view.functions[0].driver = None;
    assert_eq!(writes(&host), [DeviceChange::Override { device: pci(1), driver: None }]);
    host.view.functions[0].binding.driver_override = None;
    assert_eq!(writes(&host), [DeviceChange::Probe { device: pci(1) }]);
    host.view.functions[0].driver = Some("ena".to_owned());
    let plan = host.plan();
    assert!(plan.changes.is_empty() && plan.pace.is_some(), "its link is awaited");
    host.carry_out(&plan);
    host.now += 10;
    let say = said(&host);
    assert_eq!(verdict(&say, ConditionType::Released), Some((Some(false), Reason::RollbackFailed)));
    host.view.links.push(Link { up: false, ..device(8, 1) });
    host.view.functions[0].links.push("ens8".to_owned());
    let plan = host.plan();
    assert_eq!(verdict(&plan.says["uid-1"], ConditionType::Released), Some((Some(true), Reason::Released)));
    assert!(plan.journal.devices[&mac(1)].rebound.is_none());
}

#[test]
fn a_name_that_nobody_gives_is_made_of_the_alternative_name() {
    let named = |alt_name: &str, name: Option<&str>| {
        let mut object = asking(1, |dpdk| dpdk.resource_name = name.map(str::to_owned));
        object.spec.alt_name = alt_name.to_owned();
        resource::name(&object).unwrap()
    };
    assert_eq!(named("eth2", None), "intel.com/eni_eth2");
    assert_eq!(named("Data-c1x2.", None), "intel.com/eni_data_c1x2");
    assert_eq!(named("eth2", Some("a.b/c")), "a.b/c");
    let long = named(&"x".repeat(100), None);
    assert_eq!((long.len(), resource::refusal(&long)), ("intel.com/".len() + 63, None));
    for bad in
        ["fast", "a/b/c", "A.b/c", "kubernetes.io/x", "a.kubernetes.io/x", "requests.a/x", "a/", "a/-x", "/x"]
    {
        assert!(resource::refusal(bad).is_some(), "{bad}");
    }
}
