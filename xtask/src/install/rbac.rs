//! Who may do what in the cluster: one table, from which roles, bindings and a document are made.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::names::{self, Identity};
use super::{Part, template::filled};

/// Where a right holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    /// Everywhere: the things have no namespace.
    Cluster,
    /// In the namespace that it is installed in.
    Own,
    /// In this namespace.
    In(&'static str),
}

/// A right, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// Who has it.
    pub who: Identity,
    /// Where.
    pub place: Where,
    /// What it is about, in one word, for the name of a role that is not the cluster's.
    pub about: &'static str,
    /// API group; empty for the core.
    pub group: &'static str,
    /// The things.
    pub resource: &'static str,
    /// Only those of these names; all if none.
    pub names: &'static [&'static str],
    /// What may be done with them.
    pub verbs: &'static [&'static str],
    /// What for.
    pub why: &'static str,
}

const GROUP: &str = eni_operator::api::GROUP;
const LEASE: &str = eni_operator::controller::LEASE_NAME;
const EVENTS: Where = Where::In("default");

const fn everywhere(
    who: Identity,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Grant {
    Grant { who, place: Where::Cluster, about: "", group, resource, names: &[], verbs, why }
}

const fn events_of(who: Identity) -> Grant {
    Grant {
        who,
        place: EVENTS,
        about: "events",
        group: "events.k8s.io",
        resource: "events",
        names: &[],
        verbs: &["create", "patch"],
        why: "to tell people, and to count what is told again; events about things without a namespace are in `default`",
    }
}

/// All rights that there are.
pub const GRANTS: &[Grant] = &[
    everywhere(
        Identity::Controller,
        GROUP,
        "nodeenis",
        &["get", "list", "patch", "watch"],
        "to see what users want, and to put the finalizer on and take it off",
    ),
    everywhere(
        Identity::Controller,
        GROUP,
        "nodeenis/finalizers",
        &["update"],
        "to own slots, where the API server guards owner references",
    ),
    everywhere(Identity::Controller, GROUP, "nodeenis/status", &["patch"], "to say how far it is"),
    everywhere(
        Identity::Controller,
        GROUP,
        "nodeeniattachments",
        &["create", "delete", "get", "list", "patch", "update", "watch"],
        "one object for each ENI, made and removed by the controller",
    ),
    everywhere(
        Identity::Controller,
        GROUP,
        "nodeeniattachments/status",
        &["patch"],
        "to record what EC2 answered",
    ),
    everywhere(
        Identity::Controller,
        "",
        "nodes",
        &["get", "list", "patch", "watch"],
        "to find the instances of selected nodes, and to label those that have ENIs",
    ),
    Grant {
        who: Identity::Controller,
        place: Where::Cluster,
        about: "",
        group: "",
        resource: "namespaces",
        names: &["kube-system"],
        verbs: &["get"],
        why: "its uid names the cluster in the tags of ENIs, unless `controller.clusterID` does",
    },
    Grant {
        who: Identity::Controller,
        place: Where::Own,
        about: "lease",
        group: "coordination.k8s.io",
        resource: "leases",
        names: &[],
        verbs: &["create"],
        why: "so that one replica leads; the name of what is made cannot be a condition",
    },
    Grant {
        who: Identity::Controller,
        place: Where::Own,
        about: "lease",
        group: "coordination.k8s.io",
        resource: "leases",
        names: &[LEASE],
        verbs: &["get", "update"],
        why: "so that one replica leads",
    },
    Grant {
        who: Identity::Controller,
        place: Where::In("kube-system"),
        about: "cni",
        group: "apps",
        resource: "daemonsets",
        names: &["aws-node"],
        verbs: &["get"],
        why: "to warn where the VPC CNI cannot see that an ENI is not its own",
    },
    events_of(Identity::Controller),
    everywhere(
        Identity::NodeAgent,
        GROUP,
        "nodeeniattachments",
        &["list", "watch"],
        "to see what its node is to have; it asks for its own node's only",
    ),
    everywhere(
        Identity::NodeAgent,
        GROUP,
        "nodeeniattachments/status",
        &["patch"],
        "to say what its node has; the admission policy keeps it to its own node and its own fields",
    ),
    events_of(Identity::NodeAgent),
    everywhere(
        Identity::Uninstall,
        GROUP,
        "nodeenis",
        &["delete", "list"],
        "to ask for the removal of all ENIs, and to see that it is done",
    ),
];

/// The chart's condition for the roles of an identity.
fn wanted(who: Identity) -> (&'static str, bool) {
    match who {
        Identity::Controller | Identity::NodeAgent => (".Values.rbac.create", true),
        Identity::Uninstall => ("and .Values.rbac.create .Values.uninstall.drain", false),
    }
}

/// Roles and bindings.
pub(super) fn parts() -> Vec<Part> {
    let mut parts = Vec::new();
    for who in Identity::ALL {
        let roles: BTreeSet<(Where, &str)> =
            GRANTS.iter().filter(|grant| grant.who == who).map(|grant| (grant.place, grant.about)).collect();
        for (place, about) in roles {
            let of_role: Vec<&Grant> = GRANTS
                .iter()
                .filter(|grant| (grant.who, grant.place, grant.about) == (who, place, about))
                .collect();
            let (when, by_default) = wanted(who);
            for object in role_and_binding(who, place, about, &of_role) {
                let part = Part::new(who.file(), object).when(when, by_default);
                parts.push(if who == Identity::Uninstall { part.hook("-5") } else { part });
            }
        }
    }
    parts
}

fn role_and_binding(who: Identity, place: Where, about: &str, grants: &[&Grant]) -> [Value; 2] {
    let name = if about.is_empty() { who.name().to_owned() } else { format!("{}-{about}", who.name()) };
    let (role, binding) = match place {
        Where::Cluster => ("ClusterRole", "ClusterRoleBinding"),
        Where::Own | Where::In(_) => ("Role", "RoleBinding"),
    };
    let metadata = match place {
        Where::Cluster => json!({ "name": name, "labels": names::labels(who) }),
        Where::Own => names::metadata(&json!(name), who),
        Where::In(namespace) => {
            json!({ "name": name, "namespace": namespace, "labels": names::labels(who) })
        }
    };
    let api = "rbac.authorization.k8s.io";
    let rules: Vec<Value> = grants.iter().map(|grant| rule(grant)).collect();
    [
        json!({ "apiVersion": format!("{api}/v1"), "kind": role, "metadata": metadata, "rules": rules }),
        json!({
            "apiVersion": format!("{api}/v1"),
            "kind": binding,
            "metadata": metadata,
            "roleRef": { "apiGroup": api, "kind": role, "name": name },
            "subjects": [{
                "kind": "ServiceAccount",
                "name": who.service_account(),
                "namespace": filled(names::NAMESPACE, &json!(names::DEFAULT_NAMESPACE)),
            }],
        }),
    ]
}

fn rule(grant: &Grant) -> Value {
    let mut rule = json!({ "apiGroups": [grant.group], "resources": [grant.resource], "verbs": grant.verbs });
    if !grant.names.is_empty() {
        rule["resourceNames"] = json!(grant.names);
    }
    rule
}

/// The table as a document.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    for who in Identity::ALL {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {}\n\n{}\n\n", who.name(), who.what());
        text.push_str("| where | what | verbs | why |\n|---|---|---|---|\n");
        for grant in GRANTS.iter().filter(|grant| grant.who == who) {
            text.push_str(&row(grant));
        }
    }
    text
}

