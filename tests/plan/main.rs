//! The plans, held against their documents: properties over generated worlds, and tables of cases.
//!
//! Nothing here performs I/O. What stands in `ARCHITECTURE.md` and in the doc comments of `src/plan` is the
//! contract; oracles are written anew from it.
//!
//! The faults of the reference system that a plan can show, and what shows that they are gone:
//! [`faults::SHOWN_BY`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::match_same_arms,
    clippy::option_option,
    clippy::struct_excessive_bools,
    clippy::type_complexity,
    clippy::wildcard_enum_match_arm,
    reason = "tests: a panic is the answer, a world before it is made is a list of flags, and so is a table"
)]

mod asks_table;
mod authority_table;
mod belief_table;
mod bind_table;
mod budget;
mod change_table;
mod choice_table;
mod events_table;
mod fanout_oracle;
mod fanout_properties;
mod fanout_table;
mod fanout_worlds;
mod faults;
mod fields_table;
mod hop_limit_table;
mod host_properties;
mod host_table;
mod host_worlds;
mod ideal;
mod instance_oracle;
mod instance_properties;
mod instance_table;
mod instance_worlds;
mod kubelet_table;
mod make;
mod neighbours_table;
mod node_life_table;
mod offsets_over_time;
mod release_table;
mod resolve_table;
mod rollup_table;
mod settling;
mod small_tables;
mod sriov_table;
mod verdicts_table;
