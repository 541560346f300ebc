use ec2_sim::api::{
    AttachmentChanges, AttributeValue, InstanceNetworkInterfaceSpecification, ModifyInstanceAttribute,
    ModifyInstanceMetadataOptions, ModifyNetworkInterfaceAttribute, RunInstances, StartInstances,
    StopInstances, TerminateInstances,
};
use ec2_sim::world::{AttachmentStatus, InstanceState};

use crate::region::Region;

fn run(region: &Region) -> RunInstances {
    RunInstances {
        instance_type: Some("m5.large".into()),
        subnet_id: Some(region.subnet("a")),
        min_count: 1,
        max_count: 1,
        ..RunInstances::default()
    }
}

#[test]
fn a_launch_comes_up_with_its_primary_eni() {
    let mut region = Region::new();
    let made = region.sim.send(run(&region)).unwrap().instances.remove(0);
    assert_eq!(made.instance_state.name, "pending");
    assert_eq!(made.network_interfaces[0].attachment.status, "attaching");
    region.wait(10_000);
    let state = region.sim.state();
    assert_eq!(state.instances.get(&made.instance_id).unwrap().state, InstanceState::Running);
    let place = state.enis_of(&made.instance_id).next().unwrap().attachment.clone().unwrap();
    assert!(place.delete_on_termination && place.is_primary());
    assert_eq!(place.status, AttachmentStatus::Attached);
}

#[test]
fn a_launch_takes_listed_enis_and_makes_efas() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let of = |device_index, interface_type: Option<&str>| InstanceNetworkInterfaceSpecification {
        device_index: Some(device_index),
        subnet_id: Some(region.ids.subnets["a"].clone()),
        interface_type: interface_type.map(Into::into),
        ..Default::default()
    };
    let there = InstanceNetworkInterfaceSpecification {
        network_interface_id: Some(eni.clone()),
        device_index: Some(2),
        ..Default::default()
    };
    let request = RunInstances {
        subnet_id: None,
        instance_type: Some("c6in.32xlarge".into()),
        network_interfaces: vec![there, of(1, Some("efa")), of(0, None)],
        ..run(&region)
    };
    let made = region.sim.send(request).unwrap().instances.remove(0);
    let dots: Vec<_> =
        made.network_interfaces.iter().map(|eni| eni.attachment.delete_on_termination).collect();
    assert_eq!(dots, [true, true, false]);
    assert_eq!(made.network_interfaces[1].interface_type, "efa");
    assert_eq!(made.network_interfaces[2].network_interface_id, eni);
}

#[test]
fn a_launch_that_fails_half_way_leaves_nothing() {
    let mut region = Region::new();
    let (instances, free) = (region.sim.state().instances.len(), region.free("tiny"));
    let request =
        RunInstances { subnet_id: Some(region.subnet("tiny")), min_count: 12, max_count: 12, ..run(&region) };
    assert_eq!(region.refusal(request), "InsufficientFreeAddressesInSubnet");
    assert_eq!((region.sim.state().instances.len(), region.free("tiny")), (instances, free));
}

#[test]
fn a_terminated_instance_deletes_some_enis_and_frees_the_others() {
    let mut region = Region::new();
    let free = region.free("a");
    let (doomed, attachment) = region.attached("a", "m5", 1);
    let (spared, _) = region.attached("a", "m5", 2);
    let changes = AttachmentChanges {
        attachment_id: Some(attachment),
        delete_on_termination: Some(true),
        ..Default::default()
    };
    let modify = ModifyNetworkInterfaceAttribute {
        network_interface_id: doomed.clone(),
        attachment: Some(changes),
        ..Default::default()
    };
    region.sim.send(modify).unwrap();
    let id = region.instance("m5");
    let terminate = TerminateInstances { instance_ids: vec![id.clone()], ..Default::default() };
    let change = region.sim.send(terminate).unwrap().instances.remove(0);
    assert_eq!((change.previous_state.code, change.current_state.name.as_str()), (16, "shutting-down"));
    assert!(region.describe(&doomed).is_ok());
    region.wait(10_000);
    assert_eq!(region.describe(&doomed).unwrap_err().code(), Some("InvalidNetworkInterfaceID.NotFound"));
    let left = region.describe(&spared).unwrap();
    assert_eq!((left.status.as_str(), left.attachment), ("available", None));
    // The primary and the doomed one gave their addresses back; the spared one keeps its own.
    assert_eq!(region.free("a"), free + 1 - 1);
    assert_eq!(region.sim.state().instances.get(&id).unwrap().state, InstanceState::Terminated);
    region.wait(3_600_000);
    assert!(!region.sim.state().instances.contains(&id));
}

#[test]
fn enis_stay_through_a_stop_and_a_start() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    let ids = vec![region.instance("m5")];
    region.sim.send(StopInstances { instance_ids: ids.clone(), ..Default::default() }).unwrap();
    region.wait(10_000);
    assert_eq!(region.describe(&eni).unwrap().attachment.unwrap().attachment_id, attachment);
    region.sim.send(StartInstances { instance_ids: ids.clone(), ..Default::default() }).unwrap();
    region.wait(10_000);
    assert_eq!(region.sim.state().instances.get(&ids[0]).unwrap().state, InstanceState::Running);
    assert_eq!(region.describe(&eni).unwrap().attachment.unwrap().status, "attached");
}

#[test]
fn a_type_is_changed_only_while_stopped_and_only_if_the_enis_fit() {
    let mut region = Region::new();
    let change = |region: &Region, instance: &str, kind: &str| ModifyInstanceAttribute {
        instance_id: region.instance(instance),
        instance_type: Some(AttributeValue { value: kind.into() }),
        ..Default::default()
    };
    let running = change(&region, "m5", "m5.xlarge");
    assert_eq!(region.refusal(running), "IncorrectInstanceState");
    for device in 1..4 {
        region.attached("a", "off", device);
    }
    let small = change(&region, "off", "m5.large");
    assert_eq!(region.refusal(small), "AttachmentLimitExceeded");
    region.sim.send(change(&region, "off", "m5.xlarge")).unwrap();
    let unknown = change(&region, "off", "m5.huge");
    assert_eq!(region.refusal(unknown), "InvalidInstanceType");
}

#[test]
fn metadata_options_change_one_by_one() {
    let mut region = Region::new();
    let request = ModifyInstanceMetadataOptions {
        instance_id: region.instance("m5"),
        http_put_response_hop_limit: Some(5),
        ..Default::default()
    };
    let options = region.sim.send(request.clone()).unwrap().instance_metadata_options;
    assert_eq!((options.http_put_response_hop_limit, options.http_tokens.as_str()), (5, "required"));
    let wrong = ModifyInstanceMetadataOptions { http_put_response_hop_limit: Some(65), ..request };
    assert_eq!(region.refusal(wrong), "InvalidParameterValue");
}
