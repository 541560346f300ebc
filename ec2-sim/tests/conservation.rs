//! Whatever is called in whatever order: nothing is held twice, nothing is lost, and the books agree.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ec2_sim::api::{
    AssignPrivateIpAddresses, AttachNetworkInterface, AttachmentChanges, CreateNetworkInterface,
    DeleteNetworkInterface, DetachNetworkInterface, ModifyNetworkInterfaceAttribute, Request, RunInstances,
    StartInstances, StopInstances, TagSpecification, TerminateInstances, UnassignPrivateIpAddresses,
};
use ec2_sim::world::{AttachmentStatus, World};
use ec2_sim::{Fault, FaultRule, Kind, Seed, SeedInstance, SeedSubnet, SeedVpc, Settings, Simulator};
use proptest::prelude::*;

/// A step; the numbers pick among what is there.
#[derive(Clone, Debug)]
enum Step {
    Create { subnet: usize, more: u32, prefixes: u32, token: u8 },
    Attach { eni: usize, instance: usize, device: i32, card: i32 },
    Detach { attachment: usize, force: bool },
    Delete { eni: usize },
    DeleteOnTermination { eni: usize, on: bool },
    Assign { eni: usize, count: u32, prefixes: u32 },
    Unassign { eni: usize },
    Run { subnet: usize },
    Stop { instance: usize },
    Start { instance: usize },
    Terminate { instance: usize },
    Wait { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let pick = 0..64usize;
    prop_oneof![
        4 => (pick.clone(), 0..3u32, 0..2u32, 0..6u8)
            .prop_map(|(subnet, more, prefixes, token)| Step::Create { subnet, more, prefixes, token }),
        4 => (pick.clone(), pick.clone(), 0..4i32, 0..3i32)
            .prop_map(|(eni, instance, device, card)| Step::Attach { eni, instance, device, card }),
        3 => (pick.clone(), any::<bool>()).prop_map(|(attachment, force)| Step::Detach { attachment, force }),
        2 => pick.clone().prop_map(|eni| Step::Delete { eni }),
        2 => (pick.clone(), any::<bool>()).prop_map(|(eni, on)| Step::DeleteOnTermination { eni, on }),
        2 => (pick.clone(), 0..4u32, 0..2u32)
            .prop_map(|(eni, count, prefixes)| Step::Assign { eni, count, prefixes }),
        1 => pick.clone().prop_map(|eni| Step::Unassign { eni }),
        1 => pick.clone().prop_map(|subnet| Step::Run { subnet }),
        1 => pick.clone().prop_map(|instance| Step::Stop { instance }),
        1 => pick.clone().prop_map(|instance| Step::Start { instance }),
        1 => pick.prop_map(|instance| Step::Terminate { instance }),
        4 => prop_oneof![Just(500u64), Just(2000), Just(20_000), Just(3_700_000)]
            .prop_map(|millis| Step::Wait { millis }),
    ]
}

fn seed() -> Seed {
    let subnet = |zone: &str, cidr: &str| SeedSubnet {
        key: format!("{zone}{cidr}"),
        zone: zone.into(),
        cidr: cidr.into(),
        ..SeedSubnet::default()
    };
    let subnets = vec![subnet("a", "10.0.0.0/28"), subnet("a", "10.0.1.0/24"), subnet("b", "10.0.2.0/26")];
    let instances = [("m5.large", 1), ("c6in.32xlarge", 1), ("m5.large", 2)];
    Seed {
        vpcs: vec![SeedVpc { cidr: "10.0.0.0/16".into(), ..SeedVpc::default() }],
        instances: instances
            .iter()
            .map(|(kind, subnet)| SeedInstance {
                subnet: subnets[*subnet].key.clone(),
                instance_type: (*kind).into(),
                ..SeedInstance::default()
            })
            .collect(),
        subnets,
        ..Seed::default()
    }
}

fn pick<'a>(mut ids: impl Iterator<Item = &'a str>, number: usize, length: usize) -> String {
    ids.nth(number % length.max(1)).unwrap_or("eni-00000000").to_owned()
}

fn eni(world: &World, number: usize) -> String {
    pick(world.enis.ids(), number, world.enis.len())
}

fn instance(world: &World, number: usize) -> String {
    pick(world.instances.ids(), number, world.instances.len())
}

