//! A shard in memory, as plain as can be: rows in the order of insertion, indexes as ordered maps of bytes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{ColumnIndex, RowLayout, Timestamp, Type};
use cosmictron_wasm_host::{Data, DataError, GuestKey, GuestRange, RejectCode, ScanHandle};

/// One module's tables, and what its calls asked for besides.
#[derive(Clone)]
pub(crate) struct Model {
    tables: Vec<Table>,
    scans: BTreeMap<u32, Scan>,
    scans_opened: u32,
    /// Rows that may still be written.
    pub(crate) rows_left: u64,
    pub(crate) scheduled: Vec<(Timestamp, u32, Vec<u8>)>,
    /// What views have yielded.
    pub(crate) taken: Vec<Vec<u8>>,
    /// The next call of any method answers [`DataError::Aborted`].
    pub(crate) aborts: bool,
}

#[derive(Clone)]
struct Table {
    schema: TableSchema,
    layout: RowLayout,
    rows: BTreeMap<u64, Vec<u8>>,
    /// For each index: the ordered key, then the row's number, to that number.
    indexes: Vec<BTreeMap<Vec<u8>, u64>>,
    rows_ever: u64,
    sequence: u64,
}

#[derive(Clone)]
struct Scan {
    table: usize,
    index: Option<usize>,
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    descending: bool,
}

impl Model {
    pub(crate) fn new(schema: &Arc<ModuleSchema>) -> Model {
        let tables = schema.tables.iter().map(Table::new).collect();
        let (scans, scheduled) = (BTreeMap::new(), Vec::new());
        Model {
            tables,
            scans,
            scans_opened: 0,
            rows_left: 10_000,
            scheduled,
            taken: Vec::new(),
            aborts: false,
        }
    }

    /// The rows of a table in the order of their insertion.
    pub(crate) fn rows(&self, table: usize) -> Vec<Vec<u8>> {
        self.tables[table].rows.values().cloned().collect()
    }

    /// Scans that were opened and not closed.
    pub(crate) fn scans_open(&self) -> usize {
        self.scans.len()
    }

    fn table(&mut self, table: u32) -> Result<&mut Table, DataError> {
        if std::mem::take(&mut self.aborts) {
            return Err(DataError::Aborted);
        }
        Ok(&mut self.tables[table as usize])
    }

    fn charge(&mut self) -> Result<(), DataError> {
        self.rows_left = self
            .rows_left
            .checked_sub(1)
            .ok_or_else(|| rejected(RejectCode::TransactionLimit, "too many rows"))?;
        Ok(())
    }
}

fn rejected(code: RejectCode, message: &str) -> DataError {
    DataError::Rejected { code, message: message.to_owned() }
}

fn malformed(error: impl std::fmt::Display) -> DataError {
    DataError::Misuse(format!("malformed: {error}"))
}

impl Table {
    fn new(schema: &TableSchema) -> Table {
        let indexes = vec![BTreeMap::new(); schema.indexes.len()];
        let layout = schema.layout();
        let rows = BTreeMap::new();
        Table { schema: schema.clone(), layout, rows, indexes, rows_ever: 0, sequence: 0 }
    }

    fn columns(&self, index: usize) -> Vec<ColumnIndex> {
        let names = &self.schema.indexes[index].columns;
        names.iter().map(|name| self.schema.column(name).unwrap()).collect()
    }

    fn ordered(&self, index: usize, row: &[u8]) -> Vec<u8> {
        let mut key = Vec::new();
        for column in self.columns(index) {
            order(&self.layout.types()[column.index()], self.layout.column(row, column), &mut key);
        }
        key
    }

    fn ordered_key(&self, index: usize, key: GuestKey<'_>) -> Result<Vec<u8>, DataError> {
        let types = self.columns(index).into_iter().take(key.columns);
        let layout = RowLayout::new(types.map(|c| self.layout.types()[c.index()].clone()));
        layout.check(key.row).map_err(malformed)?;
        let mut out = Vec::new();
        for (column, ty) in layout.types().iter().enumerate() {
            let column = ColumnIndex::new(u16::try_from(column).unwrap());
            order(ty, layout.column(key.row, column), &mut out);
        }
        Ok(out)
    }

    fn with_prefix(&self, index: usize, prefix: &[u8]) -> Vec<u64> {
        let from = (Bound::Included(prefix.to_vec()), Bound::Unbounded);
        let entries = self.indexes[index].range(from);
        entries.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, &row)| row).collect()
    }

    fn add(&mut self, number: u64, row: &[u8]) -> Result<(), DataError> {
        for index in 0..self.indexes.len() {
            let key = self.ordered(index, row);
            if self.schema.indexes[index].unique && !self.with_prefix(index, &key).is_empty() {
                let name = &self.schema.indexes[index].name;
                let message = format!("another row has this {name}");
                return Err(rejected(RejectCode::UniqueViolation, &message));
            }
        }
        for index in 0..self.indexes.len() {
            let mut key = self.ordered(index, row);
            key.extend_from_slice(&number.to_be_bytes());
            self.indexes[index].insert(key, number);
        }
        self.rows.insert(number, row.to_vec());
        Ok(())
    }

    fn remove(&mut self, number: u64) -> Vec<u8> {
        let row = self.rows.remove(&number).unwrap();
        for index in 0..self.indexes.len() {
            let mut key = self.ordered(index, &row);
            key.extend_from_slice(&number.to_be_bytes());
            self.indexes[index].remove(&key).unwrap();
        }
        row
    }

    /// Fills in an `auto_inc` column of type `u64`, the only one that the test modules have.
    fn assign(&mut self, row: &mut [u8]) {
        let Some(column) = self.schema.columns.iter().position(|column| column.auto_inc) else {
            return;
        };
        assert_eq!((column, &self.schema.columns[0].ty), (0, &Type::U64));
        let id = u64::from_le_bytes(row[..8].try_into().unwrap());
        let id = if id == 0 { self.sequence + 1 } else { id };
        self.sequence = self.sequence.max(id);
        row[..8].copy_from_slice(&id.to_le_bytes());
    }
}

