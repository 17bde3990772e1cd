//! Random types and values through every door of the crate: the row encoding, its checks, and JSON both ways.
//!
//! [`random`] makes types and values; [`datum`] encodes the values by code that shares nothing with the crate's own;
//! the other modules hold the crate to it.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod columns;
mod datum;
mod hostile;
mod json;
mod random;
mod rows;
mod schema;
