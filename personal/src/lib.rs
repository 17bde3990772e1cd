//! Encrypts personal data cell by cell, and lays out the files that keep the keys.
//!
//! A *cell* is the stored form of one personal value. What opens it is a *context key*: one random key per person, say,
//! kept in a numbered *slot* of a file outside the log and wrapped by the *master key*. Destroying the slot makes every
//! cell of the context unreadable wherever copies of it are, while the log that holds them stays as it is.
//!
//! This crate holds no I/O, reads no clock and draws no random bytes: the caller brings files, nonces and keys, so that a
//! simulation can replay it. Who may read, which column is personal and which context has which slot is not known here.
//!
//! Reading order: [`key`] derives and wraps, [`cell`] encrypts one value, [`slot`] is where one wrapped key lies, [`batch`]
//! is a file of slots, [`context`] names whose key it is. The bytes are specified in `docs/file-format.md`.

pub mod batch;
pub mod cell;
pub mod context;
pub mod key;
pub mod slot;

pub use batch::{Batch, BatchError, SLOTS_PER_BATCH};
pub use cell::CellError;
pub use context::ContextHash;
pub use key::{ContextKey, MasterKey, Nonce, RowKey, WrappedKey, WrongMasterKey};
pub use slot::{Slot, SlotError, SlotNumber};
