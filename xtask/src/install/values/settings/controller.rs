//! Values of the controller.

use serde_json::json;

use super::{ADDRESS, Kind, NAME_OR_NONE, Setting, Shape, set};

/// All of them.
pub(super) fn all() -> Vec<Setting> {
    [work(), ec2(), pods(), more()].concat()
}

/// How it works.
fn work() -> Vec<Setting> {
    vec![
        set(
            "controller.enableLeaderElection",
            json!(true),
            Kind::Bool,
            "Whether to act only while holding the Lease. Only one replica may do without: set `controller.replicas` to 1.",
        ),
        set(
            "controller.clusterID",
            json!(""),
            Kind::Text("^[A-Za-z0-9_.:/@+=-]{0,128}$", "up to 128 letters, digits and -_.:/@+="),
            "Names this cluster in the tags of its ENIs; the uid of kube-system unless set. A cluster that is \
             restored from a backup must keep the id that it had.",
        ),
        set(
            "controller.maxConcurrentReconciles",
            json!(5),
            Kind::Whole(1, 100),
            "NodeENIs that are worked on at once.",
        ),
        set(
            "controller.maxConcurrentInstances",
            json!(1024),
            Kind::Whole(1, 10_000),
            "Instances that are worked on at once.",
        ),
        set(
            "controller.maxConcurrentENICleanup",
            json!(3),
            Kind::Whole(1, 100),
            "ENIs that are detached or deleted at once.",
        ),
        set(
            "controller.requireNodeAgent",
            json!(true),
            Kind::Bool,
            "Whether an ENI is ready only when the agent on its node says so.",
        ),
    ]
}

/// Actions with how many calls at once and a second. Which actions there are is the controller's to say.
const LIMITS: &str =
    "^([A-Za-z0-9]+=[1-9][0-9]*/[0-9]+([.][0-9]+)?(,[A-Za-z0-9]+=[1-9][0-9]*/[0-9]+([.][0-9]+)?)*)?$";

/// How it deals with EC2.
fn ec2() -> Vec<Setting> {
    vec![
        set(
            "controller.listingLagSeconds",
            json!(60),
            Kind::Whole(1, 3600),
            "How long a change may be missing from EC2's listings, in seconds.",
        ),
        set(
            "controller.sweepPeriodSeconds",
            json!(600),
            Kind::Whole(10, 86_400),
            "Time between two listings of all ENIs of the cluster, in seconds.",
        ),
        set(
            "controller.orphanMinAgeSeconds",
            json!(900),
            Kind::Whole(60, 604_800),
            "How old an ENI must be, in seconds, before it is taken for one that nothing wants any more.",
        ),
        set(
            "controller.sweepDeletions",
            json!(50),
            Kind::Whole(0, 65_535),
            "How many orphaned ENIs are given up in one period.",
        ),
        set(
            "controller.sweepBrake",
            json!(50),
            Kind::Whole(1, 100),
            "The share of all ENIs, in per cent, that may be orphans or missing; where it is more, nothing is deleted.",
        ),
        set(
            "controller.apiShare",
            json!(0.5),
            Kind::Share,
            "Which share of EC2's request limits to use. The rest is for others in the account.",
        ),
        set(
            "controller.apiLimits",
            json!(""),
            Kind::Text(LIMITS, "limits such as AttachNetworkInterface=100/10"),
            "Request limits of the account that are not the documented ones, such as `AttachNetworkInterface=100/10`.",
        ),
    ]
}

/// What is given to its pods beside what they need.
fn more() -> Vec<Setting> {
    vec![
        set(
            "controller.extraEnv",
            json!([]),
            Kind::Objects(Shape::EnvVar),
            "More environment variables, such as a proxy's or `AWS_ENDPOINT_URL_EC2`.",
        ),
        set(
            "controller.extraVolumes",
            json!([]),
            Kind::Objects(Shape::Volume),
            "More volumes of the controller's pods, such as a certificate authority of your own.",
        ),
        set(
            "controller.extraVolumeMounts",
            json!([]),
            Kind::Objects(Shape::VolumeMount),
            "Where the controller's container finds them.",
        ),
    ]
}

/// Its pods.
fn pods() -> Vec<Setting> {
    vec![
        set(
            "controller.replicas",
            json!(2),
            Kind::Whole(0, 9),
            "Controller pods. One leads; the others wait.",
        ),
        set(
            "controller.metricsAddr",
            json!(":8080"),
            ADDRESS,
            "Where to serve /healthz, /readyz and /metrics; 0 for nowhere, and no probes.",
        ),
        set(
            "controller.terminationGracePeriodSeconds",
            json!(30),
            Kind::Whole(0, 3600),
            "How long passes under way may take to end, in seconds.",
        ),
        set(
            "controller.priorityClassName",
            json!("system-cluster-critical"),
            NAME_OR_NONE,
            "Priority class of the controller's pods.",
        ),
        set(
            "controller.nodeSelector",
            json!({}),
            Kind::Labels,
            "Labels of the nodes that the controller may run on.",
        ),
        set(
            "controller.tolerations",
            json!([]),
            Kind::Objects(Shape::Toleration),
            "Taints that the controller's pods tolerate.",
        ),
        set("affinity", json!({}), Kind::Object(Shape::Affinity), "Affinity of the controller's pods."),
        set(
            "securityContext",
            json!({
                "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000,
                "seccompProfile": { "type": "RuntimeDefault" },
            }),
            Kind::Object(Shape::SecurityContext),
            "Security context of the controller's pods.",
        ),
        set(
            "podDisruptionBudget.enabled",
            json!(true),
            Kind::Bool,
            "Whether a drain leaves one controller pod running.",
        ),
    ]
}
