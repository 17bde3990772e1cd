//! The stores of several shards that a transaction writes as the product does, and one store that has all rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use cosmictron_sql::{Catalog, NameError, PlanLimits, Sight};
use cosmictron_storage::{
    Key, Placement, SchemaChange, Seat, Store, StoreLimits, Stores, StoresError, TableDef,
    TransactionLimits, WatchedChanges, WriteError, sharded_index_schemas,
};
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::ty::Field;
use cosmictron_types::{Identity, IndexId, ShardCount, ShardId, TableId, Timestamp, TxId, json};

use super::schema::Schema;
use super::transaction::{Transaction, Write, WriteKind};

pub(crate) struct Cluster {
    /// By shard.
    #[allow(clippy::vec_box, reason = "a transaction takes them in their boxes")]
    stores: Vec<Box<Store>>,
    /// All rows.
    one: Store,
    /// The users' tables, then those of sharded indexes.
    placements: Vec<Placement>,
    tables: usize,
    tx: TxId,
    /// Who asks, if policies hold for them.
    reader: Option<Identity>,
}

/// A query of `WITH` counts wherever it is named.
pub(crate) fn plan_limits() -> PlanLimits {
    PlanLimits { relations_max: 1_024, ..PlanLimits::default() }
}

/// What was done, to be done again in the one store.
enum Done {
    Insert(TableId, Vec<u8>),
    Update(TableId, Vec<u8>),
    Delete(TableId, IndexId, Key),
}

impl Cluster {
    pub(crate) fn new(schema: &Schema, shards: u16) -> Self {
        let items = schema.items();
        let module = ModuleSchema::parse_items(items.iter().map(String::as_str));
        let module = module.unwrap_or_else(|error| panic!("{error}\n{schema:?}"));
        let tables = module.tables.len();
        let hidden: Vec<TableSchema> =
            module.tables.iter().flat_map(sharded_index_schemas).collect();
        let schemas: Vec<Arc<TableSchema>> =
            module.tables.into_iter().chain(hidden).map(Arc::new).collect();
        let ids = (1..).map(TableId::new);
        let create = ids.zip(schemas.iter().cloned()).collect();
        let change = SchemaChange { create, ..SchemaChange::default() };
        let shards = ShardCount::new(shards).unwrap();
        let seated = |seat| {
            let mut store = Store::seated(StoreLimits::default(), seat);
            store.change_schema(&change, &|_| None).unwrap();
            store.watch((1..=tables as u32).map(TableId::new).collect::<BTreeSet<_>>());
            store
        };
        let stores: Vec<Box<Store>> =
            shards.shards().map(|shard| Box::new(seated(Seat { shard, shards }))).collect();
        let defs: Vec<Arc<TableDef>> =
            stores[0].tables().map(|table| table.def().clone()).collect();
        // Not the first, where there are several.
        let home = shards.shards().next_back().unwrap();
        let placements = Placement::resolve(&defs, home);
        Self { stores, one: seated(Seat::ALONE), placements, tables, tx: TxId::ZERO, reader: None }
    }

    pub(crate) fn stores(&self) -> impl Iterator<Item = &Store> {
        self.stores.iter().map(|store| &**store)
    }

    pub(crate) fn one(&self) -> &Store {
        &self.one
    }

    /// From now on somebody asks who sees what policies admit; or nobody in particular, who sees everything.
    pub(crate) fn ask_as(&mut self, reader: Option<Identity>) {
        self.reader = reader;
    }

    pub(crate) fn reader(&self) -> Option<Identity> {
        self.reader
    }

    /// The definitions of the users' tables.
    pub(crate) fn defs(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.placements[..self.tables].iter().map(Placement::def)
    }

    pub(crate) fn tx(&self) -> TxId {
        self.tx
    }