/// Appends bytes whose order is that of the values.
fn order(ty: &Type, tail: &[u8], out: &mut Vec<u8>) {
    match ty {
        Type::U64 => out.extend(tail.iter().rev()),
        Type::I64 => {
            out.extend(tail.iter().rev());
            let sign = out.len() - 8;
            out[sign] ^= 0x80;
        }
        Type::String => {
            assert!(!tail.contains(&0), "the model's strings end with a zero");
            out.extend_from_slice(tail);
            out.push(0);
        }
        other => panic!("the model has no keys of type {other}"),
    }
}

impl Data for Model {
    fn insert(&mut self, table: u32, row: &mut [u8]) -> Result<(), DataError> {
        self.charge()?;
        let table = self.table(table)?;
        table.layout.check(row).map_err(malformed)?;
        table.assign(row);
        table.rows_ever += 1;
        table.add(table.rows_ever, row)
    }

    fn update(&mut self, table: u32, row: &[u8]) -> Result<(), DataError> {
        self.charge()?;
        let table = self.table(table)?;
        table.layout.check(row).map_err(malformed)?;
        let key = table.ordered(0, row);
        let Some(&number) = table.with_prefix(0, &key).first() else {
            return Err(rejected(RejectCode::RowNotFound, "no row has this primary key"));
        };
        let before = table.remove(number);
        let outcome = table.add(number, row);
        if outcome.is_err() {
            table.add(number, &before).expect("it was there before");
        }
        outcome
    }

    fn delete(&mut self, table: u32, index: u32, key: GuestKey<'_>) -> Result<u64, DataError> {
        let table = self.table(table)?;
        let prefix = table.ordered_key(index as usize, key)?;
        let rows = table.with_prefix(index as usize, &prefix);
        rows.iter().for_each(|&row| drop(table.remove(row)));
        Ok(rows.len() as u64)
    }

    fn find(
        &mut self,
        table: u32,
        index: u32,
        key: GuestKey<'_>,
    ) -> Result<Option<&[u8]>, DataError> {
        let table = self.table(table)?;
        let prefix = table.ordered_key(index as usize, key)?;
        let row = table.with_prefix(index as usize, &prefix).first().copied();
        Ok(row.map(|row| table.rows[&row].as_slice()))
    }

    fn scan(&mut self, table: u32, range: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        let model = self.table(table)?;
        let index = range.index.map(|index| index as usize);
        let bound = |bound: Bound<GuestKey<'_>>, is_lower: bool| {
            let (key, included) = match bound {
                Bound::Unbounded => return Ok(Bound::Unbounded),
                Bound::Included(key) => (key, true),
                Bound::Excluded(key) => (key, false),
            };
            let mut bytes = model.ordered_key(index.unwrap(), key)?;
            // After everything that begins with the key, when it is to be passed over or taken in.
            let after = is_lower != included;
            bytes.extend_from_slice(if after { &[0xff; 64] } else { &[] });
            Ok(Bound::Included(bytes))
        };
        let lower = bound(range.lower, true)?;
        let upper = match bound(range.upper, false)? {
            Bound::Included(bytes) => Bound::Excluded(bytes),
            open => open,
        };
        let scan =
            Scan { table: table as usize, index, lower, upper, descending: range.descending };
        self.scans_opened += 1;
        self.scans.insert(self.scans_opened, scan);
        Ok(ScanHandle(self.scans_opened))
    }

    fn next(
        &mut self,
        scan: ScanHandle,
        sink: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, DataError> {
        let scan = self.scans.get_mut(&scan.0).expect("an open scan");
        let table = &self.tables[scan.table];
        loop {
            let whole: BTreeMap<Vec<u8>, u64>;
            let entries = match scan.index {
                Some(index) => &table.indexes[index],
                None => {
                    whole = table.rows.keys().map(|&n| (n.to_be_bytes().to_vec(), n)).collect();
                    &whole
                }
            };
            if is_empty(&scan.lower, &scan.upper) {
                return Ok(false);
            }
            let mut range = entries.range((scan.lower.clone(), scan.upper.clone()));
            let entry = if scan.descending { range.next_back() } else { range.next() };
            let Some((key, row)) = entry else { return Ok(false) };
            if !sink(&table.rows[row]) {
                return Ok(true);
            }
            let passed = Bound::Excluded(key.clone());
            *(if scan.descending { &mut scan.upper } else { &mut scan.lower }) = passed;
        }
    }

    fn close(&mut self, scan: ScanHandle) {
        self.scans.remove(&scan.0).expect("a scan is closed once");
    }

    fn count(&mut self, table: u32) -> Result<u64, DataError> {
        Ok(self.table(table)?.rows.len() as u64)
    }

    fn take_row(&mut self, row: &mut [u8]) -> Result<(), DataError> {
        self.charge()?;
        self.taken.push(row.to_vec());
        Ok(())
    }

    fn schedule(&mut self, at: Timestamp, reducer: u32, args: &[u8]) -> Result<(), DataError> {
        self.charge()?;
        self.scheduled.push((at, reducer, args.to_vec()));
        Ok(())
    }
}

/// Whether no key lies between two bounds; an ordered map panics when they cross.
fn is_empty(lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    match (lower, upper) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper))
        | (Bound::Included(lower) | Bound::Excluded(lower), Bound::Excluded(upper)) => {
            lower >= upper
        }
    }
}
