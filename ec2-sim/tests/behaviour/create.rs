use ec2_sim::api::{
    CreateNetworkInterface, DeleteNetworkInterface, PrivateIpSpecification, RunInstances, TagSpecification,
};
use ec2_sim::{Failure, Settings};

use crate::region::Region;

fn with_token(region: &Region, token: &str) -> CreateNetworkInterface {
    CreateNetworkInterface { client_token: Some(token.into()), ..region.create("a") }
}

#[test]
fn a_new_eni_is_pending_in_the_answer_and_available_afterwards() {
    let mut region = Region::new();
    let made = region.sim.send(region.create("a")).unwrap().network_interface;
    assert_eq!(made.status, "pending");
    assert_eq!(region.describe(&made.network_interface_id).unwrap().status, "available");
}

#[test]
fn the_same_token_and_parameters_give_the_same_eni() {
    let mut region = Region::new();
    let (first, again) = (with_token(&region, "t"), with_token(&region, "t"));
    let first = region.sim.send(first).unwrap();
    assert_eq!(region.sim.send(again).unwrap(), first);
    assert_eq!(first.client_token.as_deref(), Some("t"));
    assert_eq!(
        region
            .sim
            .events(0)
            .iter()
            .filter(|e| e.eni_id == first.network_interface.network_interface_id)
            .count(),
        1
    );
}

#[test]
fn the_same_token_with_other_parameters_is_a_mismatch() {
    let mut region = Region::new();
    region.sim.send(with_token(&region, "t")).unwrap();
    let other = CreateNetworkInterface { description: Some("x".into()), ..with_token(&region, "t") };
    assert_eq!(region.refusal(other), "IdempotentParameterMismatch");
}

#[test]
fn a_token_outlives_its_eni() {
    let mut region = Region::new();
    let first = region.sim.send(with_token(&region, "t")).unwrap();
    let id = first.network_interface.network_interface_id.clone();
    let delete = DeleteNetworkInterface { network_interface_id: id.clone(), dry_run: None };
    region.sim.send(delete).unwrap();
    assert_eq!(region.sim.send(with_token(&region, "t")).unwrap(), first);
    assert!(!region.sim.state().enis.contains(&id));
}

#[test]
fn a_token_is_forgotten_at_the_end_of_its_life() {
    let mut region = Region::new();
    let first = region.sim.send(with_token(&region, "t")).unwrap();
    region.wait(12 * 3_600_000);
    let second = region.sim.send(with_token(&region, "t")).unwrap();
    assert_ne!(first.network_interface.network_interface_id, second.network_interface.network_interface_id);
}

#[test]
fn a_token_too_long_is_refused() {
    let mut region = Region::new();
    let request = with_token(&region, &"t".repeat(65));
    assert_eq!(region.refusal(request), "InvalidParameterValue");
}

#[test]
fn a_launch_is_repeated_by_its_token_too() {
    let mut region = Region::new();
    let request = RunInstances {
        client_token: Some("launch".into()),
        subnet_id: Some(region.subnet("a")),
        instance_type: Some("m5.large".into()),
        min_count: 2,
        max_count: 2,
        ..RunInstances::default()
    };
    let first = region.sim.send(request.clone()).unwrap();
    assert_eq!(region.sim.send(request).unwrap(), first);
    assert_eq!(region.sim.state().instances.len(), 6);
}

#[test]
fn ids_are_refused_by_their_form_before_their_absence() {
    let mut region = Region::new();
    let subnet = |id: &str| CreateNetworkInterface { subnet_id: id.into(), ..Default::default() };
    assert_eq!(region.refusal(subnet("")), "MissingParameter");
    assert_eq!(region.refusal(subnet("subnet-1")), "InvalidSubnetID.Malformed");
    assert_eq!(region.refusal(subnet("subnet-0123456789ABCDEF0")), "InvalidSubnetID.Malformed");
    assert_eq!(region.refusal(subnet("subnet-01234567")), "InvalidSubnetID.NotFound");
}

#[test]
fn groups_must_be_there_and_of_the_same_vpc() {
    let mut region = Region::new();
    let group =
        |region: &Region, id: &str| CreateNetworkInterface { groups: vec![id.into()], ..region.create("a") };
    let foreign = region.group("foreign");
    for (id, code) in [
        ("sg-1", "InvalidGroupId.Malformed"),
        ("sg-01234567", "InvalidSecurityGroupID.NotFound"),
        (&foreign, "InvalidParameter"),
    ] {
        let request = group(&region, id);
        assert_eq!(region.refusal(request), code);
    }
    let six = CreateNetworkInterface { groups: vec![region.group("g"); 6], ..region.create("a") };
    assert_eq!(region.refusal(six), "SecurityGroupsPerInterfaceLimitExceeded");
}

