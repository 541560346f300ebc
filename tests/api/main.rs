//! The API as a real kube-apiserver enforces it: what it takes, what it refuses and in which words, and what
//! `kubectl` makes of it. No operator runs here.
//!
//! Tables hold one object a row, and a failing test lists all rows that fail.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accepted;
mod columns;
mod drain;
mod edited;
mod example;
mod example_links;
mod install;
mod managers;
mod old_objects;
mod refused;
mod server;
mod table;
