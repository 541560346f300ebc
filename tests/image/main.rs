//! The image: what is in it, and its binary at work in its own root.
//!
//! It takes root, and Debian's packages; elsewhere the tests are skipped, and say so.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

mod contents;
mod root;
mod tls;
