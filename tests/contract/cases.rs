//! The contract: what the operator counts on when it writes to Kubernetes.

use eni_operator::api::{
    ATTACHMENT_FINALIZER, ConditionType, HAS_ENI_LABEL, NODE_ENI_FINALIZER, NodeENI, NodeENIAttachment,
    NodeENIAttachmentSpec, NodeENIAttachmentStatus, NodeENISpec, NodeENIStatus, Reason, Verdict,
    find_condition, set_condition,
};
use eni_operator::cluster::{Cluster, ClusterErrorKind, Done};
use eni_operator::model::Epoch;
use eni_operator::plan::{node::NodeFacts, record};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use crate::admin::World;

const OTHERS: &str = "example.com/finalizer";
const AGENT: &str = "eni-operator-node-agent";

/// Runs every case, each with names of its own.
pub async fn all(world: &impl World) {
    writing::all(world).await;
    status::all(world).await;
    leaving::all(world).await;
    node_enis::all(world).await;
}

fn facts(name: &str, uid: String) -> NodeFacts {
    NodeFacts { name: name.to_owned(), uid, ..NodeFacts::default() }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(done: Done<T>, kind: ClusterErrorKind) {
    match done {
        Err(error) if error.kind == kind => {}
        other => panic!("expected {kind:?}, got {other:?}"),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

/// A slot's object, as the operator makes it.
fn new_slot(name: &str) -> NodeENIAttachment {
    let spec = NodeENIAttachmentSpec {
        node_eni: name.to_owned(),
        node_name: "node".to_owned(),
        instance_id: "i-00000001".to_owned(),
        subnet_id: "subnet-00000001".to_owned(),
        device_index: 1,
        ..NodeENIAttachmentSpec::default()
    };
    let mut slot = NodeENIAttachment::new(name, spec);
    slot.metadata.finalizers = Some(vec![ATTACHMENT_FINALIZER.to_owned()]);
    slot
}

async fn made(world: &impl World, name: &str) -> NodeENIAttachment {
    world.port().create(&new_slot(name)).await.unwrap()
}

/// The controller's part of a status.
fn said(reason: Reason) -> NodeENIAttachmentStatus {
    let mut status = NodeENIAttachmentStatus {
        observed_generation: Some(1),
        cloud: Some(record::intended(Epoch(7), now())),
        ..NodeENIAttachmentStatus::default()
    };
    let verdict = Verdict::new(ConditionType::Ready, Some(false), reason, "words");
    set_condition(&mut status.conditions, &verdict, Some(1), now());
    status
}

fn agents_part() -> serde_json::Value {
    json!({
        "host": { "linkName": "eth1" },
        "conditions": [{
            "type": "LinkReady", "status": "True", "reason": "Up", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        }],
    })
}

mod writing {
    use super::*;

    pub(super) async fn all(world: &impl World) {
        an_object_is_born_with_uid_generation_and_without_status(world).await;
        a_second_create_is_a_conflict(world).await;
        a_replace_raises_the_generation(world).await;
        a_replace_that_changes_nothing_changes_nothing(world).await;
        a_replace_of_an_old_state_is_a_conflict(world).await;
        a_replace_of_what_is_gone_says_so(world).await;
        a_replace_of_another_of_the_name_is_a_conflict(world).await;
        a_replace_leaves_the_status_alone(world).await;
    }

    async fn an_object_is_born_with_uid_generation_and_without_status(world: &impl World) {
        let slot = NodeENIAttachment { status: Some(said(Reason::InProgress)), ..new_slot("born") };
        let made = world.port().create(&slot).await.unwrap();
        assert!(made.uid().is_some() && made.resource_version().is_some());
        assert_eq!((made.metadata.generation, made.status), (Some(1), None));
    }

    async fn a_second_create_is_a_conflict(world: &impl World) {
        made(world, "twice").await;
        refused(world.port().create(&new_slot("twice")).await, ClusterErrorKind::Conflict);
    }

    async fn a_replace_raises_the_generation(world: &impl World) {
        let mut slot = made(world, "raised").await;
        slot.spec.release = true;
        let replaced = world.port().replace(&slot).await.unwrap();
        assert_eq!((replaced.metadata.generation, replaced.spec.release), (Some(2), true));
        assert_eq!(replaced.uid(), slot.uid());
        assert_ne!(replaced.resource_version(), slot.resource_version());
    }

    async fn a_replace_that_changes_nothing_changes_nothing(world: &impl World) {
        let slot = made(world, "unchanged").await;
        let replaced = world.port().replace(&slot).await.unwrap();
        assert_eq!(replaced.resource_version(), slot.resource_version());
    }

    async fn a_replace_of_an_old_state_is_a_conflict(world: &impl World) {
        let old = made(world, "stale").await;
        let mut newer = old.clone();
        newer.spec.release = true;
        world.port().replace(&newer).await.unwrap();
        refused(world.port().replace(&newer).await, ClusterErrorKind::Conflict);
        refused(world.port().replace(&old).await, ClusterErrorKind::Conflict);
    }

    async fn a_replace_of_what_is_gone_says_so(world: &impl World) {
        let slot = made(world, "vanished").await;
        world.port().let_go(&slot).await.unwrap();
        world.port().delete(&slot).await.unwrap();
        refused(world.port().replace(&slot).await, ClusterErrorKind::Gone);
    }

    async fn a_replace_of_another_of_the_name_is_a_conflict(world: &impl World) {
        let old = made(world, "another").await;
        world.port().let_go(&old).await.unwrap();
        world.port().delete(&old).await.unwrap();
        made(world, "another").await;
        refused(world.port().replace(&old).await, ClusterErrorKind::Conflict);
    }

    async fn a_replace_leaves_the_status_alone(world: &impl World) {
        let slot = made(world, "kept").await;
        let mut slot = world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        let before = slot.status.take();
        slot.spec.release = true;
        let replaced = world.port().replace(&slot).await.unwrap();
        assert_eq!(replaced.status, before);
    }
}

mod status {
    use super::*;

    pub(super) async fn all(world: &impl World) {
        an_applied_status_comes_back_as_it_was_written(world).await;
        a_status_that_changes_nothing_changes_nothing(world).await;
        a_status_does_not_raise_the_generation(world).await;
        a_status_of_an_old_state_is_a_conflict(world).await;
        a_status_of_another_of_the_name_is_a_conflict(world).await;
        a_status_is_fenced_by_its_version_alone(world).await;
        a_status_of_what_is_gone_says_so(world).await;
        the_parts_of_two_managers_stay_apart(world).await;
        what_a_manager_leaves_out_goes(world).await;
    }

    async fn an_applied_status_comes_back_as_it_was_written(world: &impl World) {
        let slot = made(world, "applied").await;
        let applied = world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        assert_eq!(applied.status, Some(said(Reason::InProgress)));
    }

    async fn a_status_that_changes_nothing_changes_nothing(world: &impl World) {
        let slot = made(world, "idle").await;
        let once = world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        let twice = world.port().apply_status(&once, &said(Reason::InProgress)).await.unwrap();
        assert_eq!(once.resource_version(), twice.resource_version());
    }

    async fn a_status_does_not_raise_the_generation(world: &impl World) {
        let slot = made(world, "generation").await;
        let applied = world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        assert_eq!(applied.metadata.generation, Some(1));
    }

    async fn a_status_of_an_old_state_is_a_conflict(world: &impl World) {
        let slot = made(world, "fenced").await;
        world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        let late = world.port().apply_status(&slot, &said(Reason::Settling)).await;
        refused(late, ClusterErrorKind::Conflict);
    }

    async fn a_status_of_another_of_the_name_is_a_conflict(world: &impl World) {
        let old = made(world, "impostor").await;
        world.port().let_go(&old).await.unwrap();
        world.port().delete(&old).await.unwrap();
        made(world, "impostor").await;
        refused(world.port().apply_status(&old, &said(Reason::Settling)).await, ClusterErrorKind::Conflict);
    }

    /// A surprise: the uid in an apply of a status is not looked at. No version belongs to two objects, so
    /// the version fences all the same.
    async fn a_status_is_fenced_by_its_version_alone(world: &impl World) {
        let mut slot = made(world, "alias").await;
        slot.metadata.uid = Some("00000000-0000-4000-8000-0000000000ff".to_owned());
        assert!(world.port().apply_status(&slot, &said(Reason::Settling)).await.is_ok());
    }

    async fn a_status_of_what_is_gone_says_so(world: &impl World) {
        let slot = made(world, "ghost").await;
        world.port().let_go(&slot).await.unwrap();
        world.port().delete(&slot).await.unwrap();
        let late = world.port().apply_status(&slot, &said(Reason::Settling)).await;
        refused(late, ClusterErrorKind::Gone);
        assert!(world.slot("ghost").await.is_none());
    }

    async fn the_parts_of_two_managers_stay_apart(world: &impl World) {
        let slot = made(world, "shared").await;
        world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        world.apply_as("shared", AGENT, agents_part()).await;
        let slot = world.slot("shared").await.unwrap();
        let after = world.port().apply_status(&slot, &said(Reason::Settling)).await.unwrap().status.unwrap();
        assert!(find_condition(&after.conditions, ConditionType::LinkReady).is_some());
        assert_eq!(find_condition(&after.conditions, ConditionType::Ready).unwrap().reason, "Settling");
        assert_eq!(after.host.unwrap().link_name.as_deref(), Some("eth1"));
    }

    async fn what_a_manager_leaves_out_goes(world: &impl World) {
        let slot = made(world, "shrunk").await;
        let slot = world.port().apply_status(&slot, &said(Reason::InProgress)).await.unwrap();
        world.apply_as("shrunk", AGENT, agents_part()).await;
        let slot = NodeENIAttachment { metadata: world.slot("shrunk").await.unwrap().metadata, ..slot };
        let less = NodeENIAttachmentStatus { observed_generation: Some(1), ..Default::default() };
        let after = world.port().apply_status(&slot, &less).await.unwrap().status.unwrap();
        assert_eq!((after.cloud, after.observed_generation), (None, Some(1)));
        assert!(find_condition(&after.conditions, ConditionType::Ready).is_none());
        assert!(find_condition(&after.conditions, ConditionType::LinkReady).is_some());
        assert!(after.host.is_some());
    }
}

mod leaving {
    use super::*;

    pub(super) async fn all(world: &impl World) {
        a_deleted_object_stays_until_its_finalizer_goes(world).await;
        a_delete_raises_the_generation_once(world).await;
        an_object_without_finalizers_goes_at_once(world).await;
        a_delete_of_what_is_gone_is_done(world).await;
        a_delete_of_another_of_the_name_is_a_conflict(world).await;
        a_dying_object_takes_a_status_and_a_spec(world).await;
        letting_go_of_what_is_gone_is_done(world).await;
        letting_go_of_an_old_state_is_a_conflict(world).await;
        letting_go_keeps_others_finalizers(world).await;
    }

    async fn a_deleted_object_stays_until_its_finalizer_goes(world: &impl World) {
        let slot = made(world, "held").await;
        world.port().delete(&slot).await.unwrap();
        let dying = world.slot("held").await.unwrap();
        assert!(dying.metadata.deletion_timestamp.is_some());
        world.port().let_go(&dying).await.unwrap();
        assert!(world.slot("held").await.is_none());
    }

    async fn a_delete_raises_the_generation_once(world: &impl World) {
        let slot = made(world, "aged").await;
        world.port().delete(&slot).await.unwrap();
        let once = world.slot("aged").await.unwrap();
        world.port().delete(&slot).await.unwrap();
        let twice = world.slot("aged").await.unwrap();
        assert_eq!((once.metadata.generation, twice.metadata.generation), (Some(2), Some(2)));
        assert_eq!(once.resource_version(), twice.resource_version());
    }

    async fn an_object_without_finalizers_goes_at_once(world: &impl World) {
        let slot = made(world, "free").await;
        world.port().let_go(&slot).await.unwrap();
        world.port().delete(&slot).await.unwrap();
        assert!(world.slot("free").await.is_none());
    }

    async fn a_delete_of_what_is_gone_is_done(world: &impl World) {
        let slot = made(world, "over").await;
        world.port().let_go(&slot).await.unwrap();
        world.port().delete(&slot).await.unwrap();
        world.port().delete(&slot).await.unwrap();
    }

    async fn a_delete_of_another_of_the_name_is_a_conflict(world: &impl World) {
        let mut slot = made(world, "namesake").await;
        slot.metadata.uid = Some("00000000-0000-4000-8000-0000000000ff".to_owned());
        refused(world.port().delete(&slot).await, ClusterErrorKind::Conflict);
        assert!(world.slot("namesake").await.unwrap().metadata.deletion_timestamp.is_none());
    }

    async fn a_dying_object_takes_a_status_and_a_spec(world: &impl World) {
        let slot = made(world, "dying").await;
        world.port().delete(&slot).await.unwrap();
        let dying = world.slot("dying").await.unwrap();
        let mut dying = world.port().apply_status(&dying, &said(Reason::Removing)).await.unwrap();
        dying.spec.release = true;
        assert!(world.port().replace(&dying).await.unwrap().spec.release);
    }

    async fn letting_go_of_what_is_gone_is_done(world: &impl World) {
        let slot = made(world, "freed").await;
        world.port().delete(&slot).await.unwrap();
        let dying = world.slot("freed").await.unwrap();
        world.port().let_go(&dying).await.unwrap();
        world.port().let_go(&dying).await.unwrap();
    }

    async fn letting_go_of_an_old_state_is_a_conflict(world: &impl World) {
        let slot = made(world, "grip").await;
        world.port().delete(&slot).await.unwrap();
        refused(world.port().let_go(&slot).await, ClusterErrorKind::Conflict);
        assert!(world.slot("grip").await.is_some());
    }

    async fn letting_go_keeps_others_finalizers(world: &impl World) {
        made(world, "guarded").await;
        world.set_finalizers("guarded", &[OTHERS, ATTACHMENT_FINALIZER]).await;
        let slot = world.slot("guarded").await.unwrap();
        world.port().delete(&slot).await.unwrap();
        world.port().let_go(&world.slot("guarded").await.unwrap()).await.unwrap();
        assert_eq!(world.slot("guarded").await.unwrap().finalizers(), [OTHERS]);
        world.set_finalizers("guarded", &[]).await;
        assert!(world.slot("guarded").await.is_none());
    }
}

mod node_enis {
    use super::*;

    pub(super) async fn all(world: &impl World) {
        a_node_eni_exists_until_it_is_gone(world).await;
        the_finalizer_goes_on_beside_others_and_off_alone(world).await;
        a_finalizer_on_an_old_state_is_a_conflict(world).await;
        a_finalizer_on_a_dying_object_is_refused(world).await;
        taking_the_finalizer_off_what_is_gone_is_done(world).await;
        a_status_is_applied_and_fenced(world).await;
        a_node_is_marked_and_unmarked_as_often_as_you_like(world).await;
        marking_a_node_that_is_gone_is_done(world).await;
        another_node_of_the_same_name_is_not_marked(world).await;
    }

    async fn node_eni(world: &impl World, name: &str) -> NodeENI {
        let spec: NodeENISpec = serde_json::from_value(json!({
            "nodeSelector": { "none": "none" },
            "subnetID": "subnet-00000001",
            "securityGroupIDs": ["sg-00000001"],
        }))
        .unwrap();
        world.make(&NodeENI::new(name, spec)).await
    }

    async fn a_node_eni_exists_until_it_is_gone(world: &impl World) {
        assert!(!world.port().node_eni_exists("exists").await.unwrap());
        let object = node_eni(world, "exists").await;
        world.port().add_finalizer(&object).await.unwrap();
        world.delete_node_eni("exists").await;
        assert!(world.port().node_eni_exists("exists").await.unwrap());
        world.port().remove_finalizer(&world.node_eni("exists").await.unwrap()).await.unwrap();
        assert!(!world.port().node_eni_exists("exists").await.unwrap());
    }

    async fn the_finalizer_goes_on_beside_others_and_off_alone(world: &impl World) {
        node_eni(world, "beside").await;
        world.set_node_eni_finalizers("beside", &[OTHERS]).await;
        world.port().add_finalizer(&world.node_eni("beside").await.unwrap()).await.unwrap();
        let object = world.node_eni("beside").await.unwrap();
        assert_eq!(object.finalizers(), [OTHERS, NODE_ENI_FINALIZER]);
        assert_eq!(object.metadata.generation, Some(1));
        world.port().remove_finalizer(&object).await.unwrap();
        assert_eq!(world.node_eni("beside").await.unwrap().finalizers(), [OTHERS]);
    }

    async fn a_finalizer_on_an_old_state_is_a_conflict(world: &impl World) {
        let object = node_eni(world, "old").await;
        world.set_node_eni_finalizers("old", &[OTHERS]).await;
        refused(world.port().add_finalizer(&object).await, ClusterErrorKind::Conflict);
        assert_eq!(world.node_eni("old").await.unwrap().finalizers(), [OTHERS]);
    }

    async fn a_finalizer_on_a_dying_object_is_refused(world: &impl World) {
        node_eni(world, "late").await;
        world.set_node_eni_finalizers("late", &[OTHERS]).await;
        world.delete_node_eni("late").await;
        let dying = world.node_eni("late").await.unwrap();
        refused(world.port().add_finalizer(&dying).await, ClusterErrorKind::Refused);
    }

    async fn taking_the_finalizer_off_what_is_gone_is_done(world: &impl World) {
        let object = node_eni(world, "off").await;
        world.delete_node_eni("off").await;
        world.port().remove_finalizer(&object).await.unwrap();
    }

    async fn a_status_is_applied_and_fenced(world: &impl World) {
        let object = node_eni(world, "counted").await;
        let status = NodeENIStatus { desired: 3, ..NodeENIStatus::default() };
        world.port().apply_node_eni_status(&object, &status).await.unwrap();
        assert_eq!(world.node_eni("counted").await.unwrap().status.unwrap().desired, 3);
        let late = world.port().apply_node_eni_status(&object, &NodeENIStatus::default()).await;
        refused(late, ClusterErrorKind::Conflict);
    }

    async fn a_node_is_marked_and_unmarked_as_often_as_you_like(world: &impl World) {
        world.register("machine", ("net", "yes")).await;
        let marked = |labels: &[(String, String)]| labels.iter().any(|(key, _)| key == HAS_ENI_LABEL);
        let node = facts("machine", world.node_uid("machine").await);
        for on in [true, true, false, false] {
            world.port().mark_node(&node, on).await.unwrap();
            let labels = world.labels("machine").await;
            assert_eq!(marked(&labels), on);
            assert!(labels.contains(&("net".to_owned(), "yes".to_owned())));
        }
    }

    async fn marking_a_node_that_is_gone_is_done(world: &impl World) {
        let node = facts("nowhere", "5f0c7f5e-5d4e-4c9e-9d0a-3f6a0b8f1c11".to_owned());
        world.port().mark_node(&node, true).await.unwrap();
        world.port().mark_node(&node, false).await.unwrap();
    }

    async fn another_node_of_the_same_name_is_not_marked(world: &impl World) {
        world.register("again", ("net", "yes")).await;
        let before = facts("again", "5f0c7f5e-5d4e-4c9e-9d0a-3f6a0b8f1c11".to_owned());
        refused(world.port().mark_node(&before, true).await, ClusterErrorKind::Refused);
        assert_eq!(world.labels("again").await, [("net".to_owned(), "yes".to_owned())]);
    }
}
