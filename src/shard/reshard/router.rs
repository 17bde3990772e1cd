//! Says of each change to which of the new shards it belongs.
//!
//! | rows | shard |
//! |---|---|
//! | of a table that is spread, and of its sharded indexes | the one of their column's value |
//! | of another table, and the module's own row | the module's home |
//! | that say which tables there are | every shard that has the module's tables |
//! | schedules | the home of their module, under new ids: each old shard has counted by itself |
//! | visits | the home of their module |
//! | answers of idempotency keys | the one where their calls start |
//! | accounts, grants, sessions, links | the first |

use std::collections::{BTreeMap, BTreeSet};

use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_storage::{Change, ChangeWriter, IndexDef, LoggedChange, Store, TableDef};
use cosmictron_types::{
    ColumnIndex, Identity, IndexId, Partition, Row, ShardCount, ShardId, TableId,
};

use crate::catalog::{
    Account, FIRST_USER_TABLE, Grant, IdempotentAnswer, MagicLink, ModuleRow, ScheduledCall,
    Session, SystemTable, TableRow, Visit,
};
use crate::directory::home_partition;
use crate::shard::tables_change::schema_of;

/// What is known of the new shards, and the transaction that is being routed.
pub struct Router {
    old: ShardCount,
    new: ShardCount,
    /// By new shard: the rows that say which tables it has.
    tables: Vec<BTreeMap<u32, TableRow>>,
    /// Where the rows of tables are, as far as that was asked for.
    places: BTreeMap<TableId, Place>,
    /// The new ids of schedules, by their old shard and id.
    schedules: BTreeMap<(ShardId, u64), u64>,
    last_schedule: u64,
    /// The old shards that the answers of keys are of, by new shard and key.
    answers: BTreeMap<(ShardId, Identity), ShardId>,
    /// Answers that were left out: another old shard has one of the same key, which is older.
    left_out: BTreeSet<(Identity, ShardId)>,
    /// Modules whose tables the transaction changes.
    touched: BTreeSet<String>,
    /// By new shard: changes of the transaction.
    parts: Vec<Vec<u8>>,
}

enum Place {
    Home(ShardId),
    Spread(IndexDef),
}

impl Router {
    pub fn new(old: ShardCount, new: ShardCount) -> Self {
        Self {
            old,
            new,
            tables: new.shards().map(|_| BTreeMap::new()).collect(),
            places: BTreeMap::new(),
            schedules: BTreeMap::new(),
            last_schedule: 0,
            answers: BTreeMap::new(),
            left_out: BTreeSet::new(),
            touched: BTreeSet::new(),
            parts: new.shards().map(|_| Vec::new()).collect(),
        }
    }

