//! The steps of a write that has parts in several stores: what a store checks by itself, and what it then does.
//!
//! A [`Store::insert`](super::Store::insert) of a single store takes all of them at once. Between them
//! [`Stores`](crate::Stores) looks at the other stores; it names tables by their ids, and every row that it hands over
//! has passed [`Store::prepare`] or [`Store::find_row`].

use cosmictron_types::{IndexId, TableId};

use super::Store;
use super::constraint::{Replaced, check_unique};
use super::sequence::{Filled, number};
use super::write::{WriteError, table_full};
use super::write_set::Tally;
use crate::heap::RowId;
use crate::key::Key;

impl Store {
    /// Checks and counts a row that is to be inserted, and fills its `auto_inc` columns.
    pub(crate) fn prepare(&mut self, table: TableId, row: &mut [u8]) -> Result<Filled, WriteError> {
        let place = self.place(table);
        self.admit(place, row)?;
        self.count(row.len())?;
        self.fill(place, row)
    }

    /// Makes the columns 0 again that [`Store::prepare`] filled.
    pub(crate) fn unfill(&self, table: TableId, filled: &Filled, row: &mut [u8]) {
        filled.empty(self.at(self.place(table)), row);
    }

    pub(crate) fn row(&self, table: TableId, id: RowId) -> &[u8] {
        self.at(self.place(table)).row(id)
    }

    /// Checks a row that is to take the place of another, and finds that one.
    pub(crate) fn find_row(&self, table: TableId, row: &[u8]) -> Result<RowId, WriteError> {
        self.find_replaced(self.place(table), row)
    }

    /// Counts a write of so many bytes.
    pub(crate) fn count_write(&mut self, bytes: usize) -> Result<(), WriteError> {
        self.count(bytes)
    }

    /// Whether no row of this store has the unique values of `row`, in the indexes at these places.
    pub(crate) fn check_unique(
        &self,
        table: TableId,
        row: &[u8],
        indexes: impl Iterator<Item = usize>,
    ) -> Result<(), WriteError> {
        check_unique(self.at(self.place(table)), row, indexes)
    }

    /// Whether what `row` refers to within this store is there, once it has taken the place of `replaced`.
    pub(crate) fn check_own_targets(
        &self,
        table: TableId,
        row: &[u8],
        replaced: Option<RowId>,
    ) -> Result<(), WriteError> {
        let place = self.place(table);
        let replaced = replaced.map(|id| Replaced { id, row: self.at(place).row(id) });
        self.check_targets(place, row, replaced)
    }

    /// Whether nothing within this store refers to a row that goes or becomes `new`, but the rows in `gone`.
    pub(crate) fn check_own_referrers(
        &self,
        table: TableId,
        id: RowId,
        new: Option<&[u8]>,
        gone: &[RowId],
    ) -> Result<(), WriteError> {
        let place = self.place(table);
        self.check_referrers(place, self.at(place).row(id), new, gone)
    }

    /// Puts in a row that was counted and breaks nothing, if memory allows it.
    pub(crate) fn put_row(&mut self, table: TableId, row: &[u8]) -> Result<RowId, WriteError> {
        let place = self.place(table);
        self.check_room(place, row.len())?;
        self.put(place, row).ok_or_else(|| table_full(self.at(place).def()))
    }

    /// Replaces a row by one that was counted and breaks nothing, if memory allows it.
    pub(crate) fn rewrite_row(
        &mut self,
        table: TableId,
        id: RowId,
        row: &[u8],
        changed: &[usize],
    ) -> Result<(), WriteError> {
        let place = self.place(table);
        if !self.at(place).heap().suits(id, row.len()) || !changed.is_empty() {
            self.check_room(place, row.len())?;
        }
        let rewritten = self.rewrite(place, id, row, changed);
        rewritten.ok_or_else(|| table_full(self.at(place).def()))
    }

    /// Deletes a row that was counted and that nothing refers to.
    pub(crate) fn erase_row(&mut self, table: TableId, id: RowId, index: IndexId) {
        self.erase(self.place(table), id, index);
    }

    /// The rows that begin with `key`, in the order of their ids: all of them, or one more than may still be written.
    pub(crate) fn rows_with(&self, table: TableId, index: IndexId, key: &Key) -> Vec<RowId> {
        let limit = usize::try_from(self.rows_left().saturating_add(1)).unwrap_or(usize::MAX);
        let table = self.at(self.place(table));
        let mut rows: Vec<RowId> = table.matches(index, key).take(limit).collect();
        rows.sort_unstable();
        rows
    }

    /// All rows that have these values in an index's first columns.
    pub(crate) fn matches<'s>(
        &'s self,
        table: TableId,
        index: IndexId,
        key: &'s Key,
    ) -> impl Iterator<Item = RowId> + 's {
        self.at(self.place(table)).matches(index, key)
    }

    /// Moves the sequences past the numbers of a row that is in.
    pub(crate) fn pass_row(&mut self, table: TableId, row: &[u8]) {
        self.pass(self.place(table), row);
    }

    /// Moves one sequence past the number of a row that is in another store.
    pub(crate) fn pass_number(&mut self, table: TableId, sequence: usize, row: &[u8]) {
        let place = self.place(table);
        let number = number(&self.at(place).def().sequences[sequence], row);
        self.move_sequence(place, sequence, number);
    }

    /// Hands over what the open transaction has written so far, for the store that it goes on with.
    pub(crate) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.write_set.tally)
    }

    /// Takes over what the open transaction has written so far.
    pub(crate) fn put_tally(&mut self, tally: Tally) {
        self.write_set.tally = tally;
    }
}
