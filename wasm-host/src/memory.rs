//! Checks every pointer, length, key and block that a guest hands over, against its memory's present size.
//!
//! Invariants:
//! 1. No function here panics, whatever the numbers and bytes are.
//! 2. A slice given out lies wholly within the memory, also when it is empty.

use std::ops::Range;

use crate::data::GuestKey;
use crate::misuse::BrokenRule;

/// Bytes of the length before each row of a block.
pub(crate) const LENGTH_BYTES: usize = 4;

/// A place in a guest's memory, as the guest named it.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) pointer: u32,
    pub(crate) length: u32,
}

impl Span {
    pub(crate) fn new(pointer: u32, length: u32) -> Self {
        Self { pointer, length }
    }

    /// The bytes there.
    pub(crate) fn read(self, memory: &[u8]) -> Result<&[u8], BrokenRule> {
        memory.get(self.range()).ok_or_else(|| self.outside(memory.len()))
    }

    /// The bytes there, to be written to.
    pub(crate) fn write(self, memory: &mut [u8]) -> Result<&mut [u8], BrokenRule> {
        let memory_bytes = memory.len();
        memory.get_mut(self.range()).ok_or_else(|| self.outside(memory_bytes))
    }

    /// Refuses a length above a limit.
    pub(crate) fn at_most(self, length_max: usize) -> Result<(), BrokenRule> {
        if self.length as usize > length_max {
            return Err(BrokenRule::TooLong { length: self.length, length_max });
        }
        Ok(())
    }

    /// Its end has 33 bits at most, so it does not wrap around.
    fn range(self) -> Range<usize> {
        let start = self.pointer as usize;
        start..start + self.length as usize
    }

    #[cold]
    fn outside(self, memory_bytes: usize) -> BrokenRule {
        BrokenRule::OutOfMemory { pointer: self.pointer, length: self.length, memory_bytes }
    }
}

/// A key: a byte that says how many columns it has, then their values as a row.
pub(crate) fn key(bytes: &[u8]) -> Result<GuestKey<'_>, BrokenRule> {
    let (&columns, row) = bytes.split_first().ok_or(BrokenRule::EmptyKey)?;
    Ok(GuestKey { columns: columns.into(), row })
}

/// Takes the first row from a block of rows; `None` at its end.
pub(crate) fn next_row<'a>(block: &mut &'a mut [u8]) -> Result<Option<&'a mut [u8]>, BrokenRule> {
    let rest = std::mem::take(block);
    if rest.is_empty() {
        return Ok(None);
    }
    let available = rest.len();
    let Some((length, rest)) = rest.split_first_chunk_mut::<LENGTH_BYTES>() else {
        return Err(BrokenRule::TornBlock { length: available });
    };
    let length = u32::from_le_bytes(*length) as usize;
    let (row, rest) = rest.split_at_mut_checked(length).ok_or(BrokenRule::TornBlock { length })?;
    *block = rest;
    Ok(Some(row))
}

/// Writes rows one after the other into a guest's memory, for as long as they fit.
pub(crate) struct RowSink<'a> {
    out: &'a mut [u8],
    written: usize,
    /// What a block may hold besides a first row of any size.
    block_bytes_max: usize,
    /// Bytes that the row would have needed which did not fit.
    refused: usize,
}

impl<'a> RowSink<'a> {
    pub(crate) fn new(out: &'a mut [u8], block_bytes_max: usize) -> Self {
        Self { out, written: 0, block_bytes_max, refused: 0 }
    }

    /// Whether the row fitted and is written.
    pub(crate) fn push(&mut self, row: &[u8]) -> bool {
        let needed = LENGTH_BYTES + row.len();
        let end = self.written + needed;
        let is_over = self.written > 0 && end > self.block_bytes_max;
        let length = u32::try_from(row.len()).ok();
        let (Some(length), Some(target), false) =
            (length, self.out.get_mut(self.written..end), is_over)
        else {
            self.refused = needed;
            return false;
        };
        let (prefix, body) = target.split_at_mut(LENGTH_BYTES);
        prefix.copy_from_slice(&length.to_le_bytes());
        body.copy_from_slice(row);
        self.written = end;
        true
    }

    /// What the guest is told: bytes written, or, when not one row fitted, minus the bytes that one needs.
    pub(crate) fn outcome(&self) -> i64 {
        match (self.written, self.refused) {
            (0, needed) => -signed(needed),
            (written, _) => signed(written),
        }
    }
}

