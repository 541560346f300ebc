use std::time::Duration;

use ec2_sim::Settings;
use ec2_sim::What::{Attached, Attaching, Created, Deleted, Detached, Detaching};
use ec2_sim::api::{
    AttachNetworkInterface, AttachVolume, AttachmentChanges, AttributeValue, CreateNetworkInterface,
    CreateVolume, DeleteNetworkInterface, DetachNetworkInterface, ModifyNetworkInterfaceAttribute,
    ResetNetworkInterfaceAttribute, StopInstances, TerminateInstances,
};

use crate::region::Region;

#[test]
fn an_attach_takes_its_time() {
    let mut region = Region::new();
    let eni = region.eni("a");
    region.sim.send(region.attach(&eni, "m5", 1)).unwrap();
    let place = region.describe(&eni).unwrap().attachment.unwrap();
    assert_eq!((place.status.as_str(), place.delete_on_termination), ("attaching", false));
    region.wait(1499);
    assert_eq!(region.describe(&eni).unwrap().attachment.unwrap().status, "attaching");
    region.wait(1);
    let now = region.describe(&eni).unwrap();
    assert_eq!((now.status.as_str(), now.attachment.unwrap().status.as_str()), ("in-use", "attached"));
}

#[test]
fn an_attach_that_takes_no_time_is_done_at_once() {
    let mut region = Region::with(Settings { attach: Duration::ZERO, ..Settings::unthrottled() });
    let eni = region.eni("a");
    region.sim.send(region.attach(&eni, "m5", 1)).unwrap();
    assert_eq!(region.describe(&eni).unwrap().attachment.unwrap().status, "attached");
}

#[test]
fn a_device_index_is_taken_even_while_attaching() {
    let mut region = Region::new();
    let (first, second) = (region.eni("a"), region.eni("a"));
    region.sim.send(region.attach(&first, "m5", 1)).unwrap();
    let error = region.sim.send(region.attach(&second, "m5", 1)).unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameterValue"));
    let text = format!(
        "Instance '{}' already has an interface attached at device index '1'.",
        region.instance("m5")
    );
    assert!(error.to_string().contains(&text), "{error}");
    let primary = region.attach(&second, "m5", 0);
    assert_eq!(region.refusal(primary), "InvalidParameterValue");
}

#[test]
fn an_eni_is_on_one_instance_only() {
    let mut region = Region::new();
    let (eni, _) = region.attached("a", "m5", 1);
    let again = region.attach(&eni, "cards", 1);
    assert_eq!(region.refusal(again), "InvalidNetworkInterface.InUse");
}

#[test]
fn a_type_takes_only_so_many_enis() {
    let mut region = Region::new();
    region.attached("a", "m5", 1);
    region.attached("a", "m5", 2);
    let eni = region.eni("a");
    let error = region.sim.send(region.attach(&eni, "m5", 3)).unwrap_err();
    assert_eq!(error.code(), Some("AttachmentLimitExceeded"));
    assert!(error.to_string().contains("Interface count 4 exceeds the limit for m5.large"), "{error}");
}

#[test]
fn every_card_has_its_own_indexes_and_its_own_limit() {
    let mut region = Region::new();
    let on = |region: &Region, eni: &str, card, device| AttachNetworkInterface {
        network_card_index: Some(card),
        ..region.attach(eni, "cards", device)
    };
    for device in 0..8 {
        let eni = region.eni("a");
        let answer = region.sim.send(on(&region, &eni, 1, device)).unwrap();
        assert_eq!(answer.network_card_index, 1);
    }
    let eni = region.eni("a");
    let full = on(&region, &eni, 1, 8);
    assert_eq!(region.refusal(full), "AttachmentLimitExceeded");
    let none = on(&region, &eni, 2, 1);
    assert_eq!(region.refusal(none), "InvalidParameterValue");
    region.sim.send(on(&region, &eni, 0, 1)).unwrap();
}

