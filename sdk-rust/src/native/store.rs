//! Keeps the tables of one test in memory.
//!
//! Invariants:
//! 1. Every row fits its table's layout, every unique index and every foreign key holds after each call.

use std::collections::{BTreeMap, BTreeSet};

use cosmictron_types::RowLayout;
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::ty::Type;

use super::order::{Datum, Index, column_of, datum};
use super::scan::Scan;
use crate::error::code;
use crate::schedule::Call;
use crate::table::TableDescription;

/// All tables of one thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    tables: Vec<StoredTable>,
    /// Open scans, and the table that each is of.
    scans: BTreeMap<i32, (usize, Scan)>,
    scans_opened: i32,
    /// What was said about the last rejection.
    pub(super) refusal: String,
    scheduled: Vec<(i64, Call)>,
}

/// One table and its rows.
#[derive(Clone, Debug)]
pub(super) struct StoredTable {
    schema: TableSchema,
    layout: RowLayout,
    pub(super) indexes: Vec<Index>,
    /// For every index, the keys of all rows and their numbers.
    pub(super) entries: Vec<BTreeSet<Entry>>,
    /// In the order of insertion.
    pub(super) rows: BTreeMap<u64, Vec<u8>>,
    rows_inserted: u64,
    /// The last number given out, for every column.
    sequences: Vec<u128>,
}

/// A row's key in an index, and its number.
pub(super) type Entry = (Vec<Datum>, u64);

/// Why a row is not written: a code of the guest ABI, and words.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) code: i64,
    pub(super) text: String,
}

fn reject<T>(code: i64, text: String) -> Result<T, Rejection> {
    Err(Rejection { code, text })
}

const EVENT_TABLE: i64 = -6;