/// A size as the ABI's signed number. Memory is far smaller than 2^63 bytes.
pub(crate) fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_pointer_and_no_length_reaches_beyond_the_memory() {
        let memory = [7; 16];
        let ends = [0u32, 1, 15, 16, 17, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
        for pointer in ends {
            for length in ends {
                let fits = u64::from(pointer) + u64::from(length) <= 16;
                let span = Span::new(pointer, length);
                assert_eq!(span.read(&memory).is_ok(), fits, "{pointer} {length}");
                assert_eq!(span.write(&mut { memory }).is_ok(), fits);
            }
        }
    }

    #[test]
    fn a_block_ends_where_its_last_row_ends() {
        let mut bytes = [2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0, 1, 0, 0, 0, b'c'];
        let mut block = &mut bytes[..];
        let mut rows = Vec::new();
        while let Some(row) = next_row(&mut block).unwrap() {
            rows.push(row.to_vec());
        }
        assert_eq!(rows, [&b"ab"[..], b"", b"c"]);
        for cut in [1, 3, 4, 5, 7, 9, 11, 14] {
            let mut bytes = bytes;
            let mut block = &mut bytes[..cut];
            let torn = (0..4).find_map(|_| next_row(&mut block).err());
            assert!(matches!(torn, Some(BrokenRule::TornBlock { .. })), "cut at {cut}");
        }
    }

    #[test]
    fn a_lying_length_is_a_torn_block() {
        let mut bytes = [0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(
            next_row(&mut &mut bytes[..]),
            Err(BrokenRule::TornBlock { length: 0xffff_ffff })
        );
    }

    #[test]
    fn rows_are_written_while_they_fit() {
        let mut out = [0; 12];
        let mut sink = RowSink::new(&mut out, 100);
        assert!(sink.push(b"ab"));
        assert!(!sink.push(b"abc"));
        assert_eq!(sink.outcome(), 6);
        assert!(sink.push(b"cd"));
        assert_eq!(sink.outcome(), 12);
        assert!(!sink.push(b""));
        assert_eq!(out, *b"\x02\0\0\0ab\x02\0\0\0cd");
    }

    proptest! {
        #[test]
        fn a_written_block_is_read_back_and_holds_all_that_fits(
            rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
            room in 0usize..300,
            block_bytes_max in 0usize..300,
        ) {
            let mut out = vec![0xee; room];
            let mut sink = RowSink::new(&mut out, block_bytes_max);
            let taken = rows.iter().take_while(|row| sink.push(row)).count();
            let outcome = sink.outcome();
            let written = usize::try_from(outcome).unwrap_or(0);
            let mut block = &mut out[..written];
            for row in &rows[..taken] {
                prop_assert_eq!(next_row(&mut block).unwrap().unwrap(), row);
            }
            prop_assert_eq!(next_row(&mut block).unwrap(), None);
            prop_assert!(out[written..].iter().all(|&byte| byte == 0xee));
            if let Some(refused) = rows.get(taken) {
                let needed = LENGTH_BYTES + refused.len();
                let room_left = if taken == 0 { room } else { room.min(block_bytes_max) };
                prop_assert!(written + needed > room_left);
                prop_assert!(taken > 0 || outcome == -signed(needed));
            }
        }

        #[test]
        fn any_bytes_are_a_block_or_torn(mut bytes in prop::collection::vec(0u8..6, 0..64)) {
            let length = bytes.len();
            let mut block = &mut bytes[..];
            let mut read = 0;
            while let Ok(Some(row)) = next_row(&mut block) {
                read += LENGTH_BYTES + row.len();
            }
            prop_assert!(read <= length);
        }
    }

    #[test]
    fn a_row_that_never_fits_says_what_it_needs() {
        let mut sink = RowSink::new(&mut [], 100);
        assert!(!sink.push(b"abc"));
        assert_eq!(sink.outcome(), -7);
        assert_eq!(RowSink::new(&mut [], 100).outcome(), 0);
    }

    #[test]
    fn a_block_is_bounded_but_a_single_row_is_not() {
        let mut out = [0; 64];
        let mut sink = RowSink::new(&mut out, 10);
        assert!(sink.push(&[1; 20]));
        assert!(!sink.push(b""));
        assert_eq!(sink.outcome(), 24);
    }
}
