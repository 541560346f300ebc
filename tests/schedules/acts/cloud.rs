//! What somebody does by hand to our ENIs in EC2.

use ec2_sim::api::{
    AttachNetworkInterface, AttributeValue, DeleteNetworkInterface, DetachNetworkInterface,
    ModifyNetworkInterfaceAttribute,
};
use ec2_sim::world::Eni;

use crate::ec2::lock;
use crate::rng::Rng;
use crate::switches;
use crate::wanted::slot_of;
use crate::world::World;

/// Somebody detaches one of our ENIs, moves it, deletes it, or changes what it is like.
pub fn meddle(world: &mut World, rng: &mut Rng) {
    let all: Vec<Eni> =
        lock(&world.sim).state().enis.values().filter(|eni| slot_of(eni).is_some()).cloned().collect();
    let Some(eni) = rng.pick(&all) else { return };
    match (&eni.attachment, rng.below(4)) {
        (_, 0 | 1) => change(world, eni, rng),
        (Some(_), _) => detach(world, eni),
        (None, 2) => move_elsewhere(world, eni, rng),
        (None, _) => delete(world, eni),
    }
}

fn note(world: &mut World, eni: &Eni, what: &str) {
    world.say(|| format!("USER {what} {} in EC2", eni.id));
    world.tampered.extend(slot_of(eni));
}

fn detach(world: &mut World, eni: &Eni) {
    let Some(at) = &eni.attachment else { return };
    note(world, eni, "detaches");
    let detach = DetachNetworkInterface { attachment_id: at.id.clone(), ..DetachNetworkInterface::default() };
    let _ = lock(&world.sim).send(detach);
}

fn delete(world: &mut World, eni: &Eni) {
    note(world, eni, "deletes");
    let delete =
        DeleteNetworkInterface { network_interface_id: eni.id.clone(), ..DeleteNetworkInterface::default() };
    let _ = lock(&world.sim).send(delete);
}

/// Hangs a free ENI on some instance, at some place.
fn move_elsewhere(world: &mut World, eni: &Eni, rng: &mut Rng) {
    let Some(machine) = rng.pick(&world.region.machines).cloned() else { return };
    note(world, eni, &format!("hangs on {}", machine.instance));
    let attach = AttachNetworkInterface {
        network_interface_id: eni.id.clone(),
        instance_id: machine.instance,
        device_index: Some(i32::try_from(rng.between(1, 7)).unwrap()),
        ..AttachNetworkInterface::default()
    };
    let _ = lock(&world.sim).send(attach);
}

/// Changes an attribute.
fn change(world: &mut World, eni: &Eni, rng: &mut Rng) {
    let mut change = ModifyNetworkInterfaceAttribute {
        network_interface_id: eni.id.clone(),
        ..ModifyNetworkInterfaceAttribute::default()
    };
    match rng.below(3) {
        0 => change.groups = rng.pick(&world.region.groups).cloned().into_iter().collect(),
        1 => change.source_dest_check = Some(AttributeValue { value: !eni.source_dest_check }),
        _ => change.description = Some(AttributeValue { value: "by hand".to_owned() }),
    }
    if switches::DRIFT {
        world.say(|| format!("USER changes {} in EC2", eni.id));
    } else {
        note(world, eni, "changes");
    }
    let _ = lock(&world.sim).send(change);
}
