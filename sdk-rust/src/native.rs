//! Stands in for the server where there is none: the functions of `host.rs` over tables in memory.
//!
//! Every thread has a store of its own, which begins empty; the test harness runs each test in a thread of its own.
//! Tables are made when they are first used, from what their structs say of themselves, so a schema that a server
//! would refuse fails here as well. What the server enforces is enforced: types, unique columns, foreign keys,
//! append-only tables, columns that place rows on a shard. What it limits (rows and bytes of a transaction, log output) is not.
//!
//! A scan copies what is ahead of it: this is for tests, with thousands of rows and not with millions.

mod order;
mod scan;
mod store;

use core::cell::RefCell;

pub(crate) use store::Store;

use crate::schedule::Call;
use crate::table::TableDescription;
use store::Rejection;

thread_local! {
    static STORE: RefCell<Store> = RefCell::new(Store::default());
}

/// Looks at or changes this thread's store.
pub(crate) fn with_store<R>(run: impl FnOnce(&mut Store) -> R) -> R {
    STORE.with_borrow_mut(run)
}

/// The code of what the store says, remembering the words.
fn answer(run: impl FnOnce(&mut Store) -> Result<i64, Rejection>) -> i64 {
    with_store(|store| {
        run(store).unwrap_or_else(|rejection| {
            store.refusal = rejection.text;
            rejection.code
        })
    })
}

/// As [`answer`], for the functions whose answer has 32 bits.
fn short_answer(run: impl FnOnce(&mut Store) -> Result<(), Rejection>) -> i32 {
    i32::try_from(answer(|store| run(store).map(|()| 0))).expect("codes are small")
}

/// Only a server calls reducers by their exports, so only a server is spoken to by them.
#[cold]
fn only_on_a_server() -> ! {
    panic!("this function speaks with a server, and natively there is none")
}

pub(crate) fn take_input(_length: usize) -> Vec<u8> {
    only_on_a_server()
}

pub(crate) fn return_input(_input: Vec<u8>) {}

pub(crate) fn describe(_item: &str) {
    only_on_a_server()
}

pub(crate) fn result(_row: &[u8]) {
    only_on_a_server()
}

pub(crate) fn rows(_block: &mut [u8]) {
    only_on_a_server()
}

pub(crate) fn fail(_message: &str) {
    only_on_a_server()
}

pub(crate) fn schedule(at_micros: i64, call: &Call) -> i32 {
    with_store(|store| store.schedule(at_micros, call.clone()));
    0
}

pub(crate) fn log(level: u32, text: &str) {
    const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    eprintln!("{}: {text}", LEVELS[level as usize]);
}

pub(crate) fn table(table: &TableDescription) -> i32 {
    with_store(|store| number(store.table(table)))
}

pub(crate) fn index(table: u32, name: &str) -> i32 {
    with_store(|store| store.index(table, name).map_or(-1, number))
}

fn number(position: usize) -> i32 {
    i32::try_from(position).expect("a schema's limits are small")
}

pub(crate) fn insert(table: u32, rows: &mut [u8]) -> i32 {
    short_answer(|store| rows_of(rows).try_for_each(|row| store.insert(table, row)))
}

pub(crate) fn update(table: u32, rows: &[u8]) -> i32 {
    let mut rows = rows.to_vec();
    short_answer(|store| rows_of(&mut rows).try_for_each(|row| store.update(table, row)))
}

/// The rows of a block.
fn rows_of(mut block: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    core::iter::from_fn(move || {
        let (length, rest) = core::mem::take(&mut block).split_first_chunk_mut::<4>()?;
        let (row, rest) = rest.split_at_mut(u32::from_le_bytes(*length) as usize);
        block = rest;
        Some(row)
    })
}

pub(crate) fn delete(table: u32, index: u32, key: &[u8]) -> i64 {
    answer(|store| store.delete(table, index, key))
}

pub(crate) fn find(table: u32, index: u32, key: &[u8], out: &mut Vec<u8>) -> i64 {
    out.clear();
    with_store(|store| match store.find(table, index, key) {
        None => -1,
        Some(row) => {
            if row.len() <= out.capacity() {
                out.extend_from_slice(row);
            }
            length(row)
        }
    })
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).expect("memory is smaller than 8 EiB")
}

pub(crate) fn scan(table: u32, index: i32, lower: &[u8], upper: &[u8], flags: u32) -> i32 {
    with_store(|store| store.open_scan(table, index, (lower, upper), flags))
}

pub(crate) fn next(scan: i32, out: &mut Vec<u8>, bytes_max: usize) -> i64 {
    out.clear();
    with_store(|store| match store.next(scan, out, bytes_max) {
        Some(needed) => -i64::try_from(needed).expect("memory is smaller than 8 EiB"),
        None => length(out),
    })
}

pub(crate) fn close(scan: i32) {
    // A scan that is dropped as its thread ends may outlive the store.
    let _gone = STORE.try_with(|store| store.borrow_mut().close(scan));
}

pub(crate) fn count(table: u32) -> i64 {
    with_store(|store| i64::try_from(store.count(table)).expect("memory holds fewer rows"))
}

pub(crate) fn error(out: &mut Vec<u8>) -> i64 {
    out.clear();
    with_store(|store| {
        if store.refusal.len() <= out.capacity() {
            out.extend_from_slice(store.refusal.as_bytes());
        }
        length(store.refusal.as_bytes())
    })
}
