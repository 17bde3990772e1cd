//! Runs modules in WebAssembly text against a shard in memory.
//!
//! [`model`] is the shard, [`guest`] puts modules together and calls them, [`counter`] runs the hand-written module
//! of `tests/modules/wat`, [`deploy`] tries what must not be deployed, [`hostile`] what must not do harm once it is,
//! [`scan`] reads ranges, [`view`] runs views, [`pool`] looks at the instances' lives, [`document`] compares `docs/wasm-abi.md` with the host.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod counter;
mod deploy;
mod document;
mod guest;
mod hostile;
mod model;
mod pool;
mod scan;
mod view;
