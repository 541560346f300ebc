//! EC2's error codes, sorted by reaction. The only place that reads EC2's message text.

use crate::model::{Ec2ErrorKind, Thing};

/// What a failure means, from EC2's code and words.
///
/// `InvalidParameterValue` says several things, which only its message tells apart. What is not known
/// here is [`Ec2ErrorKind::Refused`].
#[must_use]
pub fn sort(code: &str, message: &str) -> Ec2ErrorKind {
    use Ec2ErrorKind as Kind;
    match code {
        "InvalidNetworkInterfaceID.NotFound" => Kind::NotFound(Thing::Eni),
        "InvalidAttachmentID.NotFound" => Kind::NotFound(Thing::Attachment),
        "InvalidInstanceID.NotFound" => Kind::NotFound(Thing::Instance),
        "InvalidSubnetID.NotFound" => Kind::NotFound(Thing::Subnet),
        "InvalidGroup.NotFound" | "InvalidSecurityGroupID.NotFound" => Kind::NotFound(Thing::SecurityGroup),
        "InvalidNetworkInterface.InUse" | "IncorrectState" if about_instance(message) => {
            Kind::InstanceNotReady
        }
        "InvalidNetworkInterface.InUse" | "IncorrectState" => Kind::Conflict,
        "IncorrectInstanceState" => Kind::InstanceNotReady,
        "InvalidParameterValue" | "InvalidParameter" | "InvalidParameterCombination" => {
            sort_parameter(message)
        }
        "AttachmentLimitExceeded" => Kind::InstanceFull,
        "NetworkInterfaceLimitExceeded" => Kind::AccountFull,
        "InsufficientFreeAddressesInSubnet" | "InsufficientCidrBlocks" => Kind::SubnetFull,
        "IdempotentParameterMismatch" => Kind::TokenReused,
        "UnauthorizedOperation"
        | "AuthFailure"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "RequestExpired"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "PendingVerification"
        | "MissingAuthenticationToken"
        | "AccessDenied"
        | "NoCredentials" => Kind::Unauthorized,
        "RequestLimitExceeded"
        | "EC2ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "SlowDown"
        | "ConcurrentRequestLimitExceeded" => Kind::Throttled,
        "InternalError" | "InternalFailure" | "Unavailable" | "ServiceUnavailable" | "NoAnswer" => {
            Kind::NoAnswer
        }
        _ => Kind::Refused,
    }
}

/// Whether EC2 speaks of the instance's state rather than the ENI's.
fn about_instance(message: &str) -> bool {
    message.contains("nstance '") || message.contains("nstance i-") || message.contains("not 'running'")
}

/// The meanings of the codes about parameters.
fn sort_parameter(message: &str) -> Ec2ErrorKind {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["already has an interface attached at device index"]) {
        Ec2ErrorKind::PositionTaken
    } else if says(&["is currently in use", "already attached", "is already in use"]) {
        Ec2ErrorKind::Conflict
    } else if says(&[
        "availability zone",
        "same network",
        "different networks",
        "belong to different",
        "different VPC",
    ]) {
        Ec2ErrorKind::Mismatch
    } else {
        Ec2ErrorKind::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_with_several_meanings_is_told_apart_by_its_message() {
        for (code, message, kind) in [
            (
                "InvalidParameterValue",
                "Instance 'i-0' already has an interface attached at device index '1'.",
                Ec2ErrorKind::PositionTaken,
            ),
            (
                "InvalidParameterValue",
                "Network interface 'eni-0' is currently in use.",
                Ec2ErrorKind::Conflict,
            ),
            ("InvalidParameterValue", "Value (x) for parameter y is invalid.", Ec2ErrorKind::Refused),
            (
                "InvalidParameterCombination",
                "You may not attach a network interface to an instance if they are not in the same availability zone",
                Ec2ErrorKind::Mismatch,
            ),
            (
                "InvalidParameter",
                "Security group sg-1 and subnet subnet-1 belong to different networks.",
                Ec2ErrorKind::Mismatch,
            ),
            ("IncorrectState", "Instance 'i-0' is not 'running'.", Ec2ErrorKind::InstanceNotReady),
            ("IncorrectState", "The attachment is in state detaching", Ec2ErrorKind::Conflict),
            ("SomethingNew", "", Ec2ErrorKind::Refused),
        ] {
            assert_eq!(sort(code, message), kind, "{code}: {message}");
        }
    }
}
