//! Conditions: the operator's verdicts, in the words that Kubernetes tools wait for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Types of condition. `True` is good, but for `Degraded`, `Drifted`, `UnevenZones`, `ReplacementNeeded`
/// and `NodeDisturbed`, which are worries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// All is as asked for.
    Ready,
    /// The spec can be carried out, as far as can be told from EC2.
    SpecValid,
    /// Something stands in the way of an ENI.
    Degraded,
    /// Zones have unequal numbers of subnets.
    UnevenZones,
    /// The spec asks for what EC2 gives only to a new ENI.
    ReplacementNeeded,
    /// ENIs take attachments that EBS volumes could have.
    SharedAttachmentLimit,
    /// The VPC CNI cannot see that the ENIs are not its own.
    CniIgnoresTags,
    /// All selected nodes are such as can get an ENI.
    NodesSupported,
    /// The controller may do in EC2 what it has to, as far as that is known.
    Authorized,
    /// The ENI exists.
    Created,
    /// The ENI is attached.
    Attached,
    /// The ENI is not as it was recorded: somebody else changed it.
    Drifted,
    /// The agent found the link and set it up.
    LinkReady,
    /// The device is bound to the driver that was asked for.
    DriverBound,
    /// Kubelet offers the device.
    Advertised,
    /// The agent has let go of the device.
    Released,
    /// The node's own network is not as it was before the device came.
    NodeDisturbed,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Why a condition has its status, for programs. The message is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])* $name,)*
        }

        impl Reason {
            /// All reasons that there are.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii(),)*
                }
            }
        }
    };
}

