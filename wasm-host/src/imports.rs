//! The functions that a guest may call, and how each finds the memory and the call that it belongs to.
//!
//! [`datastore`] reaches the tables, [`cosm`] speaks about the call itself, [`console`] writes log lines.
//!
//! Invariants:
//! 1. A function reads its pointers against the memory's size at this very call; no slice outlives it.

/// Defines one import: module, name and parameters, then what it does with the guest's memory and with what is kept
/// beside it.
macro_rules! import {
    ($linker:ident, $module:literal, $name:literal, ($($arg:ident: $ty:ty),*), $work:expr) => {
        $linker.func_wrap(
            $module,
            $name,
            |mut caller: wasmtime::Caller<'_, Guest<D>>, $($arg: $ty),*| {
                $crate::imports::enter(&mut caller, concat!($module, ".", $name), $work)
            },
        )?
    };
}

mod console;
mod cosm;
mod datastore;

use wasmtime::{Caller, Engine, Linker};

use crate::data::Data;
use crate::guest::Guest;
use crate::misuse::{BrokenRule, Halt};

/// Every import of ABI version 1: module and name.
pub(crate) const OFFERED: [(&str, &str); 17] = [
    ("console", "log"),
    ("cosm", "describe"),
    ("cosm", "fail"),
    ("cosm", "result"),
    ("cosm", "rows"),
    ("cosm", "schedule"),
    ("datastore", "close"),
    ("datastore", "count"),
    ("datastore", "delete"),
    ("datastore", "error"),
    ("datastore", "find"),
    ("datastore", "index"),
    ("datastore", "insert"),
    ("datastore", "next"),
    ("datastore", "scan"),
    ("datastore", "table"),
    ("datastore", "update"),
];

/// Everything that modules can import.
pub(crate) fn linker<D: Data>(engine: &Engine) -> Linker<Guest<D>> {
    let mut linker = Linker::new(engine);
    let defined = console::define(&mut linker)
        .and_then(|()| cosm::define(&mut linker))
        .and_then(|()| datastore::define(&mut linker));
    defined.expect("no import has two definitions");
    linker
}

/// Runs one import with the guest's memory and what is kept beside it; stops the guest when it broke the ABI.
fn enter<D, T>(
    caller: &mut Caller<'_, Guest<D>>,
    place: &'static str,
    work: impl FnOnce(&mut [u8], &mut Guest<D>) -> Result<T, Halt>,
) -> wasmtime::Result<T>
where
    D: Data,
{
    let Some(memory) = caller.data().memory else {
        // The module's start function runs before there is anything to talk about.
        return Err(stop(Halt::Broken(BrokenRule::OutsideOfCall), place));
    };
    let (bytes, guest) = memory.data_and_store_mut(caller);
    work(bytes, guest).map_err(|halt| stop(halt, place))
}

#[cold]
fn stop(halt: Halt, place: &'static str) -> wasmtime::Error {
    wasmtime::Error::new(halt.at(place))
}
