//! The CRDs, as objects and as YAML.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde::Serialize;

use super::{NodeENI, NodeENIAttachment};

/// Both CRDs: the user's kind first.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![NodeENI::crd(), NodeENIAttachment::crd()]
}

/// An object as YAML. The one place that knows which library writes it.
pub fn to_yaml(object: &impl Serialize) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(object)
}
