//! EC2's error codes, sorted by reaction. The only place that reads EC2's message text.
//!
//! The codes are those of EC2's "Error codes for the Amazon EC2 API" that our calls can meet, and the
//! SDK's list of codes that mean throttling.

use crate::model::{Ec2ErrorKind, Thing};

/// What a failure means, from EC2's code and words.
///
/// Some codes say several things, which only their message tells apart. What is not known here is
/// [`Ec2ErrorKind::Refused`].
#[must_use]
pub fn sort(code: &str, message: &str) -> Ec2ErrorKind {
    use Ec2ErrorKind as Kind;
    match code {
        "InvalidNetworkInterfaceID.NotFound" => Kind::NotFound(Thing::Eni),
        "InvalidAttachmentID.NotFound" => Kind::NotFound(Thing::Attachment),
        "InvalidInstanceID.NotFound" => Kind::NotFound(Thing::Instance),
        "InvalidSubnetID.NotFound" | "InvalidSubnet" => Kind::NotFound(Thing::Subnet),
        "InvalidGroup.NotFound" | "InvalidSecurityGroupID.NotFound" => sort_group(message),
        "InvalidNetworkInterface.InUse" | "DependencyViolation" => Kind::Conflict,
        "IncorrectState" | "InvalidState" => sort_state(message),
        "IncorrectInstanceState" | "InvalidInstanceState" | "InvalidInstanceID" => Kind::InstanceNotReady,
        "InvalidParameterValue" | "InvalidParameter" | "InvalidParameterCombination" => {
            sort_parameter(message)
        }
        "ZonesMismatched" => Kind::Mismatch,
        "AttachmentLimitExceeded" => Kind::InstanceFull,
        "NetworkInterfaceLimitExceeded" => Kind::AccountFull,
        "InsufficientFreeAddressesInSubnet" | "InsufficientCidrBlocks" => Kind::SubnetFull,
        "IdempotentParameterMismatch" => Kind::TokenReused,
        _ => sort_common(code),
    }
}

/// EC2's words without the encoded part of a refusal: it is another one each time, and nobody can read it
/// without a further permission, so it would make each refusal look like news.
#[must_use]
pub fn readable(message: &str) -> &str {
    message.split(" Encoded authorization failure message").next().unwrap_or(message)
}

/// The meanings of the codes that every call can give.
fn sort_common(code: &str) -> Ec2ErrorKind {
    match code {
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "OptInRequired"
        | "PendingVerification" => Ec2ErrorKind::Unauthorized,
        "AuthFailure"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSecurity.RequestHasExpired"
        | "MissingAuthenticationToken"
        | "NoCredentials"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Ec2ErrorKind::Unauthenticated,
        "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "ConcurrentRequestLimitExceeded"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => Ec2ErrorKind::Throttled,
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "NoAnswer"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceUnavailable"
        | "Unavailable"
        // A page that is too late to ask for: the listing starts over.
        | "InvalidNextToken"
        | "InvalidPaginationToken" => Ec2ErrorKind::NoAnswer,
        _ => Ec2ErrorKind::Refused,
    }
}

/// A group of another VPC is not found either, as EC2 sees it.
fn sort_group(message: &str) -> Ec2ErrorKind {
    if message.contains("different networks") {
        Ec2ErrorKind::Mismatch
    } else {
        Ec2ErrorKind::NotFound(Thing::SecurityGroup)
    }
}

/// EC2 speaks of the instance's state, unless it names the ENI or its attachment.
///
/// "Instance 'i-0' is not 'running'." against "The attachment of 'i-0' is detaching."
fn sort_state(message: &str) -> Ec2ErrorKind {
    let of_eni = message.contains("nterface") || message.contains("ttachment") || message.contains("eni-");
    if message.contains("not 'running'") || (message.contains("nstance") && !of_eni) {
        Ec2ErrorKind::InstanceNotReady
    } else {
        Ec2ErrorKind::Conflict
    }
}

