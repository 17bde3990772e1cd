//! `cosm.*`: what a guest says about itself, about how its call went and what it yields, and about calls to come.

use cosmictron_types::Timestamp;
use cosmictron_types::schema::SCHEMA_BYTES_MAX;
use wasmtime::Linker;

use crate::data::{Data, DataError, RejectCode};
use crate::guest::{Function, Guest};
use crate::memory::{self, Span};
use crate::misuse::{BrokenRule, Halt};

/// Items of a schema: every table, reducer and view is one.
const ITEMS_MAX: usize = 4096;
/// Bytes of an unknown name that are repeated to its author.
const NAME_SHOWN: usize = 64;

pub(super) fn define<D: Data>(linker: &mut Linker<Guest<D>>) -> wasmtime::Result<()> {
    import!(linker, "cosm", "describe", (pointer: u32, length: u32), |memory, guest| {
        describe(memory, guest, Span::new(pointer, length))
    });
    import!(linker, "cosm", "result", (pointer: u32, length: u32), |memory, guest| {
        result(memory, guest, Span::new(pointer, length))
    });
    import!(linker, "cosm", "rows", (pointer: u32, length: u32), |memory, guest| {
        rows(memory, guest, Span::new(pointer, length))
    });
    import!(linker, "cosm", "fail", (pointer: u32, length: u32), |memory, guest| {
        guest.fail(Span::new(pointer, length).read(memory)?);
        Ok(())
    });
    import!(
        linker,
        "cosm",
        "schedule",
        (at: i64, name: u32, name_length: u32, args: u32, args_length: u32),
        |memory, guest| {
            let (name, args) = (Span::new(name, name_length), Span::new(args, args_length));
            schedule(memory, guest, Timestamp::from_micros(at), name, args)
        }
    );
    Ok(())
}

fn describe<D>(memory: &[u8], guest: &mut Guest<D>, item: Span) -> Result<(), Halt> {
    let description = guest.description()?;
    let text = item.read(memory)?;
    item.at_most(SCHEMA_BYTES_MAX - description.bytes)?;
    if description.items.len() == ITEMS_MAX {
        return Err(BrokenRule::TooMany { count_max: ITEMS_MAX }.into());
    }
    let text = str::from_utf8(text).map_err(|_| BrokenRule::InvalidUtf8)?;
    description.bytes += text.len();
    description.items.push(text.to_owned());
    Ok(())
}

fn result<D>(memory: &[u8], guest: &mut Guest<D>, row: Span) -> Result<(), Halt> {
    let call = guest.call()?;
    let layout = match call.function {
        Function::Reducer(reducer) => call.interface.reducers[reducer].result.as_ref(),
        Function::View(_) => None,
    };
    let layout = layout.ok_or(BrokenRule::NoResult)?;
    if call.result.is_some() {
        return Err(BrokenRule::SecondResult.into());
    }
    let bytes = row.read(memory)?;
    row.at_most(call.limits.result_bytes)?;
    layout.check(bytes).map_err(|error| BrokenRule::MalformedRow(error.to_string()))?;
    *call.result = Some(bytes.to_vec());
    Ok(())
}

/// Gives every row of a block to the shard.
fn rows<D: Data>(memory: &mut [u8], guest: &mut Guest<D>, rows: Span) -> Result<(), Halt> {
    let call = guest.call()?;
    let Function::View(_) = call.function else {
        return Err(BrokenRule::OutsideOfView.into());
    };
    let mut block = rows.write(memory)?;
    rows.at_most(call.limits.rows_block_bytes)?;
    while let Some(row) = memory::next_row(&mut block)? {
        call.data.take_row(row).map_err(Halt::of_read)?;
    }
    Ok(())
}

fn schedule<D: Data>(
    memory: &[u8],
    guest: &mut Guest<D>,
    at: Timestamp,
    name: Span,
    args: Span,
) -> Result<i32, Halt> {
    let mut call = guest.writing()?;
    let (name, row) = (name.read(memory)?, args.read(memory)?);
    args.at_most(call.limits.rows_block_bytes)?;
    let Some(reducer) = call.interface.schedulable(name) else {
        return call.reject(unknown_reducer(name));
    };
    let layout = &call.interface.reducers[reducer].params;
    layout.check(row).map_err(|error| BrokenRule::MalformedRow(error.to_string()))?;
    let reducer = u32::try_from(reducer).expect("FUNCTIONS_MAX fits in 32 bits");
    let answer = call.data.schedule(at, reducer, row);
    call.code(answer)
}

fn unknown_reducer(name: &[u8]) -> DataError {
    let name = String::from_utf8_lossy(&name[..name.len().min(NAME_SHOWN)]);
    let message = format!("the module has no reducer {name} that can be scheduled");
    DataError::Rejected { code: RejectCode::UnknownReducer, message }
}