reasons! {
    /// It is as asked for.
    AsSpecified,
    /// All ENIs are ready.
    AllReady,
    /// No node is selected.
    NoNodes,
    /// It is being worked on.
    InProgress,
    /// Nothing is done, since the user asked for that.
    Paused,
    /// It is being removed.
    Removing,
    /// ENIs are not ready; their own conditions say why.
    AttachmentsNotReady,
    /// The object cannot be read.
    Undecodable,
    /// Kubernetes refuses an object that the operator makes: a webhook, a policy or a quota does.
    ApiRefused,
    /// A subnet does not exist.
    SubnetNotFound,
    /// A security group does not exist.
    SecurityGroupNotFound,
    /// A security group is in another VPC than the node.
    SecurityGroupInOtherVpc,
    /// A name stands for several security groups.
    SecurityGroupAmbiguous,
    /// A name stands for several subnets of one zone.
    SubnetAmbiguous,
    /// A subnet is in another VPC than the node.
    SubnetInOtherVpc,
    /// No listed subnet is in the node's zone.
    NoSubnetInZone,
    /// The node's instance is not known to EC2.
    InstanceNotFound,
    /// A zone has more subnets than another.
    UnequalSubnetCounts,
    /// EKS Auto Mode owns the node's instance and its ENIs.
    AutoModeNode,
    /// A Fargate node has no instance.
    FargateNode,
    /// A hybrid node has no instance.
    HybridNode,
    /// The node has no provider id yet.
    NoProviderId,
    /// The node is not an EC2 instance.
    NotAnEc2Node,
    /// EC2 answered a create.
    Created,
    /// The ENI was there already, if a listing that cannot be too old says so too.
    Adopting,
    /// The ENI was there already.
    Adopted,
    /// EC2 has it attached.
    Attached,
    /// EC2 has it attached, at another device index than the one that was asked for.
    OtherDeviceIndex,
    /// The instance carries as many ENIs as its type allows.
    InstanceFull,
    /// The instance type has no such network card.
    NoSuchNetworkCard,
    /// An ENI of the instance type does not take so many addresses.
    TooManyAddresses,
    /// The spec asks for another position than at the attach.
    PositionChanged,
    /// The instance is starting, stopping or stopped.
    InstanceNotReady,
    /// The instance is gone.
    InstanceGone,
    /// The node is marked as about to go, and its instance with it.
    NodeGoing,
    /// Somebody attached the ENI to another instance.
    Elsewhere,
    /// The instance type counts ENIs and EBS volumes together.
    SharedWithVolumes,
    /// The VPC CNI asks the metadata service alone.
    ImdsOnlyMode,
    /// The subnet has no free address.
    SubnetFull,
    /// The account's quota of ENIs is used up.
    AccountFull,
    /// Security group, subnet and instance do not go together.
    Mismatch,
    /// EC2 does not allow the call.
    Unauthorized,
    /// AWS takes no call with the controller's credentials, or it has none.
    Unauthenticated,
    /// EC2 asks for fewer calls.
    Throttled,
    /// EC2 did not answer.
    NoAnswer,
    /// EC2 refused the call.
    Ec2Refused,
    /// A create with other parameters is out there.
    LookingForEarlierCreate,
    /// What EC2 lists contradicts what it answered; it is given time.
    Settling,
    /// No agent has reported from the node.
    NoAgent,
    /// The agent has not set up the link yet.
    LinkNotReady,
    /// Kubelet does not offer the device yet.
    NotAdvertised,
    /// The agent has not let go of the device.
    WaitingForRelease,
    /// EC2 does not list the ENI any more.
    EniMissing,
    /// Somebody else detached the ENI, or attached it anew.
    DetachedByHand,
    /// Somebody else changed attributes of the ENI.
    AttributesChanged,
    /// There is more than one ENI for the slot.
    SurplusEnis,
    /// Too much would have to be deleted, or made again: nothing is.
    DeletesHeld,
    /// EC2 is detaching it.
    Detaching,
    /// It is deleted.
    Deleted,
    /// The host has no link of the ENI.
    LinkNotFound,
    /// Several links, or several objects, claim to be the ENI's.
    AmbiguousInterface,
    /// Another link of the node has the alternative name.
    NameTaken,
    /// The link is up and has no carrier.
    NoCarrier,
    /// The link does not take the MTU.
    MtuRefused,
    /// The kernel refused a change of the link.
    KernelRefused,
    /// Something on the node sets the link otherwise, again and again.
    ConflictingNetworkManager,
    /// What is done to devices cannot be recorded, so nothing is done.
    JournalUnwritable,
    /// It is the ENI, or the interface, that the node lives by.
    PrimaryInterface,
    /// The node's default route goes out by the link.
    DefaultRoute,
    /// The link has an address of the node.
    NodeAddress,
    /// The link is a member of a bridge, a bond or the like.
    MemberOfAnother,
    /// The VPC CNI uses the ENI for pods.
    OwnedByVpcCni,
    /// The link is in a pod.
    InPod,
    /// Something on the node uses the device.
    InUse,
    /// The agent has let go of the device.
    Released,
    /// The agent binds no devices to DPDK drivers.
    DpdkUnsupported,
    /// The device is bound to the DPDK driver, and so is no link.
    BoundToDpdkDriver,
    /// Kubelet offers the device.
    Advertised,
    /// The device is not at the PCI address that the spec expects.
    PciAddressMismatch,
    /// The kernel has no such driver: its module is not loaded.
    DriverNotLoaded,
    /// The device's IOMMU group has members that the kernel uses.
    IommuGroupNotViable,
    /// The host has no IOMMU for the device.
    NoIommu,
    /// The host has no IOMMU for the device, and its kernel lets none go without.
    NoIommuUnsupported,
    /// The host has no IOMMU for the device, and not everybody who is asked lets it go without.
    NoIommuNotAllowed,
    /// Kubelet takes no resource of that name.
    ResourceNameInvalid,
    /// The device could not be bound to the DPDK driver; its kernel's driver is to have it until the next try.
    BindFailed,
    /// The device could not be given back to its kernel's driver.
    RollbackFailed,
    /// The kernel takes the device from its driver when the program that has it open closes it.
    UnbindBlocked,
    /// Another plugin of the node serves the resource, or the device.
    ServedByAnother,
    /// The device stands in the configuration of the SR-IOV device plugin, which reads it when it starts.
    PluginConfigured,
    /// The node has no default route any more.
    DefaultRouteLost,
    /// The node's name servers are others than before.
    ResolversChanged,
}

/// A condition as decided, before it has a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which condition.
    pub type_: ConditionType,
    /// Whether it holds, or `None` if that cannot be told.
    pub holds: Option<bool>,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
}

impl ConditionType {
    /// All types that there are.
    pub const ALL: [Self; 17] = [
        Self::Ready,
        Self::SpecValid,
        Self::Degraded,
        Self::UnevenZones,
        Self::ReplacementNeeded,
        Self::SharedAttachmentLimit,
        Self::CniIgnoresTags,
        Self::NodesSupported,
        Self::Authorized,
        Self::Created,
        Self::Attached,
        Self::Drifted,
        Self::LinkReady,
        Self::DriverBound,
        Self::Advertised,
        Self::Released,
        Self::NodeDisturbed,
    ];

