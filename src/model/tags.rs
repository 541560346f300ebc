//! Tags of our ENIs: who owns one, in words that EC2 keeps.
//!
//! The ownership tags are in the Create itself, so that an ENI never exists without them. Everything
//! that the operator knows can be rebuilt from them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{ClusterId, Epoch, Position, Slot};

/// Keys of the tags that the operator sets.
pub mod key {
    /// The cluster that the ENI belongs to. The parameter of the IAM policy.
    pub const CLUSTER: &str = "networking.k8s.aws/cluster-id";
    /// Name of the `NodeENI`.
    pub const NODE_ENI: &str = "networking.k8s.aws/node-eni";
    /// The instance that the ENI is for.
    pub const INSTANCE: &str = "networking.k8s.aws/instance-id";
    /// The subnet: a slot is read from tags alone.
    pub const SUBNET: &str = "networking.k8s.aws/subnet-id";
    /// Which ENI of the slot.
    pub const EPOCH: &str = "networking.k8s.aws/epoch";
    /// The subnet's place in its zone: its device index is the `NodeENI`'s and this.
    pub const OFFSET: &str = "networking.k8s.aws/offset";
    /// The position that was asked for when the ENI was attached: [`super::Position`] as `CARD/DEVICE`.
    pub const ASKED: &str = "networking.k8s.aws/asked-position";
    /// Which of the other tags are the user's: a digest of each key, see [`super::marked`].
    pub const USER_TAGS: &str = "networking.k8s.aws/user-tags";
    /// uid of the `NodeENIAttachment` that asked; a trace only, since a restore gives new ones.
    pub const UID: &str = "networking.k8s.aws/attachment-uid";
    /// Keeps the VPC CNI's hands off: without it, it takes the ENI for its own.
    pub const NO_MANAGE: &str = "node.k8s.amazonaws.com/no_manage";
    /// What the console shows.
    pub const NAME: &str = "Name";
    /// The reference system's words, which its users search for.
    pub const REFERENCE_NODE_ENI: &str = "NodeENI";
    /// Likewise: the name of the node.
    pub const REFERENCE_NODE: &str = "Node";
    /// Likewise: the subnet.
    pub const REFERENCE_SUBNET: &str = "SubnetID";
    /// Likewise: the reference's mark.
    pub const REFERENCE_MANAGED_BY: &str = "kubernetes.io/cluster/managed-by";
    /// The value of that mark.
    pub const REFERENCE_MANAGER: &str = "nodeeni-controller";
}

/// Beginnings of keys that a user cannot set: EC2's own, ours, and those that tell controllers apart.
pub const RESERVED_TAG_PREFIXES: [&str; 4] =
    ["aws:", "networking.k8s.aws/", "node.k8s.amazonaws.com/", "kubernetes.io/cluster/"];

/// Tags that a user can set on an ENI.
///
/// EC2 takes 50 on a resource, and the operator sets 15.
pub const MAX_USER_TAGS: u32 = 35;

/// Longest value of a tag that EC2 takes, in characters.
const MAX_VALUE: usize = 256;

/// Who an ENI belongs to and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The cluster.
    pub cluster: ClusterId,
    /// The slot that it fills.
    pub slot: Slot,
    /// Which ENI of the slot.
    pub epoch: Epoch,
    /// The subnet's place in its zone.
    pub offset: u32,
}

/// Keys of the operator's tags that are put back where they are missing or have another value.
///
/// The others say whose the ENI is: without them, or with others, it is not ours to judge.
const KEPT: [&str; 8] = [
    key::NAME,
    key::NO_MANAGE,
    key::REFERENCE_NODE_ENI,
    key::REFERENCE_NODE,
    key::REFERENCE_SUBNET,
    key::REFERENCE_MANAGED_BY,
    key::ASKED,
    key::USER_TAGS,
];

