//! The real host: rtnetlink, and files that the kernel and udev show.

mod aside;
mod decode;
mod events;
mod networkd;
mod overrides;
mod requests;
mod sysfs;
mod wire;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use neli::consts::nl::NlmF;
use tokio::sync::Notify;

pub use self::events::Events;

use self::decode::{Hops, IFF_UP, ifla};
use self::overrides::Overrides;
use self::requests::Requests;
use self::wire::Body;
use self::writer::Writer;
use super::Host;
use crate::model::{
    DefaultRoute, DeviceChange, Elsewhere, Function, HostError, HostView, Link, LinkChange, MacAddress,
    NetNsId,
};

/// Message types of rtnetlink: `RTM_*` of `linux/rtnetlink.h`.
mod rtm {
    pub(super) const NEWLINK: u16 = 16;
    pub(super) const GETLINK: u16 = 18;
    pub(super) const GETADDR: u16 = 22;
    pub(super) const GETROUTE: u16 = 26;
    pub(super) const GETNEIGH: u16 = 30;
    pub(super) const GETNSID: u16 = 90;
    pub(super) const GETNEXTHOP: u16 = 106;
    pub(super) const NEWLINKPROP: u16 = 108;
    pub(super) const DELLINKPROP: u16 = 109;
}

/// `RTEXT_FILTER_SKIP_STATS`: leaves the counters out, which are most of a link's message.
const SKIP_STATS: u32 = 1 << 3;

/// `AF_INET`, `AF_INET6` and `AF_BRIDGE`.
const FAMILIES: [u8; 2] = [2, 10];
const AF_BRIDGE: u8 = 7;

/// Where the host shows what is not to be had by netlink.
#[derive(Debug, Clone)]
pub struct Places {
    /// The kernel's sysfs.
    pub sysfs: PathBuf,
    /// The folder of the files of devices, such as `vfio/7` and `uio0`.
    pub dev: PathBuf,
    /// udev's folder in `/run`. Where it has no socket `control`, there is no udev to wait for.
    pub udev: PathBuf,
    /// Where systemd-networkd looks for files, if it is to be told of devices that it must leave alone.
    pub networkd: Option<PathBuf>,
    /// The host's list of name servers.
    pub resolvers: PathBuf,
}

/// The real host.
pub struct Linux {
    requests: Requests,
    places: Places,
    writer: Writer,
    overrides: Overrides,
    late: Arc<Notify>,
}

impl Linux {
    /// The host whose network namespace this thread is in.
    #[must_use]
    pub fn new(places: Places) -> Self {
        let late = Arc::new(Notify::new());
        let writer = Writer::new(&places.sysfs, late.clone());
        let overrides = Overrides::new(&places.sysfs, late.clone());
        Self { requests: Requests::default(), places, writer, overrides, late }
    }

    /// What is told when the kernel has answered at last what it was asked about a device: [`Events::heed`].
    #[must_use]
    pub fn late_answers(&self) -> Arc<Notify> {
        self.late.clone()
    }

    /// The network devices on the PCI bus, with what is going on about them.
    async fn functions(&self) -> Vec<Function> {
        let mut functions = sysfs::functions(&self.places.sysfs, &self.places.dev);
        // Reading from a device waits for a write about it.
        let writes = self.writer.unanswered();
        let free = functions.iter().map(|one| &one.address).filter(|one| !writes.contains_key(one));
        let mut overrides = self.overrides.read(free.cloned().collect()).await;
        for function in &mut functions {
            if let Some(driver) = overrides.remove(&function.address) {
                function.binding.driver_override = driver;
                continue;
            }
            let ours = writes.get(&function.address).cloned();
            let pending = ours.unwrap_or_else(|| sysfs::locked_by(function, &self.places.dev));
            function.binding.pending = Some(pending);
        }
        functions
    }

    /// The links of the agent's namespace, or of another.
    async fn links(&self, namespace: Option<NetNsId>) -> Result<Vec<Link>, HostError> {
        let mut body = Body::link(0, 0, 0).with(ifla::EXT_MASK, &SKIP_STATS.to_ne_bytes());
        if let Some(namespace) = namespace {
            body = body.with(ifla::TARGET_NETNSID, &namespace.to_ne_bytes());
        }
        let all = self.requests.dump("reading links", rtm::GETLINK, body).await?;
        Ok(all.iter().filter_map(|message| decode::link(message)).collect())
    }

