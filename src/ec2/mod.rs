//! EC2, in our words: the port, and what stands behind it.
//!
//! Nothing here decides. Every method of the port is one action of EC2 (a describe follows its own
//! pages), and none of them retries: when to call again is the plan's decision.

#[cfg(feature = "aws")]
pub mod aws;
mod errors;

use std::collections::BTreeMap;
use std::future::Future;

pub use errors::{readable, sort};

use k8s_openapi::jiff::SignedDuration;

use crate::model::{
    AddressKind, AttachmentId, Call, ClusterId, CreateEni, Ec2Error, Eni, EniChange, EniId, Instance,
    InstanceId, InstanceType, Position, SecurityGroup, SecurityGroupId, Subnet, SubnetId, VpcId,
};

/// Values that EC2 takes in all filters of one request together.
///
/// EC2's words in the refusal of more (`FilterLimitExceeded`); its documentation gives no number.
pub const MAX_FILTER_VALUES: usize = 200;

/// The largest page that EC2 gives of ENIs, instances, subnets and security groups.
pub const PAGE: u16 = 1000;

/// What a call gave.
pub type Answer<T> = Result<T, Ec2Error>;

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Now,
    /// Not soon: ask again after this time.
    After(SignedDuration),
}

/// The EC2 calls that the operator makes.
pub trait Ec2: Send + Sync + 'static {
    /// Waits until a call may be made, where calls are rationed; the one that is made next then goes at once.
    ///
    /// For what has to be done between the waiting and the call: to look whether the reason still holds, and
    /// to write down that the call is made now.
    fn turn(&self, call: Call) -> impl Future<Output = Turn> + Send {
        let _ = call;
        std::future::ready(Turn::Now)
    }

    /// Creates an ENI, or returns the one that an earlier call with the same token created.
    fn create(&self, request: &CreateEni) -> impl Future<Output = Answer<Eni>> + Send;

    /// Attaches an ENI to an instance. EC2 goes on attaching after it has answered.
    fn attach(
        &self,
        eni: &EniId,
        instance: &InstanceId,
        at: Position,
    ) -> impl Future<Output = Answer<AttachmentId>> + Send;

    /// Changes one attribute of an ENI.
    fn modify(&self, eni: &EniId, change: &EniChange) -> impl Future<Output = Answer<()>> + Send;

    /// Detaches an ENI; `force` only where nobody can let go of it any more.
    fn detach(&self, attachment: &AttachmentId, force: bool) -> impl Future<Output = Answer<()>> + Send;

    /// Deletes an ENI that is attached to nothing.
    fn delete(&self, eni: &EniId) -> impl Future<Output = Answer<()>> + Send;

    /// Sets tags of an ENI; one that is there gets the new value.
    fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> impl Future<Output = Answer<()>> + Send;

    /// Takes tags off an ENI, by key. One that is not there is success.
    fn untag(&self, eni: &EniId, keys: &[String]) -> impl Future<Output = Answer<()>> + Send;

    /// Gives an ENI further addresses, and returns them. Not idempotent: asking twice gives twice.
    fn assign(
        &self,
        eni: &EniId,
        kind: AddressKind,
        count: u32,
    ) -> impl Future<Output = Answer<Vec<String>>> + Send;

    /// Takes addresses off an ENI.
    fn unassign(
        &self,
        eni: &EniId,
        kind: AddressKind,
        addresses: &[String],
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Sets how many network hops an answer of an instance's metadata service may take.
    fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> impl Future<Output = Answer<()>> + Send;

    /// Asks whether a create would be allowed. Creates nothing.
    fn may_create(&self, request: &CreateEni) -> impl Future<Output = Answer<()>> + Send;

    /// Lists ENIs that bear our tags.
    fn enis(&self, query: &EniQuery) -> impl Future<Output = Answer<Vec<Eni>>> + Send;

    /// Lists those of the instances that EC2 knows.
    fn instances(&self, ids: &[InstanceId]) -> impl Future<Output = Answer<Vec<Instance>>> + Send;

    /// What was known of an instance is out of date. Whoever keeps answers asks for it again.
    fn forget(&self, _instance: &InstanceId) {}

    /// Tells what instance types can carry. A name that EC2 does not know is left out.
    fn instance_types(&self, names: &[String]) -> impl Future<Output = Answer<Vec<InstanceType>>> + Send;

    /// Lists subnets. One that EC2 does not know is left out.
    fn subnets(&self, query: &SubnetQuery) -> impl Future<Output = Answer<Vec<Subnet>>> + Send;

    /// Lists security groups. One that EC2 does not know is left out.
    fn security_groups(
        &self,
        query: &SecurityGroupQuery,
    ) -> impl Future<Output = Answer<Vec<SecurityGroup>>> + Send;
}

/// Which of our ENIs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EniQuery {
    /// Those for slots of these instances, attached or not.
    OfInstances(ClusterId, Vec<InstanceId>),
    /// Those for slots of these `NodeENI`s.
    OfNodeEnis(ClusterId, Vec<String>),
    /// All of the cluster.
    OfCluster(ClusterId),
    /// Those that bear the reference system's tags for these `NodeENI`s: ours bear them too.
    OfReference(Vec<String>),
}

/// Which subnets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubnetQuery {
    /// By id.
    Ids(Vec<SubnetId>),
    /// By tag `Name`, inside a VPC. Several subnets can have one name.
    Names(VpcId, Vec<String>),
}

/// Which security groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityGroupQuery {
    /// By id.
    Ids(Vec<SecurityGroupId>),
    /// By group name, inside a VPC.
    GroupNames(VpcId, Vec<String>),
    /// By tag `Name`, inside a VPC. Several groups can have one name.
    TagNames(VpcId, Vec<String>),
}
