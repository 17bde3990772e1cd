//! Reads many rows in order, a block at a time.

use std::ops::Bound;

use wasmtime::Linker;

use super::prefix;
use crate::data::{Data, GuestRange};
use crate::guest::{Call, Guest};
use crate::interface::Interface;
use crate::memory::{RowSink, Span};
use crate::misuse::{BrokenRule, Halt};
use crate::scans::State;

/// The lower bound itself is left out.
const LOWER_EXCLUSIVE: u32 = 1;
/// The upper bound itself is left out.
const UPPER_EXCLUSIVE: u32 = 2;
/// The highest key comes first.
const DESCENDING: u32 = 4;
/// In place of an index: the whole table.
const NO_INDEX: u32 = u32::MAX;

pub(super) fn define<D: Data>(linker: &mut Linker<Guest<D>>) -> wasmtime::Result<()> {
    import!(
        linker,
        "datastore",
        "scan",
        (
            table: u32,
            index: u32,
            lower: u32,
            lower_length: u32,
            upper: u32,
            upper_length: u32,
            flags: u32
        ),
        |memory, guest| {
            let lower = Span::new(lower, lower_length).read(memory)?;
            let upper = Span::new(upper, upper_length).read(memory)?;
            let call = guest.call()?;
            let range = range(call.interface, table, index, [lower, upper], flags)?;
            open(call, table, range)
        }
    );
    import!(
        linker,
        "datastore",
        "next",
        (scan: u32, out: u32, out_length: u32),
        |memory, guest| next(memory, guest.call()?, scan, Span::new(out, out_length))
    );
    import!(linker, "datastore", "close", (scan: u32), |_, guest| close(guest.call()?, scan));
    Ok(())
}

fn range<'a>(
    interface: &Interface,
    table: u32,
    index: u32,
    bounds: [&'a [u8]; 2],
    flags: u32,
) -> Result<GuestRange<'a>, BrokenRule> {
    if flags & !(LOWER_EXCLUSIVE | UPPER_EXCLUSIVE | DESCENDING) != 0 {
        return Err(BrokenRule::UnknownFlags { flags });
    }
    if index == NO_INDEX {
        interface.table(table)?;
        if flags != 0 || bounds.iter().any(|bound| !bound.is_empty()) {
            return Err(BrokenRule::BoundWithoutIndex);
        }
        let (lower, upper) = (Bound::Unbounded, Bound::Unbounded);
        return Ok(GuestRange { index: None, lower, upper, descending: false });
    }
    interface.index(table, index)?;
    let bound = |bytes: &'a [u8], exclusive: u32| {
        if bytes.is_empty() {
            return Ok(Bound::Unbounded);
        }
        let key = prefix(interface, table, index, bytes)?;
        Ok(if flags & exclusive == 0 { Bound::Included(key) } else { Bound::Excluded(key) })
    };
    Ok(GuestRange {
        index: Some(index),
        lower: bound(bounds[0], LOWER_EXCLUSIVE)?,
        upper: bound(bounds[1], UPPER_EXCLUSIVE)?,
        descending: flags & DESCENDING != 0,
    })
}

fn open<D: Data>(call: Call<'_, D>, table: u32, range: GuestRange<'_>) -> Result<i32, Halt> {
    let count_max = call.limits.scans_open;
    if !call.scans.has_room(count_max) {
        return Err(BrokenRule::TooMany { count_max }.into());
    }
    let handle = call.data.scan(table, range).map_err(Halt::of_read)?;
    let scan = call.scans.insert(handle);
    Ok(i32::try_from(scan).expect("the numbers of scans are positive"))
}

fn next<D: Data>(memory: &mut [u8], call: Call<'_, D>, scan: u32, out: Span) -> Result<i64, Halt> {
    let out = out.write(memory)?;
    let State::Open(handle) = call.scans.state(scan)? else {
        call.scans.remove(scan)?;
        return Ok(0);
    };
    let mut sink = RowSink::new(out, call.limits.rows_block_bytes);
    let more = call.data.next(handle, &mut |row| sink.push(row)).map_err(Halt::of_read)?;
    let outcome = sink.outcome();
    if more {
        // Else the guest would go round for ever.
        assert!(outcome != 0, "the shard says that a scan has more rows, and gave none");
        return Ok(outcome);
    }
    assert!(outcome >= 0, "the shard ended a scan whose last row was not taken");
    call.data.close(handle);
    if outcome == 0 {
        call.scans.remove(scan)?;
    } else {
        call.scans.end(scan)?;
    }
    Ok(outcome)
}

fn close<D: Data>(call: Call<'_, D>, scan: u32) -> Result<(), Halt> {
    if let State::Open(handle) = call.scans.remove(scan)? {
        call.data.close(handle);
    }
    Ok(())
}
