//! The stores in hand as a guest of one module sees them, during one call.
//!
//! They are moved in for the call and come back with the outcome, so nothing of them can be reached meanwhile and
//! nothing is borrowed. A guest names tables by their places in its schema; only its own tables have places.
//!
//! Invariants:
//! 1. What a guest hands over is checked against the table before the store keeps it.
//! 2. What needs a store that is not in hand ends the call, and says which; so does what a policy forbids. The guest cannot
//!    catch either.

use std::ops::Bound;
use std::sync::Arc;

use cosmictron_sql::Resource;
use cosmictron_storage::{
    Elsewhere, IndexDef, InvalidKey, Key, PlacedScan, Placement, Store, Stores, WriteError,
};
use cosmictron_types::{IndexId, ShardId, TableId, Timestamp};
use cosmictron_wasm_host::{Data, DataError, GuestKey, GuestRange, RejectCode, ScanHandle};

use super::judge::{Barred, Judge};
use super::reads::Reads;
use crate::catalog::{ScheduledCall, SystemTable};
use crate::directory::Module;

/// One call's hold on the stores.
pub struct GuestData {
    pub stores: Stores,
    /// Why the call was ended before the guest was done.
    pub ended: Option<Ended>,
    module: Arc<Module>,
    judge: Judge,
    /// The shard, among those in hand, that keeps what belongs to no other: new rows of generated keys, and schedules.
    here: ShardId,
    scans: Vec<Option<OpenScan>>,
    /// The store had no room for a row: the call's failure is then not the reducer's.
    pub is_store_full: bool,
    /// Where the rows of a view go.
    yielded: Option<Yielded>,
    /// A call was scheduled: the shard has to look when the next one is due.
    pub has_scheduled: bool,
}

/// The rows of a query's views so far, in a store of their own with a transaction open that bounds them.
pub struct Yielded {
    pub rows: Box<Store>,
    /// The table there of the view that runs.
    pub view: TableId,
    /// What was read for them, where somebody has to know.
    pub reads: Option<Reads>,
}

/// What ends a call, and is no matter of the guest's.
pub enum Ended {
    /// It has to run again with these stores.
    Elsewhere(Elsewhere),
    /// A write that no policy of the table admits.
    Forbidden { table: Arc<str> },
    /// Policies have read more for it than they may.
    Overrun,
    /// The views of a query have yielded more than it may use of this.
    Overflow { what: Resource, max: u64 },
}

impl GuestData {
    pub fn new(stores: Stores, module: Arc<Module>, judge: Judge, here: ShardId) -> Self {
        Self {
            stores,
            ended: None,
            module,
            judge,
            here,
            scans: Vec::new(),
            is_store_full: false,
            yielded: None,
            has_scheduled: false,
        }
    }

    /// For a view, whose rows are kept.
    pub fn yielding(self, yielded: Yielded) -> Self {
        Self { yielded: Some(yielded), ..self }
    }

    /// The rows of the view, when it has run.
    pub fn take_yielded(&mut self) -> Option<Yielded> {
        self.yielded.take()
    }

    /// Notes what a view reads of a table, and what its policies are asked by, where somebody has to know.
    fn note_read(&mut self, table: u32, note: impl FnOnce(&mut Reads, TableId)) {
        let Some(Yielded { reads: Some(reads), .. }) = &mut self.yielded else { return };
        note(reads, self.module.tables[table as usize].id);
        self.judge.asked(table).for_each(|asked| reads.note_all(asked));
    }

    fn key(&self, table: u32, index: u32, key: GuestKey<'_>) -> Result<(IndexId, Key), DataError> {
        let def = &self.module.tables[table as usize];
        let id = index_id(index);
        let key = read_key(def.index(id), key).map_err(|error| misuse(&error))?;
        Ok((id, key))
    }

    /// Ends the call, or tells the guest why not.
    fn fail(&mut self, table: u32, barred: impl Into<Barred>) -> DataError {
        match barred.into() {
            Barred::Refused(error) => self.reject(error),
            ending => end(&mut self.ended, &self.module, table, ending),
        }
    }

