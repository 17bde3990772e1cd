//! Replays logged changes, and tells the open transaction's.
//!
//! Foreign keys are not checked again, and no limits are: what is replayed was accepted. Everything that memory
//! safety of the tables rests on is: rows are checked against the table, keys have to exist or not to exist, and unique
//! indexes are looked at once all changes are in.

use cosmictron_types::layout::InvalidRow;
use cosmictron_types::{ColumnIndex, IndexId, TableId, TxId};

use super::sequence::number;
use super::{Store, TransactionLimits};
use crate::change::{Change, ChangeReader, ChangeWriter, InvalidChange, LoggedChange};
use crate::definition::index_at;
use crate::heap::{ROW_BYTES_MAX, RowId};
use crate::key::{InvalidKey, KeyBuilder};
use crate::table::Table;

/// Why logged changes do not fit the store. A log whose checksums hold never leads here, unless it is another store's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Invalid(#[from] InvalidChange),
    #[error("there is no table {0}")]
    UnknownTable(TableId),
    #[error("table {table} has no primary key")]
    NoPrimaryKey { table: TableId },
    #[error("table {table} has a primary key, by which its rows are deleted")]
    PrimaryKey { table: TableId },
    #[error("table {table} has no index {index}")]
    UnknownIndex { table: TableId, index: IndexId },
    #[error("table {table} has no sequence in column {column} that reaches {last}")]
    Sequence { table: TableId, column: ColumnIndex, last: u128 },
    #[error("row of table {table}: {error}")]
    InvalidRow {
        table: TableId,
        #[source]
        error: InvalidRow,
    },
    #[error("row of {bytes} bytes for table {table} exceeds the limit of {ROW_BYTES_MAX}")]
    RowTooLarge { table: TableId, bytes: usize },
    #[error("key of table {table}: {error}")]
    InvalidKey {
        table: TableId,
        #[source]
        error: InvalidKey,
    },
    #[error("table {table} has the inserted row's primary key already")]
    RowExists { table: TableId },
    #[error("table {table} lacks the row that was changed")]
    NoSuchRow { table: TableId },
    #[error("rows of table {table} are never changed and never deleted")]
    AppendOnly { table: TableId },
    #[error("table {table} has two rows with the same value in unique index {index}")]
    NotUnique { table: TableId, index: IndexId },
    #[error("table {table} has as many rows as a table can have")]
    TableFull { table: TableId },
}

