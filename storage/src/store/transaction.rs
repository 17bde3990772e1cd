//! Opens, commits and undoes the transaction, and makes the changes that it undoes.

use cosmictron_types::{IndexId, TxId};

use super::write::WriteError;
use super::write_set::{Write, WriteSet};
use super::{Store, TransactionLimits};
use crate::heap::{RowId, Stamp};
use crate::history::{Link, Version};
use crate::planted::{Fault, is_planted};
use crate::table::Table;

impl TransactionLimits {
    /// For what was accepted before.
    pub const UNBOUNDED: TransactionLimits =
        TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX };
}

impl Store {
    /// Opens a transaction. Panics when one is open.
    pub fn begin(&mut self, limits: TransactionLimits) {
        assert!(self.open.is_none(), "a transaction is open already");
        self.open = Some(limits);
    }

    /// Bounds the open transaction by other limits from here on, its writes so far included. Panics when none is open
    /// or when it has written more than that.
    pub fn limit_transaction(&mut self, limits: TransactionLimits) {
        assert!(self.open.is_some(), "no transaction is open");
        assert!(self.write_set.is_within(&limits), "the transaction has written more already");
        self.open = Some(limits);
    }

    /// Makes the open transaction's changes those of `tx`, and keeps what rows were before. Panics when no transaction is
    /// open or `tx` is older than the newest one.
    pub fn commit(&mut self, tx: TxId) {
        self.close();
        assert!(self.committed <= tx, "transaction {tx} comes after {}", self.committed);
        self.note_watched(tx);
        let writes = std::mem::take(&mut self.write_set.writes);
        for write in &writes {
            let created = self.archive(write, tx);
            if write.is_alive {
                let heap = self.at_mut(write.table).heap_mut();
                heap.set_stamp(write.row, Stamp::Committed(created));
                if heap.is_moved(write.row) {
                    self.change(write.table, |table, _| table.settle(write.row));
                }
            } else if write.before.is_some() {
                self.change(write.table, |table, _| {
                    table.clear_graves();
                    table.heap_mut().remove(write.row);
                });
            }
        }
        self.write_set.writes = writes;
        self.write_set.clear();
        self.committed = tx;
        self.shed_history();
    }

    /// Keeps what a write found; which transaction the row is from now. One that is what it was before is not another.
    fn archive(&mut self, write: &Write, tx: TxId) -> TxId {
        let Some(before) = &write.before else { return tx };
        let Self { tables, write_set, history_bytes, limits, .. } = self;
        let table = tables[write.table as usize].as_mut().expect("a place in use has a table");
        let (old, is_deleted) = (write_set.old(before), !write.is_alive);
        if write.is_alive && table.row(write.row) == old {
            return before.created;
        }
        let bytes = table.past().bytes();
        let (created, id, link) = (before.created, write.row, Link::NONE);
        let ended = Version { created, until: tx, is_deleted, id, link, row: old };
        table.archive(ended, limits.history_bytes_max > 0);
        *history_bytes = *history_bytes - bytes + table.past().bytes();
        tx
    }

    /// Undoes the open transaction. Panics when none is open.
    pub fn rollback(&mut self) {
        self.close();
        let writes = std::mem::take(&mut self.write_set.writes);
        // First all entries go that were not there, then those come back that were: two rows may have swapped values
        // of a unique index.
        for write in &writes {
            self.change(write.table, |table, write_set| withdraw(table, write_set, write));
        }
        for write in &writes {
            self.change(write.table, |table, write_set| restore(table, write_set, write));
        }
        let moved = std::mem::take(&mut self.write_set.moved);
        for moved in &moved {
            self.at_mut(moved.table).set_sequence(moved.sequence, moved.before);
        }
        (self.write_set.writes, self.write_set.moved) = (writes, moved);
        self.write_set.clear();
    }

