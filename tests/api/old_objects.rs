//! Objects that are older than a rule: they were stored when the CRD let them in.
//!
//! A copy of the CRD, in a group of its own, is installed without rules, filled with what the rules refuse,
//! and then gets its rules back. The operator must still be able to write status and finalizers, or it could
//! never clean up; and users must be able to edit one field without mending another first.

use eni_operator::api::{NODE_ENI_FINALIZER, NodeENI};
use kube::{Client, CustomResourceExt, core::Status};
use serde_json::{Value, json};

use crate::{
    refused::node_enis,
    server::{apply_status, client, create, install, merge, try_create, until},
    table::{
        Bad, NODE_ENI,
        Spec::{self, With},
        all_good,
    },
};

/// The words of a schema that refuse values, beside types.
const RULES: &[&str] = &[
    "x-kubernetes-validations",
    "enum",
    "pattern",
    "required",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
];

/// Rules about several fields at once. They stand on the spec, and speak at every edit of it.
const ABOUT_SEVERAL_FIELDS: &[&str] = &[
    "no selector at all",
    "selector of nothing",
    "no subnet",
    "subnet of nothing",
    "empty lists of subnets",
    "no security group",
    "security groups of nothing",
    "empty lists of security groups",
    "device index 0 on card 0",
    "device index below 0",
    "names of the DPDK switch disagree",
    "addresses and prefixes together",
];

/// The CRD in a group of its own.
struct Copy {
    group: &'static str,
    collection: String,
}

impl Copy {
    fn new(group: &'static str) -> Self {
        Self { group, collection: format!("/apis/{group}/v1alpha1/nodeenis") }
    }

    fn strict(&self) -> Value {
        let mut crd = serde_json::to_value(NodeENI::crd()).unwrap();
        crd["metadata"]["name"] = json!(format!("nodeenis.{}", self.group));
        crd["spec"]["group"] = json!(self.group);
        // The short names are the original's.
        let names = crd["spec"]["names"].as_object_mut().unwrap();
        names.retain(|word, _| !matches!(word.as_str(), "shortNames" | "categories"));
        crd
    }

    /// The same without rules for the spec.
    fn loose(&self) -> Value {
        let mut crd = self.strict();
        loosen(&mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]);
        crd
    }

    fn object(&self, name: &str, spec: Spec) -> Value {
        let mut object = NODE_ENI.object(name, spec);
        object["apiVersion"] = json!(format!("{}/v1alpha1", self.group));
        object
    }

    /// Installs the rules, and returns when the server goes by them.
    async fn tighten(&self, client: &Client) {
        install(client, &self.strict()).await;
        let probe = self.object("probe", With("mtu: 1"));
        let probe = || async { try_create(client, &self.collection, &probe).await.is_err() };
        until("the rules are in force", probe).await;
    }

    /// The rows that are let in, each with the path of its object.
    async fn store(&self, client: &Client) -> Vec<(&'static Bad, String)> {
        let mut stored = vec![];
        for (number, row) in node_enis().enumerate() {
            let name = format!("old-{number}");
            if create(client, &self.collection, &self.object(&name, row.spec)).await.is_ok() {
                stored.push((row, format!("{}/{name}", self.collection)));
            }
        }
        stored
    }
}

/// Takes the rules out of a schema and all that is in it.
fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|word, _| !RULES.contains(&word.as_str()));
            fields.values_mut().for_each(loosen);
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn rules_do_not_lock_older_objects_against_status_finalizers_and_edits_of_other_fields() {
    let (client, copy) = (client(), Copy::new("old.example.com"));
    install(&client, &copy.loose()).await;
    let stored = copy.store(&client).await;
    // The rest has values of a wrong type, or fields that are not there, which no version has let in.
    assert!(stored.len() >= 70, "only {} of the rows are stored", stored.len());
    copy.tighten(&client).await;
    let mut failures = vec![];
    for (row, path) in &stored {
        failures.extend(complaints(&client, row, path).await);
    }
    all_good(&failures);
}

async fn complaints(client: &Client, row: &Bad, path: &str) -> Vec<String> {
    let status = json!({ "desired": 1, "observedGeneration": 1 });
    let finalizers = json!({ "metadata": { "finalizers": [NODE_ENI_FINALIZER] } });
    let edit = json!({ "spec": { "deleteOnTermination": false } });
    let free = !ABOUT_SEVERAL_FIELDS.contains(&row.case);
    [
        verdict("status", true, apply_status(client, path, "controller", status).await),
        verdict("finalizer", true, merge(client, path, finalizers).await),
        verdict("edit of another field", free, merge(client, path, edit).await),
        verdict(
            "finalizer's end",
            true,
            merge(client, path, json!({ "metadata": { "finalizers": [] } })).await,
        ),
    ]
    .into_iter()
    .flatten()
    .map(|complaint| format!("{}: {complaint}", row.case))
    .collect()
}

fn verdict(what: &str, wanted: bool, answer: Result<Value, Box<Status>>) -> Option<String> {
    match answer {
        Ok(_) if wanted => None,
        Ok(_) => Some(format!("the {what} is taken")),
        Err(_) if !wanted => None,
        Err(status) => Some(format!("the {what} is refused: {}", status.message)),
    }
}

#[tokio::test]
async fn older_object_can_be_mended() {
    let (client, copy) = (client(), Copy::new("mended.example.com"));
    install(&client, &copy.loose()).await;
    create(&client, &copy.collection, &copy.object("old", With("deviceIndex: 0"))).await.unwrap();
    copy.tighten(&client).await;
    let path = format!("{}/old", copy.collection);
    merge(&client, &path, json!({ "spec": { "deviceIndex": 2 } })).await.unwrap();
}
