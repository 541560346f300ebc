use ec2_sim::api::{
    CreateTags, DescribeAvailabilityZones, DescribeInstanceTypes, DescribeInstances,
    DescribeNetworkInterfaces, DescribeSubnets, Filter, Tag,
};

use crate::region::Region;

fn found(region: &mut Region, name: &str, values: &[&str]) -> usize {
    let filters = vec![Filter::new(name, values.iter().copied())];
    let request = DescribeNetworkInterfaces { filters, ..Default::default() };
    region.sim.send(request).unwrap().network_interfaces.len()
}

#[test]
fn every_filter_finds_what_it_should() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    let tags = CreateTags { resources: vec![eni.clone()], tags: vec![Tag::new("k", "value")], dry_run: None };
    region.sim.send(tags).unwrap();
    let described = region.describe(&eni).unwrap();
    let (instance, subnet) = (region.instance("m5"), region.subnet("b"));
    for (name, value, count) in [
        ("attachment.instance-id", instance.as_str(), 2),
        ("attachment.attachment-id", &attachment, 1),
        ("attachment.status", "attached", 5),
        ("attachment.status", "attaching", 0),
        ("attachment.device-index", "1", 1),
        ("attachment.network-card-index", "0", 5),
        ("attachment.delete-on-termination", "false", 1),
        ("attachment.instance-owner-id", "123456789012", 5),
        ("tag:k", "v*", 1),
        ("tag:k", "w*", 0),
        ("tag-key", "k", 1),
        ("network-interface-id", &eni, 1),
        ("status", "in-use", 5),
        ("subnet-id", &subnet, 1),
        ("availability-zone", "us-east-1b", 1),
        ("availability-zone-id", "use1-az2", 1),
        ("mac-address", &described.mac_address, 1),
        ("interface-type", "interface", 5),
        ("requester-managed", "true", 0),
        ("source-dest-check", "true", 5),
        ("private-ip-address", described.private_ip_address.as_deref().unwrap(), 1),
        ("group-name", "default", 5),
        ("description", "?*", 0),
        ("description", "", 5),
    ] {
        assert_eq!(found(&mut region, name, &[value]), count, "{name}={value}");
    }
    assert_eq!(found(&mut region, "network-interface-id", &[&eni, "eni-*"]), 5);
}

#[test]
fn filters_are_known_and_limited_all_together() {
    let mut region = Region::new();
    let with = |filters| DescribeNetworkInterfaces { filters, ..Default::default() };
    let many = |count: usize| Filter::new("status", vec!["x"; count]);
    assert_eq!(region.refusal(with(vec![Filter::new("colour", ["red"])])), "InvalidParameterValue");
    region.sim.send(with(vec![many(199), Filter::new("vpc-id", ["x"])])).unwrap();
    assert_eq!(region.refusal(with(vec![many(200), Filter::new("vpc-id", ["x"])])), "FilterLimitExceeded");
    assert_eq!(region.refusal(with(vec![Filter::new("status", ["x".repeat(256)])])), "FilterLimitExceeded");
}

#[test]
fn pages_hold_everything_once() {
    let mut region = Region::new();
    for _ in 0..20 {
        region.eni("a");
    }
    let mut seen = Vec::new();
    let mut next_token = None;
    loop {
        let request = DescribeNetworkInterfaces { max_results: Some(5), next_token, ..Default::default() };
        let page = region.sim.send(request).unwrap();
        assert!(page.network_interfaces.len() <= 5);
        seen.extend(page.network_interfaces.into_iter().map(|eni| eni.network_interface_id));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(seen, region.sim.state().enis.ids().collect::<Vec<_>>());
}

#[test]
fn a_page_that_is_exactly_full_is_the_last() {
    let mut region = Region::new();
    region.eni("a");
    let request = DescribeNetworkInterfaces { max_results: Some(5), ..Default::default() };
    let page = region.sim.send(request).unwrap();
    assert_eq!((page.network_interfaces.len(), page.next_token), (5, None));
}

#[test]
fn a_token_is_for_the_same_question_only() {
    let mut region = Region::new();
    for _ in 0..9 {
        region.eni("a");
    }
    let request = DescribeNetworkInterfaces { max_results: Some(5), ..Default::default() };
    let next_token = region.sim.send(request.clone()).unwrap().next_token;
    let filters = vec![Filter::new("status", ["available"])];
    let other = DescribeNetworkInterfaces { next_token, filters, ..request.clone() };
    assert_eq!(region.refusal(other), "InvalidNextToken");
    for token in ["", "zz", "0123456789abcdef", "ü0123456789abcdef"] {
        let request = DescribeNetworkInterfaces { next_token: Some(token.into()), ..request.clone() };
        assert_eq!(region.refusal(request), "InvalidNextToken", "{token}");
    }
}

#[test]
fn page_sizes_have_limits_and_do_not_go_with_ids() {
    let mut region = Region::new();
    for (size, code) in [(4, "InvalidParameterValue"), (1001, "InvalidParameterValue")] {
        let request = DescribeNetworkInterfaces { max_results: Some(size), ..Default::default() };
        assert_eq!(region.refusal(request), code);
    }
    let types = DescribeInstanceTypes { max_results: Some(101), ..Default::default() };
    assert_eq!(region.refusal(types), "InvalidParameterValue");
    let eni = region.eni("a");
    let both = DescribeNetworkInterfaces {
        network_interface_ids: vec![eni],
        max_results: Some(5),
        ..Default::default()
    };
    assert_eq!(region.refusal(both), "InvalidParameterCombination");
}

#[test]
fn one_missing_id_fails_the_whole_describe() {
    let mut region = Region::new();
    let request = DescribeInstances {
        instance_ids: vec![region.instance("m5"), "i-01234567".into()],
        ..Default::default()
    };
    assert_eq!(region.refusal(request), "InvalidInstanceID.NotFound");
}

#[test]
fn instances_list_their_enis_by_slot() {
    let mut region = Region::new();
    let (eni, _) = region.attached("a", "m5", 2);
    let filters = vec![Filter::new("network-interface.network-interface-id", [eni.as_str()])];
    let answer = region.sim.send(DescribeInstances { filters, ..Default::default() }).unwrap();
    let instance = &answer.reservations[0].instances[0];
    let slots: Vec<_> = instance.network_interfaces.iter().map(|eni| eni.attachment.device_index).collect();
    assert_eq!(slots, [0, 2]);
    assert_eq!(instance.network_interfaces[1].network_interface_id, eni);
}

#[test]
fn types_zones_and_subnets_are_found() {
    let mut region = Region::new();
    let filters = vec![Filter::new("instance-type", ["m5.*large"])];
    let types = region.sim.send(DescribeInstanceTypes { filters, ..Default::default() }).unwrap();
    assert!(types.instance_types.iter().any(|kind| kind.instance_type == "m5.24xlarge"));
    let wrong = DescribeInstanceTypes { instance_types: vec!["m5.huge".into()], ..Default::default() };
    assert_eq!(region.refusal(wrong), "InvalidInstanceType");
    let zones = region.sim.send(DescribeAvailabilityZones::default()).unwrap().availability_zones;
    assert_eq!((zones.len(), zones[0].zone_id.as_str()), (6, "use1-az1"));
    let filters = vec![Filter::new("available-ip-address-count", ["11"])];
    let subnets = region.sim.send(DescribeSubnets { filters, ..Default::default() }).unwrap().subnets;
    assert_eq!(subnets[0].subnet_id, region.subnet("tiny"));
}
