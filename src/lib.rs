//! Cosmictron: application server, database, cache and message bus in one binary.
//!
//! This crate is where the rooms meet. [`shard`] is the state machine that each core runs: store, log and guests.
//! [`api`] is the public contract in front of it, [`server`] what starts and ends both, [`cli`] the commands. What they
//! speak of is in [`catalog`] (the server's own tables), [`directory`] (what every core knows), [`auth`] and [`config`];
//! `limits` is how much each client may ask for. [`module_files`] and [`personal_keys`] are the files beside the logs.
//!
//! `docs/architecture.md` draws the whole.

pub mod api;
pub mod auth;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod directory;
mod limits;
pub mod module_files;
pub mod personal_keys;
pub mod server;
pub mod shard;
pub mod telemetry;
mod turnstile;
mod whole_file;
