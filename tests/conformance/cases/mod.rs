//! The conversations, by action.

mod attach;
mod create;
mod delete;
mod describe_enis;
mod describe_groups;
mod describe_instances;
mod describe_subnets;
mod describe_types;
mod detach;
mod modify;
mod port;
mod port_change;
mod trouble;

use crate::case::Case;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let files = [
        create::cases,
        attach::cases,
        modify::cases,
        detach::cases,
        delete::cases,
        describe_enis::cases,
        describe_instances::cases,
        describe_types::cases,
        describe_subnets::cases,
        describe_groups::cases,
        port::cases,
        port_change::cases,
        trouble::cases,
    ];
    files.into_iter().flat_map(|cases| cases()).collect()
}
