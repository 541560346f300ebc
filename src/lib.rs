//! eni-operator: elastic network interfaces for Kubernetes nodes on AWS, declared.

pub mod api;
pub mod ec2;
pub mod model;
