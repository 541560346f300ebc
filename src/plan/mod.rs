//! Every decision of the operator.
//!
//! The functions here are total and depend on nothing but their arguments: they perform no I/O, read
//! no clock and draw no random numbers, so that every decision can be replayed from the world it was
//! made in. Time is an input.
//!
//! They share four rules. Unknown means wait. What is not ours is not touched. Nothing is decided in a
//! pass that could not observe. A plan never waits: it says at what pace to look again.

pub mod addresses;
pub mod asks;
pub mod authority;
pub mod backoff;
pub mod belief;
pub mod budget;
pub mod events;
pub mod fanout;
pub mod full;
pub mod hop_limit;
pub mod host;
pub mod instance;
pub mod kubelet;
pub mod lease;
pub mod modules;
pub mod neighbours;
pub mod node;
pub mod offsets;
pub mod positions;
pub mod record;
pub mod region;
pub mod release;
pub mod resolve;
pub mod rollup;
pub mod slot_status;
pub mod sriov;
pub mod sweep;
pub mod takeover;
pub mod verdicts;

use k8s_openapi::jiff::SignedDuration;

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// When something changes, and not before.
    Settled,
    /// After this time at the latest.
    Within(SignedDuration),
}

impl Pace {
    /// The sooner of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Settled, pace) | (pace, Self::Settled) => pace,
            (Self::Within(one), Self::Within(two)) => Self::Within(one.min(two)),
        }
    }
}

/// What every decision depends on and no observation tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The cluster, in the tags of its ENIs.
    pub cluster: crate::model::ClusterId,

    /// How long a change may be missing from EC2's listings.
    ///
    /// EC2 promises no bound: its reads are eventually consistent. A minute is what we are willing to
    /// hold up a decision for that would be wrong if the listing were old.
    pub listing_lag: SignedDuration,

    /// Whether an ENI is ready only when the node's agent says so.
    pub agent_required: bool,

    /// What to raise the hop limit of the metadata service to, on instances of selected nodes; `None` for
    /// not at all.
    pub hop_limit: Option<u32>,

    /// How careful to be with what a listing of the whole cluster shows.
    pub sweep: sweep::Rules,
}
