//! Reads and writes tables: what the functions that `#[table]` gives a struct are made of.
//!
//! Everything here that does not need the row's type is not generic, so that a module with many tables stays small.
//!
//! Invariants:
//! 1. A handle and an index's number are asked for once in an instance's life: the ABI fixes them for that long.

use core::sync::atomic::{AtomicU32, Ordering};

use cosmictron_types::{DecodeError, Row};

use crate::buffer::Buffer;
use crate::error::{DeleteError, InsertError, UpdateError};
use crate::host;
use crate::key::KeyWriter;
use crate::rows::{LENGTH_BYTES, Rows};

/// Bytes of encoded rows that `insert_many` gathers before it hands them to the host.
const INSERT_BLOCK_BYTES: usize = 32 * 1024;

/// A struct whose values are the rows of a table. Implemented by `#[table]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "not a table",
    note = "put `#[table(name = \"…\")]` on the struct"
)]
pub trait Table: Row + 'static {
    /// The table's name in SQL.
    const NAME: &'static str;

    #[doc(hidden)]
    fn description() -> &'static TableDescription;

    /// Takes over the numbers that the server gave to `auto_inc` columns.
    #[doc(hidden)]
    fn take_generated(&mut self, stored: &[u8]);
}

/// What the SDK knows of a table without its row type.
#[doc(hidden)]
#[derive(Debug)]
pub struct TableDescription {
    name: &'static str,
    indexes: &'static [IndexDescription],
    /// Appends the table's item of the module's schema.
    describe: fn(&mut String),
    /// The tables that foreign keys point at, as often as they do.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(dead_code, reason = "a server follows foreign keys by itself")
    )]
    targets: fn() -> Vec<&'static TableDescription>,
    handle: AtomicU32,
}

/// One index of a table.
#[doc(hidden)]
#[derive(Debug)]
pub struct IndexDescription {
    name: &'static str,
    number: AtomicU32,
}

/// In place of a handle or a number that was not asked for yet.
const UNKNOWN: u32 = u32::MAX;

impl IndexDescription {
    pub const fn new(name: &'static str) -> Self {
        Self { name, number: AtomicU32::new(UNKNOWN) }
    }
}

