//! Which changes the random schedules make, of those that need a part of the operator of their own.

/// A user's tags change after the create.
pub const TAGS: bool = true;
/// Numbers of secondary addresses, prefixes and IPv6 addresses change after the create.
pub const ADDRESSES: bool = true;
/// What somebody changes in EC2 by hand is put right again.
pub const DRIFT: bool = true;
/// ENIs of instances that are gone go, though nobody knows of them but EC2.
pub const ORPHANS: bool = true;
/// An ENI is replaced where its user asks for it.
pub const REPLACEMENT: bool = true;