#[test]
fn without_groups_an_eni_is_in_its_vpcs_default_group() {
    let mut region = Region::new();
    let made = region.sim.send(region.create("a")).unwrap().network_interface;
    assert_eq!(made.groups[0].group_name, "default");
}

#[test]
fn an_address_in_use_reserved_or_elsewhere_is_refused() {
    let mut region = Region::new();
    let at = |region: &Region, ip: &str| CreateNetworkInterface {
        private_ip_address: Some(ip.into()),
        ..region.create("a")
    };
    let made = region.sim.send(at(&region, "10.0.1.77")).unwrap().network_interface;
    assert_eq!(made.private_ip_address.as_deref(), Some("10.0.1.77"));
    assert_eq!(made.private_dns_name.as_deref(), Some("ip-10-0-1-77.ec2.internal"));
    for (ip, code) in [
        ("10.0.1.77", "InvalidIPAddress.InUse"),
        ("10.0.2.1", "InvalidParameterValue"),
        ("10.0.1.3", "InvalidParameterValue"),
        ("10.0.1.255", "InvalidParameterValue"),
        ("nonsense", "InvalidParameterValue"),
    ] {
        let request = at(&region, ip);
        assert_eq!(region.refusal(request), code, "{ip}");
    }
}

#[test]
fn the_primary_among_many_addresses_is_the_one_named_so() {
    let mut region = Region::new();
    let ip = |ip: &str, primary| PrivateIpSpecification { private_ip_address: ip.into(), primary };
    let request = CreateNetworkInterface {
        private_ip_addresses: vec![ip("10.0.1.50", Some(false)), ip("10.0.1.51", Some(true))],
        ..region.create("a")
    };
    let made = region.sim.send(request).unwrap().network_interface;
    assert_eq!(made.private_ip_address.as_deref(), Some("10.0.1.51"));
    let listed: Vec<_> =
        made.private_ip_addresses.iter().map(|a| (a.private_ip_address.as_str(), a.primary)).collect();
    assert_eq!(listed, [("10.0.1.51", true), ("10.0.1.50", false)]);
}

#[test]
fn named_secondary_addresses_leave_the_primary_to_ec2() {
    let mut region = Region::new();
    let request = CreateNetworkInterface {
        private_ip_addresses: vec![PrivateIpSpecification {
            private_ip_address: "10.0.1.50".into(),
            primary: None,
        }],
        ..region.create("a")
    };
    let made = region.sim.send(request).unwrap().network_interface;
    assert_eq!(made.private_ip_addresses.len(), 2);
    assert_ne!(made.private_ip_address.as_deref(), Some("10.0.1.50"));
}

#[test]
fn the_regions_quota_of_enis_is_kept() {
    let mut region = Region::with(Settings { eni_quota: 5, ..Settings::unthrottled() });
    region.eni("a");
    let request = region.create("a");
    assert_eq!(region.refusal(request), "NetworkInterfaceLimitExceeded");
}

#[test]
fn a_dry_run_changes_nothing_and_says_that_it_could_have() {
    let mut region = Region::new();
    let before = region.free("a");
    let request = CreateNetworkInterface { dry_run: Some(true), ..region.create("a") };
    let failure = region.sim.send(request).unwrap_err();
    assert!(
        matches!(failure, Failure::Refused(error) if error.code == "DryRunOperation" && error.status == 412)
    );
    assert_eq!(region.free("a"), before);
}

#[test]
fn tags_are_for_enis_and_checked() {
    let mut region = Region::new();
    let tagged = |region: &Region, key: &str| CreateNetworkInterface {
        tag_specifications: vec![TagSpecification::eni([(key, "v")])],
        ..region.create("a")
    };
    let made = region.sim.send(tagged(&region, "k")).unwrap().network_interface;
    assert_eq!(made.tag("k"), Some("v"));
    for key in ["aws:x", "AWS:x", "", &"k".repeat(129)] {
        let request = tagged(&region, key);
        assert_eq!(region.refusal(request), "InvalidParameterValue", "{key}");
    }
    let wrong = TagSpecification { resource_type: "instance".into(), ..TagSpecification::eni([("k", "v")]) };
    let request = CreateNetworkInterface { tag_specifications: vec![wrong], ..region.create("a") };
    assert_eq!(region.refusal(request), "InvalidParameterValue");
}

#[test]
fn a_deleted_eni_gives_its_address_back_and_is_gone() {
    let mut region = Region::new();
    let before = region.free("a");
    let eni = region.eni("a");
    assert_eq!(region.free("a"), before - 1);
    let delete = DeleteNetworkInterface { network_interface_id: eni, dry_run: None };
    region.sim.send(delete.clone()).unwrap();
    assert_eq!(region.free("a"), before);
    assert_eq!(region.refusal(delete), "InvalidNetworkInterfaceID.NotFound");
}
