//! What pods hold and what kubelet offers, as kubelet tells it.

use std::path::Path;
use std::time::Duration;

use super::api::{Allocatable, Empty, PodList, path};
use super::ask::ask;
use crate::model::{Allotted, PodName};

/// How long kubelet may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks kubelet. Pods that have ended may still be on its list: for how long is kubelet's affair.
pub(super) async fn allotted(socket: &Path) -> Result<Allotted, String> {
    let pods: PodList = ask(socket, path::LIST_PODS, Empty {}, PATIENCE).await?;
    let all: Allocatable = ask(socket, path::ALLOCATABLE, Empty {}, PATIENCE).await?;
    let mut allotted = Allotted::default();
    for pod in pods.pods {
        let name = PodName { namespace: pod.namespace, name: pod.name };
        for devices in pod.containers.into_iter().flat_map(|container| container.devices) {
            for id in devices.ids {
                let holders = allotted.holders.entry((devices.resource.clone(), id)).or_default();
                holders.insert(name.clone());
            }
        }
    }
    // One entry for each device or for each NUMA node.
    for devices in all.devices {
        allotted.offered.entry(devices.resource).or_default().extend(devices.ids);
    }
    Ok(allotted)
}