impl TableDescription {
    pub const fn new(
        name: &'static str,
        indexes: &'static [IndexDescription],
        describe: fn(&mut String),
        targets: fn() -> Vec<&'static TableDescription>,
    ) -> Self {
        Self { name, indexes, describe, targets, handle: AtomicU32::new(UNKNOWN) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Appends the table's item of the module's schema.
    pub fn describe(&self, out: &mut String) {
        (self.describe)(out);
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn targets(&self) -> Vec<&'static TableDescription> {
        (self.targets)()
    }

    pub(crate) fn handle(&self) -> u32 {
        cached(&self.handle, self.name, || host::table(self))
    }

    /// The number of the index at a position of `indexes`.
    pub(crate) fn index(&self, position: usize) -> u32 {
        let index = &self.indexes[position];
        cached(&index.number, index.name, || host::index(self.handle(), index.name))
    }

    pub(crate) fn decode<T: Row>(&self, row: &[u8]) -> T {
        match T::decode_row(row) {
            Ok(row) => row,
            Err(error) => undecodable(self.name, error),
        }
    }
}

/// Natively every thread has tables of its own (`native.rs`), so there nothing is kept.
fn cached(cache: &AtomicU32, name: &str, ask: impl FnOnce() -> i32) -> u32 {
    let known = cache.load(Ordering::Relaxed);
    if known != UNKNOWN {
        return known;
    }
    let Ok(number) = u32::try_from(ask()) else { unknown_to_server(name) };
    if cfg!(target_arch = "wasm32") {
        cache.store(number, Ordering::Relaxed);
    }
    number
}

/// The server has the schema that this module described, so this is a bug on one of the two sides.
#[cold]
fn unknown_to_server(name: &str) -> ! {
    panic!("the server knows no table or index {name}")
}

#[cold]
fn undecodable(table: &str, error: DecodeError) -> ! {
    panic!("the server sent a row that is not one of table {table}: {error}")
}

/// `T::insert`
pub fn insert<T: Table>(mut row: T) -> Result<T, InsertError> {
    let mut block = Buffer::take();
    append_row(&row, &mut block);
    insert_block(T::description(), &mut block)?;
    row.take_generated(&block[LENGTH_BYTES..]);
    Ok(row)
}

/// `T::insert_many`
pub fn insert_many<T: Table>(rows: impl IntoIterator<Item = T>) -> Result<Vec<T>, InsertError> {
    let mut stored: Vec<T> = Vec::new();
    let mut block = Buffer::take();
    // How many of `stored` came back from the host.
    let mut done = 0;
    for row in rows {
        append_row(&row, &mut block);
        stored.push(row);
        if block.len() >= INSERT_BLOCK_BYTES {
            insert_gathered(&mut stored[done..], &mut block)?;
            done = stored.len();
        }
    }
    insert_gathered(&mut stored[done..], &mut block)?;
    Ok(stored)
}

/// Inserts the block, which holds `rows`, and empties it.
fn insert_gathered<T: Table>(rows: &mut [T], block: &mut Vec<u8>) -> Result<(), InsertError> {
    if block.is_empty() {
        return Ok(());
    }
    insert_block(T::description(), block)?;
    let mut rest = block.as_slice();
    for row in rows {
        let Some((length, after)) = rest.split_first_chunk::<LENGTH_BYTES>() else { break };
        let (bytes, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        row.take_generated(bytes);
        rest = after;
    }
    block.clear();
    Ok(())
}

fn insert_block(table: &TableDescription, block: &mut [u8]) -> Result<(), InsertError> {
    match host::insert(table.handle(), block) {
        0 => Ok(()),
        code => Err(InsertError::from_code(code.into())),
    }
}

/// `T::update`
pub fn update<T: Table>(row: T) -> Result<T, UpdateError> {
    let mut block = Buffer::take();
    append_row(&row, &mut block);
    match host::update(T::description().handle(), &block) {
        0 => Ok(row),
        code => Err(UpdateError::from_code(code.into())),
    }
}

/// Deletes the rows whose leading columns of an index have the values that `write` gives; returns how many.
pub fn delete<T: Table>(
    index: usize,
    columns: u8,
    write: impl FnOnce(&mut KeyWriter<'_>),
) -> Result<u64, DeleteError> {
    let mut key = Buffer::take();
    write(&mut KeyWriter::new(&mut key, columns));
    let table = T::description();
    let deleted = host::delete(table.handle(), table.index(index), &key);
    u64::try_from(deleted).map_err(|_| DeleteError::from_code(deleted))
}

/// The row with a key of a unique index, all of whose columns `write` gives.
pub fn find<T: Table>(
    index: usize,
    columns: u8,
    write: impl FnOnce(&mut KeyWriter<'_>),
) -> Option<T> {
    let mut key = Buffer::take();
    write(&mut KeyWriter::new(&mut key, columns));
    let mut row = Buffer::take();
    let table = T::description();
    find_row(table, index, &key, &mut row).then(|| table.decode(&row))
}

fn find_row(table: &TableDescription, index: usize, key: &[u8], row: &mut Vec<u8>) -> bool {
    /// Room that most rows fit into.
    const ROOM_BYTES: usize = 1024;
    row.reserve(ROOM_BYTES);
    let (handle, index) = (table.handle(), table.index(index));
    let length = host::find(handle, index, key, row);
    let Ok(length) = usize::try_from(length) else { return false };
    if length > row.capacity() {
        row.reserve(length);
        host::find(handle, index, key, row);
    }
    assert_eq!(row.len(), length, "the row changed between two looks at it");
    true
}

/// `T::count`
pub fn count<T: Table>() -> u64 {
    host::count(T::description().handle()).cast_unsigned()
}

/// `T::iter`
pub fn iter<T: Table>() -> Rows<T> {
    Rows::all()
}

fn append_row<T: Row>(row: &T, block: &mut Vec<u8>) {
    append_encoded(block, |block| row.encode_row(block));
}

/// Appends a row as a rows block has it: its length, then itself, as `encode` writes it.
pub(crate) fn append_encoded(block: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let start = block.len();
    block.extend_from_slice(&[0; LENGTH_BYTES]);
    encode(block);
    let length = cosmictron_types::column::length_bytes(block.len() - start - LENGTH_BYTES);
    block[start..start + LENGTH_BYTES].copy_from_slice(&length);
}
