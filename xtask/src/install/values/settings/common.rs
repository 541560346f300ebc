//! Values of all parts.

use serde_json::{Value, json};

use super::{Kind, Setting, Shape, set};

/// All of them.
pub(super) fn all() -> Vec<Setting> {
    [image(), rest()].concat()
}

/// The image.
fn image() -> Vec<Setting> {
    vec![
        set(
            "image.repository",
            json!("localhost/eni-operator"),
            Kind::Text("^[^: ]+(:[0-9]+/[^: ]+)?$", "an image without a tag"),
            "Where the image is, without its tag. Set it to where you pushed it.",
        ),
        set(
            "image.tag",
            json!(""),
            Kind::Text("^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$", "a tag"),
            "Its tag; the chart's version unless set.",
        ),
        set(
            "image.digest",
            json!(""),
            Kind::Text("^(sha256:[0-9a-f]{64})?$", "sha256: and 64 hexadecimal digits"),
            "Its digest. Set, it goes before the tag.",
        ),
        set(
            "image.pullPolicy",
            json!("IfNotPresent"),
            Kind::OneOf(&["Always", "IfNotPresent", "Never"]),
            "When nodes fetch it.",
        ),
        set(
            "imagePullSecrets",
            json!([]),
            Kind::Objects(Shape::Secret),
            "Secrets for fetching it, as `{name: …}`.",
        ),
    ]
}

/// The others.
fn rest() -> Vec<Setting> {
    vec![
        set(
            "namespace",
            json!(""),
            Kind::Text("^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$", "a name of a namespace"),
            "Namespace of everything that has one; the release's unless set.",
        ),
        set(
            "awsRegion",
            json!(""),
            Kind::Text("^([a-z]+(-[a-z]+)+-[1-9][0-9]?)?$", "a region such as eu-central-1"),
            "AWS region; unless set, that of the nodes' labels, or of IMDS.",
        ),
        set(
            "logLevel",
            json!("info"),
            Kind::Text("^[a-zA-Z0-9_:,=]+$", "a level, or a filter such as eni_operator=debug,kube=info"),
            "What to log: a level, or a filter such as `eni_operator=debug,kube=info`.",
        ),
        set(
            "imds.autoConfigureHopLimit",
            json!(false),
            Kind::Bool,
            "Whether to raise the hop limit of the metadata service on the instances of selected nodes.",
        ),
        set(
            "imds.hopLimit",
            json!(2),
            Kind::Whole(1, 64),
            "What to raise it to, in network hops. A higher one stays.",
        ),
        set(
            "crds.install",
            json!(true),
            Kind::Bool,
            "Whether the CRDs are installed and upgraded with the chart. An uninstall leaves them.",
        ),
        set("podAnnotations", json!({}), Kind::Annotations, "Annotations of all pods."),
        set("podLabels", json!({}), Kind::Labels, "Labels of all pods, beside the chart's own."),
        set(
            "resources.controller",
            controller_resources(),
            Kind::Object(Shape::Resources),
            "What a controller pod asks for and may use.",
        ),
        set(
            "resources.manager",
            agent_resources(),
            Kind::Object(Shape::Resources),
            "What an agent pod asks for and may use.",
        ),
    ]
}

/// Fifty MiB are five thousand slots; what is above is for the burst after a start.
fn controller_resources() -> Value {
    json!({ "requests": { "cpu": "50m", "memory": "96Mi" }, "limits": { "memory": "256Mi" } })
}

fn agent_resources() -> Value {
    json!({ "requests": { "cpu": "10m", "memory": "24Mi" }, "limits": { "memory": "96Mi" } })
}
