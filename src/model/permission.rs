//! What the controller's role in AWS has to allow, call by call.
//!
//! Which things an action is about, and which condition keys it knows, is from AWS's service authorization
//! reference for EC2.

use super::Call;

/// A part of the work that a role may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Bringing ENIs up, keeping them as they should be, and taking them away.
    Core,
    /// Taking tags off that a `NodeENI` does not have any more.
    Tags,
    /// Further addresses and prefixes whose number changes.
    Addresses,
    /// `--imds-auto-configure-hop-limit`.
    HopLimit,
    /// Taking over the ENIs of the system that this one replaces. Until that is done.
    TakeOver,
}

/// What an action is about, in IAM's words; the rest of the ARN is anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Nothing certain: the action knows no single things.
    Everything,
    /// `network-interface/*`
    Eni,
    /// `instance/*`
    Instance,
    /// `subnet/*`
    Subnet,
    /// `security-group/*`
    SecurityGroup,
}

/// What has to hold of the thing, or of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Nothing.
    None,
    /// The request gives the thing the cluster's tag.
    GivesTag,
    /// Likewise, and the tags are a part of the create.
    GivesTagInCreate,
    /// The thing bears the cluster's tag.
    HasTag,
    /// Likewise, the request names tags, and that one is not among them.
    HasTagAndKeepsIt,
    /// The thing bears the mark of the system that is replaced and no cluster's tag, and the request gives it ours.
    IsInherited,
}

/// One right that the role has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The call that needs it.
    pub call: Call,
    /// What for.
    pub feature: Feature,
    /// On what.
    pub targets: &'static [Target],
    /// Under which condition it is enough.
    pub guard: Guard,
}

impl Feature {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 5] = [Self::Core, Self::Tags, Self::Addresses, Self::HopLimit, Self::TakeOver];
}

const fn right(call: Call, feature: Feature, targets: &'static [Target], guard: Guard) -> Right {
    Right { call, feature, targets, guard }
}

/// The rights that a call needs: one of them for each thing that the call is about.
#[must_use]
pub fn rights(call: Call) -> Vec<Right> {
    use Feature::{Addresses, Core, HopLimit, Tags, TakeOver};
    use Guard::{GivesTag, GivesTagInCreate, HasTag, HasTagAndKeepsIt, IsInherited, None};
    use Target::{Eni, Everything, Instance, SecurityGroup, Subnet};
    match call {
        Call::Create => {
            vec![right(call, Core, &[Eni], GivesTag), right(call, Core, &[Subnet, SecurityGroup], None)]
        }
        Call::CreateTags => vec![
            right(call, Core, &[Eni], GivesTagInCreate),
            right(call, Core, &[Eni], HasTagAndKeepsIt),
            right(call, TakeOver, &[Eni], IsInherited),
        ],
        Call::DeleteTags => vec![right(call, Tags, &[Eni], HasTagAndKeepsIt)],
        Call::Attach | Call::Detach => {
            vec![right(call, Core, &[Eni], HasTag), right(call, Core, &[Instance], None)]
        }
        // Delete-on-termination is of the attachment, and with it of the instance.
        Call::Modify => {
            vec![right(call, Core, &[Eni], HasTag), right(call, Core, &[Instance, SecurityGroup], None)]
        }
        Call::Delete => vec![right(call, Core, &[Eni], HasTag)],
        Call::AssignIpv4 | Call::UnassignIpv4 | Call::AssignIpv6 | Call::UnassignIpv6 => {
            vec![right(call, Addresses, &[Eni], HasTag)]
        }
        Call::ModifyMetadataOptions => vec![right(call, HopLimit, &[Instance], None)],
        Call::DescribeEnis
        | Call::DescribeInstances
        | Call::DescribeInstanceTypes
        | Call::DescribeSubnets
        | Call::DescribeSecurityGroups => vec![right(call, Core, &[Everything], None)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_rights_and_no_change_is_allowed_of_a_strangers_eni() {
        for call in Call::ALL {
            let rights = rights(call);
            assert!(!rights.is_empty(), "{call}");
            for one in rights {
                assert_eq!(one.call, call);
                assert_eq!(one.targets == [Target::Everything], call.is_read(), "{call}");
                let guarded = one.guard != Guard::None;
                assert_eq!(guarded, one.targets == [Target::Eni], "{call}: {one:?}");
            }
        }
    }
}
