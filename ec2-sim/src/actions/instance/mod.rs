//! Describing and changing instances.

mod describe;
mod item;
mod modify;

pub(super) use item::{item, reservations, state};
pub(super) use modify::change_metadata;
