//! A slim node: of the kilobytes of a Node, the few fields that decide anything.

use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};
use k8s_openapi::jiff::Timestamp;
use kube::core::{ObjectMeta, Resource};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use crate::plan::node::{Going, NodeFacts, is_going_taint};

/// A Node, as far as it matters.
///
/// A watch of metadata alone would not do: it has no `providerID`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlimNode {
    /// Name, labels, and whether it is being deleted.
    pub metadata: ObjectMeta,
    /// The instance, and who takes it away.
    #[serde(default)]
    pub spec: SlimSpec,
    /// Whether it is ready.
    #[serde(default)]
    pub status: SlimStatus,
}

/// `spec` of a Node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlimSpec {
    /// The cloud's id of the machine.
    #[serde(rename = "providerID", default)]
    pub provider_id: Option<String>,
    /// Taints, of which those count that say that the node is about to go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

/// `status` of a Node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SlimStatus {
    /// Conditions, of which `Ready` counts.
    #[serde(default)]
    pub conditions: Vec<NodeCondition>,
}

impl Resource for SlimNode {
    type DynamicType = ();
    type Scope = kube::core::ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Node::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Node::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Node::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Node::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl SlimNode {
    /// The facts that decide anything. None of them changes with a heartbeat.
    #[must_use]
    pub fn facts(&self) -> NodeFacts {
        let ready = self.status.conditions.iter().find(|condition| condition.type_ == "Ready");
        NodeFacts {
            name: self.metadata.name.clone().unwrap_or_default(),
            uid: self.metadata.uid.clone().unwrap_or_default(),
            labels: self.metadata.labels.clone().unwrap_or_default(),
            provider_id: self.spec.provider_id.clone().unwrap_or_default(),
            ready: ready.is_some_and(|condition| condition.status == "True"),
            ready_since: ready.and_then(|condition| Some(condition.last_transition_time.as_ref()?.0)),
            going: self.going(),
        }
    }

    /// The mark of one who is about to take the node away, the oldest that tells its time first.
    fn going(&self) -> Option<Going> {
        let deleted = self
            .metadata
            .deletion_timestamp
            .as_ref()
            .map(|time| Going { mark: "metadata.deletionTimestamp".to_owned(), since: Some(time.0) });
        let tainted = self.spec.taints.iter().filter(|taint| is_going_taint(&taint.key)).map(|taint| Going {
            mark: taint.key.clone(),
            since: taint.time_added.as_ref().map(|time| time.0).or_else(|| second(taint.value.as_deref()?)),
        });
        let rank = |going: &Going| (going.since.is_none(), going.since, going.mark.clone());
        deleted.into_iter().chain(tainted).min_by_key(rank)
    }
}

/// A time in seconds since 1970, which the cluster autoscaler writes as the value of its taint.
fn second(value: &str) -> Option<Timestamp> {
    Timestamp::from_second(value.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(at: &str, heartbeat: &str, taints: &str) -> SlimNode {
        serde_json::from_str(&format!(
            r#"{{"metadata":{{"name":"n"}},"spec":{{"providerID":"aws:///a/i-00000001","taints":{taints}}},
            "status":{{"conditions":[{{"type":"Ready","status":"False","lastTransitionTime":"{at}",
            "lastHeartbeatTime":"{heartbeat}"}}]}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_heartbeat_changes_no_fact_and_a_transition_does() {
        let facts = |at, heartbeat| node(at, heartbeat, "[]").facts();
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z");
        assert_eq!(facts(early, early), facts(early, late));
        assert_ne!(facts(early, late), facts(late, late));
        assert_eq!(facts(early, late).ready_since, early.parse().ok());
    }

    #[test]
    fn a_node_that_is_about_to_go_says_by_what_mark_and_since_when() {
        let going = |taints| node("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", taints).facts().going;
        let mark = |key: &str, since| Some(Going { mark: key.to_owned(), since });
        for (taints, expected) in [
            ("[]", None),
            (r#"[{"key":"node.kubernetes.io/unreachable","effect":"NoExecute"}]"#, None),
            (
                r#"[{"key":"ToBeDeletedByClusterAutoscaler","value":"1760000000","effect":"NoSchedule"}]"#,
                mark("ToBeDeletedByClusterAutoscaler", Timestamp::from_second(1_760_000_000).ok()),
            ),
            (
                r#"[{"key":"karpenter.sh/disrupted","effect":"NoSchedule"}]"#,
                mark("karpenter.sh/disrupted", None),
            ),
            (
                r#"[{"key":"aws-node-termination-handler/spot-itn","value":"event-12","effect":"NoSchedule"}]"#,
                mark("aws-node-termination-handler/spot-itn", None),
            ),
        ] {
            assert_eq!(going(taints), expected, "{taints}");
        }
        let mut deleted = node("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "[]");
        let at = Timestamp::from_second(1_760_000_000).unwrap();
        deleted.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at));
        assert_eq!(deleted.facts().going, mark("metadata.deletionTimestamp", Some(at)));
    }
}