    /// The transaction that was routed, by new shard.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        let empty = self.new.shards().map(|_| Vec::new()).collect();
        std::mem::replace(&mut self.parts, empty)
    }

    /// Routes what the open transaction changes in the store of an old shard.
    pub fn route(&mut self, old: ShardId, store: &Store) {
        for change in store.changes() {
            let table = store.table(change.table()).expect("a change names its table");
            let def = table.def();
            match change.table() {
                TableRow::TABLE => {
                    let row: TableRow = decode(&change);
                    self.touched.insert(row.module);
                }
                ModuleRow::TABLE => {
                    let row: ModuleRow = decode(&change);
                    self.write(self.home_of(&row.name), &change, def);
                }
                Visit::TABLE => {
                    let row: Visit = decode(&change);
                    self.write(self.home_of(&row.module), &change, def);
                }
                ScheduledCall::TABLE => self.route_schedule(old, &change, def),
                IdempotentAnswer::TABLE => self.route_answer(old, &change, def),
                Account::TABLE | Grant::TABLE | Session::TABLE | MagicLink::TABLE => {
                    self.write(ShardId::FIRST, &change, def);
                }
                _ => self.route_row(store, &change, def),
            }
        }
    }

    fn home_of(&self, module: &str) -> ShardId {
        self.new.owner_of(home_partition(module))
    }

    fn route_row(&mut self, store: &Store, change: &Change<'_>, def: &TableDef) {
        let row = change.new_row().or(change.old_row()).expect("a change is of a row");
        let new = self.new;
        let shard = match self.place_of(store, def) {
            Place::Home(shard) => *shard,
            Place::Spread(column) => {
                let partition = column.partition_of(&def.layout, row);
                if partition.get() == 7 && is_planted(Fault::PartitionIsDropped) {
                    return;
                }
                new.owner_of(partition)
            }
        };
        self.write(shard, change, def);
    }

    fn place_of(&mut self, store: &Store, def: &TableDef) -> &Place {
        let new = self.new;
        self.places.entry(def.id).or_insert_with(|| match def.schema.shard_column() {
            Some(column) => Place::Spread(IndexDef::of_column(column, &def.layout)),
            None => {
                let row = TableRow::find(store, "id", &def.id.get());
                let row = row.expect("a table has a row in the catalog");
                Place::Home(new.owner_of(home_partition(&row.module)))
            }
        })
    }

    fn route_schedule(&mut self, old: ShardId, change: &Change<'_>, def: &TableDef) {
        let mut call: ScheduledCall = decode(change);
        let home = self.home_of(&call.module);
        let known = (old, call.id);
        call.id = *self.schedules.entry(known).or_insert_with(|| {
            self.last_schedule += 1;
            self.last_schedule
        });
        if change.new_row().is_none() {
            self.schedules.remove(&known);
        }
        let mut row = Vec::new();
        call.encode_row(&mut row);
        let change = match change {
            Change::Insert { table, .. } => Change::Insert { table: *table, new: &row },
            Change::Update { table, old, .. } => Change::Update { table: *table, old, new: &row },
            Change::Delete { table, .. } => Change::Delete { table: *table, old: &row },
        };
        self.write(home, &change, def);
    }

    /// Old shards may each have an answer of the same key, to different calls; one shard can only have one.
    fn route_answer(&mut self, old: ShardId, change: &Change<'_>, def: &TableDef) {
        let answer: IdempotentAnswer = decode(change);
        let shard = Partition::new(answer.partition)
            .map_or(ShardId::FIRST, |partition| self.new.owner_of(partition));
        let known = (answer.key, old);
        match change {
            Change::Insert { .. } => {
                if *self.answers.entry((shard, answer.key)).or_insert(old) != old {
                    self.left_out.insert(known);
                    return;
                }
            }
            Change::Delete { .. } if self.left_out.remove(&known) => return,
            Change::Delete { .. } => drop(self.answers.remove(&(shard, answer.key))),
            Change::Update { .. } => {}
        }
        self.write(shard, change, def);
    }

    /// Brings the tables of the modules that were touched to where they belong, as the stores of the old shards have them now.
    /// These changes come first: by that recovery knows the record.
    pub fn place_tables<'s>(&mut self, old: impl Iterator<Item = &'s Store>) {
        if self.touched.is_empty() {
            return;
        }
        self.places.clear();
        let stores: Vec<&Store> = old.collect();
        for module in std::mem::take(&mut self.touched) {
            let old_home = self.old.owner_of(home_partition(&module));
            let rows = TableRow::find_all(stores[old_home.index()], "module", &module);
            let spread = |row: &TableRow| schema_of(row).is_ok_and(|s| s.shard_by.is_some());
            let (is_spread, new_home) = (rows.iter().any(spread), self.home_of(&module));
            for shard in self.new.shards() {
                let wanted = if is_spread || shard == new_home { &rows[..] } else { &[] };
                self.change_tables(shard, &module, wanted);
            }
        }
    }

    fn change_tables(&mut self, shard: ShardId, module: &str, wanted: &[TableRow]) {
        let known = &mut self.tables[shard.index()];
        let mut changes = Vec::new();
        let mut writer = ChangeWriter::new(&mut changes);
        let (table, mut bytes) = (TableRow::TABLE, Vec::new());
        let gone = |row: &&TableRow| {
            row.module == module && !wanted.iter().any(|wanted| wanted.id == row.id)
        };
        let gone: Vec<u32> = known.values().filter(gone).map(|row| row.id).collect();
        for id in gone {
            writer.write(&LoggedChange::DeleteKey { table, key: &id.to_le_bytes() });
            known.remove(&id);
        }
        for wanted in wanted {
            bytes.clear();
            wanted.encode_row(&mut bytes);
            match known.insert(wanted.id, wanted.clone()) {
                Some(before) if before == *wanted => {}
                Some(_) => writer.write(&LoggedChange::Update { table, row: &bytes }),
                None => writer.write(&LoggedChange::Insert { table, row: &bytes }),
            }
        }
        let part = &mut self.parts[shard.index()];
        changes.append(part);
        *part = changes;
    }

    /// Says how far sequences have come, on every shard that gives out their numbers.
    pub fn place_sequences<'s>(&mut self, old: impl Iterator<Item = &'s Store>) {
        if is_planted(Fault::NumbersStayBehind) {
            return;
        }
        let mut last: BTreeMap<(TableId, ColumnIndex), u128> = BTreeMap::new();
        for store in old {
            for table in store.tables().filter(|table| table.def().id >= FIRST_USER_TABLE) {
                let def = table.def();
                self.place_of(store, def);
                for (at, sequence) in def.sequences.iter().enumerate() {
                    let known = last.entry((def.id, sequence.column)).or_default();
                    *known = table.sequence(at).max(*known);
                }
            }
        }
        for ((table, column), last) in last.into_iter().filter(|(_, last)| *last > 0) {
            for shard in self.new.shards() {
                let is_there = match &self.places[&table] {
                    Place::Home(home) => *home == shard,
                    Place::Spread(_) => true,
                };
                if is_there {
                    let part = &mut self.parts[shard.index()];
                    let change = LoggedChange::Sequence { table, column, last };
                    ChangeWriter::new(part).write(&change);
                }
            }
        }
    }

    fn write(&mut self, shard: ShardId, change: &Change<'_>, def: &TableDef) {
        let table = change.table();
        let logged = match *change {
            Change::Insert { new: row, .. } => LoggedChange::Insert { table, row },
            Change::Update { new: row, .. } => LoggedChange::Update { table, row },
            Change::Delete { old: row, .. } => match def.primary_column() {
                Some(column) => LoggedChange::DeleteKey { table, key: def.column(row, column) },
                None => LoggedChange::DeleteRow { table, index: IndexId::new(0), row },
            },
        };
        ChangeWriter::new(&mut self.parts[shard.index()]).write(&logged);
    }
}

/// The row of the server's own that a change is of: as it becomes, or as it was.
fn decode<T: SystemTable>(change: &Change<'_>) -> T {
    let row = change.new_row().or(change.old_row()).expect("a change is of a row");
    T::decode_row(row).expect("rows were checked against the schema when applied")
}
