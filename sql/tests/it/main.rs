//! Tests of the whole crate through its public door: a text in, rows, a plan or an error out.
//!
//! [`fixture`] is the one place that touches the API; every other file is expectations.

#![allow(
    clippy::unwrap_used,
    reason = "what these functions unwrap fails the test that called them"
)]

mod batches;
mod expressions;
mod fixture;
mod functions;
mod hostile;
mod joins;
mod keys;
mod limits;
mod live;
mod live_plans;
mod parameters;
mod past;
mod plans;
mod policies;
mod properties;
mod random;
mod reference;
mod refusals;
mod rows;
mod shards;
mod slices;
mod split;
mod subqueries;
mod temporal;
