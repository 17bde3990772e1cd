//! Makes tables and rows for tests: schemas as JSON, rows from Rust values.

use std::sync::Arc;

use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{Column, IndexId, RowLayout, TableId, TxId};

use crate::definition::TableDef;
use crate::key::{Key, KeyBuilder};
use crate::store::{Seat, Store, StoreLimits, TransactionLimits};

/// The tables of a module, each as the JSON within `{"table":…}`, sorted by name.
pub(crate) fn schemas(tables: &[&str]) -> Vec<Arc<TableSchema>> {
    let items: Vec<String> = tables.iter().map(|table| format!(r#"{{"table":{table}}}"#)).collect();
    let module = ModuleSchema::parse_items(items.iter().map(String::as_str)).unwrap();
    module.tables.into_iter().map(Arc::new).collect()
}

/// A store with these tables. Sorted by name, they have the ids 1, 2, ….
pub(crate) fn store(tables: &[&str]) -> Store {
    store_with(StoreLimits::default(), &schemas(tables))
}

pub(crate) fn store_with(limits: StoreLimits, schemas: &[Arc<TableSchema>]) -> Store {
    seated_store(limits, Seat::ALONE, schemas)
}

pub(crate) fn seated_store(limits: StoreLimits, seat: Seat, schemas: &[Arc<TableSchema>]) -> Store {
    let mut store = Store::seated(limits, seat);
    let ids = (1..).map(TableId::new);
    let change = crate::store::schema_change::SchemaChange {
        create: ids.zip(schemas.iter().cloned()).collect(),
        ..Default::default()
    };
    store.change_schema(&change, &resolver(schemas)).unwrap();
    store
}

/// The ids that [`store`] gives.
pub(crate) fn resolver(schemas: &[Arc<TableSchema>]) -> impl Fn(&str) -> Option<TableId> {
    |name| {
        let at = schemas.iter().position(|schema| schema.name == name)?;
        Some(TableId::new(u32::try_from(at).unwrap() + 1))
    }
}

pub(crate) const T1: TableId = TableId::new(1);
pub(crate) const T2: TableId = TableId::new(2);
pub(crate) const PRIMARY: IndexId = IndexId::new(0);

/// A definition that stands alone.
pub(crate) fn def(table: &str) -> Arc<TableDef> {
    store(&[table]).table(T1).unwrap().def().clone()
}

/// A value of a column, whatever its type.
pub(crate) trait Value {
    fn tail(&self) -> Vec<u8>;
}

impl<T: Column> Value for T {
    fn tail(&self) -> Vec<u8> {
        let mut tail = Vec::new();
        self.encode_tail(&mut tail);
        tail
    }
}

pub(crate) fn row(layout: &RowLayout, values: &[&dyn Value]) -> Vec<u8> {
    assert_eq!(values.len(), layout.types().len());
    let tails: Vec<Vec<u8>> = values.iter().map(|value| value.tail()).collect();
    let mut row = Vec::new();
    layout.assemble(tails.iter().map(Vec::as_slice), &mut row);
    row
}

/// A key of a table's index, or of its first columns.
pub(crate) fn key(store: &Store, table: TableId, index: u16, values: &[&dyn Value]) -> Key {
    let def = store.table(table).unwrap().def();
    let mut key = KeyBuilder::new(def.index(IndexId::new(index)));
    values.iter().for_each(|value| key.column(&value.tail()).unwrap());
    key.finish()
}

/// A table's rows and its sequences.
type Content = (TableId, Vec<(Vec<u8>, Option<TxId>)>, Vec<u128>);

/// Everything that makes two stores the same to a reader: rows in the order of their bytes, with the transactions that
/// wrote them, and the sequences.
pub(crate) fn content(store: &Store) -> Vec<Content> {
    let tables = store.tables().map(|table| {
        let rows = table.scan().map(|row| (table.row(row).to_vec(), table.created(row)));
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        (table.def().id, rows, table.sequences().map(|(_, last)| last).collect())
    });
    tables.collect()
}

/// Everything that undoing has to bring back: in addition row ids and the order in each index.
pub(crate) fn dump(store: &Store) -> Vec<String> {
    let tables = store.tables().map(|table| {
        let rows: Vec<_> =
            table.scan().map(|row| (row, table.row(row), table.created(row))).collect();
        let indexes: Vec<Vec<_>> = (0..table.def().indexes.len())
            .map(|at| {
                let index = crate::definition::index_at(at);
                table
                    .range(index, core::ops::Bound::Unbounded, core::ops::Bound::Unbounded)
                    .collect()
            })
            .collect();
        let sequences: Vec<_> = table.sequences().collect();
        format!("{} {} {rows:?} {indexes:?} {sequences:?}", table.def().name, table.len())
    });
    tables.collect()
}

/// Runs one transaction.
pub(crate) fn commit<R>(store: &mut Store, tx: u64, run: impl FnOnce(&mut Store) -> R) -> R {
    store.begin(TransactionLimits::default());
    let result = run(store);
    store.commit(TxId::new(tx));
    result
}
