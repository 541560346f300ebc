//! EC2, for as long as this process leads.
//!
//! The timer that ends a leader's acting is not enough: a process that was stopped and goes on is woken by
//! its sockets before its timers. So the time is looked at right before a call is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use k8s_openapi::jiff::Timestamp;

use super::Clock;
use crate::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery};
use crate::model::{
    AttachmentId, Call, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniChange, EniId, Instance, InstanceId,
    InstanceType, Position, SecurityGroup, Subnet,
};

/// Until when this process may act, in seconds since 1970. Its copies tell the same.
#[derive(Debug, Clone)]
pub(super) struct Mandate(Arc<AtomicI64>);

impl Mandate {
    /// One that never ends: nobody else acts.
    pub(super) fn unlimited() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    /// One that has not begun.
    pub(super) fn none() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }

    /// Makes it last until then.
    pub(super) fn extend(&self, until: Timestamp) {
        self.0.store(until.as_second(), Ordering::SeqCst);
    }

    fn holds(&self, now: Timestamp) -> bool {
        now.as_second() < self.0.load(Ordering::SeqCst)
    }
}

/// EC2, for as long as this process leads. Reads change nothing and are let through.
pub(super) struct Fenced<E, K> {
    inner: E,
    mandate: Mandate,
    clock: K,
}

impl<E, K: Clock> Fenced<E, K> {
    pub(super) fn new(inner: E, mandate: Mandate, clock: K) -> Self {
        Self { inner, mandate, clock }
    }

    /// Refuses a call that this process may not make any more.
    fn may(&self, call: Call) -> Answer<()> {
        if self.mandate.holds(self.clock.now()) {
            return Ok(());
        }
        let message = "this process leads no more, so the call was not sent".to_owned();
        Err(Ec2Error { call, kind: Ec2ErrorKind::Conflict, code: "LeaseLost".to_owned(), message })
    }
}

impl<E: Ec2, K: Clock> Ec2 for Fenced<E, K> {
    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        self.may(Call::Create)?;
        self.inner.create(request).await
    }

    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        self.may(Call::Attach)?;
        self.inner.attach(eni, instance, at).await
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        self.may(Call::Modify)?;
        self.inner.modify(eni, change).await
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        self.may(Call::Detach)?;
        self.inner.detach(attachment, force).await
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        self.may(Call::Delete)?;
        self.inner.delete(eni).await
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        self.inner.enis(query).await
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        self.inner.instances(ids).await
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.inner.instance_types(names).await
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        self.inner.subnets(query).await
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        self.inner.security_groups(query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_ends_at_its_second_and_can_be_extended() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mandate = Mandate::none();
        assert!(!mandate.holds(at(0)));
        mandate.clone().extend(at(10));
        assert!(mandate.holds(at(9)) && !mandate.holds(at(10)));
        assert!(Mandate::unlimited().holds(at(9)));
    }
}
