//! Speaks with the server over the guest ABI, version 1 (`docs/wasm-abi.md`): the one file with `unsafe` in it.
//!
//! Every foreign function gets a safe function of the same meaning. The host checks each pointer and length against
//! this module's memory and traps on misuse, so what has to be argued here is only that Rust's own rules hold: memory
//! that the host reads is initialised, and memory that it writes is ours alone while it does.
//!
//! Invariants:
//! 1. A vector's length is raised over bytes only when the host has said that it wrote them.
//!
//! Natively there is no server: `native.rs` has the same functions over tables in memory.
#![allow(unsafe_code, reason = "the guest ABI is foreign functions and raw pointers")]

use core::cell::RefCell;

use crate::schedule::Call;
use crate::table::TableDescription;

mod cosm {
    #[link(wasm_import_module = "cosm")]
    unsafe extern "C" {
        pub(super) fn describe(item: *const u8, item_bytes: usize);
        pub(super) fn result(row: *const u8, row_bytes: usize);
        pub(super) fn rows(rows: *mut u8, rows_bytes: usize);
        pub(super) fn fail(message: *const u8, message_bytes: usize);
        pub(super) fn schedule(
            at_micros: i64,
            name: *const u8,
            name_bytes: usize,
            args: *const u8,
            args_bytes: usize,
        ) -> i32;
    }
}

mod console {
    #[link(wasm_import_module = "console")]
    unsafe extern "C" {
        pub(super) fn log(level: u32, text: *const u8, text_bytes: usize);
    }
}

mod datastore {
    #[link(wasm_import_module = "datastore")]
    unsafe extern "C" {
        pub(super) fn table(name: *const u8, name_bytes: usize) -> i32;
        pub(super) fn index(table: u32, name: *const u8, name_bytes: usize) -> i32;
        pub(super) fn insert(table: u32, rows: *mut u8, rows_bytes: usize) -> i32;
        pub(super) fn update(table: u32, rows: *const u8, rows_bytes: usize) -> i32;
        pub(super) fn delete(table: u32, index: u32, key: *const u8, key_bytes: usize) -> i64;
        pub(super) fn find(
            table: u32,
            index: u32,
            key: *const u8,
            key_bytes: usize,
            out: *mut u8,
            out_bytes_max: usize,
        ) -> i64;
        pub(super) fn scan(
            table: u32,
            index: i32,
            lower: *const u8,
            lower_bytes: usize,
            upper: *const u8,
            upper_bytes: usize,
            flags: u32,
        ) -> i32;
        pub(super) fn next(scan: i32, out: *mut u8, out_bytes_max: usize) -> i64;
        pub(super) fn close(scan: i32);
        pub(super) fn count(table: u32) -> i64;
        pub(super) fn error(out: *mut u8, out_bytes_max: usize) -> i32;
    }
}

thread_local! {
    /// Where the host writes the input of a call. One call runs at a time.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Says which version of the ABI this module speaks; never called.
// SAFETY: no other item of this name is linked: the prefix `cosm_` belongs to the ABI.
#[unsafe(no_mangle)]
extern "C" fn cosm_abi_1() {}

/// Makes room for a call's input.
// SAFETY: no other item of this name is linked: the prefix `cosm_` belongs to the ABI.
#[unsafe(no_mangle)]
extern "C" fn cosm_buffer(length: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.clear();
        input.reserve(length);
        input.as_mut_ptr()
    })
}

/// The input that the host wrote for the call that runs now. [`return_input`] gives its room back.
pub(crate) fn take_input(length: usize) -> Vec<u8> {
    let mut input = INPUT.take();
    assert!(length <= input.capacity(), "the host wrote more than it asked room for");
    // SAFETY: `cosm_buffer` made room for `length` bytes, and the ABI has the host write them before it calls.
    unsafe { input.set_len(length) };
    input
}

pub(crate) fn return_input(input: Vec<u8>) {
    INPUT.set(input);
}

pub(crate) fn describe(item: &str) {
    // SAFETY: the host reads an initialised slice.
    unsafe { cosm::describe(item.as_ptr(), item.len()) }
}

pub(crate) fn result(row: &[u8]) {
    // SAFETY: the host reads an initialised slice.
    unsafe { cosm::result(row.as_ptr(), row.len()) }
}

/// Rows of a view.
pub(crate) fn rows(block: &mut [u8]) {
    // SAFETY: the host reads and may write an initialised slice that is borrowed mutably.
    unsafe { cosm::rows(block.as_mut_ptr(), block.len()) }
}

