//! Hosts: as they are made by hand, as they are drawn, and as a kernel would change them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eni_operator::api::{CloudState, NodeENIAttachment};
use eni_operator::model::{
    Allotted, DefaultRoute, Elsewhere, Function, HostView, Link, LinkChange, Lower, MacAddress, PciAddress,
    Publications,
};
use eni_operator::plan::host::{Change, Journal, Memory, Plan, Settings, World, plan};
use eni_operator::plan::lease::Uptime;
use k8s_openapi::jiff::SignedDuration;
use proptest::prelude::*;

use crate::make::{at, recorded, slot_object, with_cloud};

/// The number by which links elsewhere know the agent's namespace.
pub(crate) const OWN: i32 = 9;

/// A host, and all that a plan depends on.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) view: HostView,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) slots: Vec<Arc<NodeENIAttachment>>,
    pub(crate) journal: Journal,
    pub(crate) memory: Memory,
    pub(crate) allotted: Option<Result<Allotted, String>>,
    pub(crate) published: Publications,
    pub(crate) settings: Settings,
    pub(crate) now: i64,
}

pub(crate) fn mac(n: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, n])
}

pub(crate) fn pci(n: u8) -> PciAddress {
    format!("0000:00:{n:02x}.0").parse().unwrap()
}

/// The link of a device.
pub(crate) fn device(index: u32, n: u8) -> Link {
    Link {
        index,
        name: format!("ens{index}"),
        mac: Some(mac(n)),
        permanent_mac: Some(mac(n)),
        pci: Some(pci(n)),
        driver: Some("ena".to_owned()),
        mtu: 1500,
        min_mtu: 128,
        max_mtu: 9216,
        carrier: true,
        settled: true,
        ..Link::default()
    }
}

/// A slot whose ENI has an address.
pub(crate) fn slot(n: u8) -> NodeENIAttachment {
    let object = slot_object(n.into());
    let mut cloud = recorded(&object, 1, CloudState::Attached, at(0));
    cloud.device_index = Some(i64::from(n) + 1);
    cloud.mac = Some(mac(n).to_string());
    let mut object = with_cloud(object, cloud);
    object.spec.alt_name = format!("eth{n}");
    object.spec.unique_alt_name = format!("u-{n}");
    object.spec.mtu = Some(9001);
    object.metadata.uid = Some(format!("uid-{n}"));
    object.metadata.generation = Some(3);
    object
}

impl Host {
    pub(crate) fn new(links: Vec<Link>, slots: Vec<NodeENIAttachment>) -> Self {
        let mut host = Self {
            view: HostView { links, ..HostView::default() },
            elsewhere: Elsewhere { own: Some(OWN), ..Elsewhere::default() },
            slots: slots.into_iter().map(Arc::new).collect(),
            journal: Journal::default(),
            memory: Memory::default(),
            allotted: Some(Ok(Allotted::default())),
            published: Publications::new(),
            settings: Settings {
                default_mtu: None,
                interface_mtus: BTreeMap::new(),
                carrier_patience: SignedDuration::from_secs(10),
                hands_off: BTreeSet::new(),
                node_addresses: BTreeSet::new(),
                binds_devices: true,
                allow_no_iommu: false,
            },
            now: 1_000,
        };
        host.view.functions = functions(&host.view.links, &[]);
        host
    }

    /// A plan by somebody who has looked everywhere.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_with(Some(&self.elsewhere), None)
    }

    pub(crate) fn plan_with(&self, elsewhere: Option<&Elsewhere>, fault: Option<&str>) -> Plan {
        plan(&World {
            now: Uptime(SignedDuration::from_secs(self.now)),
            settings: &self.settings,
            view: &self.view,
            elsewhere,
            allotted: self.allotted.as_ref(),
            published: &self.published,
            slots: &self.slots,
            journal: &self.journal,
            journal_fault: fault,
            memory: &self.memory,
        })
    }

    /// Does what a plan says, as a kernel would.
    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        self.memory = plan.memory.clone();
        self.journal = plan.journal.clone();
        for change in links(plan) {
            self.change(change);
        }
    }

    fn change(&mut self, change: &LinkChange) {
        let (LinkChange::Set { index, .. }
        | LinkChange::AddNames { index, .. }
        | LinkChange::DropNames { index, .. }) = change;
        let link = self.view.links.iter_mut().find(|link| link.index == *index).unwrap();
        match change {
            LinkChange::Set { mtu, up, .. } => {
                link.mtu = mtu.unwrap_or(link.mtu);
                link.up = up.unwrap_or(link.up);
            }
            LinkChange::AddNames { names, .. } => link.alt_names.extend(names.iter().cloned()),
            LinkChange::DropNames { names, .. } => link.alt_names.retain(|name| !names.contains(name)),
        }
    }

    /// Lets agents work until there is nothing to do, and says in how many rounds.
    pub(crate) fn settle(&mut self) -> (usize, Plan) {
        for round in 0..10 {
            let plan = self.plan();
            if plan.changes.is_empty() {
                return (round, plan);
            }
            self.carry_out(&plan);
        }
        panic!("it does not settle: {:?}", self.plan().changes);
    }
}

