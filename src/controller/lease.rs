//! Leadership through a Lease: the shell around [`crate::plan::lease`].

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use kube::core::ObjectMeta;
use kube::{Api, Client, ResourceExt};

use super::Clock;
use crate::clock::SteadyClock;
use crate::mandate::Mandate;
use crate::plan::lease::{Candidate, Claim, Record, Times};

/// Name of the Lease.
pub const LEASE_NAME: &str = "eni-operator-controller";

/// A Lease, and the one who wants it.
pub(super) struct Leadership<K> {
    api: Api<Lease>,
    clock: K,
    times: Times,
    candidate: Candidate,
    mandate: Mandate,
    /// The Lease as last read or written, for its `resourceVersion`.
    lease: Option<Lease>,
}

impl<K: Clock + SteadyClock> Leadership<K> {
    /// A candidate for the Lease in a namespace, who keeps a mandate up to date.
    ///
    /// The client is one that the mandate does not bind: without a mandate, the Lease is asked for.
    pub(super) fn new(client: Client, namespace: &str, identity: String, clock: K, mandate: Mandate) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            clock,
            times: Times::default(),
            candidate: Candidate::new(identity),
            mandate,
            lease: None,
        }
    }

    /// Waits until the lease is held.
    pub(super) async fn acquire(&mut self) {
        tracing::info!(identity = self.candidate.identity, lease = LEASE_NAME, "waiting for the lease");
        while !self.candidate.leads(self.clock.uptime()) {
            self.attempt().await;
            if !self.candidate.leads(self.clock.uptime()) {
                tokio::time::sleep(std_duration(self.times.retry)).await;
            }
        }
        tracing::info!(identity = self.candidate.identity, "leading");
    }

    /// Renews the lease until it is lost: returns at the renew deadline, not later.
    pub(super) async fn hold(&mut self) {
        while let Some(until) = self.candidate.leads_until {
            let left = until.since(self.clock.uptime());
            if !left.is_positive() {
                break;
            }
            let wait = std_duration(self.times.retry.min(left));
            tokio::time::sleep(wait).await;
            let left = until.since(self.clock.uptime());
            if tokio::time::timeout(std_duration(left), self.attempt()).await.is_err() {
                break;
            }
        }
        tracing::error!(identity = self.candidate.identity, "the lease could not be renewed in time");
    }

    /// Gives the lease up, so that the next leader need not wait for its end.
    pub(super) async fn release(&mut self) {
        let Some(lease) = self.lease.take().filter(|_| self.candidate.leads(self.clock.uptime())) else {
            return;
        };
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or_default();
        let now = Some(self.clock.now());
        let record = Record { holder: String::new(), acquired: now, renewed: now, transitions };
        let freed = Lease { spec: Some(spec(&record, self.times)), ..lease };
        let params = PostParams::default();
        match tokio::time::timeout(self.patience(), self.api.replace(LEASE_NAME, &params, &freed)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the lease was not given up");
            }
            Err(_) => tracing::warn!("the lease was not given up: the API server did not answer"),
        }
    }

    /// How long the API server may take to answer.
    fn patience(&self) -> Duration {
        std_duration(self.times.lease - self.times.renew_deadline)
    }

    /// Reads the lease and writes it where that is allowed. A failure is one try less, and nothing else.
    async fn attempt(&mut self) {
        match tokio::time::timeout(self.patience(), self.read_and_write()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "lease not renewed"),
            Err(_) => tracing::warn!("lease not renewed: the API server did not answer"),
        }
    }

    async fn read_and_write(&mut self) -> Result<(), kube::Error> {
        let found = self.api.get_opt(LEASE_NAME).await?;
        let record = found.as_ref().map(record).unwrap_or_default();
        self.candidate = self.candidate.clone().observed(record, self.clock.uptime());
        let asked = self.clock.uptime();
        let Claim::Write(record) = self.candidate.claim(self.times, asked, self.clock.now()) else {
            return Ok(());
        };
        let wanted = Lease {
            metadata: ObjectMeta {
                name: Some(LEASE_NAME.to_owned()),
                resource_version: found.as_ref().and_then(ResourceExt::resource_version),
                ..ObjectMeta::default()
            },
            spec: Some(spec(&record, self.times)),
        };
        let written = match found {
            Some(_) => self.api.replace(LEASE_NAME, &PostParams::default(), &wanted).await?,
            None => self.api.create(&PostParams::default(), &wanted).await?,
        };
        // What was written comes back as it was stored: that is what the next read is compared with.
        let stored = self::record(&written);
        self.lease = Some(written);
        self.candidate = self.candidate.clone().wrote(stored, asked, self.times);
        if let Some(until) = self.candidate.leads_until {
            self.mandate.extend(std_duration(until.0));
        }
        Ok(())
    }
}

/// The record of a Lease.
fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    Record {
        holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
        acquired: spec.and_then(|spec| spec.acquire_time.as_ref()).map(|time| time.0),
        renewed: spec.and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0),
        transitions: spec.and_then(|spec| spec.lease_transitions).unwrap_or_default(),
    }
}

/// The spec of a Lease.
fn spec(record: &Record, times: Times) -> LeaseSpec {
    let time = |at: Timestamp| MicroTime(at);
    LeaseSpec {
        holder_identity: Some(record.holder.clone()),
        lease_duration_seconds: i32::try_from(times.lease.as_secs()).ok(),
        acquire_time: record.acquired.map(time),
        renew_time: record.renewed.map(time),
        lease_transitions: Some(record.transitions),
        ..LeaseSpec::default()
    }
}

/// A duration that can be slept; nothing for one that is over.
fn std_duration(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_a_leader_ends_before_another_may_lead() {
        let times = Times::default();
        assert!(crate::cluster::REQUEST_TIMEOUT < std_duration(times.lease - times.renew_deadline));
    }
}
