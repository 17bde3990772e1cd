//! Runs a module's reducers natively, in its own tests.
//!
//! Reducers are plain functions and tables work without a server, on rows kept in memory for the thread. So a test
//! calls and looks:
//!
//! ```
//! use cosmictron_sdk::prelude::*;
//! use cosmictron_sdk::testing;
//!
//! #[table(name = "counters")]
//! pub struct Counter {
//!     #[primary_key]
//!     pub name: String,
//!     pub value: u64,
//! }
//!
//! #[reducer]
//! pub fn count(ctx: &ReducerContext, name: String) -> Result<(), String> {
//!     if name.is_empty() {
//!         return Err("a counter has a name".into());
//!     }
//!     let value = Counter::filter_by_name(&name).map_or(0, |counter| counter.value) + 1;
//!     let _replaced = Counter::delete(&name);
//!     Counter::insert(Counter { name, value }).map_err(|error| error.to_string())?;
//!     ctx.schedule(Duration::from_secs(1), count::args("later".into())).map_err(|error| error.to_string())
//! }
//!
//! let ctx = testing::context();
//! testing::call(|| count(&ctx, "visits".into()))?;
//! testing::call(|| count(&ctx, "visits".into()))?;
//! assert!(testing::call(|| count(&ctx, String::new())).is_err());
//! assert_eq!(Counter::filter_by_name("visits").map(|counter| counter.value), Some(2));
//! assert_eq!(testing::scheduled()[0].call, count::args("later".into()));
//! # Ok::<(), String>(())
//! ```
//!
//! What differs from a server: all rows are in one place (an update that changes a `shard_by` column is refused all the
//! same), nothing is limited, and a scheduled call is only noted.

use cosmictron_types::{Identity, Timestamp, TxId};

use crate::context::ReducerContext;
use crate::native::with_store;
use crate::schedule::Call;
use crate::view::ViewContext;

/// A call that a reducer scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledCall {
    /// When it would run.
    pub at: Timestamp,
    /// Which reducer, with which arguments.
    pub call: Call,
}

/// A context as the server makes it: some caller, some moment, no connection, the same in every test. Its fields are
/// there to be changed.
pub fn context() -> ReducerContext {
    // 2026-01-01T00:00:00Z.
    let timestamp = Timestamp::from_micros(1_767_225_600_000_000);
    ReducerContext::for_test(timestamp, Identity::from_bytes([1; Identity::BYTES]), TxId::new(1))
}

/// The context of a view, as the server makes it for the sender of [`context`].
pub fn view_context() -> ViewContext {
    ViewContext::of(context().sender)
}

/// Runs a reducer as the server does: when it returns an `Err`, everything that it did is undone.
pub fn call<T, E>(reducer: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let before = with_store(|store| store.clone());
    reducer().inspect_err(|_| with_store(|store| *store = before))
}

/// What was scheduled since this was last asked, in order.
pub fn scheduled() -> Vec<ScheduledCall> {
    let scheduled = with_store(|store| store.take_scheduled());
    scheduled
        .into_iter()
        .map(|(at, call)| ScheduledCall { at: Timestamp::from_micros(at), call })
        .collect()
}
