//! What a pass is about.

use eni_operator::model::InstanceId;

/// What a pass is about: two passes over one key never overlap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A `NodeENI`, by name.
    NodeEni(String),
    /// An instance.
    Instance(InstanceId),
    /// All ENIs of the cluster.
    Sweep,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NodeEni(name) => f.write_str(name),
            Self::Instance(id) => id.fmt(f),
            Self::Sweep => f.write_str("the sweep"),
        }
    }
}
