//! ENIs that a user asks to be replaced, since the spec asks for what EC2 gives only to new ones.
//!
//! The slot is released in the ordinary way, and when its object is gone it is made again.

use std::collections::BTreeMap;

use super::World;
use super::wanted::Slots;
use crate::api::{ConditionType, NodeENIAttachment, REPLACE_ANNOTATION};
use crate::model::Slot;
use crate::plan::instance::{slot_of, wanted_position};
use crate::plan::record;

/// The slots that are to be replaced now.
///
/// Those whose own object bears the annotation: it goes with the object. And one of those that need it, where the
/// `NodeENI` bears it for its present generation, while nothing else of it is on its way: so that nodes lose
/// their ENIs one after the other, and a replacement that does not come up stops the next.
pub(super) fn due<'a>(world: &'a World, wanted: &Slots) -> Vec<&'a NodeENIAttachment> {
    let staying: BTreeMap<Slot, &NodeENIAttachment> = world
        .children
        .iter()
        .filter(|child| !child.is_leaving())
        .filter_map(|child| Some((slot_of(child)?, child)))
        .filter(|(slot, _)| wanted.slots.contains_key(slot))
        .collect();
    let asked: Vec<&NodeENIAttachment> = staying
        .values()
        .filter(|child| annotation(child.metadata.annotations.as_ref()) == Some("true"))
        .copied()
        .collect();
    if !asked.is_empty() || !is_consented(world) || !is_calm(world, wanted, &staying) {
        return asked;
    }
    let mut needy: Vec<&NodeENIAttachment> =
        staying.values().filter(|child| needs_it(child)).copied().collect();
    // Where all indices move by one, the last goes first: its place is free, and then its neighbour's.
    needy.sort_by_key(|child| (is_held_by_another(child, &staying), &child.metadata.name));
    needy.into_iter().take(1).collect()
}

/// Whether another slot's ENI hangs where this one's should.
fn is_held_by_another(child: &NodeENIAttachment, staying: &BTreeMap<Slot, &NodeENIAttachment>) -> bool {
    let wanted = wanted_position(child);
    staying.values().any(|other| {
        other.metadata.name != child.metadata.name
            && other.spec.instance_id == child.spec.instance_id
            && other.recorded().and_then(record::position) == Some(wanted)
    })
}

/// The value of the annotation.
fn annotation(annotations: Option<&BTreeMap<String, String>>) -> Option<&str> {
    annotations?.get(REPLACE_ANNOTATION).map(String::as_str)
}

/// Whether the user has asked for it with the spec as it is now.
fn is_consented(world: &World) -> bool {
    let meta = &world.node_eni.metadata;
    let generation = meta.generation.map(|number| number.to_string());
    generation.is_some() && annotation(meta.annotations.as_ref()) == generation.as_deref()
}

/// Whether every slot that should be is attached and nothing says that it cannot be used, and none is on its way
/// out.
fn is_calm(world: &World, wanted: &Slots, staying: &BTreeMap<Slot, &NodeENIAttachment>) -> bool {
    let works = |child: &&NodeENIAttachment| {
        let refused = child.condition(ConditionType::Ready).is_some_and(|ready| ready.status == "False");
        child.holds(ConditionType::Attached) && !refused
    };
    world.children.len() == staying.len()
        && wanted.slots.keys().all(|slot| staying.get(slot).is_some_and(works))
}

/// Whether a slot's ENI has to be replaced to be as its spec says, which is the one that was judged.
fn needs_it(child: &NodeENIAttachment) -> bool {
    let judged = child.condition(ConditionType::ReplacementNeeded).and_then(|one| one.observed_generation);
    child.holds(ConditionType::ReplacementNeeded) && judged == child.metadata.generation
}