    async fn routes(&self) -> Result<Vec<DefaultRoute>, HostError> {
        let mut found = vec![];
        for family in FAMILIES {
            let body = Body::new(&[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let all = self.requests.dump("reading routes", rtm::GETROUTE, body).await?;
            found.extend(all.iter().filter_map(|message| decode::default_route(message)));
        }
        let objects = if found.iter().any(|(_, hops)| matches!(hops, Hops::Object(_))) {
            self.nexthops().await?
        } else {
            BTreeMap::new()
        };
        let each = found.into_iter().flat_map(|(route, hops)| {
            let links = match hops {
                Hops::Links(links) => links,
                Hops::Object(id) => objects.get(&id).cloned().unwrap_or_default(),
            };
            links.into_iter().map(move |link| DefaultRoute { link, ..route.clone() })
        });
        let mut routes: Vec<DefaultRoute> = each.collect();
        routes.sort();
        Ok(routes)
    }

    /// The links that each nexthop object leads to.
    async fn nexthops(&self) -> Result<BTreeMap<u32, Vec<u32>>, HostError> {
        let all = self.requests.dump("reading nexthops", rtm::GETNEXTHOP, Body::new(&[0; 8])).await?;
        let all: Vec<_> = all.iter().filter_map(|message| decode::nexthop(message)).collect();
        let single: BTreeMap<u32, u32> =
            all.iter().filter_map(|(id, _, link)| Some((*id, (*link)?))).collect();
        let links = |id: u32, members: &[u32]| {
            let ids = std::iter::once(id).chain(members.iter().copied());
            ids.filter_map(|id| single.get(&id).copied()).collect()
        };
        Ok(all.iter().map(|(id, members, _)| (*id, links(*id, members))).collect())
    }

    async fn addresses(&self) -> Result<BTreeSet<(u32, std::net::IpAddr)>, HostError> {
        let all = self.requests.dump("reading addresses", rtm::GETADDR, Body::new(&[0; 8])).await?;
        Ok(all.iter().filter_map(|message| decode::address(message)).collect())
    }

    async fn namespaces(&self) -> Result<Vec<NetNsId>, HostError> {
        let all = self.requests.dump("listing network namespaces", rtm::GETNSID, Body::new(&[0])).await?;
        Ok(all.iter().filter_map(|message| decode::namespace(message)).collect())
    }

    /// The number that other namespaces' links know the agent's own by.
    async fn own_number(&self) -> Result<Option<NetNsId>, HostError> {
        const NETNSA_FD: u16 = 3;
        let doing = "opening the own network namespace";
        let own = std::fs::File::open("/proc/thread-self/ns/net").map_err(|error| HostError {
            doing: doing.to_owned(),
            code: error.raw_os_error(),
            message: error.to_string(),
        })?;
        let body = Body::new(&[0]).with(NETNSA_FD, &own.as_raw_fd().to_ne_bytes());
        let answer = self.requests.ask("asking for the own namespace's number", rtm::GETNSID, body).await?;
        Ok(answer.first().and_then(|message| decode::namespace(message)))
    }

    async fn listens(&self) -> Result<BTreeMap<u32, BTreeSet<MacAddress>>, HostError> {
        let mut header = [0; 12];
        header[0] = AF_BRIDGE;
        let all = self.requests.dump("reading filters", rtm::GETNEIGH, Body::new(&header)).await?;
        let mut listens: BTreeMap<u32, BTreeSet<MacAddress>> = BTreeMap::new();
        for (link, address) in all.iter().filter_map(|message| decode::listened(message)) {
            listens.entry(link).or_default().insert(address);
        }
        Ok(listens)
    }
}

impl Host for Linux {
    async fn look(&self) -> Result<HostView, HostError> {
        let mut links = self.links(None).await?;
        let (routes, addresses) = (self.routes().await?, self.addresses().await?);
        let functions = self.functions().await;
        for link in &mut links {
            link.settled = sysfs::is_settled(&self.places.udev, link.index);
            let function = functions.iter().find(|function| match &link.pci {
                Some(address) => function.address == *address,
                None => link.kind.is_none() && function.links.contains(&link.name),
            });
            if let Some(function) = function {
                link.pci = Some(function.address.clone());
                link.driver.clone_from(&function.driver);
            }
        }
        let resolvers = read(&self.places.resolvers);
        let platform = sysfs::platform(&self.places.sysfs);
        Ok(HostView { links, functions, platform, routes, addresses, resolvers })
    }

    async fn look_elsewhere(&self) -> Result<Elsewhere, HostError> {
        let mut namespaces = BTreeMap::new();
        for namespace in self.namespaces().await? {
            let links = self.links(Some(namespace)).await;
            namespaces.insert(namespace, links.map_err(|error| error.message));
        }
        // A link elsewhere that stands on one of ours gives our namespace a number, if it has none yet, when
        // it is read.
        let own = self.own_number().await?;
        namespaces.retain(|namespace, _| Some(*namespace) != own);
        Ok(Elsewhere { own, namespaces, listens: self.listens().await? })
    }

    async fn change(&self, change: &LinkChange) -> Result<(), HostError> {
        match change {
            LinkChange::Set { index, mtu, up } => {
                let flags = if *up == Some(true) { IFF_UP } else { 0 };
                let mut body = Body::link(*index, flags, if up.is_some() { IFF_UP } else { 0 });
                if let Some(mtu) = mtu {
                    body = body.with(ifla::MTU, &mtu.to_ne_bytes());
                }
                self.requests.change("setting the link", rtm::NEWLINK, NlmF::empty(), body).await
            }
            LinkChange::AddNames { index, names } => {
                let flags = NlmF::EXCL | NlmF::CREATE | NlmF::APPEND;
                self.requests
                    .change("naming the link", rtm::NEWLINKPROP, flags, alt_names(*index, names))
                    .await
            }
            LinkChange::DropNames { index, names } => {
                let body = alt_names(*index, names);
                self.requests.change("taking names off", rtm::DELLINKPROP, NlmF::empty(), body).await
            }
        }
    }

    async fn write(&self, change: &DeviceChange) -> Result<(), HostError> {
        self.writer.write(change).await
    }

    async fn disown(&self, devices: &BTreeSet<MacAddress>) -> Result<(), HostError> {
        let Some(folder) = &self.places.networkd else { return Ok(()) };
        networkd::write(folder, devices).map_err(|error| HostError {
            doing: format!("writing to {}", folder.display()),
            code: error.raw_os_error(),
            message: error.to_string(),
        })
    }
}

/// A message about alternative names of a link.
fn alt_names(index: u32, names: &BTreeSet<String>) -> Body {
    let names: Vec<Vec<u8>> = names.iter().map(|name| wire::zero_ended(name)).collect();
    let names = names.iter().map(Vec::as_slice);
    Body::link(index, 0, 0).with_list(ifla::PROP_LIST, ifla::ALT_IFNAME, names)
}

fn read(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok()
}
