//! The calls to EC2.

use std::collections::BTreeMap;

use super::{Fenced, LEADS_NO_MORE};
use crate::clock::SteadyClock;
use crate::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery};
use crate::model::{
    AddressKind, AttachmentId, Call, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniChange, EniId, Instance,
    InstanceId, InstanceType, Position, SecurityGroup, Subnet,
};

impl<E, K: SteadyClock> Fenced<E, K> {
    /// Refuses a call that this process may not make any more.
    fn may(&self, call: Call) -> Answer<()> {
        if self.leads() {
            return Ok(());
        }
        let (code, message) = ("LeaseLost".to_owned(), LEADS_NO_MORE.to_owned());
        Err(Ec2Error { call, kind: Ec2ErrorKind::Conflict, code, message })
    }
}

impl<E: Ec2, K: SteadyClock> Ec2 for Fenced<E, K> {
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

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        self.may(Call::CreateTags)?;
        self.inner.tag(eni, tags).await
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        self.may(Call::DeleteTags)?;
        self.inner.untag(eni, keys).await
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        self.may(kind.assign())?;
        self.inner.assign(eni, kind, count).await
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        self.may(kind.unassign())?;
        self.inner.unassign(eni, kind, addresses).await
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        self.may(Call::ModifyMetadataOptions)?;
        self.inner.set_hop_limit(instance, hops).await
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        self.inner.may_create(request).await
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
