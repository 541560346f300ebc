//! Kubelet, in the words of its device-plugin and pod-resources API: the port that the node agent offers devices by.

use std::future::Future;

use crate::model::{Allotted, Offers, Publications};

/// What the node agent needs of kubelet.
pub trait Kubelet: Send + Sync + 'static {
    /// What pods hold, and what kubelet offers.
    fn allotted(&self) -> impl Future<Output = Result<Allotted, String>> + Send;
    /// Hands over what is to be offered: all of it, each time.
    fn offer(&self, offers: &Offers);
    /// What became of it.
    fn published(&self) -> tokio::sync::watch::Receiver<Publications>;
}
