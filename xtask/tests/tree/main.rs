//! Rules about the tree that the compiler does not check.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(
    clippy::disallowed_methods,
    reason = "the bans keep clock and environment out of the operator's decisions"
)]

mod documents;
mod faults;
mod layers;
mod paths;
mod purity;
mod source;
mod workflows;
