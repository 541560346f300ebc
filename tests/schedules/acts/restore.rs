//! Status that is lost, and clusters that come back from a backup.

use std::sync::Arc;

use eni_operator::api::{NodeENI, NodeENIAttachment};
use kube::ResourceExt;

use crate::cluster::lock as lock_store;
use crate::rng::Rng;
use crate::users;
use crate::world::World;

/// What is in a backup of the slots' objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// They are not in it.
    None,
    /// Their specs are.
    Specs,
    /// Their specs and statuses are.
    Whole,
}

/// Somebody empties every status.
pub fn wipe_all(world: &mut World, rng: &mut Rng) {
    world.say(|| "USER wipes every status".to_owned());
    let node_enis_too = rng.percent(70);
    wipe_everything(world, node_enis_too);
}

/// Empties the status of every slot, and of every `NodeENI`.
pub fn wipe_everything(world: &mut World, node_enis_too: bool) {
    let mut store = lock_store(&world.store);
    let slots: Vec<String> = store.attachments().map(|one| one.name_any()).collect();
    for name in slots {
        store.edit_status::<NodeENIAttachment>(&name, "kubectl-edit", |status| {
            *status = serde_json::json!({});
        });
    }
    let objects: Vec<String> = store.node_enis().map(|one| one.name_any()).collect();
    for name in objects.into_iter().filter(|_| node_enis_too) {
        store.edit_status::<NodeENI>(&name, "kubectl-edit", |status| *status = serde_json::json!({}));
    }
    drop(store);
    world.gather();
}

/// The cluster comes back from a backup, with another process of the operator.
pub fn restore(world: &mut World, rng: &mut Rng) {
    let backup = [Backup::None, Backup::Specs, Backup::Whole][rng.below(3)];
    from_backup(world, backup);
    if rng.percent(50) {
        users::collect_garbage(world);
    }
}

/// Every object comes back with another uid: `NodeENI`s, and of the slots what is in the backup, with the
/// uids of their former owners. The operator is not there meanwhile, which takes longer than EC2's reads lag.
pub fn from_backup(world: &mut World, backup: Backup) {
    world.say(|| format!("RESTORE with slots {backup:?}"));
    world.crash();
    world.advance(90_000);
    let mut store = lock_store(&world.store);
    let (objects, slots): (Vec<Arc<NodeENI>>, Vec<Arc<NodeENIAttachment>>) =
        (store.node_enis().cloned().collect(), store.attachments().cloned().collect());
    for object in objects {
        store.erase::<NodeENI>(&object.name_any());
        // One that was being deleted is not in the backup, or comes back alive: it is made alive.
        let _ = store.create(object.as_ref());
    }
    for slot in slots {
        store.erase::<NodeENIAttachment>(&slot.name_any());
        if backup == Backup::None {
            continue;
        }
        let _ = store.create(slot.as_ref());
        if backup == Backup::Whole {
            let status = serde_json::to_value(&slot.status).unwrap_or_default();
            store.edit_status::<NodeENIAttachment>(&slot.name_any(), "restore", |new| {
                *new = if status.is_null() { serde_json::json!({}) } else { status };
            });
        }
    }
    drop(store);
    world.crash();
    world.gather();
}
