//! The ids of EC2's things: how they look, and which error speaks of which.

use crate::error::ApiError;
use crate::rng::Rng;

/// A kind of thing that has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `eni-…`
    NetworkInterface,
    /// `eni-attach-…`
    Attachment,
    /// `i-…`
    Instance,
    /// `subnet-…`
    Subnet,
    /// `sg-…`
    SecurityGroup,
    /// `vpc-…`
    Vpc,
    /// `vol-…`
    Volume,
    /// `r-…`
    Reservation,
}

impl Kind {
    /// What stands before the hexadecimal digits.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::NetworkInterface => "eni-",
            Self::Attachment => "eni-attach-",
            Self::Instance => "i-",
            Self::Subnet => "subnet-",
            Self::SecurityGroup => "sg-",
            Self::Vpc => "vpc-",
            Self::Volume => "vol-",
            Self::Reservation => "r-",
        }
    }

    /// The name EC2's tags and policies give the kind.
    #[must_use]
    pub fn resource_type(self) -> &'static str {
        match self {
            Self::NetworkInterface => "network-interface",
            Self::Attachment => "network-interface-attachment",
            Self::Instance => "instance",
            Self::Subnet => "subnet",
            Self::SecurityGroup => "security-group",
            Self::Vpc => "vpc",
            Self::Volume => "volume",
            Self::Reservation => "reservation",
        }
    }

    /// The kind an id claims to be of by its prefix. Attachments and reservations carry no tags and are not
    /// looked for.
    #[must_use]
    pub fn of_taggable(id: &str) -> Option<Self> {
        [Self::NetworkInterface, Self::Instance, Self::Subnet, Self::SecurityGroup, Self::Vpc, Self::Volume]
            .into_iter()
            .find(|kind| well_formed(*kind, id))
    }

    fn malformed_code(self) -> &'static str {
        match self {
            Self::NetworkInterface => "InvalidNetworkInterfaceId.Malformed",
            Self::Attachment => "InvalidNetworkInterfaceAttachmentId.Malformed",
            Self::Instance => "InvalidInstanceID.Malformed",
            Self::Subnet => "InvalidSubnetID.Malformed",
            Self::SecurityGroup => "InvalidGroupId.Malformed",
            Self::Vpc => "InvalidVpcID.Malformed",
            Self::Volume => "InvalidVolumeID.Malformed",
            Self::Reservation => "InvalidReservationID.Malformed",
        }
    }

    /// The error for an id of this kind that names nothing.
    #[must_use]
    pub fn not_found(self, id: &str) -> ApiError {
        let (code, text) = match self {
            Self::NetworkInterface => ("InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
            Self::Attachment => ("InvalidAttachmentID.NotFound", "attachment ID"),
            Self::Instance => ("InvalidInstanceID.NotFound", "instance ID"),
            Self::Subnet => ("InvalidSubnetID.NotFound", "subnet ID"),
            Self::SecurityGroup => ("InvalidGroup.NotFound", "security group"),
            Self::Vpc => ("InvalidVpcID.NotFound", "vpc ID"),
            Self::Volume => ("InvalidVolume.NotFound", "volume"),
            Self::Reservation => ("InvalidReservationID.NotFound", "reservation ID"),
        };
        ApiError::client(code, format!("The {text} '{id}' does not exist"))
    }
}

/// Says whether an id has the form of its kind: the prefix and 8 or 17 hexadecimal digits.
pub(crate) fn well_formed(kind: Kind, id: &str) -> bool {
    id.strip_prefix(kind.prefix()).is_some_and(|rest| {
        matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// Refuses an id that does not have the form of its kind.
pub(crate) fn check(kind: Kind, id: &str) -> Result<(), ApiError> {
    if well_formed(kind, id) {
        return Ok(());
    }
    let expecting = if id.starts_with(kind.prefix()) {
        String::new()
    } else {
        format!(" (expecting \"{}...\")", kind.prefix())
    };
    Err(ApiError::client(kind.malformed_code(), format!("Invalid id: \"{id}\"{expecting}")))
}

/// Draws a new id: 17 hexadecimal digits, the first of them 0 as in nearly all of EC2's.
pub(crate) fn draw(kind: Kind, rng: &mut Rng) -> String {
    format!("{}0{:016x}", kind.prefix(), rng.next())
}
