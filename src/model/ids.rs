//! Ids as EC2 writes them, one type each, so that none can be taken for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An id did not have the shape that EC2 gives to ids of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not an id of the form {prefix} followed by 8 to 17 hexadecimal digits")]
pub struct InvalidId {
    prefix: &'static str,
    value: String,
}

/// Whether the text is the prefix and 8 to 17 hexadecimal digits.
///
/// EC2's old ids have 8 digits and its new ones 17.
fn well_formed(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

macro_rules! ec2_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as EC2 writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                if well_formed($prefix, &value) {
                    Ok(Self(value))
                } else {
                    Err(InvalidId { prefix: $prefix, value })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

ec2_id!(
    /// Id of an elastic network interface, such as `eni-0a1b2c3d4e5f60718`.
    EniId, "eni-"
);
ec2_id!(
    /// Id of the attachment of an ENI to an instance, such as `eni-attach-0a1b2c3d`.
    AttachmentId, "eni-attach-"
);
ec2_id!(
    /// Id of an EC2 instance, such as `i-0a1b2c3d4e5f60718`.
    InstanceId, "i-"
);
ec2_id!(
    /// Id of a subnet, such as `subnet-0a1b2c3d`.
    SubnetId, "subnet-"
);
ec2_id!(
    /// Id of a security group, such as `sg-0a1b2c3d`.
    SecurityGroupId, "sg-"
);
ec2_id!(
    /// Id of a VPC, such as `vpc-0a1b2c3d`.
    VpcId, "vpc-"
);

impl InstanceId {
    /// The instance of a node, from its `spec.providerID`: `aws:///us-east-1a/i-0a1b2c3d4e5f60718`.
    ///
    /// `None` for an id of another provider, a Fargate node or a hybrid node.
    #[must_use]
    pub fn from_provider_id(provider_id: &str) -> Option<Self> {
        let path = provider_id.strip_prefix("aws://")?;
        path.rsplit('/').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_id_is_not_an_eni_id() {
        assert!("eni-attach-0a1b2c3d".parse::<EniId>().is_err());
        assert!("eni-attach-0a1b2c3d".parse::<AttachmentId>().is_ok());
    }

    #[test]
    fn an_id_has_eight_to_seventeen_hexadecimal_digits() {
        for (text, good) in [
            ("subnet-0123abcd", true),
            ("subnet-0123456789abcdef0", true),
            ("subnet-0123abc", false),
            ("subnet-0123456789abcdef01", false),
            ("subnet-tenant-a", false),
            ("subnet-", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<SubnetId>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn only_an_ec2_provider_id_names_an_instance() {
        let instance = |text| InstanceId::from_provider_id(text).map(String::from);
        assert_eq!(instance("aws:///us-east-1a/i-0123456789abcdef0").as_deref(), Some("i-0123456789abcdef0"));
        assert_eq!(instance("aws://i-0123456789abcdef0").as_deref(), Some("i-0123456789abcdef0"));
        for other in [
            "",
            "aws:///us-east-1a/fargate-ip-10-0-0-1.ec2.internal",
            "eks-hybrid:///eu/c/mi-0123456789abcdef0",
            "gce://p/z/i-0123456789abcdef0",
        ] {
            assert_eq!(instance(other), None, "{other}");
        }
    }
}
