//! The slot: one ENI that should exist.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{InstanceId, SubnetId};

/// One ENI that should exist: what a `NodeENI` asks for on one instance from one subnet.
///
/// Keyed by subnet and not by place in a list: taking a subnet out of the list removes that ENI and
/// no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// Name of the `NodeENI`.
    pub node_eni: String,
    /// The instance.
    pub instance: InstanceId,
    /// The subnet.
    pub subnet: SubnetId,
}

/// Names the cluster in the tags of its ENIs, so that two clusters in one account never meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub String);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which ENI of a slot: a later one has a higher epoch.
///
/// A token may not be used for a second ENI, so the epoch goes up when an ENI of the slot is gone.
/// It starts at the time, in seconds since 1970, so that a lost record never repeats one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub i64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Slot {
    /// Name of the slot's `NodeENIAttachment`: the `NodeENI`'s, as much of it as fits, and a digest.
    ///
    /// Equal slots have equal names, so that the API server refuses the second of two. 253 characters
    /// at most, as Kubernetes takes them.
    #[must_use]
    pub fn object_name(&self) -> String {
        let digest = hex(&[self.node_eni.as_str(), self.instance.as_str(), self.subnet.as_str()], 12);
        let prefix: String = self.node_eni.chars().take(240).collect();
        format!("{}-{digest}", prefix.trim_end_matches(['-', '.']))
    }

    /// Eight hexadecimal digits that stand for the `NodeENI` and the subnet, the same on every node.
    #[must_use]
    pub fn network_digest(&self) -> String {
        hex(&[self.node_eni.as_str(), self.subnet.as_str()], 8)
    }
}

/// The client token of a create: the same for every try, another for every ENI.
///
/// EC2 takes 64 ASCII characters at most.
#[must_use]
pub fn client_token(cluster: &ClusterId, attachment_uid: &str, epoch: Epoch) -> String {
    hex(&[cluster.0.as_str(), attachment_uid, epoch.to_string().as_str()], 64)
}

/// The first digits of SHA-256 over the parts, each ended by a zero byte so that none runs into the next.
fn hex(parts: &[&str], digits: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let nibbles = hasher.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.take(digits).filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(node_eni: &str) -> Slot {
        Slot {
            node_eni: node_eni.to_owned(),
            instance: "i-0123456789abcdef0".parse().unwrap(),
            subnet: "subnet-0123abcd".parse().unwrap(),
        }
    }

    #[test]
    fn the_longest_name_still_makes_a_name_that_kubernetes_takes() {
        let longest = slot(&"a".repeat(253));
        assert_eq!(longest.object_name().len(), 253);
        assert!(!slot(&format!("{}.b", "a".repeat(239))).object_name().contains(".-"));
    }

    #[test]
    fn a_token_fits_ec2_and_changes_with_each_of_its_parts() {
        let token =
            |cluster: &str, uid, epoch| client_token(&ClusterId(cluster.to_owned()), uid, Epoch(epoch));
        let all = [
            token("c", "u", 1),
            token("c", "u", 2),
            token("c", "v", 1),
            token("d", "u", 1),
            token("cu", "", 1),
        ];
        assert!(all.iter().all(|token| token.len() == 64));
        assert_eq!(std::collections::BTreeSet::from(all.clone()).len(), all.len());
    }
}