    /// Whether policies have a say in what is written to a table, or in which of its rows are seen.
    fn is_judged(&self, table: u32) -> bool {
        self.judge.writing(table).is_some() || self.judge.reading(table).is_some()
    }

    /// Whether the row that an update replaces, and the one that it puts in its place, are the caller's to write. One that
    /// is hidden is not there.
    fn check_update(&self, table: u32, row: &[u8]) -> Result<(), Barred> {
        let Self { stores, judge, module, .. } = self;
        let old = stores.replaced(placement(module, table), row)?;
        let old = match old {
            Some(old) if judge.sees(table, old, stores)? => Some(old),
            _ => None,
        };
        match old {
            Some(old) => {
                judge.check_write(table, old, stores)?;
                judge.check_write(table, row, stores)
            }
            // Without policies for reading the store itself says what is missing.
            None if judge.reading(table).is_none() => Ok(()),
            None => {
                let table = module.tables[table as usize].name.clone();
                Err(Barred::Refused(WriteError::NoSuchRow { table }))
            }
        }
    }

    fn reject(&mut self, error: WriteError) -> DataError {
        let code = match &error {
            WriteError::InvalidRow { .. } | WriteError::NoPrimaryKey { .. } => {
                return misuse(&error);
            }
            WriteError::UniqueViolation { .. } => RejectCode::UniqueViolation,
            WriteError::ForeignKeyWithoutTarget { .. } => RejectCode::MissingTarget,
            WriteError::Referenced { .. } => RejectCode::RowIsReferenced,
            WriteError::NoSuchRow { .. } => RejectCode::RowNotFound,
            WriteError::AutoIncExhausted { .. } => RejectCode::SequenceExhausted,
            WriteError::AppendOnly { .. } => RejectCode::AppendOnly,
            WriteError::ShardKeyChanged { .. } => RejectCode::ShardKeyChanged,
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

    fn begin_scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<PlacedScan, ScanError> {
        let Some(index) = range.index else {
            self.note_read(table, |reads, table| reads.note_all(table));
            return Ok(self.stores.scan(placement(&self.module, table))?);
        };
        let lower = self.bound(table, index, range.lower)?;
        let upper = self.bound(table, index, range.upper)?;
        let (index, at) = (index_id(index), placement(&self.module, table));
        let scan =
            self.stores.range(at, index, lower.as_ref(), upper.as_ref(), range.descending)?;
        self.note_read(table, |reads, table| reads.note_range(table, index, lower, upper));
        Ok(scan)
    }
}

/// A scan between two blocks of its rows.
struct OpenScan {
    table: u32,
    scan: PlacedScan,
}

/// Why a scan does not begin.
enum ScanError {
    Elsewhere(Elsewhere),
    Data(DataError),
}

impl From<Elsewhere> for ScanError {
    fn from(elsewhere: Elsewhere) -> Self {
        Self::Elsewhere(elsewhere)
    }
}

impl From<DataError> for ScanError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl Data for GuestData {
    fn insert(&mut self, table: u32, row: &mut [u8]) -> Result<(), DataError> {
        let Self { stores, module, judge, here, .. } = self;
        let at = placement(module, table);
        let inserted = match judge.writing(table) {
            None => stores.insert(at, *here, row).map_err(Barred::from),
            Some(_) => stores
                .insert_if(at, *here, row, |stores, row| judge.check_write(table, row, stores)),
        };
        inserted.map_err(|error| self.fail(table, error))
    }

    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError> {
        if self.is_judged(table) {
            self.check_update(table, row).map_err(|error| self.fail(table, error))?;
        }
        let at = placement(&self.module, table);
        self.stores.update(at, row).map_err(|error| self.fail(table, error))
    }

    fn delete(&mut self, table: u32, index: u32, key: GuestKey<'_>) -> Result<u64, DataError> {
        let (index, key) = self.key(table, index, key)?;
        let is_judged = self.is_judged(table);
        let Self { stores, module, judge, .. } = self;
        let at = placement(module, table);
        let deleted = match is_judged {
            false => stores.delete(at, index, &key).map_err(Barred::from),
            true => stores.delete_if(at, index, &key, |stores, row| {
                let is_seen = judge.sees(table, row, stores)?;
                if is_seen {
                    judge.check_write(table, row, stores)?;
                }
                Ok(is_seen)
            }),
        };
        deleted.map_err(|error| self.fail(table, error))
    }

    fn find(
        &mut self,
        table: u32,
        index: u32,
        key: GuestKey<'_>,
    ) -> Result<Option<&[u8]>, DataError> {
        let (index, key) = self.key(table, index, key)?;
        self.note_read(table, |reads, table| reads.note_key(table, index, key.clone()));
        let Self { stores, module, judge, ended, .. } = self;
        let found = stores.find(placement(module, table), index, &key).map_err(Barred::from);
        let seen = found.and_then(|found| match found {
            Some(row) if judge.sees(table, row, stores)? => Ok(Some(row)),
            _ => Ok(None),
        });
        seen.map_err(|barred| end(ended, module, table, barred))
    }

    fn scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        let scan = self.begin_scan(table, range).map_err(|error| match error {
            ScanError::Elsewhere(elsewhere) => self.fail(table, elsewhere),
            ScanError::Data(error) => error,
        })?;
        // The host bounds how many scans are open.
        let free = self.scans.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.scans.push(None);
            self.scans.len() - 1
        });
        self.scans[at] = Some(OpenScan { table, scan });
        Ok(ScanHandle(u32::try_from(at).expect("open scans are few")))
    }

    fn next(
        &mut self,
        scan: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError> {
        let Self { stores, module, judge, scans, ended, .. } = self;
        let scan = scans[scan.0 as usize].as_mut().expect("the host names open scans");
        let OpenScan { table, scan } = scan;
        if judge.reading(*table).is_none() {
            return Ok(stores.next(scan, sink));
        }
        let mut barred = None;
        let may_be_more = stores.next(scan, &mut |row| match judge.sees(*table, row, stores) {
            Ok(is_seen) => !is_seen || sink(row),
            Err(error) => {
                barred = Some(error);
                false
            }
        });
        match barred {
            None => Ok(may_be_more),
            Some(barred) => Err(end(ended, module, *table, barred)),
        }
    }

    fn close(&mut self, scan: ScanHandle) {
        self.scans[scan.0 as usize] = None;
    }

    fn count(&mut self, table: u32) -> Result<u64, DataError> {
        self.note_read(table, |reads, table| reads.note_all(table));
        let Self { stores, module, judge, .. } = self;
        let counted = match judge.reading(table) {
            None => stores.count(placement(module, table)).map_err(Barred::from),
            Some(reading) => judge.count(reading, stores),
        };
        counted.map_err(|error| self.fail(table, error))
    }

    fn take_row(&mut self, row: &mut [u8]) -> Result<(), DataError> {
        let Yielded { rows, view, .. } =
            self.yielded.as_mut().expect("the host lets views alone yield rows");
        let Err(error) = rows.insert(*view, row) else { return Ok(()) };
        let (what, max) = match error {
            WriteError::TransactionRows { rows_max } => (Resource::RowsScanned, rows_max),
            WriteError::TransactionBytes { bytes_max } => (Resource::Memory, bytes_max),
            WriteError::StoreFull { bytes_max, .. } => (Resource::Memory, bytes_max),
            error => return Err(misuse(&error)),
        };
        self.ended = Some(Ended::Overflow { what, max });
        Err(DataError::Aborted)
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
        let store = self.stores.store_mut(self.here).expect("this store is always in hand");
        call.insert(store).map_err(|error| self.reject(error))
    }
}

/// Ends the call: the guest is not told why, and cannot go on.
fn end(ended: &mut Option<Ended>, module: &Module, table: u32, barred: Barred) -> DataError {
    *ended = Some(match barred {
        Barred::Elsewhere(elsewhere) => Ended::Elsewhere(elsewhere),
        Barred::Forbidden => Ended::Forbidden { table: module.tables[table as usize].name.clone() },
        Barred::Overrun => Ended::Overrun,
        Barred::Refused(error) => return misuse(&error),
    });
    DataError::Aborted
}

/// Where the rows of a module's table are, by its place in the schema.
fn placement(module: &Module, table: u32) -> &Placement {
    &module.placements[table as usize]
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