/// The call of a step; none: it only waits.
#[expect(clippy::too_many_lines, reason = "one arm for each step, and nothing between them")]
fn request(world: &World, step: &Step) -> Option<Request> {
    let some = |count: u32| (count > 0).then_some(count);
    Some(match step {
        Step::Create { subnet, more, prefixes, token } => CreateNetworkInterface {
            subnet_id: pick(world.subnets.ids(), *subnet, world.subnets.len()),
            secondary_private_ip_address_count: some(*more),
            ipv4_prefix_count: some(*prefixes),
            client_token: (*token < 4).then(|| format!("token-{token}")),
            tag_specifications: vec![TagSpecification::eni([("k", "v")])],
            ..Default::default()
        }
        .into(),
        Step::Attach { eni: number, instance: on, device, card } => AttachNetworkInterface {
            network_interface_id: eni(world, *number),
            instance_id: instance(world, *on),
            device_index: Some(*device),
            network_card_index: (*card > 0).then(|| card - 1),
            ..Default::default()
        }
        .into(),
        Step::Detach { attachment, force } => DetachNetworkInterface {
            attachment_id: pick(
                world.attachments.keys().map(String::as_str),
                *attachment,
                world.attachments.len(),
            ),
            force: Some(*force),
            dry_run: None,
        }
        .into(),
        Step::Delete { eni: number } => {
            DeleteNetworkInterface { network_interface_id: eni(world, *number), dry_run: None }.into()
        }
        Step::DeleteOnTermination { eni: number, on } => {
            let id = eni(world, *number);
            let place = world.enis.get(&id).and_then(|eni| eni.attachment.as_ref());
            ModifyNetworkInterfaceAttribute {
                attachment: Some(AttachmentChanges {
                    attachment_id: place.map(|place| place.id.clone()),
                    delete_on_termination: Some(*on),
                    ..Default::default()
                }),
                network_interface_id: id,
                ..Default::default()
            }
            .into()
        }
        Step::Assign { eni: number, count, prefixes } => AssignPrivateIpAddresses {
            network_interface_id: eni(world, *number),
            secondary_private_ip_address_count: some(*count),
            ipv4_prefix_count: some(*prefixes),
            ..Default::default()
        }
        .into(),
        Step::Unassign { eni: number } => {
            let id = eni(world, *number);
            let held = world.enis.get(&id).map(|eni| eni.secondary.clone()).unwrap_or_default();
            UnassignPrivateIpAddresses {
                network_interface_id: id,
                private_ip_addresses: held.iter().take(1).map(ToString::to_string).collect(),
                ..Default::default()
            }
            .into()
        }
        Step::Run { subnet } => RunInstances {
            subnet_id: Some(pick(world.subnets.ids(), *subnet, world.subnets.len())),
            instance_type: Some("m5.large".into()),
            min_count: 1,
            max_count: 2,
            ..Default::default()
        }
        .into(),
        Step::Stop { instance: on } => {
            StopInstances { instance_ids: vec![instance(world, *on)], ..Default::default() }.into()
        }
        Step::Start { instance: on } => {
            StartInstances { instance_ids: vec![instance(world, *on)], ..Default::default() }.into()
        }
        Step::Terminate { instance: on } => {
            TerminateInstances { instance_ids: vec![instance(world, *on)], ..Default::default() }.into()
        }
        Step::Wait { .. } => return None,
    })
}

fn take(sim: &mut Simulator, step: &Step) {
    match (request(sim.state(), step), step) {
        (Some(request), _) => drop(sim.call(&request)),
        (None, Step::Wait { millis }) => sim.advance(Duration::from_millis(*millis)),
        (None, other) => panic!("{other:?} makes no call"),
    }
}

/// Everything that must always hold.
fn check(world: &World) {
    addresses_are_held_once_and_counted(world);
    slots_and_attachments_agree(world);
    limits_are_kept(world);
    let macs: BTreeSet<_> = world.enis.values().map(|eni| &eni.mac).collect();
    assert_eq!(macs.len(), world.enis.len(), "a MAC address twice");
}

fn addresses_are_held_once_and_counted(world: &World) {
    let mut held: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for eni in world.enis.values() {
        let in_subnet = held.entry(&eni.subnet_id).or_default();
        let prefixes = eni.ipv4_prefixes.iter().map(|prefix| u32::from(*prefix));
        let all = eni.addresses().map(u32::from).chain(prefixes.flat_map(|prefix| prefix..prefix + 16));
        for address in all {
            assert!(in_subnet.insert(address), "{} is held twice", std::net::Ipv4Addr::from(address));
        }
    }
    for subnet in world.subnets.values() {
        let held = held.remove(subnet.id.as_str()).unwrap_or_default();
        assert!(held.iter().all(|a| subnet.cidr.contains(*a) && !subnet.cidr.reserves(*a)));
        assert_eq!(subnet.free(), subnet.cidr.size() - 5 - held.len() as u64, "{}", subnet.cidr);
    }
    assert!(held.is_empty(), "an ENI in no subnet");
}

