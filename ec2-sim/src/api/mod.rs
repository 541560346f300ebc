//! The actions: a request and an answer for each, with EC2's own names in snake case.

mod attribute;
mod described;
mod eni;
mod group;
mod instance;
mod launch;
mod network;
mod parts;
mod subnet;
mod tag;
mod types;
mod volume;

pub use attribute::*;
pub use described::*;
pub use eni::*;
pub use group::*;
pub use instance::*;
pub use launch::*;
pub use network::*;
pub use parts::*;
pub use subnet::*;
pub use tag::*;
pub use types::*;
pub use volume::*;

use serde::{Serialize, Serializer};

use crate::actions::Perform;
use crate::core::Core;
use crate::error::ApiError;
use crate::policy::Question;
use crate::wire::{Node, Unknown};

/// A request whose answer has a type of its own.
pub trait Call: Into<Request> {
    /// What the action answers with.
    type Answer;

    /// Takes the answer out of a response; none if it is another action's.
    fn answer(response: Response) -> Option<Self::Answer>;
}

macro_rules! actions {
    ($($name:ident -> $answer:ty, $changes:literal, $capacity:literal, $refill:literal;)*) => {
        /// An action by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        impl Action {
            /// All actions there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// EC2's name of it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The action with the name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }

            /// Says whether it changes anything.
            #[must_use]
            pub fn changes(self) -> bool {
                match self { $(Self::$name => $changes,)* }
            }

            /// The documented request limit: calls in a burst, and calls a second in the long run.
            #[must_use]
            pub fn limit(self) -> (f64, f64) {
                match self { $(Self::$name => ($capacity, $refill),)* }
            }

            pub(crate) fn unfiltered_name(self) -> &'static str {
                match self { $(Self::$name => concat!(stringify!($name), " unfiltered"),)* }
            }
        }

        /// A request of any action.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $(#[doc = concat!("`", stringify!($name), "`")] $name($name),)*
        }

        impl Request {
            /// The action it is of.
            #[must_use]
            pub fn action(&self) -> Action {
                match self { $(Self::$name(_) => Action::$name,)* }
            }

            /// Reads the parameters of an action; what is not known is noted.
            pub(crate) fn read(action: Action, node: &Node, unknown: &Unknown) -> Result<Self, ApiError> {
                match action {
                    $(Action::$name => crate::wire::read::<$name>(node, unknown).map(Self::$name),)*
                }
            }

            pub(crate) fn perform(&self, core: &mut Core) -> Result<Response, ApiError> {
                match self { $(Self::$name(request) => request.perform(core).map(Response::$name),)* }
            }

            pub(crate) fn questions(&self, core: &Core) -> Vec<Question> {
                match self { $(Self::$name(request) => request.questions(core),)* }
            }

            pub(crate) fn is_dry_run(&self) -> bool {
                match self { $(Self::$name(request) => request.is_dry_run(),)* }
            }

            pub(crate) fn is_unfiltered(&self) -> bool {
                match self { $(Self::$name(request) => request.is_unfiltered(),)* }
            }
        }

        /// The answer of any action.
        #[expect(clippy::large_enum_variant, reason = "an answer is made once and taken apart at once")]
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $(#[doc = concat!("Of `", stringify!($name), "`")] $name($answer),)*
        }

        impl Response {
            /// The action it is of.
            #[must_use]
            pub fn action(&self) -> Action {
                match self { $(Self::$name(_) => Action::$name,)* }
            }
        }

        impl Serialize for Response {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$name(answer) => answer.serialize(serializer),)* }
            }
        }

        $(
            impl From<$name> for Request {
                fn from(request: $name) -> Self {
                    Self::$name(request)
                }
            }

            impl Call for $name {
                type Answer = $answer;

                fn answer(response: Response) -> Option<$answer> {
                    if let Response::$name(answer) = response { Some(answer) } else { None }
                }
            }
        )*
    };
}

// Name, answer, whether it changes anything, and the request limit: burst and calls a second.
actions! {
    CreateNetworkInterface -> CreateNetworkInterfaceAnswer, true, 100.0, 5.0;
    AttachNetworkInterface -> AttachNetworkInterfaceAnswer, true, 50.0, 5.0;
    DetachNetworkInterface -> Done, true, 50.0, 5.0;
    DeleteNetworkInterface -> Done, true, 100.0, 5.0;
    ModifyNetworkInterfaceAttribute -> Done, true, 100.0, 5.0;
    DescribeNetworkInterfaces -> DescribeNetworkInterfacesAnswer, false, 100.0, 20.0;
    DescribeNetworkInterfaceAttribute -> DescribeNetworkInterfaceAttributeAnswer, false, 100.0, 20.0;
    ResetNetworkInterfaceAttribute -> Done, true, 50.0, 5.0;
    AssignPrivateIpAddresses -> AssignPrivateIpAddressesAnswer, true, 100.0, 5.0;
    UnassignPrivateIpAddresses -> Done, true, 100.0, 5.0;
    AssignIpv6Addresses -> AssignIpv6AddressesAnswer, true, 100.0, 5.0;
    UnassignIpv6Addresses -> UnassignIpv6AddressesAnswer, true, 100.0, 5.0;
    CreateTags -> Done, true, 100.0, 10.0;
    DeleteTags -> Done, true, 100.0, 10.0;
    DescribeTags -> DescribeTagsAnswer, false, 100.0, 20.0;
    DescribeInstances -> DescribeInstancesAnswer, false, 100.0, 20.0;
    DescribeInstanceTypes -> DescribeInstanceTypesAnswer, false, 100.0, 20.0;
    RunInstances -> Reservation, true, 5.0, 2.0;
    StartInstances -> InstanceStateChanges, true, 5.0, 2.0;
    StopInstances -> InstanceStateChanges, true, 50.0, 5.0;
    TerminateInstances -> InstanceStateChanges, true, 100.0, 5.0;
    ModifyInstanceMetadataOptions -> ModifyInstanceMetadataOptionsAnswer, true, 100.0, 5.0;
    ModifyInstanceAttribute -> Done, true, 50.0, 5.0;
    DescribeVpcs -> DescribeVpcsAnswer, false, 100.0, 20.0;
    DescribeSubnets -> DescribeSubnetsAnswer, false, 100.0, 20.0;
    DescribeSecurityGroups -> DescribeSecurityGroupsAnswer, false, 100.0, 20.0;
    DescribeAvailabilityZones -> DescribeAvailabilityZonesAnswer, false, 100.0, 20.0;
    CreateVpc -> CreateVpcAnswer, true, 50.0, 5.0;
    CreateSubnet -> CreateSubnetAnswer, true, 50.0, 5.0;
    CreateSecurityGroup -> CreateSecurityGroupAnswer, true, 50.0, 5.0;
    DeleteVpc -> Done, true, 50.0, 5.0;
    DeleteSubnet -> Done, true, 50.0, 5.0;
    DeleteSecurityGroup -> DeleteSecurityGroupAnswer, true, 50.0, 5.0;
    CreateVolume -> VolumeItem, true, 50.0, 5.0;
    DescribeVolumes -> DescribeVolumesAnswer, false, 100.0, 20.0;
    AttachVolume -> VolumeAttachmentItem, true, 50.0, 5.0;
    DetachVolume -> VolumeAttachmentItem, true, 50.0, 5.0;
}
