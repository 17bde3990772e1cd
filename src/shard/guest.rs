//! The stores in hand as a guest of one module sees them, during one call.
//!
//! They are moved in for the call and come back with the outcome, so nothing of them can be reached meanwhile and
//! nothing is borrowed. A guest names tables by their places in its schema; only its own tables have places.
//!
//! Invariants:
//! 1. What a guest hands over is checked against the table before the store keeps it.

use std::ops::Bound;
use std::sync::Arc;

use cosmictron_storage::{Cursor, IndexDef, InvalidKey, Key, RowId, Store, Table, WriteError};
use cosmictron_types::{IndexId, ShardId, TableId, Timestamp};
use cosmictron_wasm_host::{Data, DataError, GuestKey, GuestRange, RejectCode, ScanHandle};

use super::ground::Ground;
use crate::catalog::{ScheduledCall, SystemTable};
use crate::directory::Module;

/// One call's hold on the stores.
pub struct GuestData {
    pub ground: Ground,
    /// Where the guest wanted to go and could not: the call was ended for it.
    pub elsewhere: Option<ShardId>,
    module: Arc<Module>,
    scans: Vec<Option<GuestScan>>,
    /// The store had no room for a row: the call's failure is then not the reducer's.
    pub is_store_full: bool,
    /// A call was scheduled: the shard has to look when the next one is due.
    pub has_scheduled: bool,
}

/// A scan that keeps its place between borrows of the store.
enum GuestScan {
    Table { table: TableId, at: RowId },
    Index { table: TableId, cursor: Box<Cursor>, descending: bool },
}

impl GuestData {
    pub fn new(ground: Ground, module: Arc<Module>) -> Self {
        Self {
            ground,
            elsewhere: None,
            module,
            scans: Vec::new(),
            is_store_full: false,
            has_scheduled: false,
        }
    }

    fn table_id(&self, table: u32) -> TableId {
        self.module.tables[table as usize].id
    }

    /// The store that holds the module's tables, if it is in hand.
    fn store(&mut self) -> Result<&mut Store, DataError> {
        let home = self.module.home;
        match self.ground.store_mut(home) {
            Some(store) => Ok(store),
            None => {
                self.elsewhere = Some(home);
                Err(DataError::Aborted)
            }
        }
    }

    fn table(&mut self, table: u32) -> Result<&Table, DataError> {
        let id = self.table_id(table);
        Ok(open_table(self.store()?, id))
    }

    fn key(&self, table: u32, index: u32, key: GuestKey<'_>) -> Result<(IndexId, Key), DataError> {
        let def = &self.module.tables[table as usize];
        let id = index_id(index);
        let key = read_key(def.index(id), key).map_err(|error| misuse(&error))?;
        Ok((id, key))
    }

    fn reject(&mut self, error: WriteError) -> DataError {
        let code = match &error {
            WriteError::InvalidRow { .. }
            | WriteError::NoPrimaryKey { .. }
            | WriteError::ShardKeyChanged { .. } => {
                return misuse(&error);
            }
            WriteError::UniqueViolation { .. } => RejectCode::UniqueViolation,
            WriteError::ForeignKeyWithoutTarget { .. } => RejectCode::MissingTarget,
            WriteError::Referenced { .. } => RejectCode::RowIsReferenced,
            WriteError::NoSuchRow { .. } => RejectCode::RowNotFound,
            WriteError::AutoIncExhausted { .. } => RejectCode::SequenceExhausted,
            WriteError::AppendOnly { .. } => RejectCode::AppendOnly,
            WriteError::StoreFull { .. } | WriteError::TableFull { .. } => {
                self.is_store_full = true;
                RejectCode::TransactionLimit
            }
            WriteError::RowTooLarge { .. }
            | WriteError::TransactionRows { .. }
            | WriteError::TransactionBytes { .. } => RejectCode::TransactionLimit,
        };
        DataError::Rejected { code, message: error.to_string() }
    }
}