    /// The time, which goes on by half a microsecond with each transaction, through the values of columns.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.tx.get()).unwrap() / 2)
    }

    /// What transactions have done since this was last asked, by shard.
    pub(crate) fn take_watched(&mut self) -> Vec<WatchedChanges> {
        self.stores.iter_mut().filter_map(|store| store.take_watched()).collect()
    }

    /// Runs a transaction, if it is not undone.
    pub(crate) fn run(&mut self, transaction: &Transaction) {
        let mut taken = std::mem::take(&mut self.stores).into_iter();
        let mut stores = Stores::new(taken.next().expect("there is a shard"));
        taken.for_each(|store| stores.add(store));
        let here = stores.iter().next().expect("there is a shard").seat().shard;
        stores.begin(TransactionLimits::default());
        let mut all = Vec::new();
        let mut is_undone = transaction.is_undone;
        for write in &transaction.writes {
            match self.write(&mut stores, here, write) {
                Ok(done) => all.push(done),
                Err(StoresError::Elsewhere(elsewhere)) => panic!("all are held: {elsewhere:?}"),
                Err(_) if transaction.is_strict => is_undone = true,
                Err(_) => {}
            }
        }
        if is_undone {
            stores.rollback();
        } else {
            self.tx = self.tx.next();
            stores.iter_mut().for_each(|store| commit(store, self.tx));
            self.repeat(all);
        }
        self.stores = stores.into_stores().collect();
    }

    fn write(
        &self,
        stores: &mut Stores,
        here: ShardId,
        write: &Write,
    ) -> Result<Done, StoresError> {
        let at = &self.placements[write.table];
        let (table, mut row) = (at.table(), encode(at.def(), &write.row));
        match write.kind {
            WriteKind::Put => match stores.update(at, &row) {
                Ok(()) => Ok(Done::Update(table, row)),
                Err(StoresError::Refused(WriteError::NoSuchRow { .. })) => {
                    stores.insert(at, here, &mut row)?;
                    Ok(Done::Insert(table, row))
                }
                Err(refused) => Err(refused),
            },
            WriteKind::Insert => {
                stores.insert(at, here, &mut row)?;
                Ok(Done::Insert(table, row))
            }
            WriteKind::Delete(index) => {
                let index = IndexId::new(u16::try_from(index).unwrap());
                let key = at.def().key_of(index, &row);
                stores.delete(at, index, &key)?;
                Ok(Done::Delete(table, index, key))
            }
        }
    }

    /// Does in the one store what was done in the others.
    fn repeat(&mut self, all: Vec<Done>) {
        self.one.begin(TransactionLimits::default());
        for done in all {
            match done {
                Done::Insert(table, mut row) => drop(self.one.insert(table, &mut row).unwrap()),
                Done::Update(table, row) => drop(self.one.update(table, &row).unwrap()),
                Done::Delete(table, index, key) => {
                    self.one.delete(table, index, &key).unwrap();
                }
            }
        }
        commit(&mut self.one, self.tx);
    }
}

fn commit(store: &mut Store, tx: TxId) {
    store.commit(tx);
    store.note_time(Timestamp::from_micros(i64::try_from(tx.get()).unwrap() * 1_000));
}

fn encode(def: &TableDef, row: &str) -> Vec<u8> {
    let columns = &def.schema.columns;
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field { name: column.name.clone(), ty: column.ty.clone() })
        .collect();
    let (mut scratch, mut bytes) = (json::Scratch::default(), Vec::new());
    let limits = json::Limits { row_bytes_max: 1 << 16 };
    json::decode_arguments(&fields, &def.layout, row.as_bytes(), limits, &mut scratch, &mut bytes)
        .unwrap_or_else(|error| panic!("{row}: {error}"));
    bytes
}

impl Catalog for Cluster {
    fn table(&self, _module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        self.defs().find(|def| *def.name == *name).cloned().ok_or(NameError::Unknown)
    }

    fn beside(&self, _table: &TableDef, name: &str) -> Option<Arc<TableDef>> {
        self.table(None, name).ok()
    }

    fn sight(&self) -> Sight {
        self.reader.map_or(Sight::All, |_| Sight::Admitted)
    }

    fn row_count(&self, table: &TableDef) -> Option<u64> {
        // What is believed differs from table to table, so that plans do.
        Some([3, 1_000_000, 0, 5_000][table.id.get() as usize % 4])
    }
}