pub(crate) fn fail(message: &str) {
    // SAFETY: the host reads an initialised slice.
    unsafe { cosm::fail(message.as_ptr(), message.len()) }
}

pub(crate) fn schedule(at_micros: i64, call: &Call) -> i32 {
    let (name, args) = (call.reducer(), call.args());
    // SAFETY: the host reads two initialised slices.
    unsafe { cosm::schedule(at_micros, name.as_ptr(), name.len(), args.as_ptr(), args.len()) }
}

pub(crate) fn log(level: u32, text: &str) {
    // SAFETY: the host reads an initialised slice.
    unsafe { console::log(level, text.as_ptr(), text.len()) }
}

pub(crate) fn table(table: &TableDescription) -> i32 {
    let name = table.name();
    // SAFETY: the host reads an initialised slice.
    unsafe { datastore::table(name.as_ptr(), name.len()) }
}

pub(crate) fn index(table: u32, name: &str) -> i32 {
    // SAFETY: the host reads an initialised slice.
    unsafe { datastore::index(table, name.as_ptr(), name.len()) }
}

/// Generated keys are written into `rows`.
pub(crate) fn insert(table: u32, rows: &mut [u8]) -> i32 {
    // SAFETY: the host reads and writes an initialised slice that is borrowed mutably.
    unsafe { datastore::insert(table, rows.as_mut_ptr(), rows.len()) }
}

pub(crate) fn update(table: u32, rows: &[u8]) -> i32 {
    // SAFETY: the host reads an initialised slice.
    unsafe { datastore::update(table, rows.as_ptr(), rows.len()) }
}

pub(crate) fn delete(table: u32, index: u32, key: &[u8]) -> i64 {
    // SAFETY: the host reads an initialised slice.
    unsafe { datastore::delete(table, index, key.as_ptr(), key.len()) }
}

/// `out` is the row when its length, which is returned, is within `out`'s capacity; else it is empty.
pub(crate) fn find(table: u32, index: u32, key: &[u8], out: &mut Vec<u8>) -> i64 {
    out.clear();
    let (room, room_bytes) = (out.as_mut_ptr(), out.capacity());
    // SAFETY: the host reads an initialised slice, and writes at most `room_bytes` bytes into room that is ours.
    let length =
        unsafe { datastore::find(table, index, key.as_ptr(), key.len(), room, room_bytes) };
    written(out, length);
    length
}

pub(crate) fn scan(table: u32, index: i32, lower: &[u8], upper: &[u8], flags: u32) -> i32 {
    let (lower, lower_bytes) = (lower.as_ptr(), lower.len());
    let (upper, upper_bytes) = (upper.as_ptr(), upper.len());
    // SAFETY: the host reads two initialised slices.
    unsafe { datastore::scan(table, index, lower, lower_bytes, upper, upper_bytes, flags) }
}

/// `out` is the next block of rows, of at most `bytes_max` bytes. Returns what the ABI says.
pub(crate) fn next(scan: i32, out: &mut Vec<u8>, bytes_max: usize) -> i64 {
    out.clear();
    out.reserve(bytes_max);
    // SAFETY: the host writes at most `bytes_max` bytes, for which room was made.
    let length = unsafe { datastore::next(scan, out.as_mut_ptr(), bytes_max) };
    written(out, length);
    length
}

pub(crate) fn close(scan: i32) {
    // SAFETY: passes a number.
    unsafe { datastore::close(scan) }
}

pub(crate) fn count(table: u32) -> i64 {
    // SAFETY: passes a number.
    unsafe { datastore::count(table) }
}

/// `out` is the text of the last error when its length, which is returned, is within `out`'s capacity.
pub(crate) fn error(out: &mut Vec<u8>) -> i64 {
    out.clear();
    // SAFETY: the host writes at most `out.capacity()` bytes into room that is ours.
    let length = i64::from(unsafe { datastore::error(out.as_mut_ptr(), out.capacity()) });
    written(out, length);
    length
}

/// Takes the bytes that the host wrote at the start of an empty `out` into its length (I1).
fn written(out: &mut Vec<u8>, length: i64) {
    if let Ok(length) = usize::try_from(length)
        && length <= out.capacity()
    {
        // SAFETY: the ABI has the host write all of a value that fits, and say so by its length.
        unsafe { out.set_len(length) };
    }
}
