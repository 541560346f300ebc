use ec2_sim::api::{
    CreateNetworkInterface, CreateTags, DeleteNetworkInterface, DescribeNetworkInterfaces, Tag,
    TagSpecification,
};
use ec2_sim::{Effect, Failure, Statement};

use crate::region::Region;

fn allow(actions: &[&str]) -> Statement {
    Statement::new(Effect::Allow, actions)
}

fn pair(key: &str, value: &str) -> std::collections::BTreeMap<String, String> {
    [(key.to_owned(), value.to_owned())].into()
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
    region.sim.settings_mut().policy = vec![allow(&["Describe*", "CreateNetworkInterface"])];
    let eni = region.eni("a");
    let delete = DeleteNetworkInterface { network_interface_id: eni, dry_run: None };
    assert_eq!(region.refusal(delete), "UnauthorizedOperation");
    region.sim.settings_mut().policy.push(Statement::new(Effect::Deny, &["Create*"]));
    let request = region.create("a");
    assert_eq!(region.refusal(request), "UnauthorizedOperation");
}

#[test]
fn an_eni_is_deleted_only_with_the_right_tag() {
    let mut region = Region::new();
    let (ours, theirs) = (tagged(&region, "me"), tagged(&region, "you"));
    let id = |region: &mut Region, request| {
        region.sim.send::<CreateNetworkInterface>(request).unwrap().network_interface.network_interface_id
    };
    let (ours, theirs) = (id(&mut region, ours), id(&mut region, theirs));
    region.sim.settings_mut().policy =
        vec![Statement { resource_tags: pair("owner", "me"), ..allow(&["DeleteNetworkInterface"]) }];
    let delete = |id| DeleteNetworkInterface { network_interface_id: id, dry_run: None };
    assert_eq!(region.refusal(delete(theirs)), "UnauthorizedOperation");
    region.sim.send(delete(ours)).unwrap();
}

#[test]
fn an_eni_is_made_only_with_the_right_tag() {
    let mut region = Region::new();
    let eni = Statement {
        resources: vec!["network-interface/*".into()],
        request_tags: pair("owner", "me"),
        ..allow(&["CreateNetworkInterface", "CreateTags"])
    };
    let rest = Statement {
        resources: vec!["subnet/*".into(), "security-group/*".into()],
        ..allow(&["CreateNetworkInterface"])
    };
    region.sim.settings_mut().policy = vec![eni, rest];
    for request in [region.create("a"), tagged(&region, "you")] {
        assert_eq!(region.refusal(request), "UnauthorizedOperation");
    }
    region.sim.send(tagged(&region, "me")).unwrap();
}

#[test]
fn making_with_tags_needs_the_right_to_tag_for_that_action() {
    let mut region = Region::new();
    region.sim.settings_mut().policy = vec![allow(&["CreateNetworkInterface"])];
    let request = tagged(&region, "me");
    assert_eq!(region.refusal(request.clone()), "UnauthorizedOperation");
    let tag = Statement { create_action: Some("CreateNetworkInterface".into()), ..allow(&["CreateTags"]) };
    region.sim.settings_mut().policy.push(tag);
    let eni = region.sim.send(request).unwrap().network_interface.network_interface_id;
    let later = CreateTags { resources: vec![eni], tags: vec![Tag::new("k", "v")], dry_run: None };
    assert_eq!(region.refusal(later), "UnauthorizedOperation");
}
