//! What has to change so that a module's tables, and their rows in the catalog, are those of another schema.
//!
//! Invariants:
//! 1. On every shard that has a module's tables they are the same, by the same ids.

use std::sync::Arc;

use cosmictron_storage::{
    Difference, SchemaChange, Store, WriteError, is_sharded_index, sharded_index_schemas,
};
use cosmictron_types::schema::{ModuleSchema, TableSchema};
use cosmictron_types::{ShardId, TableId};

use super::Seam;
use super::ground::Ground;
use super::request::DeployError;
use crate::catalog::{SystemTable, TableRow};
use crate::directory::is_spread;

/// A change of one module's tables, in all stores in hand.
pub(super) struct TablesChange {
    stores: Vec<StoreChange>,
}

/// A change of tables in one store, and in its catalog.
struct StoreChange {
    shard: ShardId,
    tables: SchemaChange,
    inserted: Vec<TableRow>,
    updated: Vec<TableRow>,
    deleted: Vec<TableRow>,
}

/// The tables that a module is to have, in the order in which they are found.
struct Wanted<'s> {
    module: &'s str,
    /// With their schemas as rows of the catalog keep them.
    tables: Vec<(Arc<TableSchema>, String)>,
    /// Ids of tables by name: those that are there, and those that were given out for this change.
    ids: Vec<(String, TableId)>,
}

impl TablesChange {
    /// What leads from the tables that are there to those of a schema. Refused when a table would go that has rows.
    pub(super) fn between(
        module: &str,
        schema: &ModuleSchema,
        home: ShardId,
        ground: &Ground,
        seam: &mut Seam<'_>,
    ) -> Result<Self, DeployError> {
        let mut wanted = Wanted::new(module, schema, ground.at(home));
        let is_spread = is_spread(&schema.tables);
        let (mut stores, mut gone) = (Vec::new(), Vec::new());
        for store in ground.iter() {
            let has_tables = is_spread || store.seat().shard == home;
            let change = wanted.change(store, has_tables, seam);
            list_gone(store, &change.deleted, schema, &mut gone);
            stores.push(change);
        }
        compatible(gone)?;
        Ok(Self { stores })
    }

    /// What takes all tables of a module away, with their rows.
    pub(super) fn to_nothing(module: &str, ground: &Ground) -> Self {
        let stores = ground.iter().map(|store| {
            let mut change = StoreChange::new(store.seat().shard);
            change.drop_all(rows_of(store, module));
            change
        });
        Self { stores: stores.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |change: &StoreChange| {
            change.inserted.is_empty() && change.updated.is_empty() && change.deleted.is_empty()
        };
        self.stores.iter().all(is_empty)
    }

    /// Changes the tables, in all stores or in none.
    pub(super) fn apply(&self, module: &str, ground: &mut Ground) -> Result<(), DeployError> {
        let mut differences = Vec::new();
        for change in &self.stores {
            let store = ground.at(change.shard);
            let ids = change.ids(store, module);
            let checked = store.check_schema(&change.tables, &resolver(&ids));
            for difference in checked.err().unwrap_or_default() {
                note(difference.to_string(), &mut differences);
            }
        }
        compatible(differences)?;
        for change in &self.stores {
            let ids = change.ids(ground.at(change.shard), module);
            let store = ground.at_mut(change.shard);
            let changed = store.change_schema(&change.tables, &resolver(&ids));
            changed.expect("nothing is in the way, and nothing has changed since");
        }
        Ok(())
    }

    /// Writes it to the catalogs, in the open transaction.
    pub(super) fn write(&self, ground: &mut Ground) -> Result<(), WriteError> {
        self.stores.iter().try_for_each(|change| change.write(ground.at_mut(change.shard)))
    }
}

impl StoreChange {
    fn new(shard: ShardId) -> Self {
        let tables = SchemaChange::default();
        Self { shard, tables, inserted: Vec::new(), updated: Vec::new(), deleted: Vec::new() }
    }

    fn drop_all(&mut self, rows: Vec<TableRow>) {
        self.tables.drop = rows.iter().map(|row| TableId::new(row.id)).collect();
        self.deleted = rows;
    }

    fn ids(&self, store: &Store, module: &str) -> Vec<(String, TableId)> {
        let rows = rows_of(store, module).into_iter();
        let mut ids: Vec<_> = rows.map(|row| (row.name, TableId::new(row.id))).collect();
        ids.extend(self.tables.create.iter().map(|(id, schema)| (schema.name.clone(), *id)));
        ids
    }