/// The changes of links in a plan.
pub(crate) fn links(plan: &Plan) -> impl Iterator<Item = &LinkChange> {
    plan.changes.iter().filter_map(|(_, change)| match change {
        Change::Link(change) => Some(change),
        Change::Device(_) => None,
    })
}

/// The devices of links here, and those whose links are elsewhere.
pub(crate) fn functions(links: &[Link], hidden: &[u8]) -> Vec<Function> {
    let here = links.iter().filter_map(|link| {
        let (address, driver) = (link.pci.clone()?, link.driver.clone());
        Some(Function::of(address, driver, vec![link.name.clone()]))
    });
    let hidden = hidden.iter().map(|n| Function::of(pci(*n), Some("ena".to_owned()), vec![]));
    here.chain(hidden).collect()
}

/// A link that is like a device's in some ways, of few addresses and names so that they meet.
fn any_link(index: u32) -> impl Strategy<Value = Link> {
    let odd = prop_oneof![6 => Just(0_u8), 1 => 1..7_u8];
    let looks = (0..4_u8, odd, any::<bool>(), prop_oneof![Just(1500_u32), Just(9001)]);
    (looks, proptest::option::weighted(0.2, 0..4_u8), 0..6_u32).prop_map(
        move |((n, odd, up, mtu), extra, lower)| {
            let mut link = Link { up, mtu, ..device(index, n) };
            match odd {
                1 => link.kind = Some("macvlan".to_owned()),
                2 => link.pci = None,
                3 => link.permanent_mac = None,
                4 => link.master = Some(1),
                5 => link.carrier = false,
                6 => link.name = format!("eth{n}"),
                _ => {}
            }
            if link.kind.is_some() {
                link.lower = Some(Lower { index: lower, namespace: None });
                link.pci = None;
            }
            link.alt_names.extend(extra.map(|n| format!("eth{n}")));
            link
        },
    )
}

fn any_slot(n: u8) -> impl Strategy<Value = NodeENIAttachment> {
    let flags = (any::<bool>(), proptest::bool::weighted(0.1), proptest::bool::weighted(0.1));
    (flags, 0..4_u8, 0..4_u8, proptest::option::of(prop_oneof![Just(1500_i64), Just(9001)])).prop_map(
        move |((release, paused, deleted), of, alt, mtu)| {
            let mut object = slot(n);
            object.spec.release = release;
            object.spec.paused = paused;
            object.spec.mtu = mtu;
            object.spec.alt_name = format!("eth{alt}");
            object.status.as_mut().unwrap().cloud.as_mut().unwrap().mac = Some(mac(of).to_string());
            if deleted {
                object.metadata.deletion_timestamp =
                    Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
            }
            object
        },
    )
}

/// Hosts in which much of what may be in the way is.
pub(crate) fn any_host() -> impl Strategy<Value = Host> {
    let links = (1..6_u32).map(any_link).collect::<Vec<_>>();
    let slots = (0..4_u8).map(any_slot).collect::<Vec<_>>();
    let route = proptest::option::weighted(0.3, (1..6_u32, any::<bool>()));
    let child = proptest::option::weighted(0.3, (1..6_u32, 0..3_u8));
    let hidden = proptest::option::weighted(0.3, 0..4_u8);
    (links, slots, route, child, hidden).prop_map(|(links, slots, route, child, hidden)| {
        let mut host = Host::new(links, slots);
        host.view.functions = functions(&host.view.links, hidden.as_slice());
        host.view.routes =
            route.map(|(link, v6)| DefaultRoute { v6, table: 254, metric: 0, link }).into_iter().collect();
        if let Some((index, how)) = child {
            let lower = Some(Lower { index, namespace: Some(OWN) });
            let child = Link { kind: Some("ipvlan".to_owned()), lower, ..device(77, 99) };
            match how {
                0 => drop(host.elsewhere.namespaces.insert(1, Ok(vec![Link { pci: None, ..child }]))),
                1 => drop(host.elsewhere.namespaces.insert(1, Err("not permitted".to_owned()))),
                _ => drop(host.elsewhere.listens.insert(index, BTreeSet::from([mac(99)]))),
            }
        }
        host
    })
}