impl Store {
    /// What the open transaction changed, net: one change a row, in the order in which rows were first written.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        self.write_set.writes.iter().filter_map(|write| {
            let table = self.at(write.table);
            let id = table.def().id;
            let old = write.before.as_ref().map(|before| self.write_set.old(before));
            let new = write.is_alive.then(|| table.row(write.row));
            match (old, new) {
                (None, Some(new)) => Some(Change::Insert { table: id, new }),
                (Some(old), Some(new)) => Some(Change::Update { table: id, old, new }),
                (Some(old), None) => Some(Change::Delete { table: id, old }),
                (None, None) => None,
            }
        })
    }

    /// Whether the open transaction has to be logged: it changed a row, or moved a sequence.
    pub fn is_changed(&self) -> bool {
        !self.write_set.moved.is_empty() || self.changes().next().is_some()
    }

    /// Appends the open transaction's changes in the log's form; [`crate::change`] describes it.
    pub fn encode_changes(&self, out: &mut Vec<u8>) {
        let mut writer = ChangeWriter::new(out);
        for write in &self.write_set.writes {
            let table = self.at(write.table);
            let def = table.def();
            let id = def.id;
            let change = match (&write.before, write.is_alive) {
                (None, false) => continue,
                (None, true) => LoggedChange::Insert { table: id, row: table.row(write.row) },
                (Some(_), true) => LoggedChange::Update { table: id, row: table.row(write.row) },
                (Some(before), false) => {
                    let row = self.write_set.old(before);
                    match def.primary_column() {
                        Some(column) => {
                            LoggedChange::DeleteKey { table: id, key: def.column(row, column) }
                        }
                        None => LoggedChange::DeleteRow { table: id, index: write.found_by, row },
                    }
                }
            };
            writer.write(&change);
        }
        self.hidden_sequences().for_each(|change| writer.write(&change));
    }

    /// Sequences whose position no row that the transaction leaves would show.
    fn hidden_sequences(&self) -> impl Iterator<Item = LoggedChange<'_>> {
        self.write_set.moved.iter().filter_map(|moved| {
            let table = self.at(moved.table);
            let def = table.def();
            let sequence = &def.sequences[moved.sequence];
            let last = table.sequence(moved.sequence);
            // The last row written is nearly always the one.
            let is_shown = self.write_set.writes.iter().rev().any(|write| {
                write.table == moved.table
                    && write.is_alive
                    && number(sequence, table.row(write.row)) == last
            });
            let (table, column) = (def.id, sequence.column);
            (!is_shown).then_some(LoggedChange::Sequence { table, column, last })
        })
    }

    /// Commits logged changes as `tx`. After an error nothing has changed. Panics when a transaction is open.
    pub fn apply(&mut self, tx: TxId, changes: &[u8]) -> Result<(), ApplyError> {
        self.apply_and_look(tx, changes, |_| ())
    }

    /// As [`Store::apply`]; shows the store before the transaction is committed, with all its changes in it.
    pub fn apply_and_look(
        &mut self,
        tx: TxId,
        changes: &[u8],
        look: impl FnOnce(&Store),
    ) -> Result<(), ApplyError> {
        self.begin(TransactionLimits::UNBOUNDED);
        let applied = ChangeReader::new(changes)
            .try_for_each(|change| self.apply_change(&change?))
            .and_then(|()| self.check_all_unique());
        match applied {
            Ok(()) => {
                look(self);
                self.commit(tx);
            }
            Err(_) => self.rollback(),
        }
        applied
    }

    fn apply_change(&mut self, change: &LoggedChange<'_>) -> Result<(), ApplyError> {
        match *change {
            LoggedChange::Insert { table, row } => self.apply_insert(table, row),
            LoggedChange::Update { table, row } => self.apply_update(table, row),
            LoggedChange::DeleteKey { table, key } => self.apply_delete_key(table, key),
            LoggedChange::DeleteRow { table, index, row } => {
                self.apply_delete_row(table, index, row)
            }
            LoggedChange::Sequence { table, column, last } => {
                let place = self.place_of(table)?;
                let sequences = &self.at(place).def().sequences;
                let at = sequences.iter().position(|s| s.column == column && last <= s.max);
                let at = at.ok_or(ApplyError::Sequence { table, column, last })?;
                self.move_sequence(place, at, last);
                Ok(())
            }
        }
    }

    fn apply_insert(&mut self, table: TableId, row: &[u8]) -> Result<(), ApplyError> {
        let place = self.place_of(table)?;
        self.check_row(place, row)?;
        if self.at(place).find_primary(row).is_some() {
            return Err(ApplyError::RowExists { table });
        }
        self.put(place, row).ok_or(ApplyError::TableFull { table })?;
        self.pass(place, row);
        Ok(())
    }

    fn apply_update(&mut self, table: TableId, row: &[u8]) -> Result<(), ApplyError> {
        let place = self.place_of(table)?;
        self.check_row(place, row)?;
        let def = self.at(place).def();
        if def.primary().is_none() {
            return Err(ApplyError::NoPrimaryKey { table });
        }
        if def.is_append_only() {
            return Err(ApplyError::AppendOnly { table });
        }
        let id = self.at(place).find_primary(row).ok_or(ApplyError::NoSuchRow { table })?;
        let changed = def.changed_indexes(self.at(place).row(id), row);
        self.rewrite(place, id, row, &changed).ok_or(ApplyError::TableFull { table })?;
        self.pass(place, row);
        Ok(())
    }

    fn apply_delete_key(&mut self, table: TableId, tail: &[u8]) -> Result<(), ApplyError> {
        let place = self.place_of(table)?;
        let def = self.at(place).def();
        let primary = def.primary().ok_or(ApplyError::NoPrimaryKey { table })?;
        if def.is_append_only() {
            return Err(ApplyError::AppendOnly { table });
        }
        let mut key = KeyBuilder::new(primary);
        key.column(tail).map_err(|error| ApplyError::InvalidKey { table, error })?;
        let id = self.at(place).find(PRIMARY, &key.finish());
        let id = id.ok_or(ApplyError::NoSuchRow { table })?;
        self.erase(place, id, PRIMARY);
        Ok(())
    }

    fn apply_delete_row(
        &mut self,
        table: TableId,
        index: IndexId,
        row: &[u8],
    ) -> Result<(), ApplyError> {
        let place = self.place_of(table)?;
        self.check_row(place, row)?;
        let found = self.at(place);
        let def = found.def();
        if def.primary().is_some() {
            return Err(ApplyError::PrimaryKey { table });
        }
        if def.is_append_only() {
            return Err(ApplyError::AppendOnly { table });
        }
        if usize::from(index.get()) >= def.indexes.len() {
            return Err(ApplyError::UnknownIndex { table, index });
        }
        let key = def.key_of(index, row);
        let id = found.matches(index, &key).find(|&id| found.row(id) == row);
        let id = id.ok_or(ApplyError::NoSuchRow { table })?;
        self.erase(place, id, index);
        Ok(())
    }

    fn place_of(&self, table: TableId) -> Result<u32, ApplyError> {
        self.places.get(&table).copied().ok_or(ApplyError::UnknownTable(table))
    }

    fn check_row(&self, place: u32, row: &[u8]) -> Result<(), ApplyError> {
        let def = self.at(place).def();
        if row.len() > ROW_BYTES_MAX as usize {
            return Err(ApplyError::RowTooLarge { table: def.id, bytes: row.len() });
        }
        let check = def.layout.check(row);
        check.map_err(|error| ApplyError::InvalidRow { table: def.id, error })
    }

    /// Whether no row that was written shares a unique value with another.
    fn check_all_unique(&self) -> Result<(), ApplyError> {
        for write in self.write_set.writes.iter().filter(|write| write.is_alive) {
            let table = self.at(write.table);
            let is_secondary = |&at: &usize| {
                let index = &table.def().indexes[at];
                index.unique && !index.primary
            };
            let old = write.before.as_ref().map(|before| self.write_set.old(before));
            for at in (0..table.def().indexes.len()).filter(is_secondary) {
                if !is_unique(table, at, write.row, old) {
                    let (table, index) = (table.def().id, index_at(at));
                    return Err(ApplyError::NotUnique { table, index });
                }
            }
        }
        Ok(())
    }
}

/// The primary key's index.
pub(crate) const PRIMARY: IndexId = IndexId::new(0);

/// Whether a row is the only one with its values in an index, or has none of its own: one is absent, or all are those
/// that it had.
fn is_unique(table: &Table, index: usize, row: RowId, old: Option<&[u8]>) -> bool {
    let def = table.def();
    let (layout, row, index_def) = (&def.layout, table.row(row), &def.indexes[index]);
    if old.is_some_and(|old| index_def.is_same_key(layout, old, row)) {
        return true;
    }
    if index_def.is_absent_in(layout, row) {
        return true;
    }
    let key = index_def.key_of(layout, row);
    table.matches(index_at(index), &key).nth(1).is_none()
}
