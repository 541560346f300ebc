//! Tests of the plans.