/// The meanings of the codes about parameters.
fn sort_parameter(message: &str) -> Ec2ErrorKind {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["already has an interface attached at device index"]) {
        Ec2ErrorKind::PositionTaken
    } else if says(&["is currently in use", "already attached", "is already in use"]) {
        Ec2ErrorKind::Conflict
    } else if says(&["availability zone", "same network", "different networks", "different vpc"]) {
        Ec2ErrorKind::Mismatch
    } else {
        Ec2ErrorKind::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, message: &str, kind: Ec2ErrorKind) {
        assert_eq!(sort(code, message), kind, "{code}: {message}");
    }

    #[test]
    fn a_parameter_can_be_wrong_in_several_ways() {
        let taken = "Instance 'i-0' already has an interface attached at device index '1'.";
        check("InvalidParameterValue", taken, Ec2ErrorKind::PositionTaken);
        let in_use = "Network interface 'eni-0' is currently in use.";
        check("InvalidParameterValue", in_use, Ec2ErrorKind::Conflict);
        let invalid = "Value (x) for parameter y is invalid.";
        check("InvalidParameterValue", invalid, Ec2ErrorKind::Refused);
        let memberships = "user 1 exceeded limit 5 on the number of interface security group memberships";
        check("InvalidParameterValue", memberships, Ec2ErrorKind::Refused);
        let zones = "You may not attach a network interface to an instance if they are not in the same \
             availability zone";
        check("InvalidParameterCombination", zones, Ec2ErrorKind::Mismatch);
        let networks = "Security group sg-1 and subnet subnet-1 belong to different networks.";
        check("InvalidParameter", networks, Ec2ErrorKind::Mismatch);
    }

    #[test]
    fn a_state_can_be_the_instances_or_the_enis() {
        check("IncorrectState", "Instance 'i-0' is not 'running'.", Ec2ErrorKind::InstanceNotReady);
        check("IncorrectState", "The attachment is in state detaching", Ec2ErrorKind::Conflict);
        let attachment = "The attachment eni-attach-0 of instance i-0 is detaching";
        check("IncorrectState", attachment, Ec2ErrorKind::Conflict);
        let pending = "The pending instance 'i-0' is not in a valid state for this operation.";
        check("InvalidInstanceID", pending, Ec2ErrorKind::InstanceNotReady);
        check("IncorrectInstanceState", "", Ec2ErrorKind::InstanceNotReady);
    }

    #[test]
    fn an_eni_in_use_is_a_conflict_even_where_its_instance_is_named() {
        let message = "Network interface eni-0 is already attached to instance i-0";
        check("InvalidNetworkInterface.InUse", message, Ec2ErrorKind::Conflict);
    }

    #[test]
    fn a_group_that_is_not_found_may_stand_in_another_vpc() {
        let missing = "The security group 'sg-0' does not exist";
        check("InvalidGroup.NotFound", missing, Ec2ErrorKind::NotFound(Thing::SecurityGroup));
        let elsewhere = "You have specified two resources that belong to different networks.";
        check("InvalidGroup.NotFound", elsewhere, Ec2ErrorKind::Mismatch);
    }

    #[test]
    fn what_nobody_can_read_is_left_out_of_a_refusal() {
        let refusal =
            "You are not authorized to perform: ec2:CreateTags. Encoded authorization failure message: x1";
        assert_eq!(readable(refusal), "You are not authorized to perform: ec2:CreateTags.");
        assert_eq!(readable("other words"), "other words");
    }

    #[test]
    fn what_every_call_can_give_is_told_apart() {
        check("RequestLimitExceeded", "", Ec2ErrorKind::Throttled);
        check("UnauthorizedOperation", "", Ec2ErrorKind::Unauthorized);
        for code in ["ExpiredToken", "InvalidClientTokenId", "AuthFailure", "NoCredentials", "RequestExpired"]
        {
            check(code, "", Ec2ErrorKind::Unauthenticated);
        }
        check("InternalError", "", Ec2ErrorKind::NoAnswer);
        check("OperationNotPermitted", "", Ec2ErrorKind::Refused);
        check("SomethingNew", "", Ec2ErrorKind::Refused);
    }
}
