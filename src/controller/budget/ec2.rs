//! The calls to EC2.

use std::collections::BTreeMap;

use super::timer::Timer;
use super::{Budget, MachineTimer};
use crate::ec2::{Answer, Ec2, EniQuery, MAX_FILTER_VALUES, PAGE, SecurityGroupQuery, SubnetQuery, Turn};
use crate::model::{
    AddressKind, AttachmentId, Call, CreateEni, Eni, EniChange, EniId, Instance, InstanceId, InstanceType,
    Position, SecurityGroup, Subnet,
};

/// An EC2 within a budget.
pub(in crate::controller) struct Budgeted<E, T = MachineTimer> {
    inner: E,
    budget: Budget<T>,
}

/// Calls that a listing has taken beyond its first.
fn further(values: usize, found: usize) -> usize {
    values.div_ceil(MAX_FILTER_VALUES).saturating_sub(1) + found / usize::from(PAGE)
}

impl<E: Ec2, T: Timer> Budgeted<E, T> {
    pub(in crate::controller) fn new(inner: E, budget: Budget<T>) -> Self {
        Self { inner, budget }
    }

    #[cfg(test)]
    pub(super) fn inner(&self) -> &E {
        &self.inner
    }

    /// Makes a call when its turn has come.
    async fn call<A>(&self, call: Call, send: impl Future<Output = Answer<A>>) -> Answer<A> {
        self.budget.admit(call).await?;
        let answer = send.await;
        self.budget.learn(call, &answer);
        answer
    }

    /// Makes a call that takes something away when its turn has come.
    async fn clean(&self, call: Call, send: impl Future<Output = Answer<()>>) -> Answer<()> {
        self.call(call, async {
            let _permit = self.budget.cleanup().await;
            send.await
        })
        .await
    }

    /// Makes a listing by some values when its turn has come.
    async fn list<A>(
        &self,
        call: Call,
        values: usize,
        send: impl Future<Output = Answer<Vec<A>>>,
    ) -> Answer<Vec<A>> {
        let listed = self.call(call, send).await?;
        self.budget.charge(call, further(values, listed.len()));
        Ok(listed)
    }
}

impl<E: Ec2, T: Timer> Ec2 for Budgeted<E, T> {
    async fn turn(&self, call: Call) -> Turn {
        self.budget.prepare(call).await
    }

    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        self.call(Call::Create, self.inner.create(request)).await
    }

    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        let _permit = self.budget.attach_to(instance).await;
        self.call(Call::Attach, self.inner.attach(eni, instance, at)).await
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        self.call(Call::Modify, self.inner.modify(eni, change)).await
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        self.clean(Call::Detach, self.inner.detach(attachment, force)).await
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        self.clean(Call::Delete, self.inner.delete(eni)).await
    }

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        self.call(Call::CreateTags, self.inner.tag(eni, tags)).await
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        self.call(Call::DeleteTags, self.inner.untag(eni, keys)).await
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        self.call(kind.assign(), self.inner.assign(eni, kind, count)).await
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        self.call(kind.unassign(), self.inner.unassign(eni, kind, addresses)).await
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        self.call(Call::ModifyMetadataOptions, self.inner.set_hop_limit(instance, hops)).await
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        self.call(Call::Create, self.inner.may_create(request)).await
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        let values = match query {
            EniQuery::OfInstances(_, ids) => ids.len(),
            EniQuery::OfNodeEnis(_, names) | EniQuery::OfReference(names) => names.len(),
            EniQuery::OfCluster(_) => 1,
        };
        self.list(Call::DescribeEnis, values, self.inner.enis(query)).await
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        self.list(Call::DescribeInstances, ids.len(), self.inner.instances(ids)).await
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.list(Call::DescribeInstanceTypes, names.len(), self.inner.instance_types(names)).await
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        self.list(Call::DescribeSubnets, 1, self.inner.subnets(query)).await
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        self.list(Call::DescribeSecurityGroups, 1, self.inner.security_groups(query)).await
    }
}