impl Ownership {
    /// The tags of a new ENI: the user's, the reference's, and last ours, which therefore win.
    #[must_use]
    pub fn tags(&self, node: &str, uid: &str, user: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut tags = self.slot.kept_tags(node, user);
        let ours = [
            (key::CLUSTER, self.cluster.0.clone()),
            (key::NODE_ENI, self.slot.node_eni.clone()),
            (key::INSTANCE, self.slot.instance.to_string()),
            (key::SUBNET, self.slot.subnet.to_string()),
            (key::EPOCH, self.epoch.to_string()),
            (key::OFFSET, self.offset.to_string()),
            (key::UID, uid.to_owned()),
        ];
        tags.extend(ours.map(|(key, value)| (key.to_owned(), value)));
        tags
    }

    /// Reads back what [`Ownership::tags`] wrote; `None` for an ENI that is not ours to judge.
    #[must_use]
    pub fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let get = |key: &str| tags.get(key);
        Some(Self {
            cluster: ClusterId(get(key::CLUSTER)?.clone()),
            slot: Slot {
                node_eni: get(key::NODE_ENI)?.clone(),
                instance: get(key::INSTANCE)?.parse().ok()?,
                subnet: get(key::SUBNET)?.parse().ok()?,
            },
            epoch: Epoch(get(key::EPOCH)?.parse().ok()?),
            offset: get(key::OFFSET)?.parse().ok()?,
        })
    }
}

impl Ownership {
    /// Likewise, for an ENI of this cluster; `None` for every other.
    #[must_use]
    pub fn within(cluster: &ClusterId, tags: &BTreeMap<String, String>) -> Option<Self> {
        Self::read(tags).filter(|owner| owner.cluster == *cluster)
    }
}

impl Slot {
    /// The tags that an ENI of the slot keeps as long as it lives: the user's, and those of the operator's
    /// that say nothing of whose it is. A user's `Name` goes before ours.
    #[must_use]
    pub fn kept_tags(&self, node: &str, user: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([(key::NAME.to_owned(), self.display_name(node))]);
        tags.extend(user.clone());
        let ours = [
            (key::NO_MANAGE, "true".to_owned()),
            (key::REFERENCE_NODE_ENI, self.node_eni.clone()),
            (key::REFERENCE_NODE, node.to_owned()),
            (key::REFERENCE_SUBNET, self.subnet.to_string()),
            (key::REFERENCE_MANAGED_BY, key::REFERENCE_MANAGER.to_owned()),
        ];
        let mark = (!user.is_empty()).then(|| (key::USER_TAGS, mark(user.keys())));
        tags.extend(ours.into_iter().chain(mark).map(|(key, value)| (key.to_owned(), value)));
        tags
    }

    /// The reference's form of the name, cut to what EC2 takes.
    fn display_name(&self, node: &str) -> String {
        let subnet = self.subnet.as_str();
        let end = &subnet[subnet.len().saturating_sub(8)..];
        let name = format!("nodeeni-{}-{node}", self.node_eni);
        let kept: String = name.chars().take(MAX_VALUE - end.len() - 1).collect();
        format!("{kept}-{end}")
    }
}

