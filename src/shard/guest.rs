//! The stores in hand as a guest of one module sees them, during one call.
//!
//! They are moved in for the call and come back with the outcome, so nothing of them can be reached meanwhile and
//! nothing is borrowed. A guest names tables by their places in its schema; only its own tables have places.
//!
//! Invariants:
//! 1. What a guest hands over is checked against the table before the store keeps it.
//! 2. What needs a store that is not in hand ends the call, and says which.

use std::ops::Bound;
use std::sync::Arc;

use cosmictron_storage::{
    Elsewhere, IndexDef, InvalidKey, Key, PlacedScan, Placement, Stores, StoresError, WriteError,
};
use cosmictron_types::{IndexId, ShardId, Timestamp};
use cosmictron_wasm_host::{Data, DataError, GuestKey, GuestRange, RejectCode, ScanHandle};

use crate::catalog::{ScheduledCall, SystemTable};
use crate::directory::Module;

/// One call's hold on the stores.
pub struct GuestData {
    pub stores: Stores,
    /// Where the guest wanted to go and could not: the call was ended for it.
    pub elsewhere: Option<Elsewhere>,
    module: Arc<Module>,
    /// The shard, among those in hand, that keeps what belongs to no other: new rows of generated keys, and schedules.
    here: ShardId,
    scans: Vec<Option<PlacedScan>>,
    /// The store had no room for a row: the call's failure is then not the reducer's.
    pub is_store_full: bool,
    /// A call was scheduled: the shard has to look when the next one is due.
    pub has_scheduled: bool,
}

impl GuestData {
    pub fn new(stores: Stores, module: Arc<Module>, here: ShardId) -> Self {
        Self {
            stores,
            elsewhere: None,
            module,
            here,
            scans: Vec::new(),
            is_store_full: false,
            has_scheduled: false,
        }
    }

    fn key(&self, table: u32, index: u32, key: GuestKey<'_>) -> Result<(IndexId, Key), DataError> {
        let def = &self.module.tables[table as usize];
        let id = index_id(index);
        let key = read_key(def.index(id), key).map_err(|error| misuse(&error))?;
        Ok((id, key))
    }

    /// Ends the call, for it has to run again with other stores.
    fn go(&mut self, elsewhere: Elsewhere) -> DataError {
        go(&mut self.elsewhere, elsewhere)
    }

    fn fail(&mut self, error: StoresError) -> DataError {
        match error {
            StoresError::Elsewhere(elsewhere) => self.go(elsewhere),
            StoresError::Refused(error) => self.reject(error),
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

    fn begin_scan(&self, table: u32, range: GuestRange<'_>) -> Result<PlacedScan, ScanError> {
        let at = placement(&self.module, table);
        let Some(index) = range.index else { return Ok(self.stores.scan(at)?) };
        let lower = self.bound(table, index, range.lower)?;
        let upper = self.bound(table, index, range.upper)?;
        let (lower, upper) = (lower.as_ref(), upper.as_ref());
        Ok(self.stores.range(at, index_id(index), lower, upper, range.descending)?)
    }
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
        let at = placement(&self.module, table);
        self.stores.insert(at, self.here, row).map_err(|error| self.fail(error))
    }

    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError> {
        let at = placement(&self.module, table);
        self.stores.update(at, row).map_err(|error| self.fail(error))
    }

    fn delete(&mut self, table: u32, index: u32, key: GuestKey<'_>) -> Result<u64, DataError> {
        let (index, key) = self.key(table, index, key)?;
        let at = placement(&self.module, table);
        self.stores.delete(at, index, &key).map_err(|error| self.fail(error))
    }

    fn find(
        &mut self,
        table: u32,
        index: u32,
        key: GuestKey<'_>,
    ) -> Result<Option<&[u8]>, DataError> {
        let (index, key) = self.key(table, index, key)?;
        let Self { stores, module, elsewhere, .. } = self;
        let found = stores.find(placement(module, table), index, &key);
        found.map_err(|error| go(elsewhere, error))
    }

    fn scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        let scan = self.begin_scan(table, range).map_err(|error| match error {
            ScanError::Elsewhere(elsewhere) => self.go(elsewhere),
            ScanError::Data(error) => error,
        })?;
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
        let scan = self.scans[scan.0 as usize].as_mut().expect("the host names open scans");
        Ok(self.stores.next(scan, sink))
    }

    fn close(&mut self, scan: ScanHandle) {
        self.scans[scan.0 as usize] = None;
    }

    fn count(&mut self, table: u32) -> Result<u64, DataError> {
        let at = placement(&self.module, table);
        self.stores.count(at).map_err(|error| go(&mut self.elsewhere, error))
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

fn go(to: &mut Option<Elsewhere>, elsewhere: Elsewhere) -> DataError {
    *to = Some(elsewhere);
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
