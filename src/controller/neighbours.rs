//! What is known of our neighbours on the nodes. Nothing waits for it, and what cannot be told is no worry.

use std::collections::BTreeSet;

use k8s_openapi::jiff::SignedDuration;

use super::context::Context;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::ec2::Ec2;
use crate::model::Instance;
use crate::plan::neighbours::Neighbours;

/// How long what is known of the VPC CNI's settings is good. They change when somebody upgrades it.
const CNI_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Looks at what else wants room on these instances.
pub(super) async fn look<C: Cluster, E: Ec2, K: Clock>(
    instances: &[Instance],
    context: &Context<C, E, K>,
) -> Neighbours {
    let names: BTreeSet<String> = instances.iter().map(|one| one.instance_type.clone()).collect();
    if names.is_empty() {
        return Neighbours { types: Some(vec![]), cni_is_imds_only: false };
    }
    let names: Vec<String> = names.into_iter().collect();
    // Whoever needs a type to make an ENI says what is wrong with asking.
    let types = context.ec2.instance_types(&names).await.ok();
    Neighbours { types, cni_is_imds_only: cni_is_imds_only(context).await }
}

/// Whether the VPC CNI runs in IMDS-only mode.
async fn cni_is_imds_only<C: Cluster, E: Ec2, K: Clock>(context: &Context<C, E, K>) -> bool {
    let now = context.clock.now();
    if let Some(known) = context.memory.cni(now, CNI_LIFE) {
        return known;
    }
    let told = context.cluster.cni_is_imds_only().await;
    if let Err(error) = &told {
        tracing::debug!(error = error as &dyn std::error::Error, "the VPC CNI's settings are not known");
    }
    let is_so = told.unwrap_or(false);
    context.memory.set_cni(now, is_so);
    is_so
}
