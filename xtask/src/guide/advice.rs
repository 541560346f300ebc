//! What to do about what a condition says.

use eni_operator::api::Reason;

/// Nothing needs to be done.
const NOTHING: &str = "Nothing.";

/// It goes on by itself.
const WAIT: &str = "Nothing: it goes on by itself.";

/// What to do, for people.
#[expect(clippy::too_many_lines, reason = "it is one table")]
pub(super) fn of(reason: Reason) -> &'static str {
    match reason {
        Reason::AsSpecified
        | Reason::AllReady
        | Reason::Created
        | Reason::Adopted
        | Reason::Attached
        | Reason::Deleted
        | Reason::Released
        | Reason::BoundToDpdkDriver
        | Reason::Advertised
        | Reason::InPod => NOTHING,
        Reason::InProgress
        | Reason::Removing
        | Reason::Adopting
        | Reason::LookingForEarlierCreate
        | Reason::Settling
        | Reason::NoProviderId => WAIT,
        Reason::Detaching => {
            "Nothing for a minute or two. If EC2 hangs for longer, `spec.detachPolicy.type: Force` lets the controller detach by force."
        }
        Reason::NodeGoing => {
            "Nothing: its ENIs are left to the end of the instance. A node that is still there after 15 minutes is served again."
        }
        Reason::InstanceGone => {
            "Nothing: EC2 takes its ENIs off, and those that stay are deleted. Delete the Node object if nobody else does."
        }
        Reason::NoNodes => {
            "Label a node as `spec.nodeSelector` and `spec.nodeSelectorTerms` ask for, or correct them."
        }
        Reason::Paused => "Take `spec.paused` off when it is to go on.",
        Reason::AttachmentsNotReady => "Look at the ENIs by themselves: `kubectl get nenia`, column REASON.",
        Reason::Undecodable => {
            "Look at the message for the field, and correct it: an older or newer CRD may have let it through. Its ENIs stay as they are meanwhile."
        }
        Reason::ApiRefused => {
            "Look at the message for who refuses: a webhook, an admission policy or a quota. Make an exception for `nodeeniattachments.networking.k8s.aws`."
        }
        Reason::SubnetNotFound => {
            "Correct the id or the tag `Name` in the spec, or make the subnet, in the account and region of the nodes."
        }
        Reason::SecurityGroupNotFound => {
            "Correct the id or the name in the spec, or make the group. Names are looked for in the VPC of the node: by group name, then by tag `Name`."
        }
        Reason::SecurityGroupInOtherVpc => "Name a security group of the nodes' VPC.",
        Reason::SecurityGroupAmbiguous => "Give the id instead of the name, or rename one of the groups.",
        Reason::SubnetAmbiguous => {
            "Give the id instead of the name, or rename one of the subnets of that zone."
        }
        Reason::SubnetInOtherVpc => "Name a subnet of the node's VPC.",
        Reason::NoSubnetInZone => {
            "Add a subnet of the node's zone to the spec, or select only nodes of zones that have one."
        }
        Reason::InstanceNotFound => {
            "Wait if the instance is new. If it stays, the node's `spec.providerID` names an instance of another account or region, or one that is gone."
        }
        Reason::UnequalSubnetCounts => {
            "Nothing, if it is meant. Otherwise list as many subnets for each zone: nodes of a zone with fewer have fewer ENIs."
        }
        Reason::AutoModeNode => {
            "Leave out nodes of EKS Auto Mode with `spec.nodeSelectorTerms`: see `neighbours.md`."
        }
        Reason::FargateNode => "Leave out Fargate nodes: they have no instance to attach an ENI to.",
        Reason::HybridNode => "Leave out hybrid nodes: they have no instance to attach an ENI to.",
        Reason::NotAnEc2Node => {
            "Leave the node out of the selector: its `spec.providerID` is not that of an EC2 instance."
        }
        Reason::OtherDeviceIndex => {
            "Nothing, if the alternative name is what you use: it stays the one asked for. To move it, free the index on that instance and annotate the attachment with `networking.k8s.aws/replace=true`."
        }
        Reason::InstanceFull => {
            "Use a larger instance type, fewer subnets, or `WARM_ENI_TARGET=0` and a lower `MAX_ENI` for the VPC CNI: see `neighbours.md`."
        }
        Reason::NoSuchNetworkCard => {
            "Lower `spec.networkCardIndex`, or select instances of a type with that card."
        }
        Reason::TooManyAddresses => {
            "Lower the numbers of addresses and prefixes in the spec, or use a type that takes more per ENI."
        }
        Reason::PositionChanged => {
            "Annotate the attachment, or the `NodeENI` with its generation, to have it replaced: see `changing-a-nodeeni.md`."
        }
        Reason::InstanceNotReady => "Nothing, if it is starting. A stopped instance has to be started.",
        Reason::Elsewhere => {
            "Detach the ENI from the other instance, by hand; it is then attached where it belongs."
        }
        Reason::SharedWithVolumes => {
            "Lower the volume limit of the EBS CSI driver (`--volume-attach-limit` or `--reserved-volume-attachments`) by the number of ENIs: see `neighbours.md`."
        }
        Reason::ImdsOnlyMode => {
            "Set `ENABLE_IMDS_ONLY_MODE=false` on the DaemonSet `aws-node`: see `neighbours.md`."
        }
        Reason::SubnetFull => {
            "Free addresses in the subnet, or add another subnet. With `subnetPolicy: One` another subnet of the zone is taken by itself."
        }
        Reason::AccountFull => "Have the quota of network interfaces per region raised, or delete some.",
        Reason::Mismatch => {
            "Use a subnet and security groups of the instance's VPC, and a subnet of its zone."
        }
        Reason::Unauthorized => {
            "Give the controller's role the action that the message names: see `iam.md`. It is tried again by itself within some minutes."
        }
        Reason::Unauthenticated => {
            "Give the controller credentials: see `iam.md`. Until AWS takes them, nothing is changed in EC2."
        }
        Reason::Throttled => {
            "Nothing, if it passes. Otherwise somebody else in the account uses up the limit: lower `controller.apiShare`, or have limits raised and say so in `controller.apiLimits`."
        }
        Reason::NoAnswer => {
            "Nothing, if it passes. Otherwise look at the way from the controller's pods to EC2: DNS, proxy, NAT or VPC endpoint `com.amazonaws.REGION.ec2`."
        }
        Reason::Ec2Refused => "Look at EC2's code and words in the message.",
        Reason::EniMissing => "Nothing: it is made again. Find out who deleted it: CloudTrail knows.",
        Reason::DetachedByHand => {
            "Nothing: it is attached again. Find out who detached it: CloudTrail knows."
        }
        Reason::AttributesChanged => {
            "Nothing: they are put right. Find out who changed them, if it comes again: CloudTrail knows."
        }
        Reason::SurplusEnis => "Nothing: one ENI stays, and the others are deleted.",
        Reason::DeletesHeld => {
            "See whether `controller.clusterID` is what it was, and whether many objects were deleted or restored. If all is right, raise `controller.sweepBrake` for one period."
        }
        Reason::NoAgent => {
            "See why no agent is on the node: `kubectl -n NAMESPACE get pods -o wide -l app.kubernetes.io/component=node-agent`. If none is wanted, set `controller.requireNodeAgent=false`."
        }
        Reason::LinkNotReady => {
            "Look at the condition `LinkReady` of the same attachment: its reason has a row here."
        }
        Reason::NotAdvertised => "See whether kubelet runs, and the agent's log on that node.",
        Reason::WaitingForRelease => {
            "End what uses the device on the node, or bring its agent back. `spec.detachPolicy` says how long a silent agent is waited for."
        }
        Reason::LinkNotFound => {
            "See `dmesg` on the node: the driver did not take the device. Rebooting the node helps where the kernel missed it."
        }
        Reason::AmbiguousInterface => {
            "Give each device its own hardware address: a bond or a bridge may have copied it. Of two attachments that name one ENI, delete the wrong `NodeENI`."
        }
        Reason::NameTaken => {
            "Set another `spec.altNamePrefix`, or rename the other link; the message says which it is. Of two `NodeENI`s that ask for one name, the older has it."
        }
        Reason::NoCarrier => "Look at the ENI in EC2, and at `ip -d link` on the node.",
        Reason::MtuRefused => "Set a lower `spec.mtu`: the message has what the link takes.",
        Reason::KernelRefused => "Look at the kernel's words in the message. It is tried again by itself.",
        Reason::ConflictingNetworkManager => {
            "Tell the program to leave the link alone; for systemd-networkd, `nodeAgent.networkd=true` does."
        }
        Reason::JournalUnwritable => "Make room on the node, or make `/var/lib/eni-operator` writable.",
        Reason::PrimaryInterface => {
            "Correct what names the node's own interface: `spec.deviceIndex`, or `--primary-interface` of the agent."
        }
        Reason::DefaultRoute => {
            "Take the default route off the link: something on the node, often its network manager, has put it there. The agent touches no link with it."
        }
        Reason::NodeAddress => {
            "Find out who gave the node's address to the link; the agent touches no link that has it."
        }
        Reason::MemberOfAnother => "Take the link out of the bridge or bond that the message names.",
        Reason::OwnedByVpcCni => {
            "Set `ENABLE_IMDS_ONLY_MODE=false` on the DaemonSet `aws-node`, so that it sees the tag `node.k8s.amazonaws.com/no_manage`: see `neighbours.md`."
        }
        Reason::InUse => "End what the message names: a pod, or a link that stands on the device.",
        Reason::DpdkUnsupported => {
            "Let the agents bind devices: `nodeAgent.dpdk.enabled=true`. See `dpdk.md`."
        }
        Reason::PciAddressMismatch => {
            "Correct `spec.dpdkPCIAddress`, or leave it out: the device is found by the ENI's hardware address. The message has both addresses."
        }
        Reason::DriverNotLoaded => {
            "Load the module that the message names when the node starts, or let the agent's loader do it. See `dpdk.md`."
        }
        Reason::IommuGroupNotViable => {
            "Take the members that the message names from their drivers, or bind them to vfio-pci too: an IOMMU group goes to programs as a whole."
        }
        Reason::NoIommu => {
            "Use an instance type with an IOMMU (`*.metal`) and switch it on, or set `spec.allowUnsafeNoIommu`, which lets the program that uses the device write to all memory."
        }
        Reason::NoIommuUnsupported => {
            "Use a kernel that is built with `CONFIG_VFIO_NOIOMMU`, an instance type with an IOMMU, or another `spec.dpdkDriver`."
        }
        Reason::NoIommuNotAllowed => {
            "Both have to allow it, the `NodeENI` and the node's agent: the message says which does not."
        }
        Reason::ResourceNameInvalid => {
            "Correct `spec.dpdkResourceName`: the message says what kubelet takes."
        }
        Reason::BindFailed => {
            "Look at the kernel's words in the message, and at `dmesg` on the node. It is tried again by itself, less and less often."
        }
        Reason::RollbackFailed => {
            "Look at the kernel's words in the message, and at `dmesg` on the node: the device's own driver may be missing. It is tried again by itself, and the ENI stays attached meanwhile."
        }
        Reason::UnbindBlocked => {
            "End the program on the node that has the device open: it goes on by itself then. It need not be in a pod."
        }
        Reason::ServedByAnother => {
            "Give the resource another name, or take it out of the other plugin's configuration: two plugins must not offer one device."
        }
        Reason::PluginConfigured => {
            "Restart the SR-IOV device plugin on the node: it reads its configuration only when it starts."
        }
        Reason::DefaultRouteLost => {
            "Look at the node's network manager at once: the node has no way out. The agent has set no route."
        }
        Reason::ResolversChanged => {
            "See who serves DHCP in the ENI's subnet, and have the node's network manager leave the link alone (`nodeAgent.networkd=true`)."
        }
    }
}
