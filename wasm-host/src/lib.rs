//! Runs WebAssembly modules: the guest ABI, the instances of each module, and the bounds on all of them.
//!
//! A guest is hostile until shown otherwise. It reaches the tables of its own module through [`Data`], which the
//! shard implements, and nothing else. The ABI is specified in `docs/wasm-abi.md`.
//!
//! ```text
//! bytes ──Host::compile──▶ CompiledModule ──Instances::new──▶ Instances<D>     one for each shard and module
//!          (helper pool)    (all shards)                       .call(reducer, context, args, data) ─▶ (data, outcome)
//! ```
//!
//! Invariants:
//! 1. Whatever a guest does, a call ends: with an outcome, within its deadline, and with the `Data` handed back.
//! 2. Every pointer, length and handle of a guest is checked before it is used; rows and keys are by the `Data`.
//! 3. No message says anything of the host's own paths, addresses or settings.
//!
//! Reading order: `host` and `limits` set the stage; `compile` admits a module (`inspect`, `module`,
//! `interface`, `version`, `cache`); `instances` and `instance` run calls (`call`, `trap`); `imports`
//! are what a guest can do, over `guest`, `memory`, `scans`, `console` and `misuse`; `data` is the shard's
//! side.

mod cache;
mod call;
mod clock;
mod compile;
mod console;
mod data;
mod guest;
mod host;
mod imports;
mod inspect;
mod instance;
mod instances;
mod interface;
mod limits;
mod memory;
mod misuse;
mod module;
mod scans;
mod trap;
mod version;

pub use cache::{Cache, CacheError};
pub use call::{CallContext, CallOutcome};
pub use compile::CompileError;
pub use console::{Console, LogLevel};
pub use data::{Data, DataError, GuestKey, GuestRange, RejectCode, ScanHandle};
pub use host::{Host, HostError, HostOptions};
pub use instance::InstanceError;
pub use instances::Instances;
pub use limits::Limits;
pub use misuse::{BrokenRule, Misuse};
pub use module::CompiledModule;
pub use version::Version;
