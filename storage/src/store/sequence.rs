//! Gives out the numbers of `auto_inc` columns.
//!
//! A sequence stands at the greatest number that it has given out or that a row came with, and gives out the next one.
//! Negative numbers and 0 do not move it. At the column type's greatest value it is exhausted.
//!
//! Of a table that is spread over shards each store has a sequence of its own, and gives out the numbers alone that
//! place a row, or its entry in a sharded index, on its shard. So no two shards give out the same.

use cosmictron_types::schema::COLUMNS_MAX;

use super::Store;
use super::write::WriteError;
use crate::definition::SequenceDef;
use crate::table::Table;

/// Which of a table's sequences filled a row's column: a bit each.
pub(crate) struct Filled([u64; COLUMNS_MAX / 64]);

impl Store {
    /// Puts the next number into each `auto_inc` column of a checked row that is 0. Moves no sequence; that is
    /// [`Store::pass`]'s when the row is in.
    pub(super) fn fill(&self, place: u32, row: &mut [u8]) -> Result<Filled, WriteError> {
        let table = self.at(place);
        let mut filled = Filled([0; COLUMNS_MAX / 64]);
        for (at, sequence) in table.def().sequences.iter().enumerate() {
            let tail = &mut row[sequence.at..][..sequence.width];
            if tail.iter().any(|&byte| byte != 0) {
                continue;
            }
            let Some(next) = self.next_number(table, at) else {
                filled.empty(table, row);
                return Err(WriteError::AutoIncExhausted {
                    table: table.def().name.clone(),
                    column: table.def().column_name(sequence.column),
                    max: sequence.max,
                });
            };
            tail.copy_from_slice(&next.to_le_bytes()[..sequence.width]);
            filled.0[at / 64] |= 1 << (at % 64);
        }
        Ok(filled)
    }

    /// The number that a sequence gives out next.
    fn next_number(&self, table: &Table, at: usize) -> Option<u128> {
        let sequence = &table.def().sequences[at];
        let is_spread = table.def().schema.shard_by.is_some();
        let mut next = table.sequence(at);
        loop {
            // Of so many numbers as there are shards, one is this shard's on the average.
            next = next.checked_add(1).filter(|next| *next <= sequence.max)?;
            if !is_spread || self.seat.owns(sequence.key_of(next).as_bytes()) {
                return Some(next);
            }
        }
    }

    /// Moves the sequences past the numbers of a row that is in.
    pub(super) fn pass(&mut self, place: u32, row: &[u8]) {
        for at in 0..self.at(place).def().sequences.len() {
            let number = number(&self.at(place).def().sequences[at], row);
            self.move_sequence(place, at, number);
        }
    }

    /// Moves a sequence to `last`, if that is ahead.
    pub(super) fn move_sequence(&mut self, place: u32, at: usize, last: u128) {
        let before = self.at(place).sequence(at);
        if last > before {
            self.write_set.note_sequence(place, at, before);
            self.at_mut(place).set_sequence(at, last);
        }
    }
}

impl Filled {
    /// Makes the columns 0 again.
    pub(super) fn empty(&self, table: &Table, row: &mut [u8]) {
        let is_filled = |at: usize| self.0[at / 64] >> (at % 64) & 1 == 1;
        let sequences = table.def().sequences.iter().enumerate();
        for (_, sequence) in sequences.filter(|(at, _)| is_filled(*at)) {
            row[sequence.at..][..sequence.width].fill(0);
        }
    }
}

/// The number that a row has in a sequence's column; 0 for negative ones.
pub(crate) fn number(sequence: &SequenceDef, row: &[u8]) -> u128 {
    let tail = &row[sequence.at..][..sequence.width];
    let mut bytes = [0; 16];
    bytes[..tail.len()].copy_from_slice(tail);
    let number = u128::from_le_bytes(bytes);
    // Read without its sign, a negative number lies above the greatest positive one.
    if number > sequence.max { 0 } else { number }
}