#[test]
fn volumes_and_enis_share_the_slots_of_older_types() {
    let mut region = Region::new();
    let mut volume = |device: usize| {
        let made = region
            .sim
            .send(CreateVolume { availability_zone: Some("us-east-1a".into()), ..CreateVolume::default() });
        AttachVolume {
            volume_id: made.unwrap().volume_id,
            instance_id: region.instance("m5"),
            device: format!("/dev/sd{device}"),
            dry_run: None,
        }
    };
    let mut volumes: Vec<_> = (0..28).map(&mut volume).collect();
    let last = volumes.pop().unwrap();
    for attach in volumes {
        region.sim.send(attach).unwrap();
    }
    assert_eq!(region.refusal(last), "AttachmentLimitExceeded");
    let eni = region.eni("a");
    let attach = region.attach(&eni, "m5", 1);
    assert_eq!(region.refusal(attach), "AttachmentLimitExceeded");
}

#[test]
fn another_zone_is_too_far() {
    let mut region = Region::new();
    let eni = region.eni("b");
    let attach = region.attach(&eni, "m5", 1);
    assert_eq!(region.refusal(attach), "InvalidParameterCombination");
}

#[test]
fn another_vpc_is_a_matter_of_the_settings() {
    let mut region = Region::new();
    let eni = region.eni("foreign");
    region.sim.settings_mut().multi_vpc = false;
    let attach = region.attach(&eni, "m5", 1);
    assert_eq!(region.refusal(attach.clone()), "InvalidParameterCombination");
    region.sim.settings_mut().multi_vpc = true;
    region.sim.send(attach).unwrap();
}

#[test]
fn only_running_and_stopped_instances_take_enis() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let far = region.eni("b");
    let stop = StopInstances { instance_ids: vec![region.instance("m5")], ..Default::default() };
    region.sim.send(stop).unwrap();
    let attach = region.attach(&eni, "m5", 1);
    assert_eq!(region.refusal(attach.clone()), "IncorrectState");
    region.wait(10_000);
    region.sim.send(attach).unwrap();
    let terminate = TerminateInstances { instance_ids: vec![region.instance("far")], ..Default::default() };
    region.sim.send(terminate).unwrap();
    for _ in 0..2 {
        let attach = region.attach(&far, "far", 1);
        assert_eq!(region.refusal(attach), "IncorrectState");
        region.wait(10_000);
    }
}

#[test]
fn an_efa_never_meets_a_running_instance() {
    let mut region = Region::new();
    let efa = CreateNetworkInterface { interface_type: Some("efa".into()), ..region.create("a") };
    let efa = region.sim.send(efa).unwrap().network_interface;
    assert_eq!(efa.interface_type, "efa");
    let running = region.attach(&efa.network_interface_id, "cards", 1);
    assert_eq!(region.refusal(running), "IncorrectInstanceState");
    region.sim.send(region.attach(&efa.network_interface_id, "off", 1)).unwrap();
}

#[test]
fn a_detach_takes_its_time_and_then_the_attachment_is_unknown() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    region.detach(&attachment).unwrap();
    assert_eq!(region.describe(&eni).unwrap().attachment.unwrap().status, "detaching");
    assert_eq!(region.detach(&attachment).unwrap_err().code(), Some("IncorrectState"));
    region.wait(2000);
    let now = region.describe(&eni).unwrap();
    assert_eq!((now.status.as_str(), now.attachment), ("available", None));
    assert_eq!(region.detach(&attachment).unwrap_err().code(), Some("InvalidAttachmentID.NotFound"));
    assert_eq!(
        region.detach("eni-attach-1").unwrap_err().code(),
        Some("InvalidNetworkInterfaceAttachmentId.Malformed")
    );
}

