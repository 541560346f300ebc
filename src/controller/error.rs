//! Why a pass ended early.

use crate::cluster::ClusterError;
use crate::model::Ec2Error;

/// A pass ended early. What it had not done, the next one does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassError {
    /// EC2 could not be read, so nothing was decided.
    #[error("reading EC2")]
    Ec2(#[from] Ec2Error),
    /// Kubernetes could not be read or written.
    #[error("talking to Kubernetes")]
    Cluster(#[from] ClusterError),
    /// The pass came upon a defect of ours. Others go on: one object must not stop all.
    #[error("a defect: the pass panicked")]
    Panicked,
}
