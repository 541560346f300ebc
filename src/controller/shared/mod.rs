//! EC2 as the passes share it: one call for what many ask at the same time, and none for what is known.

mod batch;
mod cache;
mod lookup;
mod network;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use self::batch::Batch;
use self::cache::Cache;
use self::network::Network;
use crate::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery, Turn};
use crate::model::{
    AddressKind, AttachmentId, Call, ClusterId, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniChange, EniId,
    Instance, InstanceId, InstanceState, InstanceType, Ownership, Position, SecurityGroup, Subnet, Thing,
};

/// How long what is known of an instance is good: its zone and VPC never change, its positions are
/// arbitrated by EC2 and forgotten at the first conflict.
const INSTANCE_LIFE: Duration = Duration::from_mins(1);

/// Likewise, for an instance that starts, stops or ends.
const PASSING_LIFE: Duration = Duration::from_secs(5);

/// How long what is known of an instance type is good: AWS changes it once in years.
const TYPE_LIFE: Duration = Duration::from_hours(24);

/// EC2 as the passes share it.
pub struct SharedEc2<E> {
    inner: Arc<E>,
    enis_of_instances: Batch<InstanceId, Eni>,
    enis_of_node_enis: Batch<String, Eni>,
    instances_asked: Batch<InstanceId, Instance>,
    instances: Cache<InstanceId, Instance>,
    types_asked: Batch<String, InstanceType>,
    types: Cache<String, InstanceType>,
    network: Network<E>,
}

impl<E: Ec2> SharedEc2<E> {
    /// Shares this EC2.
    #[must_use]
    pub fn new(inner: E) -> Self {
        let inner = Arc::new(inner);
        Self {
            network: Network::new(inner.clone()),
            inner,
            enis_of_instances: Batch::default(),
            enis_of_node_enis: Batch::default(),
            instances_asked: Batch::default(),
            instances: Cache::default(),
            types_asked: Batch::default(),
            types: Cache::default(),
        }
    }

    /// Lists ENIs of slots of some instances, together with whoever else asks now.
    async fn of_instances(&self, cluster: &ClusterId, ids: &[InstanceId]) -> Answer<Vec<Eni>> {
        let (inner, cluster) = (self.inner.clone(), cluster.clone());
        let call = move |ids| async move { inner.enis(&EniQuery::OfInstances(cluster, ids)).await }.boxed();
        let all = self.enis_of_instances.ask(ids, call).await?;
        Ok(all
            .iter()
            .filter(|eni| owner(eni).is_some_and(|one| ids.contains(&one.slot.instance)))
            .cloned()
            .collect())
    }

    /// Lists ENIs of slots of some `NodeENI`s, together with whoever else asks now.
    async fn of_node_enis(&self, cluster: &ClusterId, names: &[String]) -> Answer<Vec<Eni>> {
        let (inner, cluster) = (self.inner.clone(), cluster.clone());
        let call =
            move |names| async move { inner.enis(&EniQuery::OfNodeEnis(cluster, names)).await }.boxed();
        let all = self.enis_of_node_enis.ask(names, call).await?;
        Ok(all
            .iter()
            .filter(|eni| owner(eni).is_some_and(|one| names.contains(&one.slot.node_eni)))
            .cloned()
            .collect())
    }
}

/// Who an ENI belongs to.
fn owner(eni: &Eni) -> Option<Ownership> {
    Ownership::read(&eni.tags)
}

impl<E: Ec2> Ec2 for SharedEc2<E> {
    async fn turn(&self, call: Call) -> Turn {
        self.inner.turn(call).await
    }

    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        let done = self.inner.create(request).await;
        if done.as_ref().is_err_and(|error| error.kind == Ec2ErrorKind::SubnetFull) {
            self.network.forget_subnet(&request.subnet);
        }
        done
    }

    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        let done = self.inner.attach(eni, instance, at).await;
        if done.as_ref().is_err_and(speaks_of_the_instance) {
            self.instances.forget(instance);
        }
        done
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        self.inner.modify(eni, change).await
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        self.inner.detach(attachment, force).await
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        let done = self.inner.delete(eni).await;
        // Its position is free: whoever asks next must not be told that it is held.
        self.instances.forget_where(|instance| instance.held.iter().any(|held| held.eni == *eni));
        done
    }

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        self.inner.tag(eni, tags).await
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        self.inner.untag(eni, keys).await
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        self.inner.assign(eni, kind, count).await
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        self.inner.unassign(eni, kind, addresses).await
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        self.instances.forget(instance);
        self.inner.set_hop_limit(instance, hops).await
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        self.inner.may_create(request).await
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        match query {
            EniQuery::OfInstances(cluster, ids) => self.of_instances(cluster, ids).await,
            EniQuery::OfNodeEnis(cluster, names) => self.of_node_enis(cluster, names).await,
            EniQuery::OfCluster(_) | EniQuery::OfReference(_) => self.inner.enis(query).await,
        }
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        let (mut found, missing) = self.instances.known(ids);
        if !missing.is_empty() {
            let inner = self.inner.clone();
            let call = move |ids: Vec<InstanceId>| async move { inner.instances(&ids).await }.boxed();
            let all = self.instances_asked.ask(&missing, call).await?;
            for instance in all.iter().filter(|instance| missing.contains(&instance.id)) {
                self.instances.keep(instance.id.clone(), instance.clone(), life(instance));
                found.push(instance.clone());
            }
        }
        Ok(found)
    }

    fn forget(&self, instance: &InstanceId) {
        self.instances.forget(instance);
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        let (mut found, missing) = self.types.known(names);
        if !missing.is_empty() {
            let inner = self.inner.clone();
            let call = move |names: Vec<String>| async move { inner.instance_types(&names).await }.boxed();
            let all = self.types_asked.ask(&missing, call).await?;
            for one in all.iter().filter(|one| missing.contains(&one.name)) {
                self.types.keep(one.name.clone(), one.clone(), TYPE_LIFE);
                found.push(one.clone());
            }
        }
        Ok(found)
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        self.network.subnets(query).await
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        self.network.security_groups(query).await
    }
}

/// How long what is known of an instance is good: one that is not running is about to change.
fn life(instance: &Instance) -> Duration {
    if instance.state == InstanceState::Running { INSTANCE_LIFE } else { PASSING_LIFE }
}

/// Whether a refused attach says that what is known of the instance is wrong.
fn speaks_of_the_instance(error: &Ec2Error) -> bool {
    matches!(
        error.kind,
        Ec2ErrorKind::PositionTaken
            | Ec2ErrorKind::InstanceFull
            | Ec2ErrorKind::InstanceNotReady
            | Ec2ErrorKind::NotFound(Thing::Instance)
    )
}

#[cfg(test)]
mod tests;
