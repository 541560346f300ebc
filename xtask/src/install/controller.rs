//! The controller: service account, Deployment, disruption budget.

use serde_json::{Value, json};

use super::container::{env, env_of_pod, image, more_env, pull_policy, security_context};
use super::names::{self, Identity};
use super::template::{filled, only_if, value};
use super::{Part, values};

const WHO: Identity = Identity::Controller;
const FILE: &str = "controller";

/// Whether it serves probes and metrics at all.
pub(super) const SERVES: &str = "ne .Values.controller.metricsAddr \"0\"";

/// The port that it serves them at.
pub(super) const PORT: &str = "(splitList \":\" .Values.controller.metricsAddr | last | int)";

pub(super) fn parts() -> Vec<Part> {
    vec![
        Part::new(FILE, service_account()).when(".Values.serviceAccount.create", true),
        Part::new(FILE, deployment()),
        Part::new(FILE, disruption_budget()).when(".Values.podDisruptionBudget.enabled", true),
    ]
}

fn service_account() -> Value {
    let mut metadata = names::metadata(&WHO.service_account(), WHO);
    metadata["annotations"] = value("serviceAccount.annotations");
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names::metadata(&json!(WHO.name()), WHO),
        "spec": {
            "replicas": value("controller.replicas"),
            "selector": { "matchLabels": names::selector(WHO) },
            "strategy": strategy(),
            "template": {
                "metadata": {
                    "labels": names::pod_labels(WHO),
                    "annotations": value("podAnnotations"),
                },
                "spec": pod(),
            },
        },
    })
}

/// A replica that waits for the lease is ready, so a new one costs nothing but a moment of two. Without the lease
/// the new one would act beside the old one.
fn strategy() -> Value {
    let rolling = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
    let alone = json!({ "type": "Recreate" });
    let led = ".Values.controller.enableLeaderElection";
    filled(&format!("ternary (fromJson `{rolling}`) (fromJson `{alone}`) {led}"), &rolling)
}

fn pod() -> Value {
    let linux = json!({ "kubernetes.io/os": "linux" });
    json!({
        "affinity": value("affinity"),
        "containers": [container()],
        "imagePullSecrets": value("imagePullSecrets"),
        "nodeSelector": filled(&format!("merge (fromJson `{linux}`) .Values.controller.nodeSelector"), &linux),
        "priorityClassName": value("controller.priorityClassName"),
        "securityContext": value("securityContext"),
        "serviceAccountName": WHO.service_account(),
        "terminationGracePeriodSeconds": value("controller.terminationGracePeriodSeconds"),
        "tolerations": value("controller.tolerations"),
        "topologySpreadConstraints": [spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")],
        "volumes": value("controller.extraVolumes"),
    })
}

/// Replicas of one version stand apart where they can.
fn spread(over: &str) -> Value {
    json!({
        "maxSkew": 1,
        "topologyKey": over,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": names::selector(WHO) },
        "matchLabelKeys": ["pod-template-hash"],
    })
}

fn container() -> Value {
    json!({
        "name": "controller",
        "image": image(),
        "imagePullPolicy": pull_policy(),
        "args": ["controller"],
        "env": environment(),
        "ports": [only_if(SERVES, true, &json!({
            "name": "metrics", "containerPort": filled(PORT, &json!(8080)), "protocol": "TCP",
        }))],
        "livenessProbe": probe("/healthz", 20, 3),
        "readinessProbe": probe("/readyz", 5, 1),
        "resources": value("resources.controller"),
        "securityContext": security_context(&[]),
        "volumeMounts": value("controller.extraVolumeMounts"),
    })
}

/// Nobody is asked who serves nothing.
fn probe(path: &str, period: u32, failures: u32) -> Value {
    let probe = json!({
        "httpGet": { "path": path, "port": "metrics" },
        "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 4,
    });
    filled(&format!("ternary (fromJson `{probe}`) nil ({SERVES})"), &probe)
}

/// Variables of flags that the pod itself tells.
const OF_POD: [(&str, &str); 2] = [("POD_NAME", "metadata.name"), ("POD_NAMESPACE", "metadata.namespace")];

/// Variables of flags, and the values that set them.
pub(super) const OF_VALUES: [(&str, &str); 17] = [
    ("ENI_LOG", "logLevel"),
    ("CLUSTER_ID", "controller.clusterID"),
    ("ENABLE_LEADER_ELECTION", "controller.enableLeaderElection"),
    ("METRICS_ADDR", "controller.metricsAddr"),
    ("REQUIRE_NODE_AGENT", "controller.requireNodeAgent"),
    ("IMDS_AUTO_CONFIGURE_HOP_LIMIT", "imds.autoConfigureHopLimit"),
    ("IMDS_HOP_LIMIT", "imds.hopLimit"),
    ("LISTING_LAG_SECONDS", "controller.listingLagSeconds"),
    ("SWEEP_PERIOD_SECONDS", "controller.sweepPeriodSeconds"),
    ("ORPHAN_MIN_AGE_SECONDS", "controller.orphanMinAgeSeconds"),
    ("SWEEP_DELETIONS", "controller.sweepDeletions"),
    ("SWEEP_BRAKE", "controller.sweepBrake"),
    ("MAX_CONCURRENT_RECONCILES", "controller.maxConcurrentReconciles"),
    ("MAX_CONCURRENT_INSTANCES", "controller.maxConcurrentInstances"),
    ("MAX_CONCURRENT_ENI_CLEANUP", "controller.maxConcurrentENICleanup"),
    ("API_SHARE", "controller.apiShare"),
    ("API_LIMITS", "controller.apiLimits"),
];

fn environment() -> Vec<Value> {
    let of_pod = OF_POD.iter().map(|(name, field)| env_of_pod(name, field));
    let mut all: Vec<Value> = of_pod.collect();
    // Left out rather than empty: EKS sets the region of a pod that uses IRSA, if nobody else does.
    let region = values::default_of("awsRegion") != json!("");
    all.push(only_if(".Values.awsRegion", region, &env("AWS_REGION", "awsRegion")));
    all.extend(OF_VALUES.iter().map(|(name, path)| env(name, path)));
    all.push(more_env("controller.extraEnv"));
    all
}

fn disruption_budget() -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": names::metadata(&json!(WHO.name()), WHO),
        "spec": {
            "maxUnavailable": 1,
            "selector": { "matchLabels": names::selector(WHO) },
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    })
}
