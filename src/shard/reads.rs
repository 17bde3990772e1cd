//! What views have read: the tables, and the keys and ranges of their indexes, on which it depends what they yield.
//!
//! Who reads with policies also reads what these ask, which is taken for whole tables.
//!
//! Invariants:
//! 1. As long as no row comes or goes that is within the reads of a run, another run would yield the same.
//! 2. No more than [`PARTS_MAX`] parts of a table are told apart; beyond that all of it counts as read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use cosmictron_storage::Key;
use cosmictron_types::{IndexId, TableId};

/// Keys and ranges of one table. A live query keeps them, so 256 short ones are 16 KiB.
const PARTS_MAX: usize = 256;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    tables: BTreeMap<TableId, TableReads>,
}

/// What was read of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableReads {
    Whole,
    Parts(Parts),
}

/// Rows of a table, by its indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Those whose keys begin so.
    pub keys: BTreeSet<(IndexId, Key)>,
    pub ranges: Vec<RangeRead>,
}

/// The rows whose keys in an index lie between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRead {
    pub index: IndexId,
    pub lower: Bound<Key>,
    pub upper: Bound<Key>,
}

impl Reads {
    /// Everything in these tables.
    pub fn of_all(tables: impl Iterator<Item = TableId>) -> Self {
        Self { tables: tables.map(|table| (table, TableReads::Whole)).collect() }
    }

    /// A table was read from one end to the other, or its rows were counted.
    pub fn note_all(&mut self, table: TableId) {
        self.tables.insert(table, TableReads::Whole);
    }

    /// The row of a key was looked for, whether it is there or not.
    pub fn note_key(&mut self, table: TableId, index: IndexId, key: Key) {
        self.note(table, |parts| {
            parts.keys.insert((index, key));
        });
    }

    /// A range of an index was read. It counts whole, also where the reader has stopped early.
    pub fn note_range(
        &mut self,
        table: TableId,
        index: IndexId,
        lower: Bound<Key>,
        upper: Bound<Key>,
    ) {
        let range = match (lower, upper) {
            (Bound::Included(lower), Bound::Included(upper)) if lower == upper => {
                return self.note_key(table, index, lower);
            }
            (lower, upper) => RangeRead { index, lower, upper },
        };
        self.note(table, |parts| {
            if !parts.ranges.contains(&range) {
                parts.ranges.push(range);
            }
        });
    }

    fn note(&mut self, table: TableId, add: impl FnOnce(&mut Parts)) {
        let read = self.tables.entry(table).or_insert_with(|| TableReads::Parts(Parts::default()));
        let TableReads::Parts(parts) = read else { return };
        add(parts);
        if parts.keys.len() + parts.ranges.len() > PARTS_MAX {
            *read = TableReads::Whole;
        }
    }

    /// What was read of each table.
    pub fn tables(&self) -> impl Iterator<Item = (TableId, &TableReads)> {
        self.tables.iter().map(|(table, reads)| (*table, reads))
    }

    /// Bytes that they take, about.
    pub fn bytes(&self) -> usize {
        let part = size_of::<RangeRead>();
        let bytes = |reads: &TableReads| match reads {
            TableReads::Whole => part,
            TableReads::Parts(Parts { keys, ranges }) => {
                let longer = |key: &Key| key.as_bytes().len();
                part + keys.iter().map(|(_, key)| part + longer(key)).sum::<usize>()
                    + ranges.len() * part
            }
        };
        self.tables.values().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        Key::from(number.to_be_bytes())
    }

    #[test]
    fn what_is_read_twice_is_noted_once_and_too_many_parts_are_the_whole() {
        let (table, index) = (TableId::new(7), IndexId::new(0));
        let mut reads = Reads::default();
        for _ in 0..2 {
            reads.note_key(table, index, key(1));
            reads.note_range(table, index, Bound::Included(key(1)), Bound::Included(key(1)));
            reads.note_range(table, index, Bound::Included(key(1)), Bound::Unbounded);
        }
        let (_, TableReads::Parts(parts)) = reads.tables().next().unwrap() else { panic!() };
        assert_eq!((parts.keys.len(), parts.ranges.len()), (1, 1));
        (0..PARTS_MAX as u64).for_each(|number| reads.note_key(table, index, key(number)));
        assert_eq!(reads, Reads::of_all([table].into_iter()));
        reads.note_key(table, index, key(1));
        assert_eq!(reads, Reads::of_all([table].into_iter()));
    }
}