/// The tags among an ENI's that are ours to change: the operator's, and those that the user asked for.
///
/// Which are the user's, the ENI itself says. So a tag that somebody else put on it is told apart from one that
/// the user has taken out of his spec, whatever else was lost.
#[must_use]
pub fn marked(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mark = tags.get(key::USER_TAGS).map_or("", String::as_str);
    let is_marked = |key: &str| !is_reserved(key) && digests(mark).any(|one| one == digest(key));
    tags.iter()
        .filter(|(key, _)| KEPT.contains(&key.as_str()) || is_marked(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Whether only EC2, the operator or another controller sets a tag with this key.
fn is_reserved(key: &str) -> bool {
    RESERVED_TAG_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Digits of a digest of a key: 36 bits, so that a stranger's key has that of one of 35 in one of two
/// thousand million cases. 35 of them fit the 256 characters of a value; 35 keys of 128 characters do not.
const DIGITS: usize = 6;

/// Digests of some keys, one after the other.
fn mark<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    keys.map(|key| digest(key)).collect()
}

/// The digests of a mark.
fn digests(mark: &str) -> impl Iterator<Item = String> + '_ {
    let letters: Vec<char> = mark.chars().collect();
    let parts: Vec<String> = letters.chunks(DIGITS).map(|part| part.iter().collect()).collect();
    parts.into_iter()
}

/// Stands for a key, in letters that EC2 takes in a value.
fn digest(key: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hash = Sha256::digest(key.as_bytes());
    hash.iter().take(DIGITS).map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect()
}

impl Position {
    /// The position as the value of a tag.
    #[must_use]
    pub fn tag(self) -> String {
        format!("{}/{}", self.card, self.device)
    }

    /// The position that a tag's value stands for.
    #[must_use]
    pub fn from_tag(value: &str) -> Option<Self> {
        let (card, device) = value.split_once('/')?;
        Some(Self { card: card.parse().ok()?, device: device.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ownership(node_eni: &str) -> Ownership {
        Ownership {
            cluster: ClusterId("c1".to_owned()),
            slot: Slot {
                node_eni: node_eni.to_owned(),
                instance: "i-0123456789abcdef0".parse().unwrap(),
                subnet: "subnet-0123abcd".parse().unwrap(),
            },
            epoch: Epoch(7),
            offset: 1,
        }
    }

    #[test]
    fn ownership_is_read_back_from_its_tags_whatever_the_user_tags() {
        let user = BTreeMap::from([
            (key::CLUSTER.to_owned(), "other".to_owned()),
            ("team".to_owned(), "a".to_owned()),
        ]);
        let tags = ownership("n").tags("node-1", "uid-1", &user);
        assert_eq!(Ownership::read(&tags), Some(ownership("n")));
        assert_eq!(tags["team"], "a");
    }

    #[test]
    fn the_name_fits_ec2_however_long_its_parts_are() {
        let tags = ownership(&"n".repeat(253)).tags(&"m".repeat(253), "uid-1", &BTreeMap::new());
        assert!(tags.values().all(|value| value.chars().count() <= MAX_VALUE));
        assert!(tags[key::NAME].ends_with("-0123abcd"));
    }

    #[test]
    fn the_operators_tags_and_a_users_fit_on_one_eni() {
        let user = (0..MAX_USER_TAGS).map(|n| (format!("k{n}"), String::new())).collect();
        let mut tags = ownership("n").tags("node-1", "uid-1", &user);
        tags.insert(key::ASKED.to_owned(), Position { card: 31, device: 127 }.tag());
        assert!(tags.len() <= 50 && tags.values().all(|value| value.len() <= MAX_VALUE));
    }

    #[test]
    fn the_users_tags_are_told_from_anybody_elses_by_the_eni_alone() {
        let user = BTreeMap::from([("team", "a"), ("Name", "mine"), ("cost center", "7")]);
        let user = user.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut tags = ownership("n").tags("node-1", "uid-1", &user);
        for (key, value) in [("backup", "daily"), ("aws:x", "y"), ("networking.k8s.aws/other", "z")] {
            tags.insert(key.to_owned(), value.to_owned());
        }
        let ours = marked(&tags);
        assert_eq!(ours, ownership("n").slot.kept_tags("node-1", &user));
        assert_eq!((ours["Name"].as_str(), ours["team"].as_str()), ("mine", "a"));
    }

    #[test]
    fn a_position_is_read_back_from_its_tag() {
        let at = Position { card: 1, device: 12 };
        assert_eq!(Position::from_tag(&at.tag()), Some(at));
        assert_eq!([Position::from_tag("1"), Position::from_tag("a/b")], [None, None]);
    }
}
