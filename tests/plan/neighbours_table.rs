//! What is said of others who want what ENIs take.

use eni_operator::api::{ConditionType, NodeENIStatus, find_condition};
use eni_operator::model::InstanceType;
use eni_operator::plan::Pace;
use eni_operator::plan::fanout::{World, plan};
use eni_operator::plan::rollup::events;
use k8s_openapi::jiff::SignedDuration;

use crate::fanout_worlds::{Planned, make};
use crate::make::{settings, type_with};
use crate::rollup_table::calm;

/// Two nodes with an ENI each, of a type that has this limit for ENIs and volumes.
fn world(shared_attachments: Option<u32>) -> World {
    let node = calm().nodes[0].clone();
    let mut world = make(&Planned { nodes: vec![node.clone(), node], ..calm() });
    world.neighbours.types = Some(vec![InstanceType { shared_attachments, ..type_with(&[3]) }]);
    world
}

fn status(world: &World) -> NodeENIStatus {
    plan(world, &settings()).status
}

fn said(status: &NodeENIStatus, type_: ConditionType) -> Option<(&str, &str)> {
    let one = find_condition(&status.conditions, type_)?;
    Some((one.status.as_str(), one.message.as_str()))
}

#[test]
fn a_type_on_which_volumes_share_the_enis_attachments_is_told_once_with_nodes_and_numbers() {
    let mut shared = world(Some(28));
    let after = status(&shared);
    let (holds, words) = said(&after, ConditionType::SharedAttachmentLimit).unwrap();
    assert_eq!(holds, "True");
    for word in ["of the 28 attachments that m6i.large has", "1 each", "node-1, node-2"] {
        assert!(words.contains(word), "{words}");
    }
    let told = events(None, &after);
    let told: Vec<_> = told.iter().map(|event| (event.warning, event.reason)).collect();
    assert!(told.contains(&(false, "SharedAttachmentLimit")), "{told:?}");
    shared.node_eni.status = Some(after.clone());
    assert!(events(Some(&after), &status(&shared)).iter().all(|one| one.reason != "SharedAttachmentLimit"));
    // It is no reason for an ENI not to be ready.
    assert_eq!(status(&shared).failed, status(&world(None)).failed);
}

#[test]
fn a_type_that_counts_volumes_apart_or_is_not_known_is_no_worry() {
    let mut unknown = world(Some(28));
    unknown.neighbours.types = Some(vec![]);
    for apart in [world(None), unknown] {
        assert_eq!(said(&status(&apart), ConditionType::SharedAttachmentLimit), None);
    }
    // And what was a worry is taken back.
    let mut apart = world(None);
    apart.node_eni.status = Some(status(&world(Some(28))));
    assert_eq!(said(&status(&apart), ConditionType::SharedAttachmentLimit), Some(("False", "")));
}

#[test]
fn where_ec2_does_not_tell_of_types_what_was_said_stands_and_it_is_asked_again() {
    let before = status(&world(Some(28)));
    let mut dark = world(Some(28));
    dark.neighbours.types = None;
    assert_eq!(said(&status(&dark), ConditionType::SharedAttachmentLimit), None);
    dark.node_eni.status = Some(before.clone());
    let asked = plan(&dark, &settings());
    let type_ = ConditionType::SharedAttachmentLimit;
    assert_eq!(said(&asked.status, type_), said(&before, type_));
    assert_eq!(asked.pace, Pace::Within(SignedDuration::from_mins(1)));
}

#[test]
fn a_vpc_cni_that_sees_no_tags_is_a_warning_where_there_are_enis() {
    let mut blind = world(None);
    blind.neighbours.cni_is_imds_only = true;
    let after = status(&blind);
    let (holds, words) = said(&after, ConditionType::CniIgnoresTags).unwrap();
    assert!(holds == "True" && words.contains("ENABLE_IMDS_ONLY_MODE") && words.contains("no_manage"));
    assert!(events(None, &after).iter().any(|one| one.warning && one.reason == "CniIgnoresTags"));
    assert_eq!(said(&status(&world(None)), ConditionType::CniIgnoresTags), None);
    blind.nodes.clear();
    blind.children.clear();
    assert_eq!(said(&status(&blind), ConditionType::CniIgnoresTags), None);
}
