//! A node's slots in memory, with the rules of a server-side apply.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use eni_operator::api::{
    CloudState, CloudStatus, ConditionType, HostStatus, NodeENIAttachment, NodeENIAttachmentSpec,
    NodeENIAttachmentStatus, find_condition,
};
use eni_operator::cluster::{ClusterError, ClusterErrorKind, Done, OwnSlots, Slots};
use eni_operator::model::MacAddress;
use eni_operator::plan::events::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::sync::watch;

/// The slots of a node, and what an agent does to them.
pub(crate) struct MemorySlots {
    slots: watch::Sender<Option<Slots>>,
    version: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    pub(crate) told: Mutex<Vec<Event>>,
    /// Whether writes are answered.
    pub(crate) answers: std::sync::atomic::AtomicBool,
}

impl MemorySlots {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            slots: watch::channel(Some(Slots::new())).0,
            version: AtomicUsize::new(1),
            writes: AtomicUsize::new(0),
            told: Mutex::default(),
            answers: true.into(),
        })
    }

    /// Makes or changes a slot, as the controller would.
    pub(crate) fn put(&self, name: &str, change: impl FnOnce(&mut NodeENIAttachment)) {
        self.slots.send_modify(|slots| {
            let slots = slots.as_mut().unwrap();
            let mut slot = slots.get(name).map_or_else(|| fresh(name), |slot| (**slot).clone());
            let before = slot.spec.clone();
            change(&mut slot);
            if slot.spec != before {
                slot.metadata.generation = slot.metadata.generation.map(|generation| generation + 1);
            }
            slot.metadata.resource_version = Some(self.next());
            slots.insert(name.to_owned(), Arc::new(slot));
        });
    }

    /// Takes a slot away, as the controller would when its ENI is gone.
    pub(crate) fn remove(&self, name: &str) {
        self.slots.send_modify(|slots| drop(slots.as_mut().unwrap().remove(name)));
    }

    pub(crate) fn get(&self, name: &str) -> NodeENIAttachment {
        let slots = self.slots.borrow();
        (**slots.as_ref().unwrap().get(name).unwrap()).clone()
    }

    pub(crate) fn host(&self, name: &str) -> Option<HostStatus> {
        self.get(name).status.and_then(|status| status.host)
    }

    /// A condition: its status and its reason.
    pub(crate) fn condition(&self, name: &str, type_: ConditionType) -> Option<Condition> {
        let status = self.get(name).status?;
        find_condition(&status.conditions, type_).cloned()
    }

    /// Whether a condition is so, of the slot as it is now.
    pub(crate) fn says(&self, name: &str, type_: ConditionType, status: &str, reason: &str) -> bool {
        let generation = self.get(name).metadata.generation;
        self.condition(name, type_).is_some_and(|said| {
            said.status == status && said.reason == reason && said.observed_generation == generation
        })
    }

    fn next(&self) -> String {
        self.version.fetch_add(1, Ordering::SeqCst).to_string()
    }
}

fn fresh(name: &str) -> NodeENIAttachment {
    let mut slot = NodeENIAttachment::new(name, NodeENIAttachmentSpec::default());
    slot.metadata.uid = Some(format!("uid-of-{name}"));
    slot.metadata.generation = Some(1);
    slot.metadata.creation_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    name.clone_into(&mut slot.spec.node_eni);
    slot.spec.unique_alt_name = format!("u-{name}");
    slot
}

/// What EC2 is said to have of a slot's ENI.
pub(crate) fn attached(slot: &mut NodeENIAttachment, mac: MacAddress) {
    let epoch = Time(Timestamp::UNIX_EPOCH);
    let cloud = CloudStatus {
        eni_id: Some("eni-0123456789abcdef0".to_owned()),
        state: Some(CloudState::Attached),
        mac: Some(mac.to_string()),
        device_index: Some(2),
        ..serde_json::from_value(serde_json::json!({
            "epoch": 1, "lastCreate": epoch, "lastChange": epoch,
        }))
        .unwrap()
    };
    slot.status.get_or_insert_default().cloud = Some(cloud);
}

impl OwnSlots for MemorySlots {
    fn seen(&self) -> watch::Receiver<Option<Slots>> {
        self.slots.subscribe()
    }

    async fn apply_status(&self, slot: &NodeENIAttachment, status: &NodeENIAttachmentStatus) -> Done<()> {
        let failed = |kind| ClusterError {
            doing: "writing".to_owned(),
            kind,
            message: String::new(),
            retry_after: None,
        };
        if !self.answers.load(Ordering::SeqCst) {
            return Err(failed(ClusterErrorKind::Retry));
        }
        let (name, version) = (slot.name_any(), self.next());
        let mut done = Err(failed(ClusterErrorKind::Conflict));
        self.slots.send_if_modified(|slots| {
            let slots = slots.as_mut().unwrap();
            let Some(now) = slots.get(&name).filter(|now| now.resource_version() == slot.resource_version())
            else {
                return false;
            };
            let mut now = (**now).clone();
            let all = now.status.get_or_insert_default();
            all.host.clone_from(&status.host);
            let ours = ["LinkReady", "DriverBound", "Advertised", "Released", "NodeDisturbed"];
            all.conditions.retain(|one| !ours.contains(&one.type_.as_str()));
            all.conditions.extend(status.conditions.iter().cloned());
            now.metadata.resource_version = Some(version);
            slots.insert(name.clone(), Arc::new(now));
            self.writes.fetch_add(1, Ordering::SeqCst);
            done = Ok(());
            true
        });
        done
    }

    async fn tell(&self, _: &NodeENIAttachment, event: Event) {
        self.told.lock().unwrap().push(event);
    }
}
