//! The CRDs once they are installed: served, named and explained.

use eni_operator::api::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use serde_json::Value;

use crate::{server::kubectl, table::all_good};

#[test]
fn crds_are_established() {
    for crd in crds() {
        kubectl(&["wait", "crd", &crd.name_any(), "--for=condition=Established", "--timeout=30s"]);
    }
}

#[test]
fn crds_break_no_rule_of_the_api_server() {
    for crd in crds() {
        let reason = "{.status.conditions[?(@.type=='NonStructuralSchema')].message}";
        assert_eq!(kubectl(&["get", "crd", &crd.name_any(), "-o", &format!("jsonpath={reason}")]), "");
    }
}

#[test]
fn kinds_answer_to_all_their_names() {
    for name in ["nodeenis", "nodeeni", "neni", "nodeeniattachments", "nodeeniattachment", "nenia"] {
        kubectl(&["get", name]);
    }
}

#[test]
fn both_kinds_are_in_the_category_eni() {
    let names = kubectl(&["api-resources", "--categories=eni", "--namespaced=false", "-o", "name"]);
    let mut names: Vec<_> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["nodeeniattachments.networking.k8s.aws", "nodeenis.networking.k8s.aws"]);
}

#[test]
fn fields_are_explained_with_their_type_and_limits() {
    let mut failures = vec![];
    for (path, type_, words) in [
        ("nodeeni", "", "Which nodes get which extra elastic network interfaces"),
        ("neni.spec.mtu", "integer", "128 to 9001, or 0"),
        ("nodeeni.spec.dpdkEnabled", "boolean", "Another name of `enableDPDK`"),
        ("nodeeni.spec.nodeSelectorTerms.matchExpressions.operator", "DoesNotExist", "How the label's value"),
        ("nodeeni.spec.detachPolicy.timeoutSeconds", "integer", "300 unless set"),
        ("nodeeni.status.desired", "integer", "ENIs that should exist"),
        ("nodeeniattachment.spec", "", "nodeName"),
        ("nenia.status.cloud.state", "Attaching", "How far EC2 is"),
        ("nenia.status.host.linkName", "string", "Name that the kernel"),
    ] {
        let explained = kubectl(&["explain", path]);
        let says = |words: &str| explained.contains(words);
        if !says(type_) || !says(words) {
            failures.push(format!("{path}: neither {type_:?} nor {words:?} may be missing in\n{explained}"));
        }
    }
    all_good(&failures);
}

#[test]
fn every_field_has_a_description() {
    let missing: Vec<String> = crds().iter().flat_map(undescribed).collect();
    all_good(&missing);
}

/// The fields of a CRD that nobody has described.
fn undescribed(crd: &CustomResourceDefinition) -> Vec<String> {
    let crd = serde_json::to_value(crd).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
    let mut missing = vec![];
    walk(kind, schema, &mut missing);
    missing
}

fn walk(path: &str, schema: &Value, missing: &mut Vec<String>) {
    if schema["description"].as_str().unwrap_or_default().is_empty() {
        missing.push(path.to_owned());
    }
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, missing);
    }
    let items = &schema["items"];
    if items["type"] == "object" {
        walk(&format!("{path}[]"), items, missing);
    }
}
