//! What each action does.

mod address;
mod asked;
mod attach;
mod create;
mod delete;
mod describe;
mod instance;
mod launch;
mod lifecycle;
mod list;
mod make;
mod modify;
mod network;
mod render;
mod slot;
mod tag;
mod types;
mod volume;

pub(crate) use make::{NewEni, make_eni};
pub(crate) use network::{NewGroup, NewSubnet, NewVpc, make_group, make_subnet, make_vpc};
pub(crate) use slot::{Slot, check, place};

use crate::core::Core;
use crate::error::ApiError;
use crate::policy::Question;

/// An action carried out.
pub(crate) trait Perform {
    type Answer;

    /// Carries it out, whole or not at all.
    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError>;

    /// What the rules are asked.
    fn questions(&self, core: &Core) -> Vec<Question>;

    /// Whether it only asks if it would be allowed.
    fn is_dry_run(&self) -> bool;

    /// Whether it describes everything at once, which EC2 limits more.
    fn is_unfiltered(&self) -> bool {
        false
    }
}

/// Refuses a parameter that is required and was not given.
fn required(value: &str, name: &str) -> Result<(), ApiError> {
    if value.is_empty() { Err(ApiError::missing(name)) } else { Ok(()) }
}