fn slots_and_attachments_agree(world: &World) {
    let mut places = 0;
    for eni in world.enis.values() {
        let Some(place) = &eni.attachment else { continue };
        places += 1;
        assert_eq!(world.attachments.get(&place.id), Some(&eni.id));
        let slot = (place.network_card_index, place.device_index);
        assert_eq!(world.slots[&place.instance_id].get(&slot), Some(&eni.id), "a slot held twice");
        let instance = world.instances.get(&place.instance_id).expect("attached to an instance there is");
        assert_ne!(instance.state.name(), "terminated");
        assert_eq!(instance.zone, eni.zone);
        assert!(!place.is_primary() || place.status != AttachmentStatus::Detaching);
    }
    assert_eq!(world.attachments.len(), places);
    assert_eq!(world.slots.values().map(BTreeMap::len).sum::<usize>(), places);
}

fn limits_are_kept(world: &World) {
    for (instance, slots) in &world.slots {
        let kind = ec2_sim::catalog::get(&world.instances.get(instance).unwrap().instance_type).unwrap();
        for card in &kind.cards {
            assert!(slots.keys().filter(|(index, _)| *index == card.index).count() <= card.max_interfaces);
        }
        assert!(world.enis_of(instance).all(|eni| eni.ipv4_places() <= kind.ipv4_per_interface));
    }
}

/// Under faults and lag, and from a seed.
fn simulator(chance: u64) -> Simulator {
    let mut sim = Simulator::new(Settings {
        seed: chance,
        lag: Duration::from_millis(if chance.is_multiple_of(2) { 0 } else { 1000 }),
        lag_hides_from_changes: 0.3,
        ..Settings::unthrottled()
    });
    sim.apply_seed(&seed()).expect("the seed fits");
    for fault in [Fault::Lost, Fault::InternalError, Fault::AttachNeverEnds, Fault::DetachNeverEnds] {
        sim.add_fault(FaultRule::sometimes("*NetworkInterface", 0.05, fault));
    }
    sim
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_books_agree_after_every_step(chance in any::<u64>(), steps in prop::collection::vec(step(), 1..80)) {
        let mut sim = simulator(chance);
        for step in &steps {
            take(&mut sim, step);
            check(sim.state());
        }
    }

    #[test]
    fn a_run_repeats(chance in any::<u64>(), steps in prop::collection::vec(step(), 1..40)) {
        let (mut first, mut second) = (simulator(chance), simulator(chance));
        for step in &steps {
            take(&mut first, step);
            take(&mut second, step);
        }
        let json = |sim: &Simulator| serde_json::to_string(sim.state()).unwrap();
        prop_assert_eq!(json(&first), json(&second));
        prop_assert_eq!(first.events(0), second.events(0));
    }

    #[test]
    fn a_refused_or_dry_call_changes_nothing(chance in any::<u64>(), steps in prop::collection::vec(step(), 1..40)) {
        let mut sim = simulator(chance);
        sim.clear_faults();
        for step in &steps {
            let before = serde_json::to_string(sim.state()).unwrap();
            let free = |sim: &Simulator| sim.state().subnets.values().map(ec2_sim::world::Subnet::free).sum::<u64>();
            let free_before = free(&sim);
            let Some(request) = request(sim.state(), step) else {
                take(&mut sim, step);
                continue;
            };
            if sim.call(&request).into_result().is_err() {
                prop_assert_eq!(serde_json::to_string(sim.state()).unwrap(), before);
                prop_assert_eq!(free(&sim), free_before);
            }
        }
    }
}

#[test]
fn a_fresh_region_is_made_in_less_than_a_millisecond() {
    let subnets: Vec<_> = (0..6)
        .map(|number| SeedSubnet {
            key: number.to_string(),
            zone: "a".into(),
            cidr: format!("10.0.{number}.0/24"),
            ..SeedSubnet::default()
        })
        .collect();
    let instances =
        (0..6).map(|number| SeedInstance { subnet: number.to_string(), ..SeedInstance::default() }).collect();
    let seed = Seed {
        vpcs: vec![SeedVpc { cidr: "10.0.0.0/16".into(), ..SeedVpc::default() }],
        subnets,
        instances,
        ..Seed::default()
    };
    let make = || Simulator::new(Settings::default()).apply_seed(&seed).unwrap();
    make();
    // The best of many: others use the machine too.
    let best = (0..100).map(|_| {
        let started = machine_time();
        assert_eq!(make().ids().filter(|id| id.starts_with(Kind::Instance.prefix())).count(), 6);
        machine_time() - started
    });
    let best = best.min().unwrap();
    assert!(best < Duration::from_millis(1), "{best:?}");
}

#[expect(clippy::disallowed_methods, reason = "the one test about real time")]
fn machine_time() -> std::time::Instant {
    std::time::Instant::now()
}
