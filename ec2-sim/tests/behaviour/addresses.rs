use ec2_sim::api::{
    AssignIpv6Addresses, AssignPrivateIpAddresses, CreateNetworkInterface, Ipv4PrefixSpecification,
    UnassignIpv6Addresses, UnassignPrivateIpAddresses,
};

use crate::region::Region;

fn assign(eni: &str) -> AssignPrivateIpAddresses {
    AssignPrivateIpAddresses { network_interface_id: eni.into(), ..Default::default() }
}

#[test]
fn five_addresses_of_a_subnet_are_amazons() {
    let mut region = Region::new();
    assert_eq!(region.free("tiny"), 11);
    for _ in 0..11 {
        region.eni("tiny");
    }
    assert_eq!(region.free("tiny"), 0);
    let request = region.create("tiny");
    assert_eq!(region.refusal(request), "InsufficientFreeAddressesInSubnet");
    assert_eq!(region.free("tiny"), 0);
}

#[test]
fn a_refused_call_takes_no_address() {
    let mut region = Region::new();
    let request =
        CreateNetworkInterface { secondary_private_ip_address_count: Some(20), ..region.create("tiny") };
    assert_eq!(region.refusal(request), "InsufficientFreeAddressesInSubnet");
    assert_eq!(region.free("tiny"), 11);
}

#[test]
fn a_subnet_with_no_whole_block_free_has_no_prefix() {
    let mut region = Region::new();
    let request = CreateNetworkInterface { ipv4_prefix_count: Some(1), ..region.create("tiny") };
    assert_eq!(region.refusal(request), "InsufficientCidrBlocks");
}

#[test]
fn a_prefix_takes_sixteen_addresses_and_gives_them_back() {
    let mut region = Region::new();
    let before = region.free("a");
    let request = CreateNetworkInterface { ipv4_prefix_count: Some(2), ..region.create("a") };
    let made = region.sim.send(request).unwrap().network_interface;
    assert_eq!(region.free("a"), before - 33);
    let unassign = UnassignPrivateIpAddresses {
        network_interface_id: made.network_interface_id,
        ipv4_prefixes: vec![made.ipv4_prefixes[0].ipv4_prefix.clone()],
        ..Default::default()
    };
    region.sim.send(unassign).unwrap();
    assert_eq!(region.free("a"), before - 17);
}

#[test]
fn addresses_are_asked_for_in_one_way() {
    let mut region = Region::new();
    let prefix = Ipv4PrefixSpecification { ipv4_prefix: "10.0.1.32/28".into() };
    let (count, prefixes) = (Some(1), Some(1));
    for request in [
        CreateNetworkInterface {
            secondary_private_ip_address_count: count,
            ipv4_prefix_count: prefixes,
            ..region.create("a")
        },
        CreateNetworkInterface {
            ipv4_prefixes: vec![prefix],
            ipv4_prefix_count: prefixes,
            ..region.create("a")
        },
        CreateNetworkInterface {
            ipv6_address_count: count,
            ipv6_prefix_count: prefixes,
            ..region.create("a")
        },
    ] {
        assert_eq!(region.refusal(request), "InvalidParameterCombination");
    }
}

#[test]
fn an_eni_has_as_many_places_as_its_instances_type_gives_it() {
    let mut region = Region::new();
    let (eni, _) = region.attached("a", "m5", 1);
    let more =
        |count| AssignPrivateIpAddresses { secondary_private_ip_address_count: Some(count), ..assign(&eni) };
    assert_eq!(region.refusal(more(10)), "PrivateIpAddressLimitExceeded");
    let answer = region.sim.send(more(9)).unwrap();
    assert_eq!(answer.assigned_private_ip_addresses.len(), 9);
    assert_eq!(region.refusal(more(1)), "PrivateIpAddressLimitExceeded");
}

#[test]
fn an_eni_on_no_instance_has_fifty_places_but_may_not_fit_an_instance_then() {
    let mut region = Region::new();
    let request =
        CreateNetworkInterface { secondary_private_ip_address_count: Some(49), ..region.create("a") };
    let eni = region.sim.send(request).unwrap().network_interface.network_interface_id;
    let one_more = AssignPrivateIpAddresses { secondary_private_ip_address_count: Some(1), ..assign(&eni) };
    assert_eq!(region.refusal(one_more), "PrivateIpAddressLimitExceeded");
    let attach = region.attach(&eni, "m5", 1);
    assert_eq!(region.refusal(attach), "PrivateIpAddressLimitExceeded");
}

#[test]
fn an_address_moves_only_when_that_is_wanted() {
    let mut region = Region::new();
    let (first, second) = (region.eni("a"), region.eni("a"));
    let named = |eni: &str| AssignPrivateIpAddresses {
        private_ip_addresses: vec!["10.0.1.99".into()],
        ..assign(eni)
    };
    region.sim.send(named(&first)).unwrap();
    let before = region.free("a");
    assert_eq!(region.refusal(named(&second)), "InvalidIPAddress.InUse");
    region.sim.send(AssignPrivateIpAddresses { allow_reassignment: Some(true), ..named(&second) }).unwrap();
    assert_eq!(region.free("a"), before);
    assert_eq!(region.describe(&first).unwrap().private_ip_addresses.len(), 1);
    assert_eq!(region.describe(&second).unwrap().private_ip_addresses.len(), 2);
}

#[test]
fn the_primary_address_stays() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let primary = region.describe(&eni).unwrap().private_ip_address.unwrap();
    let unassign = UnassignPrivateIpAddresses {
        network_interface_id: eni,
        private_ip_addresses: vec![primary],
        ..Default::default()
    };
    assert_eq!(region.refusal(unassign), "InvalidParameterValue");
}

#[test]
fn ipv6_comes_from_the_subnets_block() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let assign = AssignIpv6Addresses {
        network_interface_id: eni.clone(),
        ipv6_address_count: Some(2),
        ..Default::default()
    };
    let got = region.sim.send(assign).unwrap().assigned_ipv6_addresses;
    let block = region.sim.state().subnets.get(&region.ids.subnets["a"]).unwrap().ipv6_cidr.unwrap();
    for address in &got {
        assert!(block.contains(address.parse::<std::net::Ipv6Addr>().unwrap().into()));
    }
    let again = AssignIpv6Addresses {
        network_interface_id: eni.clone(),
        ipv6_addresses: vec![got[0].clone()],
        ..Default::default()
    };
    assert_eq!(region.refusal(again), "InvalidIPAddress.InUse");
    let unassign = UnassignIpv6Addresses {
        network_interface_id: eni.clone(),
        ipv6_addresses: got.clone(),
        ..Default::default()
    };
    assert_eq!(region.sim.send(unassign).unwrap().unassigned_ipv6_addresses, got);
    assert!(region.describe(&eni).unwrap().ipv6_addresses.is_empty());
}
