//! What goes wrong between the operator and EC2.

use crate::case::cases;

cases! {}
