//! The calls to EC2, counted as they are sent.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::SharedMetrics;
use crate::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery};
use crate::model::{
    AddressKind, AttachmentId, Call, CreateEni, Eni, EniChange, EniId, Instance, InstanceId, InstanceType,
    Position, SecurityGroup, Subnet,
};

/// An EC2 whose calls are counted.
pub(in crate::controller) struct Metered<E> {
    inner: E,
    metrics: SharedMetrics,
}

#[expect(clippy::disallowed_methods, reason = "how long something took; it decides nothing")]
pub(super) fn now() -> Instant {
    Instant::now()
}

impl<E: Ec2> Metered<E> {
    pub(in crate::controller) fn new(inner: E, metrics: SharedMetrics) -> Self {
        Self { inner, metrics }
    }

    /// On the heap, and only once it is made: a call of the SDK takes tens of kilobytes, and thousands of passes
    /// wait for their turn to make one.
    fn count<A: Send>(
        &self,
        call: Call,
        send: impl Future<Output = Answer<A>> + Send,
    ) -> impl Future<Output = Answer<A>> + Send {
        let send = Box::pin(send);
        async move {
            let begun = now();
            let answer = send.await;
            self.metrics.called(call, &answer, begun.elapsed());
            answer
        }
    }
}

impl<E: Ec2> Ec2 for Metered<E> {
    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        self.count(Call::Create, self.inner.create(request)).await
    }

    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        self.count(Call::Attach, self.inner.attach(eni, instance, at)).await
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        self.count(Call::Modify, self.inner.modify(eni, change)).await
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        self.count(Call::Detach, self.inner.detach(attachment, force)).await
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        self.count(Call::Delete, self.inner.delete(eni)).await
    }

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        self.count(Call::CreateTags, self.inner.tag(eni, tags)).await
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        self.count(Call::DeleteTags, self.inner.untag(eni, keys)).await
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        self.count(kind.assign(), self.inner.assign(eni, kind, count)).await
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        self.count(kind.unassign(), self.inner.unassign(eni, kind, addresses)).await
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        self.count(Call::ModifyMetadataOptions, self.inner.set_hop_limit(instance, hops)).await
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        self.count(Call::Create, self.inner.may_create(request)).await
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        self.count(Call::DescribeEnis, self.inner.enis(query)).await
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        self.count(Call::DescribeInstances, self.inner.instances(ids)).await
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.count(Call::DescribeInstanceTypes, self.inner.instance_types(names)).await
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        self.count(Call::DescribeSubnets, self.inner.subnets(query)).await
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        self.count(Call::DescribeSecurityGroups, self.inner.security_groups(query)).await
    }
}
