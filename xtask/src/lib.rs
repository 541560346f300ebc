//! Chores of this repository: generation, a testbed, a demonstration, and the run of all tests.
//!
//! It is a library too, so that the operator's tests can start a [`testbed`].

#![allow(clippy::print_stdout, reason = "a program for the terminal")]
#![allow(
    clippy::disallowed_methods,
    reason = "the bans keep clock and environment out of the operator's decisions"
)]

/// See `.cargo/config.toml`: an artefact of another clone is not taken for one of this.
const _: Option<&str> = option_env!("ENI_OPERATOR_CLONE");

pub mod bench;
pub mod cache;
pub mod cargo;
pub mod chaos;
pub mod cli;
pub mod crds;
pub mod debian;
pub mod demo;
pub mod r#gen;
pub mod go_tools;
pub mod guide;
pub mod helm;
pub mod http;
pub mod image;
pub mod install;
pub mod kubectl;
pub mod nodes;
pub mod parts;
mod pem;
pub mod process;
pub mod progress;
pub mod repo;
pub mod runtime;
pub mod suite;
pub mod testbed;
pub mod vm;