#[test]
fn the_primary_eni_stays() {
    let mut region = Region::new();
    let primary = region.ids.primary_enis["m5"].clone();
    let place = region.describe(&primary).unwrap().attachment.unwrap();
    assert!(place.delete_on_termination);
    assert_eq!(region.detach(&place.attachment_id).unwrap_err().code(), Some("OperationNotPermitted"));
    let force = DetachNetworkInterface {
        attachment_id: place.attachment_id,
        force: Some(true),
        ..DetachNetworkInterface::default()
    };
    assert_eq!(region.refusal(force), "OperationNotPermitted");
}

#[test]
fn an_attached_eni_cannot_be_deleted_not_even_while_detaching() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    let delete = DeleteNetworkInterface { network_interface_id: eni.clone(), dry_run: None };
    let error = region.sim.send(delete.clone()).unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameterValue"));
    assert!(
        error.to_string().contains(&format!("Network interface '{eni}' is currently in use.")),
        "{error}"
    );
    region.detach(&attachment).unwrap();
    assert_eq!(region.refusal(delete.clone()), "InvalidParameterValue");
    region.wait(2000);
    region.sim.send(delete).unwrap();
}

#[test]
fn one_attribute_is_changed_at_a_time() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    let modify = ModifyNetworkInterfaceAttribute { network_interface_id: eni.clone(), ..Default::default() };
    assert_eq!(region.refusal(modify.clone()), "MissingParameter");
    let dot = AttachmentChanges {
        attachment_id: Some(attachment),
        delete_on_termination: Some(true),
        ..Default::default()
    };
    let check = Some(AttributeValue { value: false });
    let both = ModifyNetworkInterfaceAttribute {
        attachment: Some(dot.clone()),
        source_dest_check: check.clone(),
        ..modify.clone()
    };
    assert_eq!(region.refusal(both), "InvalidParameterCombination");
    for one in [
        ModifyNetworkInterfaceAttribute { attachment: Some(dot), ..modify.clone() },
        ModifyNetworkInterfaceAttribute { source_dest_check: check, ..modify.clone() },
        ModifyNetworkInterfaceAttribute { groups: vec![region.group("h")], ..modify.clone() },
        ModifyNetworkInterfaceAttribute {
            description: Some(AttributeValue { value: "new".into() }),
            ..modify.clone()
        },
    ] {
        region.sim.send(one).unwrap();
    }
    let now = region.describe(&eni).unwrap();
    assert!(now.attachment.as_ref().unwrap().delete_on_termination);
    assert_eq!((now.source_dest_check, now.description.as_str()), (false, "new"));
    assert_eq!(now.groups[0].group_name, "h");
    let reset = ResetNetworkInterfaceAttribute {
        network_interface_id: eni.clone(),
        source_dest_check: Some("true".into()),
        dry_run: None,
    };
    region.sim.send(reset).unwrap();
    assert!(region.describe(&eni).unwrap().source_dest_check);
}

#[test]
fn a_change_names_the_attachment_that_is_there() {
    let mut region = Region::new();
    let (_, other) = region.attached("a", "cards", 1);
    let (eni, _) = region.attached("a", "m5", 1);
    let changes = AttachmentChanges {
        attachment_id: Some(other),
        delete_on_termination: Some(true),
        ..Default::default()
    };
    let modify = ModifyNetworkInterfaceAttribute {
        network_interface_id: eni,
        attachment: Some(changes),
        ..Default::default()
    };
    assert_eq!(region.refusal(modify), "InvalidAttachmentID.NotFound");
}

#[test]
fn events_tell_the_life_of_an_eni_in_order() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    region.detach(&attachment).unwrap();
    region.wait(2000);
    region.sim.send(DeleteNetworkInterface { network_interface_id: eni.clone(), dry_run: None }).unwrap();
    let whats: Vec<_> = region.sim.events(0).iter().filter(|e| e.eni_id == eni).map(|e| e.what).collect();
    assert_eq!(whats, [Created, Attaching, Attached, Detaching, Detached, Deleted]);
    let all = region.sim.events(0);
    assert!(all.iter().zip(1..).all(|(event, number)| event.sequence == number));
    assert_eq!(region.sim.events(3)[0].sequence, 3);
}
