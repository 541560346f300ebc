//! The agents on the nodes, as far as the controller can tell that they are there.

use std::sync::Arc;

use eni_operator::api::{CloudState, ConditionType, NodeENIAttachment, find_condition};
use serde_json::{Value, json};

use crate::cluster::lock;
use crate::world::{Agents, World};

/// The agents' field manager.
pub const MANAGER: &str = "eni-operator-node-agent";

/// Agents have no timers of their own.
pub fn next_due(_: &World) -> Option<i64> {
    None
}

/// Every agent does what it should, on every slot of its node.
pub fn act(world: &mut World) {
    if world.agents.1 == Agents::None {
        return;
    }
    for (object, word) in slots(world) {
        report(world, &object, word);
    }
    world.gather();
}

/// What an agent says of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The link is up.
    Up,
    /// It has let go of it.
    Released,
    /// Somebody uses it.
    InUse,
}

/// The slots on nodes that are there, and what their agents should say.
pub fn slots(world: &World) -> Vec<(Arc<NodeENIAttachment>, Word)> {
    let store = lock(&world.store);
    let here = |slot: &NodeENIAttachment| {
        store.node(&slot.spec.node_name).is_some_and(|node| {
            let id = node.spec.provider_id.as_deref().unwrap_or_default();
            id.ends_with(&slot.spec.instance_id)
        })
    };
    let all = store.attachments().filter(|slot| here(slot));
    all.filter_map(|slot| Some((slot.clone(), wanted(slot)?))).collect()
}

/// What a slot's agent should say, if it should say anything.
fn wanted(slot: &NodeENIAttachment) -> Option<Word> {
    let cloud = slot.status.as_ref()?.cloud.as_ref()?;
    let attached = cloud.state == Some(CloudState::Attached);
    let host = slot.status.as_ref()?.host.is_some();
    if slot.spec.release {
        return host.then_some(Word::Released);
    }
    attached.then_some(Word::Up)
}

/// An agent writes its part of a status.
pub fn report(world: &World, slot: &NodeENIAttachment, says: Word) {
    let (type_, holds) = match says {
        Word::Up => (ConditionType::LinkReady, true),
        Word::Released => (ConditionType::Released, true),
        Word::InUse => (ConditionType::Released, false),
    };
    let generation = slot.metadata.generation;
    let conditions = slot.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let status = if holds { "True" } else { "False" };
    let said = find_condition(conditions, type_)
        .is_some_and(|one| one.observed_generation == generation && one.status == status);
    if said {
        return;
    }
    let condition = |type_: ConditionType, status: &str| {
        json!({
            "type": type_.name(), "status": status, "reason": "Agent", "message": "",
            "observedGeneration": generation, "lastTransitionTime": lock(&world.store).now.to_string(),
        })
    };
    let mut conditions = vec![condition(type_, status)];
    if says == Word::Up && slot.spec.dpdk.is_some() {
        conditions.push(condition(ConditionType::Advertised, "True"));
    }
    let said: Value = json!({ "host": { "linkName": "eth7", "phase": "Ready" }, "conditions": conditions });
    let mut store = lock(&world.store);
    let _ = store.apply_status::<NodeENIAttachment>(&slot.metadata, MANAGER, &said);
}
