//! Walks over a table of the tests' store, block by block.
//!
//! A scan keeps no row, only what came last: it sees rows as they are when it reaches them, as on a server.

use cosmictron_types::column::length_bytes;

use super::order::Datum;
use super::store::{Entry, StoredTable};

const LOWER_EXCLUSIVE: u32 = 1;
const UPPER_EXCLUSIVE: u32 = 2;
const DESCENDING: u32 = 4;

/// One scan, as the guest ABI has it.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Without one, rows come in the order of insertion.
    index: Option<usize>,
    lower: Vec<Datum>,
    upper: Vec<Datum>,
    flags: u32,
    /// The row that came last.
    after: Option<Entry>,
}

impl Scan {
    pub(super) fn new(
        table: &StoredTable,
        index: Option<usize>,
        (lower, upper): (&[u8], &[u8]),
        flags: u32,
    ) -> Self {
        let key = |key: &[u8]| match index {
            Some(index) if !key.is_empty() => table.indexes[index].parse_key(key),
            _ => Vec::new(),
        };
        Self { index, lower: key(lower), upper: key(upper), flags, after: None }
    }

    /// Appends as many rows as fit to `out`, or returns how many bytes the next one needs.
    pub(super) fn next(
        &mut self,
        table: &StoredTable,
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Option<usize> {
        for (key, number) in self.ahead(table) {
            let row = &table.rows[&number];
            let needed = 4 + row.len();
            if out.len() + needed > bytes_max {
                return out.is_empty().then_some(needed);
            }
            out.extend_from_slice(&length_bytes(row.len()));
            out.extend_from_slice(row);
            self.after = Some((key, number));
        }
        None
    }

    /// The rows that are still to come, in order.
    fn ahead(&self, table: &StoredTable) -> Vec<Entry> {
        let mut ahead: Vec<Entry> = match self.index {
            Some(index) => table.entries[index].iter().cloned().collect(),
            None => table.rows.keys().map(|&number| (Vec::new(), number)).collect(),
        };
        ahead.retain(|(key, _)| self.is_within(key));
        let is_descending = self.flags & DESCENDING != 0;
        if is_descending {
            ahead.reverse();
        }
        if let Some(after) = &self.after {
            ahead.retain(|at| if is_descending { at < after } else { at > after });
        }
        ahead
    }

    /// A bound that gives fewer columns than the index has stands for everything that begins with it.
    fn is_within(&self, key: &[Datum]) -> bool {
        let compare = |bound: &[Datum]| key[..bound.len().min(key.len())].cmp(bound);
        let (lower, upper) = (compare(&self.lower), compare(&self.upper));
        let excludes = |flag| self.flags & flag != 0;
        let above = lower.is_gt() || lower.is_eq() && !excludes(LOWER_EXCLUSIVE);
        let below = upper.is_lt() || upper.is_eq() && !excludes(UPPER_EXCLUSIVE);
        (self.lower.is_empty() || above) && (self.upper.is_empty() || below)
    }
}
