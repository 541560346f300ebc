//! A kubelet that offers nothing, and that nobody has to ask.

use eni_operator::kubelet::Kubelet;
use eni_operator::model::{Allotted, Offers, Publications};
use tokio::sync::watch;

/// A kubelet without devices.
#[derive(Default)]
pub(crate) struct Nobody(watch::Sender<Publications>);

impl Kubelet for Nobody {
    async fn allotted(&self) -> Result<Allotted, String> {
        Ok(Allotted::default())
    }

    fn offer(&self, offers: &Offers) {
        assert!(offers.is_empty(), "{offers:?}");
    }

    fn published(&self) -> watch::Receiver<Publications> {
        self.0.subscribe()
    }
}
