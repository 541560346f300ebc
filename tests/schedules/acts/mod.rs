//! What people and machines do at random, beyond making and deleting objects.

pub mod cloud;
pub mod nodes;
pub mod restore;
pub mod spec;
