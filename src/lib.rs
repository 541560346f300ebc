//! eni-operator: elastic network interfaces for Kubernetes nodes on AWS, declared.
//!
//! ```text
//!              NodeENI ─┐
//! Kubernetes   Node    ─┼─ observe ─▶ World ─ plan ─▶ Plan ─┬─ publish intent ─▶ execute ─▶ outcomes ─┐
//! EC2          ENIs    ─┘  (reads)          (pure)          └──────────────────────────────────────────┴─ publish status
//! ```
//!
//! | layer | modules              | what                                      | may use           |
//! |-------|----------------------|-------------------------------------------|-------------------|
//! | 0     | `model`              | words                                     | nothing           |
//! | 0     | `mandate`            | until when this process may act           | nothing           |
//! | 1     | `api`                | CRDs and conditions                       | `model`           |
//! | 2     | `plan`               | every decision; pure                      | `model`, `api`    |
//! | 2     | `ec2`                | the port to EC2, and the AWS SDK behind it | `model`, `mandate` |
//! | 2     | `cluster`            | the port to Kubernetes                    | `model`, `mandate`, `api`, the facts and events of `plan` |
//! | 2     | `host`               | the port to the kernel, and netlink behind it | `model`        |
//! | 2     | `kubelet`            | the port to kubelet, and its device plugins | `model`, the lists and containers of `plan` |
//! | 2     | `clock`, `pulse`     | time; whether loops turn                  | `mandate`, the clock's words of `plan` |
//! | 3     | `controller`         | observe, execute, publish                 | all above but `host` |
//! | 3     | `agent`              | the same on a node                        | all above but `ec2` and `controller` |
//! | 4     | `cli`, `telemetry`, `http`, the binary | the process             | all above         |
//!
//! `ARCHITECTURE.md` has the invariants, and the test of each.

/// See `.cargo/config.toml`: an artefact of another clone is not taken for one of this.
const _: Option<&str> = option_env!("ENI_OPERATOR_CLONE");

pub mod agent;
pub mod api;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod ec2;
pub mod host;
pub mod http;
pub mod kubelet;
mod lock;
pub mod mandate;
pub mod model;
pub mod plan;
pub mod pulse;
pub mod telemetry;
mod whole_file;