impl Store {
    /// The table's position; makes it, and those that it refers to, when they are new.
    pub(super) fn table(&mut self, table: &TableDescription) -> usize {
        if let Some(known) = self.position(table.name()) {
            return known;
        }
        let mut items = BTreeMap::new();
        describe(table, &mut items);
        let schema = ModuleSchema::parse_items(items.values().map(String::as_str))
            .unwrap_or_else(|error| panic!("a server would refuse this module: {error}"));
        for schema in schema.tables {
            if self.position(&schema.name).is_none() {
                self.tables.push(StoredTable::new(schema));
            }
        }
        self.position(table.name()).expect("the table described itself")
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.schema.name == name)
    }

    pub(super) fn index(&self, table: u32, name: &str) -> Option<usize> {
        self.tables[table as usize].indexes.iter().position(|index| index.name == name)
    }

    pub(super) fn insert(&mut self, table: u32, row: &mut [u8]) -> Result<(), Rejection> {
        let stored = &mut self.tables[table as usize];
        stored.number_row(row)?;
        self.check_row(table as usize, row, None)?;
        let stored = &mut self.tables[table as usize];
        stored.rows_inserted += 1;
        stored.put(stored.rows_inserted, row.to_vec());
        Ok(())
    }

    pub(super) fn update(&mut self, table: u32, row: &mut [u8]) -> Result<(), Rejection> {
        let position = table as usize;
        let stored = &self.tables[position];
        stored.refuse_event()?;
        let key = stored.indexes[0].key(&stored.layout, row);
        let Some(number) = stored.numbers_with(0, &key).next() else {
            let text = format!("{} has no row with this primary key", stored.schema.name);
            return reject(code::NOT_FOUND, text);
        };
        stored.refuse_move(&stored.rows[&number], row)?;
        self.check_row(position, row, Some(number))?;
        let old = self.tables[position].take(number);
        self.tables[position].put(number, row.to_vec());
        if let Err(rejection) = self.check_references(position, &old) {
            self.tables[position].take(number);
            self.tables[position].put(number, old);
            return Err(rejection);
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, table: u32, index: u32, key: &[u8]) -> Result<i64, Rejection> {
        let position = table as usize;
        let stored = &self.tables[position];
        stored.refuse_event()?;
        let key = stored.indexes[index as usize].parse_key(key);
        let numbers: Vec<u64> = stored.numbers_with(index as usize, &key).collect();
        let deleted: Vec<(u64, Vec<u8>)> =
            numbers.iter().map(|&number| (number, self.tables[position].take(number))).collect();
        let check = |(_, row): &(u64, Vec<u8>)| self.check_references(position, row);
        if let Err(rejection) = deleted.iter().try_for_each(check) {
            for (number, row) in deleted {
                self.tables[position].put(number, row);
            }
            return Err(rejection);
        }
        Ok(i64::try_from(deleted.len()).expect("memory holds fewer rows"))
    }

    pub(super) fn find(&self, table: u32, index: u32, key: &[u8]) -> Option<&[u8]> {
        let stored = &self.tables[table as usize];
        let key = stored.indexes[index as usize].parse_key(key);
        let number = stored.numbers_with(index as usize, &key).next()?;
        stored.rows.get(&number).map(Vec::as_slice)
    }

    pub(super) fn count(&self, table: u32) -> usize {
        self.tables[table as usize].rows.len()
    }

    pub(super) fn open_scan(
        &mut self,
        table: u32,
        index: i32,
        bounds: (&[u8], &[u8]),
        flags: u32,
    ) -> i32 {
        let table = table as usize;
        let scan = Scan::new(&self.tables[table], usize::try_from(index).ok(), bounds, flags);
        self.scans_opened += 1;
        self.scans.insert(self.scans_opened, (table, scan));
        self.scans_opened
    }

    /// Appends as many rows as fit to `out`, or returns how many bytes the next one needs. Closes the scan at its end.
    pub(super) fn next(
        &mut self,
        number: i32,
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Option<usize> {
        let (table, scan) = self.scans.get_mut(&number).expect("an open scan");
        let needed = scan.next(&self.tables[*table], out, bytes_max);
        if needed.is_none() && out.is_empty() {
            self.scans.remove(&number);
        }
        needed
    }

    #[cfg(test)]
    pub(crate) fn scans_open(&self) -> usize {
        self.scans.len()
    }

    pub(super) fn close(&mut self, scan: i32) {
        self.scans.remove(&scan);
    }

    pub(super) fn schedule(&mut self, at_micros: i64, call: Call) {
        self.scheduled.push((at_micros, call));
    }

    /// What was scheduled since the last look, in order, and the microsecond when it would run.
    pub(crate) fn take_scheduled(&mut self) -> Vec<(i64, Call)> {
        core::mem::take(&mut self.scheduled)
    }

    /// The rules for a row that takes the place of row `replaced`, or of none.
    fn check_row(&self, table: usize, row: &[u8], replaced: Option<u64>) -> Result<(), Rejection> {
        let stored = &self.tables[table];
        if let Err(error) = stored.layout.check(row) {
            panic!("a row of table {} is malformed: {error}", stored.schema.name);
        }
        stored.check_unique(row, replaced)?;
        for (at, column) in stored.schema.columns.iter().enumerate() {
            let Some(key) = &column.foreign_key else { continue };
            let value = datum(&column.ty, column_of(&stored.layout, row, at));
            let target = self.position(&key.table).expect("made with the table that refers to it");
            // A row may refer to itself.
            let itself = target == table && stored.value(&key.column, row) == value;
            if value != Datum::Absent && !itself && !self.tables[target].has(&key.column, &value) {
                let text = format!(
                    "{}.{} refers to no row of {}",
                    stored.schema.name, column.name, key.table
                );
                return reject(code::FOREIGN_KEY_VIOLATION, text);
            }
        }
        Ok(())
    }

    /// No row may refer to a value of `old`, a row that was taken away, unless the value is still there.
    fn check_references(&self, table: usize, old: &[u8]) -> Result<(), Rejection> {
        let target = &self.tables[table];
        for source in &self.tables {
            for column in &source.schema.columns {
                let key = column.foreign_key.as_ref();
                let Some(key) = key.filter(|key| key.table == target.schema.name) else { continue };
                let value = target.value(&key.column, old);
                if !target.has(&key.column, &value) && source.has(&column.name, &value) {
                    let text = format!(
                        "{}.{} refers to this row of {}",
                        source.schema.name, column.name, target.schema.name
                    );
                    return reject(code::REFERENCED, text);
                }
            }
        }
        Ok(())
    }
}

impl StoredTable {
    fn new(schema: TableSchema) -> Self {
        Self {
            layout: schema.layout(),
            indexes: schema.indexes.iter().map(|index| Index::new(&schema, index)).collect(),
            entries: vec![BTreeSet::new(); schema.indexes.len()],
            rows: BTreeMap::new(),
            rows_inserted: 0,
            sequences: vec![0; schema.columns.len()],
            schema,
        }
    }

    fn refuse_event(&self) -> Result<(), Rejection> {
        if self.schema.event {
            return reject(EVENT_TABLE, format!("{} is an event table", self.schema.name));
        }
        Ok(())
    }

    /// An update does not change the column that places a row on a shard, though here all are in one place.
    fn refuse_move(&self, old: &[u8], new: &[u8]) -> Result<(), Rejection> {
        let Some(column) = &self.schema.shard_by else { return Ok(()) };
        if self.value(column, old) == self.value(column, new) {
            return Ok(());
        }
        let table = &self.schema.name;
        let text = format!("{table}.{column} places rows on a shard, so an update keeps it");
        reject(code::SHARD_KEY_CHANGED, text)
    }

    /// Fills in the columns that the server numbers: 0 becomes the next number, another moves the sequence on.
    fn number_row(&mut self, row: &mut [u8]) -> Result<(), Rejection> {
        let mut at = 0;
        for (column, sequence) in self.schema.columns.iter().zip(&mut self.sequences) {
            let width = column.ty.slot_width();
            let bytes = &mut row[at..at + width];
            at += width;
            if !column.auto_inc {
                continue;
            }
            let given = match datum(&column.ty, bytes) {
                Datum::Unsigned(number) => number,
                Datum::Signed(number) => u128::try_from(number).unwrap_or(1),
                _ => unreachable!("a parsed schema numbers only integers"),
            };
            if given > 0 {
                *sequence = given.max(*sequence);
            } else if *sequence == number_max(&column.ty, width) {
                let text = format!("{}.{} is exhausted", self.schema.name, column.name);
                return reject(code::AUTO_INC_EXHAUSTED, text);
            } else {
                *sequence += 1;
                bytes.copy_from_slice(&sequence.to_le_bytes()[..width]);
            }
        }
        Ok(())
    }

    fn check_unique(&self, row: &[u8], replaced: Option<u64>) -> Result<(), Rejection> {
        for (at, index) in self.indexes.iter().enumerate().filter(|(_, index)| index.unique) {
            let key = index.key(&self.layout, row);
            // Rows in which a column is absent do not count.
            let counts = !key.contains(&Datum::Absent);
            if counts && self.numbers_with(at, &key).any(|number| Some(number) != replaced) {
                let text = format!("{}.{} has this value already", self.schema.name, index.name);
                return reject(code::UNIQUE_VIOLATION, text);
            }
        }
        Ok(())
    }

    /// The numbers of the rows whose key in an index begins with `key`.
    fn numbers_with(&self, index: usize, key: &[Datum]) -> impl Iterator<Item = u64> {
        // A key comes before all that begin with it.
        let entries = self.entries[index].range((key.to_vec(), 0)..);
        entries.take_while(move |(entry, _)| entry.starts_with(key)).map(|&(_, number)| number)
    }

    fn put(&mut self, number: u64, row: Vec<u8>) {
        for (index, entries) in self.indexes.iter().zip(&mut self.entries) {
            entries.insert((index.key(&self.layout, &row), number));
        }
        self.rows.insert(number, row);
    }

    fn take(&mut self, number: u64) -> Vec<u8> {
        let row = self.rows.remove(&number).expect("an index knows only rows that there are");
        for (index, entries) in self.indexes.iter().zip(&mut self.entries) {
            entries.remove(&(index.key(&self.layout, &row), number));
        }
        row
    }

    /// A row's value in a column.
    fn value(&self, column: &str, row: &[u8]) -> Datum {
        let at = self.schema.column(column).expect("a parsed schema names columns that exist");
        let ty = &self.schema.columns[at.index()].ty;
        datum(ty, self.layout.column(row, at))
    }

    /// Whether a row has this value in a column.
    fn has(&self, column: &str, value: &Datum) -> bool {
        let at = self.schema.column(column).expect("a parsed schema names columns that exist");
        match self.indexes.iter().position(|index| index.columns.first() == Some(&at.index())) {
            Some(index) => self.numbers_with(index, core::slice::from_ref(value)).next().is_some(),
            None => self.rows.values().any(|row| self.value(column, row) == *value),
        }
    }
}

/// The largest number of an integer type.
fn number_max(ty: &Type, width: usize) -> u128 {
    let is_signed = matches!(ty, Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128);
    u128::MAX >> (128 - 8 * width + usize::from(is_signed))
}

/// Gathers the items of a table and of all tables that it refers to.
fn describe(table: &TableDescription, items: &mut BTreeMap<&'static str, String>) {
    if items.contains_key(table.name()) {
        return;
    }
    let mut item = String::new();
    table.describe(&mut item);
    items.insert(table.name(), item);
    table.targets().into_iter().for_each(|target| describe(target, items));
}
