use ec2_sim::Settings;
use ec2_sim::api::{
    CreateSecurityGroup, CreateSubnet, CreateVpc, DeleteNetworkInterface, DeleteSecurityGroup, DeleteSubnet,
    DeleteVpc,
};

use crate::region::Region;

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let mut region = Region::new();
    let mut request = region.create("tiny");
    request.groups = vec![region.group("g")];
    let eni = region.sim.send(request).unwrap().network_interface.network_interface_id;
    let subnet = DeleteSubnet { subnet_id: region.subnet("tiny"), dry_run: None };
    let group = DeleteSecurityGroup { group_id: region.group("g"), dry_run: None };
    let vpc = DeleteVpc { vpc_id: region.ids.vpcs["main"].clone(), dry_run: None };
    assert_eq!(region.refusal(subnet.clone()), "DependencyViolation");
    assert_eq!(region.refusal(group.clone()), "DependencyViolation");
    assert_eq!(region.refusal(vpc), "DependencyViolation");
    region.sim.send(DeleteNetworkInterface { network_interface_id: eni, dry_run: None }).unwrap();
    region.sim.send(subnet.clone()).unwrap();
    region.sim.send(group.clone()).unwrap();
    assert_eq!(region.refusal(subnet), "InvalidSubnetID.NotFound");
    assert_eq!(region.refusal(group), "InvalidGroup.NotFound");
}

#[test]
fn a_vpc_is_made_and_unmade() {
    let mut sim = ec2_sim::Simulator::new(Settings::unthrottled());
    let vpc = CreateVpc { cidr_block: "10.9.0.0/16".into(), ..Default::default() };
    let vpc_id = sim.send(vpc).unwrap().vpc.vpc_id;
    let subnet = |cidr: &str| CreateSubnet {
        vpc_id: vpc_id.clone(),
        cidr_block: cidr.into(),
        availability_zone_id: Some("use1-az3".into()),
        ..Default::default()
    };
    let made = sim.send(subnet("10.9.1.0/24")).unwrap().subnet;
    assert_eq!((made.availability_zone.as_str(), made.available_ip_address_count), ("us-east-1c", 251));
    for (cidr, code) in [
        ("10.9.1.128/25", "InvalidSubnet.Conflict"),
        ("10.8.0.0/24", "InvalidSubnet.Range"),
        ("10.9.2.0/29", "InvalidSubnet.Range"),
        ("10.9.2.1/24", "InvalidParameterValue"),
    ] {
        assert_eq!(sim.send(subnet(cidr)).unwrap_err().code(), Some(code), "{cidr}");
    }
    let group = CreateSecurityGroup {
        group_name: "g".into(),
        group_description: "d".into(),
        vpc_id: Some(vpc_id.clone()),
        ..Default::default()
    };
    let group_id = sim.send(group.clone()).unwrap().group_id;
    assert_eq!(sim.send(group).unwrap_err().code(), Some("InvalidGroup.Duplicate"));
    sim.send(DeleteSecurityGroup { group_id, dry_run: None }).unwrap();
    sim.send(DeleteSubnet { subnet_id: made.subnet_id, dry_run: None }).unwrap();
    sim.send(DeleteVpc { vpc_id, dry_run: None }).unwrap();
    assert!(sim.state().vpcs.is_empty() && sim.state().groups.is_empty());
}

#[test]
fn a_seed_makes_everything_or_nothing() {
    let mut sim = ec2_sim::Simulator::new(Settings::unthrottled());
    let mut seed = crate::region::seed();
    seed.instances[1].subnet = "nowhere".into();
    assert!(sim.apply_seed(&seed).is_err());
    assert!(sim.state().vpcs.is_empty() && sim.state().enis.is_empty());
}

#[test]
fn a_seed_takes_chosen_ids_and_refuses_taken_or_malformed_ones() {
    let mut sim = ec2_sim::Simulator::new(Settings::unthrottled());
    let mut seed = crate::region::seed();
    seed.instances[0].id = Some("i-0000000000000000a".into());
    assert_eq!(sim.apply_seed(&seed).unwrap().instances["m5"], "i-0000000000000000a");
    assert!(sim.apply_seed(&seed).is_err());
    seed.instances[0].id = Some("i-a".into());
    assert_eq!(sim.apply_seed(&seed).unwrap_err().code, "InvalidInstanceID.Malformed");
}
