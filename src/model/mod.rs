//! Words: what EC2, Kubernetes and the kernel say, as types.
//!
//! Nothing here performs I/O, reads a clock, or knows a client. The planner, the ports and their
//! adapters all speak these words, so none of them needs to name another.

mod device;
mod eni;
mod error;
mod ids;
mod instance;
mod link;
mod network;
mod offer;
pub mod permission;
mod slot;
mod tags;

pub use device::{Binding, DeviceChange, Function, GroupMember, IommuGroup, Platform};
pub use eni::{AddressKind, Attachment, AttachmentState, CreateEni, Eni, EniChange};
pub use error::{Call, Ec2Error, Ec2ErrorKind, LEASE_LOST, Thing};
pub use ids::{AttachmentId, EniId, InstanceId, InvalidId, SecurityGroupId, SubnetId, VpcId};
pub use instance::{Card, HeldPosition, Instance, InstanceState, InstanceType, Position};
pub use link::{
    DefaultRoute, Elsewhere, HostError, HostView, InvalidMac, InvalidPci, Link, LinkChange, Lower,
    MAIN_TABLE, MacAddress, NetNsId, PciAddress,
};
pub use network::{SecurityGroup, Subnet};
pub use offer::{Allotted, DeviceNode, Offer, Offers, PodName, Publication, Publications};
pub use slot::{ClusterId, Epoch, Slot, client_token};
pub use tags::{MAX_USER_TAGS, Ownership, RESERVED_TAG_PREFIXES, key as tag_key, marked as marked_tags};
