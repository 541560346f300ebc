use ec2_sim::api::{
    AttachmentChanges, CreateNetworkInterface, CreateTags, DeleteNetworkInterface, DeleteTags,
    DescribeNetworkInterfaces, ModifyNetworkInterfaceAttribute, Tag, TagSpecification,
};
use ec2_sim::{Failure, Policy};
use serde_json::{Value, json};

use crate::region::Region;

const ENIS: &str = "arn:*:ec2:*:*:network-interface/*";

fn set(region: &mut Region, statements: &[Value]) {
    let policy: Policy = serde_json::from_value(json!({ "Statement": statements })).unwrap();
    region.sim.settings_mut().policy = Some(policy);
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

fn on(mut statement: Value, operator: &str, key: &str, value: &str) -> Value {
    statement["Condition"][operator][key] = json!(value);
    statement
}

fn tagged(region: &Region, value: &str) -> CreateNetworkInterface {
    CreateNetworkInterface {
        tag_specifications: vec![TagSpecification::eni([("owner", value)])],
        ..region.create("a")
    }
}

#[test]
fn an_action_can_be_switched_off() {
    let mut region = Region::new();
    region.sim.settings_mut().denied.insert("Create*".into());
    let request = region.create("a");
    let failure = region.sim.send(request).unwrap_err();
    assert!(matches!(failure, Failure::Refused(e) if e.code == "UnauthorizedOperation" && e.status == 403));
    region.sim.send(DescribeNetworkInterfaces::default()).unwrap();
}

#[test]
fn a_refusal_comes_before_a_dry_run() {
    let mut region = Region::new();
    region.sim.settings_mut().denied.insert("CreateNetworkInterface".into());
    let request = CreateNetworkInterface { dry_run: Some(true), ..region.create("a") };
    assert_eq!(region.refusal(request), "UnauthorizedOperation");
}

#[test]
fn what_nothing_allows_is_refused_and_a_deny_wins() {
    let mut region = Region::new();
    let some = allow(&["ec2:Describe*", "ec2:CreateNetworkInterface"], "*");
    set(&mut region, std::slice::from_ref(&some));
    let eni = region.eni("a");
    let delete = DeleteNetworkInterface { network_interface_id: eni, dry_run: None };
    assert_eq!(region.refusal(delete), "UnauthorizedOperation");
    set(&mut region, &[some, json!({ "Effect": "Deny", "Action": "ec2:create*", "Resource": "*" })]);
    let request = region.create("a");
    assert_eq!(region.refusal(request), "UnauthorizedOperation");
    region.sim.settings_mut().policy = None;
    region.eni("a");
}

#[test]
fn an_action_that_is_about_no_certain_thing_needs_all_things() {
    let mut region = Region::new();
    set(&mut region, &[allow(&["ec2:DescribeNetworkInterfaces"], ENIS)]);
    assert_eq!(region.refusal(DescribeNetworkInterfaces::default()), "UnauthorizedOperation");
    set(&mut region, &[allow(&["ec2:DescribeNetworkInterfaces"], "*")]);
    region.sim.send(DescribeNetworkInterfaces::default()).unwrap();
}

fn id(region: &mut Region, request: CreateNetworkInterface) -> String {
    region.sim.send::<CreateNetworkInterface>(request).unwrap().network_interface.network_interface_id
}

#[test]
fn an_eni_is_deleted_only_with_the_right_tag() {
    let mut region = Region::new();
    let (ours, theirs) = (tagged(&region, "me"), tagged(&region, "you"));
    let (ours, theirs) = (id(&mut region, ours), id(&mut region, theirs));
    let statement = allow(&["ec2:DeleteNetworkInterface"], ENIS);
    set(&mut region, &[on(statement, "StringEquals", "ec2:ResourceTag/owner", "me")]);
    let delete = |id| DeleteNetworkInterface { network_interface_id: id, dry_run: None };
    assert_eq!(region.refusal(delete(theirs)), "UnauthorizedOperation");
    region.sim.send(delete(ours.clone())).unwrap();
    // It has no tags any more, and nothing says that it is not there.
    assert_eq!(region.refusal(delete(ours)), "UnauthorizedOperation");
}

#[test]
fn an_eni_is_made_only_with_the_right_tag() {
    let mut region = Region::new();
    let eni = allow(&["ec2:CreateNetworkInterface", "ec2:CreateTags"], ENIS);
    let eni = on(eni, "StringEquals", "aws:RequestTag/owner", "me");
    let rest = json!({
        "Effect": "Allow", "Action": "ec2:CreateNetworkInterface",
        "Resource": ["arn:*:ec2:*:*:subnet/*", "arn:*:ec2:*:*:security-group/*"],
    });
    set(&mut region, &[eni, rest]);
    for request in [region.create("a"), tagged(&region, "you")] {
        assert_eq!(region.refusal(request), "UnauthorizedOperation");
    }
    region.sim.send(tagged(&region, "me")).unwrap();
}

#[test]
fn making_with_tags_needs_the_right_to_tag_for_that_action() {
    let mut region = Region::new();
    let make = allow(&["ec2:CreateNetworkInterface"], "*");
    set(&mut region, std::slice::from_ref(&make));
    let request = tagged(&region, "me");
    assert_eq!(region.refusal(request.clone()), "UnauthorizedOperation");
    let tag = allow(&["ec2:CreateTags"], ENIS);
    set(&mut region, &[make, on(tag, "StringEquals", "ec2:CreateAction", "CreateNetworkInterface")]);
    let eni = region.sim.send(request).unwrap().network_interface.network_interface_id;
    let later = CreateTags { resources: vec![eni], tags: vec![Tag::new("k", "v")], dry_run: None };
    assert_eq!(region.refusal(later), "UnauthorizedOperation");
}

#[test]
fn a_tag_can_be_kept_from_being_changed() {
    let mut region = Region::new();
    let request = tagged(&region, "me");
    let eni = id(&mut region, request);
    let tags = allow(&["ec2:CreateTags", "ec2:DeleteTags"], ENIS);
    let tags = on(tags, "ForAllValues:StringNotEquals", "aws:TagKeys", "owner");
    set(&mut region, &[on(tags, "Null", "aws:TagKeys", "false")]);
    let create = |key: &str| CreateTags {
        resources: vec![eni.clone()],
        tags: vec![Tag::new("k", "v"), Tag::new(key, "v")],
        dry_run: None,
    };
    assert_eq!(region.refusal(create("owner")), "UnauthorizedOperation");
    region.sim.send(create("other")).unwrap();
    let delete = |tags: Vec<Tag>| DeleteTags { resources: vec![eni.clone()], tags, ..DeleteTags::default() };
    assert_eq!(region.refusal(delete(vec![Tag::new("owner", "me")])), "UnauthorizedOperation");
    // All of them: no key is named.
    assert_eq!(region.refusal(delete(vec![])), "UnauthorizedOperation");
    region.sim.send(delete(vec![Tag::new("other", "v")])).unwrap();
}

#[test]
fn changing_an_attachment_is_asked_of_its_instance_too() {
    let mut region = Region::new();
    let (eni, attachment) = region.attached("a", "m5", 1);
    let modify = ModifyNetworkInterfaceAttribute {
        network_interface_id: eni,
        attachment: Some(AttachmentChanges {
            attachment_id: Some(attachment),
            delete_on_termination: Some(true),
            ..AttachmentChanges::default()
        }),
        ..ModifyNetworkInterfaceAttribute::default()
    };
    let on_enis = allow(&["ec2:ModifyNetworkInterfaceAttribute"], ENIS);
    set(&mut region, std::slice::from_ref(&on_enis));
    assert_eq!(region.refusal(modify.clone()), "UnauthorizedOperation");
    let on_instances = allow(&["ec2:ModifyNetworkInterfaceAttribute"], "arn:*:ec2:*:*:instance/*");
    set(&mut region, &[on_enis, on_instances]);
    region.sim.send(modify).unwrap();
}
