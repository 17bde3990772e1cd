//! Has a module say what it declares, in an instance that serves nothing else.

use std::sync::Arc;

use cosmictron_types::Timestamp;
use wasmtime::{InstancePre, Store};

use super::export::{Exports, MEMORY};
use super::{CompileError, shown};
use crate::data::{Data, DataError, GuestKey, GuestRange, ScanHandle};
use crate::guest::Guest;
use crate::host::Host;
use crate::instance::{instantiate, new_store};
use crate::trap;

/// The data of a module that is not deployed: there are none, and no call can reach them.
pub(super) enum Undeployed {}

/// Calls every function that describes, in the order of their names; yields the items that they gave.
pub(super) fn run(
    host: &Host,
    module: &InstancePre<Guest<Undeployed>>,
    exports: &Exports,
) -> Result<Vec<String>, CompileError> {
    let guest = Guest::new(Arc::clone(&host.limits), None);
    let mut store = new_store(&host.engine, guest, &host.clock);
    let instance = instantiate(&mut store, module)?;
    store.data_mut().memory = instance.get_memory(&mut store, MEMORY);
    store.data_mut().begin_description();
    for export in &exports.describe {
        describe(&mut store, &instance, export)?;
    }
    let description = store.data_mut().description();
    Ok(std::mem::take(&mut description.expect("a description was begun").items))
}

fn describe(
    store: &mut Store<Guest<Undeployed>>,
    instance: &wasmtime::Instance,
    export: &str,
) -> Result<(), CompileError> {
    let function = instance
        .get_typed_func::<(), ()>(&mut *store, export)
        .expect("the export's type was checked before");
    let ended = function.call(&mut *store, ());
    let failure = store.data_mut().take_failure();
    ended.map_err(|error| CompileError::Describe {
        export: shown(export),
        reason: trap::outcome(error, failure).to_string(),
    })
}

impl Data for Undeployed {
    fn insert(&mut self, _: u32, _: &mut [u8]) -> Result<(), DataError> {
        match *self {}
    }

    fn update(&mut self, _: u32, _: &[u8]) -> Result<(), DataError> {
        match *self {}
    }

    fn delete(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<u64, DataError> {
        match *self {}
    }

    fn find(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<Option<&[u8]>, DataError> {
        match *self {}
    }

    fn scan(&mut self, _: u32, _: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        match *self {}
    }

    fn next(&mut self, _: ScanHandle, _: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, DataError> {
        match *self {}
    }

    fn close(&mut self, _: ScanHandle) {
        match *self {}
    }

    fn count(&mut self, _: u32) -> Result<u64, DataError> {
        match *self {}
    }

    fn take_row(&mut self, _: &mut [u8]) -> Result<(), DataError> {
        match *self {}
    }

    fn schedule(&mut self, _: Timestamp, _: u32, _: &[u8]) -> Result<(), DataError> {
        match *self {}
    }
}