    /// Whether a node's agent writes conditions of this type, rather than the controller.
    #[must_use]
    pub fn is_agents(self) -> bool {
        match self {
            Self::LinkReady | Self::DriverBound | Self::Advertised | Self::Released | Self::NodeDisturbed => {
                true
            }
            Self::Ready
            | Self::SpecValid
            | Self::Degraded
            | Self::UnevenZones
            | Self::ReplacementNeeded
            | Self::SharedAttachmentLimit
            | Self::CniIgnoresTags
            | Self::NodesSupported
            | Self::Authorized
            | Self::Created
            | Self::Attached
            | Self::Drifted => false,
        }
    }

    /// The type as it is written.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

impl Reason {
    /// The reason as it is written.
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rule is the variant's name; these are the exceptions"
    )]
    pub fn name(self) -> String {
        match self {
            Self::ApiRefused => "APIRefused".to_owned(),
            Self::NoProviderId => "NoProviderID".to_owned(),
            Self::NotAnEc2Node => "NotAnEC2Node".to_owned(),
            Self::SubnetInOtherVpc => "SubnetInOtherVPC".to_owned(),
            Self::SecurityGroupInOtherVpc => "SecurityGroupInOtherVPC".to_owned(),
            Self::Ec2Refused => "EC2Refused".to_owned(),
            Self::EniMissing => "ENIMissing".to_owned(),
            Self::SurplusEnis => "SurplusENIs".to_owned(),
            Self::MtuRefused => "MTURefused".to_owned(),
            Self::OwnedByVpcCni => "OwnedByVPCCNI".to_owned(),
            Self::DpdkUnsupported => "DPDKUnsupported".to_owned(),
            Self::BoundToDpdkDriver => "BoundToDPDKDriver".to_owned(),
            Self::PciAddressMismatch => "PCIAddressMismatch".to_owned(),
            Self::IommuGroupNotViable => "IOMMUGroupNotViable".to_owned(),
            Self::NoIommu => "NoIOMMU".to_owned(),
            Self::NoIommuUnsupported => "NoIOMMUUnsupported".to_owned(),
            Self::NoIommuNotAllowed => "NoIOMMUNotAllowed".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

impl Reason {
    /// The reason that is written so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }
}

impl Verdict {
    /// A verdict that holds or does not.
    #[must_use]
    pub fn new(
        type_: ConditionType,
        holds: Option<bool>,
        reason: Reason,
        message: impl Into<String>,
    ) -> Self {
        Self { type_, holds, reason, message: message.into() }
    }

    /// Whether a condition says the same already.
    fn said_by(&self, old: &Condition, generation: Option<i64>) -> bool {
        old.status == self.status()
            && old.reason == self.reason.name()
            && old.message == self.message
            && old.observed_generation == generation
    }

    /// The status as it is written.
    fn status(&self) -> &'static str {
        match self.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        }
    }
}

/// Finds the condition of a type.
#[must_use]
pub fn find_condition(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    let name = type_.name();
    conditions.iter().find(|condition| condition.type_ == name)
}

/// Whether the condition of a type is `True`.
#[must_use]
pub fn holds(conditions: &[Condition], type_: ConditionType) -> bool {
    find_condition(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// Puts a verdict among the conditions, which stay sorted by type.
///
/// The transition time moves only when the status does. A verdict that changes nothing therefore
/// leaves the object as it was, and writing it back causes no further pass.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) {
    let name = verdict.type_.name();
    let old = conditions.iter().position(|condition| condition.type_ == name);
    if old.is_some_and(|at| verdict.said_by(&conditions[at], generation)) {
        return;
    }
    let old = old.map(|at| conditions.remove(at));
    let since = old.filter(|old| old.status == verdict.status()).map(|old| old.last_transition_time);
    conditions.push(Condition {
        type_: name,
        status: verdict.status().to_owned(),
        reason: verdict.reason.name(),
        message: verdict.message.clone(),
        observed_generation: generation,
        last_transition_time: since.unwrap_or(Time(now)),
    });
    conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(holds: bool) -> Verdict {
        Verdict::new(ConditionType::Ready, Some(holds), Reason::InProgress, "")
    }

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let (start, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(3600).unwrap());
        let mut conditions = vec![];
        set_condition(&mut conditions, &ready(false), Some(1), start);
        set_condition(&mut conditions, &ready(false), Some(2), later);
        assert_eq!(
            (conditions[0].last_transition_time.0, conditions[0].observed_generation),
            (start, Some(2))
        );
        set_condition(&mut conditions, &ready(true), Some(2), later);
        assert_eq!(conditions[0].last_transition_time.0, later);
        assert_eq!(conditions.len(), 1);
    }
}
