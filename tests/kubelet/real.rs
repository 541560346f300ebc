//! The real kubelet.