const INTRODUCTION: &str = "# Permissions in the cluster

Three identities, each with the rights that its code uses and no others. None can read Secrets, run commands in
pods, or delete what is not the operator's. The roles of the chart and of `manifests/` are made from this table.
";

fn row(grant: &Grant) -> String {
    let place = match grant.place {
        Where::Cluster => "the cluster".to_owned(),
        Where::Own => "its own namespace".to_owned(),
        Where::In(namespace) => format!("namespace `{namespace}`"),
    };
    let group = if grant.group.is_empty() { String::new() } else { format!(".{}", grant.group) };
    let (resource, subresource) = grant
        .resource
        .split_once('/')
        .map_or((grant.resource, String::new()), |(thing, part)| (thing, format!("/{part}")));
    let only = if grant.names.is_empty() { String::new() } else { format!(" {}", grant.names.join(", ")) };
    let verbs = grant.verbs.join(", ");
    format!("| {place} | `{resource}{group}{subresource}`{only} | {verbs} | {} |\n", grant.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_do_what_takes_over_a_cluster() {
        for grant in GRANTS {
            assert!(!grant.verbs.contains(&"*") && grant.resource != "*" && grant.group != "*");
            for resource in ["secrets", "pods/exec", "pods", "serviceaccounts/token", "configmaps"] {
                assert_ne!(grant.resource, resource);
            }
            for verb in ["escalate", "bind", "impersonate", "deletecollection"] {
                assert!(!grant.verbs.contains(&verb));
            }
            let of_ours = grant.group == GROUP;
            assert!(of_ours || !grant.verbs.contains(&"delete"), "{grant:?}");
        }
    }

    #[test]
    fn the_agent_reads_slots_and_writes_status_and_events() {
        let agent: Vec<(&str, &[&str])> = GRANTS
            .iter()
            .filter(|grant| grant.who == Identity::NodeAgent)
            .map(|grant| (grant.resource, grant.verbs))
            .collect();
        let expected: [(&str, &[&str]); 3] = [
            ("nodeeniattachments", &["list", "watch"]),
            ("nodeeniattachments/status", &["patch"]),
            ("events", &["create", "patch"]),
        ];
        assert_eq!(agent, expected);
    }

    #[test]
    fn no_two_roles_of_one_namespace_have_one_name() {
        // The own namespace may be any, `default` and `kube-system` too.
        let mut seen = BTreeSet::new();
        for part in parts() {
            let object = part.manifest();
            let key = (object["kind"].to_string(), object["metadata"]["name"].to_string());
            assert!(seen.insert(key.clone()), "{key:?}");
        }
    }
}