    /// Whether a transaction is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn close(&mut self) {
        assert!(self.open.take().is_some(), "no transaction is open");
    }

    /// Counts a write of so many bytes against the open transaction's limits.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), WriteError> {
        let limits = self.open.as_ref().expect("a transaction is open");
        self.write_set.count(bytes, limits)
    }

    /// How many rows the open transaction may still write.
    pub(crate) fn rows_left(&self) -> u64 {
        let limits = self.open.as_ref().expect("a transaction is open");
        limits.rows_max - self.write_set.rows()
    }

    /// Puts in a row that breaks no constraint. `None`, and nothing changed, when there is no place for it.
    pub(super) fn put(&mut self, place: u32, row: &[u8]) -> Option<RowId> {
        self.change(place, |table, write_set| {
            let id = match table.unbury(row) {
                Some(id) => {
                    if table.heap_mut().replace(id, row).is_none() {
                        table.bury(id);
                        return None;
                    }
                    table.heap_mut().revive(id);
                    let Stamp::Open(number) = table.heap().stamp(id) else {
                        panic!("a dead row was killed by the open transaction");
                    };
                    write_set.at(number).is_alive = true;
                    id
                }
                None => {
                    let stamp = Stamp::Open(write_set.next());
                    let row = table.heap_mut().insert(row, stamp)?;
                    let found_by = IndexId::new(0);
                    let write = Write { table: place, row, before: None, is_alive: true, found_by };
                    write_set.writes.push(write);
                    row
                }
            };
            table.enter_all(id);
            Some(id)
        })
    }

    /// Replaces a row's bytes. `changed` are the indexes in which that changes its key. `None`, and nothing changed,
    /// when there is no place for it.
    pub(super) fn rewrite(
        &mut self,
        place: u32,
        id: RowId,
        row: &[u8],
        changed: &[usize],
    ) -> Option<()> {
        if changed.is_empty() && self.at(place).heap().suits(id, row.len()) {
            // The way of most updates: nothing but the row's bytes changes.
            let Self { tables, write_set, .. } = self;
            let table = tables[place as usize].as_mut()?;
            note(table, write_set, place, id);
            return table.heap_mut().replace(id, row);
        }
        self.change(place, |table, write_set| {
            note(table, write_set, place, id);
            changed.iter().for_each(|&index| table.leave(index, id));
            let replaced = table.heap_mut().replace(id, row);
            changed.iter().for_each(|&index| table.enter(index, id));
            replaced
        })
    }

    /// Deletes a row that was found by `index`.
    pub(super) fn erase(&mut self, place: u32, id: RowId, index: IndexId) {
        self.change(place, |table, write_set| {
            let number = note(table, write_set, place, id);
            table.leave_all(id);
            let write = write_set.at(number);
            write.is_alive = false;
            write.found_by = index;
            if write.before.is_none() {
                table.heap_mut().remove(id);
                return;
            }
            table.heap_mut().kill(id);
            table.bury(id);
        });
    }

    /// Changes one table and keeps count of its memory.
    fn change<R>(&mut self, place: u32, change: impl FnOnce(&mut Table, &mut WriteSet) -> R) -> R {
        let Self { tables, write_set, bytes, .. } = self;
        let table = tables[place as usize].as_mut().expect("a place in use has a table");
        let before = table.bytes().total();
        let result = change(table, write_set);
        *bytes = *bytes - before + table.bytes().total();
        result
    }
}

/// The number of a row's write; made when this is the first.
fn note(table: &mut Table, write_set: &mut WriteSet, place: u32, row: RowId) -> u32 {
    match table.heap().stamp(row) {
        Stamp::Open(number) => number,
        Stamp::Committed(created) => {
            let number = write_set.next();
            let before = Some(write_set.keep(table.row(row), created));
            let found_by = IndexId::new(0);
            write_set.writes.push(Write { table: place, row, before, is_alive: true, found_by });
            table.heap_mut().set_stamp(row, Stamp::Open(number));
            number
        }
    }
}

/// Takes out the entries that a write brought, and the row if it was not there.
fn withdraw(table: &mut Table, write_set: &WriteSet, write: &Write) {
    if !write.is_alive {
        return;
    }
    let Some(before) = &write.before else {
        if is_planted(Fault::UndoForgetsIndex) {
            (1..table.def().indexes.len()).for_each(|index| table.leave(index, write.row));
        } else {
            table.leave_all(write.row);
        }
        table.heap_mut().remove(write.row);
        return;
    };
    let changed = table.def().changed_indexes(write_set.old(before), table.row(write.row));
    changed.iter().for_each(|&index| table.leave(index, write.row));
}

/// Puts back the row that a write found, and its entries.
fn restore(table: &mut Table, write_set: &WriteSet, write: &Write) {
    let Some(before) = &write.before else { return };
    let (row, old) = (write.row, write_set.old(before));
    table.clear_graves();
    let changed = match write.is_alive {
        true => table.def().changed_indexes(old, table.row(row)),
        false => (0..table.def().indexes.len()).collect(),
    };
    // The pages held this row together with all others that are there now.
    table.heap_mut().replace(row, old).expect("there was a place for the row");
    if !write.is_alive {
        table.heap_mut().revive(row);
    }
    table.heap_mut().set_stamp(row, Stamp::Committed(before.created));
    changed.iter().for_each(|&index| table.enter(index, row));
}
