//! `datastore.*`: the tables of the guest's module.
//!
//! [`row`] writes and finds single rows and blocks of them, [`scan`] reads many in order.

mod row;
mod scan;

use wasmtime::Linker;

use crate::data::{Data, GuestKey};
use crate::guest::{Call, Guest};
use crate::interface::Interface;
use crate::memory::{self, Span};
use crate::misuse::{BrokenRule, Halt};

/// What a look-up by name or key answers when there is nothing.
const ABSENT: i32 = -1;

pub(super) fn define<D: Data>(linker: &mut Linker<Guest<D>>) -> wasmtime::Result<()> {
    import!(linker, "datastore", "table", (pointer: u32, length: u32), |memory, guest| {
        table(memory, guest.call()?.interface, Span::new(pointer, length))
    });
    import!(
        linker,
        "datastore",
        "index",
        (table: u32, pointer: u32, length: u32),
        |memory, guest| index(memory, guest.call()?.interface, table, Span::new(pointer, length))
    );
    import!(linker, "datastore", "error", (pointer: u32, length: u32), |memory, guest| {
        error(memory, &guest.call()?, Span::new(pointer, length))
    });
    row::define(linker)?;
    scan::define(linker)
}

fn table(memory: &[u8], interface: &Interface, name: Span) -> Result<i32, Halt> {
    Ok(interface.table_number(name.read(memory)?).map_or(ABSENT, number))
}

fn index(memory: &[u8], interface: &Interface, table: u32, name: Span) -> Result<i32, Halt> {
    let indexes = &interface.table(table)?.indexes;
    let name = name.read(memory)?;
    Ok(indexes.iter().position(|index| index.name.as_bytes() == name).map_or(ABSENT, number))
}

/// The places of tables and indexes are small: the schema's checks saw to it.
fn number(place: usize) -> i32 {
    i32::try_from(place).expect("a schema has fewer than 2^31 of anything")
}

fn error<D>(memory: &mut [u8], call: &Call<'_, D>, out: Span) -> Result<i32, Halt> {
    let out = out.write(memory)?;
    let text = call.rejection.as_bytes();
    let fitting = text.len().min(out.len());
    out[..fitting].copy_from_slice(&text[..fitting]);
    Ok(i32::try_from(text.len()).unwrap_or(i32::MAX))
}

/// A key that names at most as many columns as its index has.
fn prefix<'a>(
    interface: &Interface,
    table: u32,
    index: u32,
    key: &'a [u8],
) -> Result<GuestKey<'a>, BrokenRule> {
    let key = memory::key(key)?;
    if key.columns > interface.index(table, index)?.columns.len() {
        let expected = "the index has fewer";
        return Err(BrokenRule::KeyColumns { columns: key.columns, expected });
    }
    Ok(key)
}

/// A count as the ABI's signed number.
fn signed(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
