//! Raises the hop limit of the metadata service of instances, one call for each.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;

use super::context::Context;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::ec2::Ec2;
use crate::lock::lock;
use crate::model::{Ec2ErrorKind, InstanceId};
use crate::plan::hop_limit::{Raise, due, raised, refused};
use crate::plan::{Pace, backoff, fanout};

/// How many are raised at once: there is no hurry, and the calls share their budget with others.
const AT_ONCE: usize = 3;

/// What was tried, so that several `NodeENI`s of one instance do not all try, nor one of them at every pass.
#[derive(Debug, Default)]
pub(super) struct Tried(Mutex<BTreeMap<InstanceId, Try>>);

#[derive(Debug, Clone, Copy)]
struct Try {
    failures: u32,
    not_before: Timestamp,
}

impl Tried {
    /// Whether it is time for an instance; whoever is told so is the one to try.
    fn take(&self, instance: &InstanceId, now: Timestamp, again_at: Timestamp) -> bool {
        let mut tried = lock(&self.0);
        tried.retain(|id, one| id == instance || one.failures > 0 || one.not_before > now);
        let one = tried.entry(instance.clone()).or_insert(Try { failures: 0, not_before: now });
        let due = one.not_before <= now;
        if due {
            one.not_before = again_at;
        }
        due
    }

    /// A try failed. Returns how often that happened in a row, and when to try again.
    fn failed(
        &self,
        instance: &InstanceId,
        kind: Ec2ErrorKind,
        now: Timestamp,
        jitter: f64,
    ) -> (u32, Timestamp) {
        let mut tried = lock(&self.0);
        let one = tried.entry(instance.clone()).or_insert(Try { failures: 0, not_before: now });
        one.failures = one.failures.saturating_add(1);
        one.not_before = now + backoff::delay(kind, one.failures, jitter);
        (one.failures, one.not_before)
    }

    fn succeeded(&self, instance: &InstanceId) {
        let mut tried = lock(&self.0);
        if let Some(one) = tried.get_mut(instance) {
            one.failures = 0;
        }
    }
}

/// Raises what is due for a `NodeENI`. Returns when to look again.
pub(super) async fn raise<C: Cluster, E: Ec2, K: Clock>(
    node_eni: &str,
    world: &fanout::World,
    context: &Context<C, E, K>,
) -> Pace {
    let due = due(world, context.settings.hop_limit);
    let work = due.iter().map(|one| raise_one(node_eni, one, context));
    futures::stream::iter(work)
        .buffer_unordered(AT_ONCE)
        .fold(Pace::Settled, |pace, one| std::future::ready(pace.or(one)))
        .await
}

async fn raise_one<C: Cluster, E: Ec2, K: Clock>(
    node_eni: &str,
    one: &Raise,
    context: &Context<C, E, K>,
) -> Pace {
    let (now, tried) = (context.clock.now(), &context.memory.hop_limits);
    // What EC2 lists may be older than the change.
    if !tried.take(&one.instance, now, now + context.settings.listing_lag) {
        return Pace::Settled;
    }
    match context.ec2.set_hop_limit(&one.instance, one.to).await {
        Ok(()) => {
            tried.succeeded(&one.instance);
            tracing::info!(instance = %one.instance, from = one.from, to = one.to, "raised the IMDS hop limit");
            context.cluster.tell(node_eni, raised(one)).await;
            Pace::Settled
        }
        Err(error) => {
            let (failures, at) = tried.failed(&one.instance, error.kind, now, context.clock.jitter());
            tracing::warn!(instance = %one.instance, error = &error as &dyn std::error::Error, "IMDS hop limit not raised");
            if failures == 1 {
                context.cluster.tell(node_eni, refused(one, &error)).await;
            }
            Pace::Within(at.duration_since(now))
        }
    }
}
