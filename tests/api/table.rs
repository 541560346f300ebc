//! Tables of objects: what a row says, and the object that it stands for.

use serde_json::{Value, json};

/// A kind, as a table needs it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) collection: &'static str,
    /// A spec that the server takes.
    pub(crate) base: &'static str,
}

/// `NodeENI`, with as little as it can have.
pub(crate) const NODE_ENI: Kind = Kind {
    name: "NodeENI",
    collection: crate::server::NODE_ENIS,
    base: "{nodeSelector: {ng: a}, subnetID: subnet-0a1b2c3d, securityGroupIDs: [sg-0a1b2c3d]}",
};

/// `NodeENIAttachment`, with as little as it can have.
pub(crate) const ATTACHMENT: Kind = Kind {
    name: "NodeENIAttachment",
    collection: crate::server::ATTACHMENTS,
    base: "{nodeENI: a, nodeName: n, instanceID: i-0a1b2c3d, zone: us-east-1a, subnetID: subnet-0a1b2c3d,
            offset: 0, securityGroupIDs: [sg-0a1b2c3d], deviceIndex: 2, deleteOnTermination: true,
            description: d, altName: eth2, uniqueAltName: eth-0a1b2c3d, detachPolicy: {type: Force}}",
};

/// A spec, in YAML.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spec {
    /// The base with these fields set or replaced.
    With(&'static str),
    /// This and nothing else.
    Only(&'static str),
    /// The base with these fields, where the YAML has to be computed.
    Made(fn() -> String),
}

/// An object that the server must refuse.
pub(crate) struct Bad {
    /// What is wrong with it.
    pub(crate) case: &'static str,
    pub(crate) spec: Spec,
    /// The field that the refusal must name.
    pub(crate) field: &'static str,
    /// What the refusal must say about it.
    pub(crate) says: &'static str,
}

/// A row of a table of bad objects.
pub(crate) const fn bad(case: &'static str, spec: Spec, field: &'static str, says: &'static str) -> Bad {
    Bad { case, spec, field, says }
}

impl Kind {
    /// The object of a row.
    pub(crate) fn object(&self, name: &str, spec: Spec) -> Value {
        json!({
            "apiVersion": "networking.k8s.aws/v1alpha1",
            "kind": self.name,
            "metadata": { "name": name },
            "spec": self.spec(spec),
        })
    }

    fn spec(&self, spec: Spec) -> Value {
        match spec {
            Spec::Only(text) => yaml(text),
            Spec::With(text) => merged(yaml(self.base), yaml(text)),
            Spec::Made(make) => merged(yaml(self.base), yaml(&make())),
        }
    }
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn merged(mut base: Value, change: Value) -> Value {
    let (Value::Object(fields), Value::Object(change)) = (&mut base, change) else {
        panic!("a spec is a map");
    };
    fields.extend(change);
    base
}

/// Fails with all that went wrong, if anything did.
pub(crate) fn all_good(failures: &[String]) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