    fn write(&self, store: &mut Store) -> Result<(), WriteError> {
        for row in &self.deleted {
            TableRow::delete(store, "id", &row.id)?;
        }
        self.updated.iter().try_for_each(|row| row.update(store))?;
        self.inserted.iter().try_for_each(|row| row.insert(store))
    }
}

impl<'s> Wanted<'s> {
    fn new(module: &'s str, schema: &ModuleSchema, home: &Store) -> Self {
        let hidden: Vec<TableSchema> =
            schema.tables.iter().flat_map(sharded_index_schemas).collect();
        let tables = schema.tables.iter().chain(&hidden).map(|schema| {
            let text = serde_json::to_string(schema).expect("a schema has a JSON form");
            (Arc::new(schema.clone()), text)
        });
        let known = rows_of(home, module).into_iter();
        let ids = known.map(|row| (row.name, TableId::new(row.id))).collect();
        Self { module, tables: tables.collect(), ids }
    }

    /// What has to change in one store, which is to have the tables or none of them.
    fn change(&mut self, store: &Store, has_tables: bool, seam: &mut Seam<'_>) -> StoreChange {
        let mut change = StoreChange::new(store.seat().shard);
        let mut existing = rows_of(store, self.module);
        let wanted = if has_tables { &self.tables[..] } else { &[] };
        for (schema, text) in wanted {
            let known = existing.iter().position(|row| row.name == schema.name);
            match known.map(|at| existing.swap_remove(at)) {
                Some(row) if row.schema == *text => {}
                Some(row) => {
                    change.tables.alter.push((TableId::new(row.id), schema.clone()));
                    change.updated.push(TableRow { schema: text.clone(), ..row });
                }
                None => {
                    let id = id_of(&mut self.ids, &schema.name, seam);
                    let (module, name) = (self.module.to_owned(), schema.name.clone());
                    change.tables.create.push((id, schema.clone()));
                    let row = TableRow { id: id.get(), module, name, schema: text.clone() };
                    change.inserted.push(row);
                }
            }
        }
        change.drop_all(existing);
        change
    }
}

/// The id that a table has on other shards, or the next one.
fn id_of(ids: &mut Vec<(String, TableId)>, name: &str, seam: &mut Seam<'_>) -> TableId {
    if let Some((_, id)) = ids.iter().find(|(table, _)| table == name) {
        return *id;
    }
    let id = seam.next_table();
    ids.push((name.to_owned(), id));
    id
}

/// A table that the new schema lacks may go when it is empty. Lists those that are not.
fn list_gone(
    store: &Store,
    gone: &[TableRow],
    schema: &ModuleSchema,
    differences: &mut Vec<String>,
) {
    // What a hidden table has is in the rows that it is an index of.
    let gone = gone.iter().filter(|row| !is_sharded_index(&row.name));
    let full = gone.filter(|row| {
        let table = store.table(TableId::new(row.id));
        table.is_some_and(|table| !table.is_empty())
    });
    for row in full {
        // One that the module still has would be on its home alone.
        let text = match schema.table(&row.name) {
            Some(_) => format!("table {}: {}", row.name, Difference::ShardBy),
            None => format!("table {}: it is gone, and there are rows in it", row.name),
        };
        note(text, differences);
    }
}

/// Adds what is in the way to a list, where another store has not.
fn note(difference: String, differences: &mut Vec<String>) {
    if !differences.contains(&difference) {
        differences.push(difference);
    }
}

fn compatible(differences: Vec<String>) -> Result<(), DeployError> {
    match differences.is_empty() {
        true => Ok(()),
        false => Err(DeployError::Incompatible(differences)),
    }
}

fn rows_of(store: &Store, module: &str) -> Vec<TableRow> {
    TableRow::find_all(store, "module", &module.to_owned())
}

/// Whether a store has tables of a module that are spread over all shards.
pub(super) fn are_spread(store: &Store, module: &str) -> bool {
    let is_spread = |row: &TableRow| schema_of(row).is_ok_and(|schema| schema.shard_by.is_some());
    rows_of(store, module).iter().any(is_spread)
}

/// Finds a module's table by name, for foreign keys.
pub(super) fn resolver(ids: &[(String, TableId)]) -> impl Fn(&str) -> Option<TableId> {
    |name| ids.iter().find(|(table, _)| table == name).map(|(_, id)| *id)
}

/// A table's schema as its row keeps it.
pub(super) fn schema_of(row: &TableRow) -> Result<TableSchema, serde_json::Error> {
    serde_json::from_str(&row.schema)
}
