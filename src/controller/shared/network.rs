//! Subnets and security groups, by id and by name: each is looked up once by all who want it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::lookup::{Found, Lookup};
use crate::ec2::{Answer, Ec2, SecurityGroupQuery, SubnetQuery};
use crate::model::{SecurityGroup, SecurityGroupId, Subnet, SubnetId, VpcId};

/// A name inside a VPC.
type Name = (VpcId, String);

/// Subnets and security groups as the passes share them.
pub(super) struct Network<E> {
    inner: Arc<E>,
    subnets: Lookup<SubnetId, Subnet>,
    named_subnets: Lookup<Name, Subnet>,
    groups: Lookup<SecurityGroupId, SecurityGroup>,
    named_groups: Lookup<Name, SecurityGroup>,
    tagged_groups: Lookup<Name, SecurityGroup>,
}

impl<E: Ec2> Network<E> {
    pub(super) fn new(inner: Arc<E>) -> Self {
        Self {
            inner,
            subnets: Lookup::default(),
            named_subnets: Lookup::default(),
            groups: Lookup::default(),
            named_groups: Lookup::default(),
            tagged_groups: Lookup::default(),
        }
    }

    /// Subnets, known or asked for.
    pub(super) async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        let inner = self.inner.clone();
        match query {
            SubnetQuery::Ids(ids) => {
                let call = move |ids: Vec<SubnetId>| {
                    let query = SubnetQuery::Ids(ids);
                    async move { Ok(by(inner.subnets(&query).await?, |one| Some(one.id.clone()))) }.boxed()
                };
                self.subnets.ask(ids.iter().cloned(), call).await
            }
            SubnetQuery::Names(vpc, names) => {
                let call = move |names| {
                    each_vpc(names, move |vpc, names| {
                        let inner = inner.clone();
                        async move {
                            let found = inner.subnets(&SubnetQuery::Names(vpc, names)).await?;
                            Ok(by(found, |one| Some((one.vpc.clone(), one.name.clone()?))))
                        }
                        .boxed()
                    })
                };
                self.named_subnets.ask(in_vpc(vpc, names), call).await
            }
        }
    }

    /// Forgets a subnet: what is known of its free addresses is wrong.
    pub(super) fn forget_subnet(&self, id: &SubnetId) {
        self.subnets.forget_where(|subnet| subnet.id == *id);
        self.named_subnets.forget_where(|subnet| subnet.id == *id);
    }

    /// Security groups, known or asked for.
    pub(super) async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        let inner = self.inner.clone();
        match query {
            SecurityGroupQuery::Ids(ids) => {
                let call = move |ids: Vec<SecurityGroupId>| {
                    let query = SecurityGroupQuery::Ids(ids);
                    async move { Ok(by(inner.security_groups(&query).await?, |one| Some(one.id.clone()))) }
                        .boxed()
                };
                self.groups.ask(ids.iter().cloned(), call).await
            }
            SecurityGroupQuery::GroupNames(vpc, names) => {
                let key = |one: &SecurityGroup| Some((one.vpc.clone(), one.group_name.clone()));
                let call = groups(inner, SecurityGroupQuery::GroupNames, key);
                self.named_groups.ask(in_vpc(vpc, names), call).await
            }
            SecurityGroupQuery::TagNames(vpc, names) => {
                let key = |one: &SecurityGroup| Some((one.vpc.clone(), one.name.clone()?));
                let call = groups(inner, SecurityGroupQuery::TagNames, key);
                self.tagged_groups.ask(in_vpc(vpc, names), call).await
            }
        }
    }
}

/// The call that finds groups by a kind of name.
fn groups<E: Ec2>(
    inner: Arc<E>,
    query: fn(VpcId, Vec<String>) -> SecurityGroupQuery,
    key: fn(&SecurityGroup) -> Option<Name>,
) -> impl FnOnce(Vec<Name>) -> BoxFuture<'static, Answer<Found<Name, SecurityGroup>>> + Clone {
    move |names| {
        each_vpc(names, move |vpc, names| {
            let inner = inner.clone();
            async move { Ok(by(inner.security_groups(&query(vpc, names)).await?, key)) }.boxed()
        })
    }
}

/// Names inside a VPC.
fn in_vpc(vpc: &VpcId, names: &[String]) -> Vec<Name> {
    names.iter().map(|name| (vpc.clone(), name.clone())).collect()
}

/// Things by what they were asked for by.
fn by<K: Ord, V>(found: Vec<V>, key: impl Fn(&V) -> Option<K>) -> Found<K, V> {
    let mut sorted: Found<K, V> = BTreeMap::new();
    for one in found {
        if let Some(key) = key(&one) {
            sorted.entry(key).or_default().push(one);
        }
    }
    sorted
}

/// Asks for names, one call for each VPC: a name means something inside one only.
fn each_vpc<V: Send + 'static>(
    names: Vec<Name>,
    call: impl Fn(VpcId, Vec<String>) -> BoxFuture<'static, Answer<Found<Name, V>>> + Send + 'static,
) -> BoxFuture<'static, Answer<Found<Name, V>>> {
    let mut vpcs: BTreeMap<VpcId, Vec<String>> = BTreeMap::new();
    for (vpc, name) in names {
        vpcs.entry(vpc).or_default().push(name);
    }
    async move {
        let mut all = BTreeMap::new();
        for (vpc, names) in vpcs {
            all.extend(call(vpc, names).await?);
        }
        Ok(all)
    }
    .boxed()
}