impl Data for GuestData {
    fn insert(&mut self, table: u32, row: &mut [u8]) -> Result<(), DataError> {
        let id = self.table_id(table);
        match self.store()?.insert(id, row) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.reject(error)),
        }
    }

    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError> {
        let id = self.table_id(table);
        match self.store()?.update(id, row) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.reject(error)),
        }
    }

    fn delete(&mut self, table: u32, index: u32, key: GuestKey<'_>) -> Result<u64, DataError> {
        let (index, key) = self.key(table, index, key)?;
        let id = self.table_id(table);
        let deleted = self.store()?.delete(id, index, &key);
        deleted.map_err(|error| self.reject(error))
    }

    fn find(
        &mut self,
        table: u32,
        index: u32,
        key: GuestKey<'_>,
    ) -> Result<Option<&[u8]>, DataError> {
        let (index, key) = self.key(table, index, key)?;
        let table = self.table(table)?;
        Ok(table.find(index, &key).map(|row| table.row(row)))
    }

    fn scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        let id = self.table_id(table);
        let scan = match range.index {
            None => GuestScan::Table { table: id, at: RowId::FIRST },
            Some(index) => {
                let lower = self.bound(table, index, range.lower)?;
                let upper = self.bound(table, index, range.upper)?;
                let cursor = Cursor::new(index_id(index), lower.as_ref(), upper.as_ref());
                let descending = range.descending;
                GuestScan::Index { table: id, cursor: Box::new(cursor), descending }
            }
        };
        // The host bounds how many scans are open.
        let free = self.scans.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.scans.push(None);
            self.scans.len() - 1
        });
        self.scans[at] = Some(scan);
        Ok(ScanHandle(u32::try_from(at).expect("open scans are few")))
    }

    fn next(
        &mut self,
        scan: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError> {
        let at = scan.0 as usize;
        let mut scan = self.scans[at].take().expect("the host names open scans");
        let store = self.store()?;
        let has_more = match &mut scan {
            GuestScan::Table { table, at } => next_of_table(open_table(store, *table), at, sink),
            GuestScan::Index { table, cursor, descending } => {
                next_of_index(open_table(store, *table), cursor, *descending, sink)
            }
        };
        self.scans[at] = Some(scan);
        Ok(has_more)
    }

    fn close(&mut self, scan: ScanHandle) {
        self.scans[scan.0 as usize] = None;
    }

    fn count(&mut self, table: u32) -> Result<u64, DataError> {
        Ok(self.table(table)?.len() as u64)
    }

    fn schedule(&mut self, at: Timestamp, reducer: u32, args: &[u8]) -> Result<(), DataError> {
        let call = ScheduledCall {
            id: 0,
            module: self.module.name.to_string(),
            reducer: self.module.reducer(reducer as usize).name.clone(),
            args: args.to_vec(),
            at,
        };
        self.has_scheduled = true;
        let inserted = call.insert(self.store()?);
        inserted.map_err(|error| self.reject(error))
    }
}

impl GuestData {
    fn bound(
        &self,
        table: u32,
        index: u32,
        bound: Bound<GuestKey<'_>>,
    ) -> Result<Bound<Key>, DataError> {
        Ok(match bound {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(key) => Bound::Included(self.key(table, index, key)?.1),
            Bound::Excluded(key) => Bound::Excluded(self.key(table, index, key)?.1),
        })
    }
}

fn open_table(store: &Store, table: TableId) -> &Table {
    store.table(table).expect("a table is not dropped during a call")
}

/// Gives rows in the order of their ids; says whether there may be more.
fn next_of_table(table: &Table, at: &mut RowId, sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let mut scan = table.scan_from(*at);
    loop {
        *at = scan.position();
        match scan.next() {
            None => return false,
            Some(row) if !sink(table.row(row)) => return true,
            Some(_) => {}
        }
    }
}

/// Gives rows in the order of an index; says whether there may be more.
fn next_of_index(
    table: &Table,
    cursor: &mut Cursor,
    descending: bool,
    sink: &mut dyn FnMut(&[u8]) -> bool,
) -> bool {
    let mut range = table.resume(cursor);
    loop {
        let before = range.clone();
        let row = if descending { range.next_back() } else { range.next() };
        match row {
            None => return false,
            Some(row) if !sink(table.row(row)) => {
                before.park(cursor);
                return true;
            }
            Some(_) => {}
        }
    }
}

fn index_id(index: u32) -> IndexId {
    IndexId::new(u16::try_from(index).expect("the host names indexes of the schema"))
}

fn read_key(def: &IndexDef, key: GuestKey<'_>) -> Result<Key, InvalidKey> {
    def.read_key_row(key.columns, key.row)
}

fn misuse(error: &dyn std::fmt::Display) -> DataError {
    DataError::Misuse(error.to_string())
}
