//! Inserts, updates, deletes, finds and counts rows, where they lie in the guest's memory.

use wasmtime::Linker;

use super::{ABSENT, prefix, signed};
use crate::data::{Data, DataError};
use crate::guest::{Call, Guest};
use crate::memory::{self, Span};
use crate::misuse::{BrokenRule, Halt};

pub(super) fn define<D: Data>(linker: &mut Linker<Guest<D>>) -> wasmtime::Result<()> {
    import!(
        linker,
        "datastore",
        "insert",
        (table: u32, pointer: u32, length: u32),
        |memory, guest| {
            let rows = Span::new(pointer, length);
            write(memory, guest.writing()?, table, rows, |data, row| data.insert(table, row))
        }
    );
    import!(
        linker,
        "datastore",
        "update",
        (table: u32, pointer: u32, length: u32),
        |memory, guest| {
            let rows = Span::new(pointer, length);
            write(memory, guest.writing()?, table, rows, |data, row| data.update(table, row))
        }
    );
    import!(
        linker,
        "datastore",
        "delete",
        (table: u32, index: u32, pointer: u32, length: u32),
        |memory, guest| delete(memory, guest.writing()?, table, index, Span::new(pointer, length))
    );
    import!(
        linker,
        "datastore",
        "find",
        (table: u32, index: u32, key: u32, key_length: u32, out: u32, out_length: u32),
        |memory, guest| {
            let (key, out) = (Span::new(key, key_length), Span::new(out, out_length));
            find(memory, guest.call()?, table, index, key, out)
        }
    );
    import!(linker, "datastore", "count", (table: u32), |_, guest| count(guest.call()?, table));
    Ok(())
}

/// Gives every row of a block to the shard; stops at the first one that is refused.
fn write<D: Data>(
    memory: &mut [u8],
    mut call: Call<'_, D>,
    table: u32,
    rows: Span,
    mut write: impl FnMut(&mut D, &mut [u8]) -> Result<(), DataError>,
) -> Result<i32, Halt> {
    call.interface.table(table)?;
    let mut block = rows.write(memory)?;
    rows.at_most(call.limits.rows_block_bytes)?;
    while let Some(row) = memory::next_row(&mut block)? {
        if let Err(error) = write(call.data, row) {
            return call.reject(error);
        }
    }
    Ok(0)
}

fn delete<D: Data>(
    memory: &[u8],
    mut call: Call<'_, D>,
    table: u32,
    index: u32,
    key: Span,
) -> Result<i64, Halt> {
    let key = prefix(call.interface, table, index, key.read(memory)?)?;
    match call.data.delete(table, index, key) {
        Ok(rows) => Ok(signed(rows)),
        Err(error) => call.reject(error).map(i64::from),
    }
}

fn find<D: Data>(
    memory: &mut [u8],
    call: Call<'_, D>,
    table: u32,
    index: u32,
    key: Span,
    out: Span,
) -> Result<i64, Halt> {
    let schema = call.interface.index(table, index)?;
    let key = memory::key(key.read(memory)?)?;
    if !schema.unique {
        let table = call.interface.table(table)?.name.clone();
        return Err(BrokenRule::NotUnique { table, index }.into());
    }
    if key.columns != schema.columns.len() {
        let expected = "all of the index's columns are needed";
        return Err(BrokenRule::KeyColumns { columns: key.columns, expected }.into());
    }
    let row = call.data.find(table, index, key).map_err(Halt::of_read)?;
    // The key's bytes are not needed any more, so the row may go where they lie.
    let out = out.write(memory)?;
    let Some(row) = row else { return Ok(ABSENT.into()) };
    if let Some(target) = out.get_mut(..row.len()) {
        target.copy_from_slice(row);
    }
    Ok(memory::signed(row.len()))
}

fn count<D: Data>(call: Call<'_, D>, table: u32) -> Result<i64, Halt> {
    call.interface.table(table)?;
    call.data.count(table).map(signed).map_err(Halt::of_read)
}
