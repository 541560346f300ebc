//! Devices that kubelet offers: which are on its lists, which a container gets best, and what it is told of them.

mod container;
mod lists;
mod preferred;
mod strangers;

pub use container::{Container, container, info_file, info_name};
pub use lists::{lists, remembered};
pub use preferred::preferred;
pub use strangers::{Served, served_by_another};
