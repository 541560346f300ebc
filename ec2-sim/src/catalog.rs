//! The instance types and their limits, read once per process from a table inside the crate.
//!
//! `data/README.md` says where the facts come from.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../data/instance-types.tsv");

/// One network card of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkCard {
    /// The card's index.
    pub index: u32,
    /// How many ENIs the card takes.
    pub max_interfaces: usize,
    /// Whether an EFA can sit on the card.
    pub efa: bool,
}

/// What an instance type allows.
#[expect(clippy::struct_excessive_bools, reason = "as EC2 publishes it")]
#[derive(Clone, Debug)]
pub struct InstanceType {
    /// The name, e.g. `m5.large`.
    pub name: &'static str,
    /// How many virtual CPUs.
    pub vcpus: u32,
    /// How many cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The architectures, e.g. `x86_64`.
    pub architectures: Vec<&'static str>,
    /// `nitro`, `xen`, or none for bare metal.
    pub hypervisor: Option<&'static str>,
    /// Whether it is a machine without a hypervisor.
    pub bare_metal: bool,
    /// Whether AWS counts it to the current generation.
    pub current_generation: bool,
    /// Whether its CPU is burstable.
    pub burstable: bool,
    /// Whether EFA is supported.
    pub efa_supported: bool,
    /// Whether ENA Express is supported.
    pub ena_srd_supported: bool,
    /// Whether IPv6 is supported.
    pub ipv6_supported: bool,
    /// Whether the queues of an ENI can be chosen.
    pub flexible_ena_queues: bool,
    /// Whether traffic between instances is encrypted by the hardware.
    pub encryption_in_transit: bool,
    /// `required`, `supported` or `unsupported`.
    pub ena_support: &'static str,
    /// The card an attach without an index goes to.
    pub default_card: u32,
    /// IPv4 addresses per ENI, the primary one included.
    pub ipv4_per_interface: usize,
    /// IPv6 addresses per ENI.
    pub ipv6_per_interface: usize,
    /// The network cards, by index.
    pub cards: Vec<NetworkCard>,
    /// How many EFAs at most.
    pub efa_max: usize,
    /// Whether EBS volumes and ENIs share one pool of attachments.
    pub ebs_shared: bool,
    /// How many EBS volumes at most (of a shared pool: beside the primary ENI).
    pub ebs_max: usize,
    /// Size of the instance store in GB, 0 for none.
    pub store_gb: u64,
    /// How many instance-store disks.
    pub store_disks: u64,
    /// EC2's words for the network's speed.
    pub performance: &'static str,
}

impl InstanceType {
    /// How many ENIs all cards together take.
    #[must_use]
    pub fn max_interfaces(&self) -> usize {
        self.cards.iter().map(|card| card.max_interfaces).sum()
    }

    /// The attachments that ENIs and EBS volumes may hold together; none if they do not share.
    ///
    /// Nitro types up to the 6th generation share 28 slots, which instance-store disks and accelerators
    /// shorten. EC2 publishes what is left for EBS beside the primary ENI, hence the one more. Xen types
    /// publish `shared` too, but their ENIs never took a volume's place.
    #[must_use]
    pub fn shared_attachments(&self) -> Option<usize> {
        (self.ebs_shared && self.hypervisor != Some("xen")).then_some(self.ebs_max + 1)
    }

    /// The card with the index.
    #[must_use]
    pub fn card(&self, index: u32) -> Option<NetworkCard> {
        self.cards.get(index as usize).copied()
    }
}

/// All instance types by name.
pub fn all() -> &'static BTreeMap<&'static str, InstanceType> {
    static ALL: OnceLock<BTreeMap<&'static str, InstanceType>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(parse).map(|kind| (kind.name, kind)).collect()
    })
}

/// The type with the name.
#[must_use]
pub fn get(name: &str) -> Option<&'static InstanceType> {
    all().get(name)
}

/// Reads a line; a test makes sure that every line of the table is readable.
fn parse(line: &'static str) -> Option<InstanceType> {
    let mut columns = line.split('\t');
    let mut next = || columns.next();
    let (name, vcpus, cores) = (next()?, next()?.parse().ok()?, next()?.parse().ok()?);
    let memory_mib = next()?.parse().ok()?;
    let architectures = next()?.split(',').collect();
    let hypervisor = next().filter(|name| *name != "-");
    let flags = next()?;
    let (ena_support, default_card) = (next()?, next()?.parse().ok()?);
    let (ipv4_per_interface, ipv6_per_interface) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let cards = cards(next()?)?;
    let efa_max = next()?.parse().ok()?;
    let (ebs_shared, ebs_max) = (next()? == "shared", next()?.parse().ok()?);
    let (store_gb, store_disks) = (next()?.parse().ok()?, next()?.parse().ok()?);
    Some(InstanceType {
        name,
        vcpus,
        cores,
        memory_mib,
        architectures,
        hypervisor,
        bare_metal: flags.contains('m'),
        current_generation: flags.contains('g'),
        burstable: flags.contains('b'),
        efa_supported: flags.contains('e'),
        ena_srd_supported: flags.contains('s'),
        ipv6_supported: flags.contains('6'),
        flexible_ena_queues: flags.contains('q'),
        encryption_in_transit: flags.contains('t'),
        ena_support,
        default_card,
        ipv4_per_interface,
        ipv6_per_interface,
        cards,
        efa_max,
        ebs_shared,
        ebs_max,
        store_gb,
        store_disks,
        performance: next()?,
    })
}

/// Reads runs of cards: `8e*2` is two cards of 8 ENIs that take EFAs; `4,4e*16` has one without before them.
fn cards(text: &str) -> Option<Vec<NetworkCard>> {
    let mut cards = Vec::new();
    for run in text.split(',') {
        let (card, count) = run.split_once('*').unwrap_or((run, "1"));
        let efa = card.ends_with('e');
        let max_interfaces = card.trim_end_matches('e').parse().ok()?;
        for _ in 0..count.parse::<u32>().ok()? {
            let index = u32::try_from(cards.len()).ok()?;
            cards.push(NetworkCard { index, max_interfaces, efa });
        }
    }
    Some(cards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(all().len(), TABLE.lines().count() - 1);
        assert!(all().len() > 1000);
    }

    #[test]
    fn cards_are_counted_one_by_one() {
        let p5 = get("p5.48xlarge").unwrap();
        assert_eq!((p5.cards.len(), p5.max_interfaces(), p5.efa_max), (32, 64, 32));
        assert_eq!(p5.card(31).unwrap(), NetworkCard { index: 31, max_interfaces: 2, efa: true });
        assert!(p5.card(32).is_none());
    }

    #[test]
    fn only_types_before_the_seventh_generation_share_slots_with_volumes() {
        assert_eq!(get("m5.large").unwrap().shared_attachments(), Some(28));
        assert_eq!(get("m5d.large").unwrap().shared_attachments(), Some(27));
        assert_eq!(get("m7i.large").unwrap().shared_attachments(), None);
        assert_eq!(get("t2.micro").unwrap().shared_attachments(), None);
    }
}
