//! Looks at a whole schema change before anything is touched, and prepares what takes time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cosmictron_types::schema::{ForeignKey, TableSchema};
use cosmictron_types::{ColumnIndex, TableId, Type};

use super::alteration::{Alteration, Obstacle};
use super::comparison::compare;
use super::{Difference, SchemaChange, SchemaDifference};
use crate::definition::{ForeignKeyDef, IndexDef, TableDef};
use crate::key::Key;
use crate::store::Store;
use crate::store::constraint::target_key;
use crate::table::Table;

/// A schema change that nothing is in the way of.
pub(super) struct Plan {
    pub(super) created: Vec<TableDef>,
    pub(super) altered: Vec<Alteration>,
}

/// What is looked at, and what was found.
struct Survey<'s> {
    store: &'s Store,
    /// All tables as they will be.
    schemas: BTreeMap<TableId, Arc<TableSchema>>,
    resolve: &'s dyn Fn(&str) -> Option<TableId>,
    differences: Vec<SchemaDifference>,
    /// Memory that what is prepared takes at most.
    bytes: u64,
}

impl Plan {
    pub(super) fn new(
        store: &Store,
        change: &SchemaChange,
        resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<Plan, Vec<SchemaDifference>> {
        let schemas = store.tables().map(|table| (table.def().id, table.def().schema.clone()));
        let schemas = schemas.collect();
        let mut survey = Survey { store, schemas, resolve, differences: Vec::new(), bytes: 0 };
        survey.take_ids(change);
        let created = change.create.iter().filter_map(|(id, schema)| survey.define(*id, schema));
        let created = created.collect();
        let altered = change.alter.iter().filter_map(|(id, schema)| survey.alter(*id, schema));
        let altered = altered.collect();
        survey.check_referrers(change);
        if survey.differences.is_empty() {
            Ok(Plan { created, altered })
        } else {
            Err(survey.differences)
        }
    }
}

impl Survey<'_> {
    /// Brings `schemas` to what they will be.
    fn take_ids(&mut self, change: &SchemaChange) {
        for id in &change.drop {
            if self.schemas.remove(id).is_none() {
                self.refuse(&id.to_string(), Difference::Unknown);
            }
        }
        for (id, schema) in &change.alter {
            if self.schemas.insert(*id, schema.clone()).is_none() {
                self.refuse(&schema.name, Difference::Unknown);
            }
        }
        for (id, schema) in &change.create {
            if self.schemas.insert(*id, schema.clone()).is_some() {
                self.refuse(&schema.name, Difference::Exists);
            }
        }
    }

    fn define(&mut self, id: TableId, schema: &Arc<TableSchema>) -> Option<TableDef> {
        let resolve = |key: &ForeignKey, ty: &Type| {
            let id = (self.resolve)(&key.table)?;
            let schema = self.schemas.get(&id)?;
            let column = schema.column(&key.column)?;
            is_target(schema, column, ty).then_some((id, column))
        };
        match TableDef::new(id, schema.clone(), resolve) {
            Ok(def) => Some(def),
            Err(columns) => {
                for column in columns {
                    self.refuse(&schema.name, target_difference(schema, column));
                }
                None
            }
        }
    }

    fn alter(&mut self, id: TableId, schema: &Arc<TableSchema>) -> Option<Alteration> {
        let store = self.store;
        let table = store.table(id)?;
        let def = self.define(id, schema)?;
        if !table.is_empty() {
            let differences = compare(&table.def().schema, schema);
            if !differences.is_empty() {
                differences
                    .into_iter()
                    .for_each(|difference| self.refuse(&schema.name, difference));
                return None;
            }
            self.check_new_foreign_keys(table, &def);
        }
        let bytes_max = store.limits.bytes_max;
        let room = bytes_max.saturating_sub(store.bytes + self.bytes);
        let difference = match Alteration::new(table, def, room) {
            Ok(alteration) => {
                self.bytes += alteration.bytes();
                return Some(alteration);
            }
            Err(Obstacle::Memory) => Difference::StoreFull { bytes_max },
            Err(Obstacle::NotUnique(index)) => Difference::NotUnique { index: index.to_string() },
        };
        self.refuse(&schema.name, difference);
        None
    }

    /// Whether rows refer to what exists, by foreign keys that are new.
    fn check_new_foreign_keys(&mut self, table: &Table, def: &TableDef) {
        let columns = table.def().schema.columns.len();
        let is_new = |key: &&ForeignKeyDef| {
            let is_same = |old: &ForeignKeyDef| {
                (old.column, old.target, old.target_column)
                    == (key.column, key.target, key.target_column)
            };
            // A column that is new itself is absent in all rows.
            key.column.index() < columns && !table.def().foreign_keys.iter().any(is_same)
        };
        for key in def.foreign_keys.iter().filter(is_new) {
            let column = def.column_name(key.column);
            let schema = &def.schema.columns[key.column.index()];
            if !def.schema.is_beside(schema, &self.schemas[&key.target]) {
                self.refuse(&def.name, Difference::ForeignKeyAcrossShards { column });
            } else if !self.all_have_targets(table, key) {
                let target = self.schemas[&key.target].name.clone();
                self.refuse(&def.name, Difference::ForeignKeyWithoutTarget { column, target });
            }
        }
    }

    fn all_have_targets(&self, table: &Table, key: &ForeignKeyDef) -> bool {
        // The target may have no index yet that begins with the column: it can be new in this very change.
        let mut targets = BTreeSet::new();
        let Some(target) = self.store.table(key.target) else {
            return table.scan().all(|row| is_absent(table, table.row(row), key.column));
        };
        let index = IndexDef::of_column(key.target_column, &target.def().layout);
        for row in target.scan() {
            targets.insert(index.key_of(&target.def().layout, target.row(row)));
        }
        let has_target = |row| {
            let key: Option<Key> = target_key(&index, table.def(), table.row(row), key.column);
            key.is_none_or(|key| targets.contains(&key))
        };
        table.scan().all(has_target)
    }

    /// Whether what the tables that stay refer to stays, too.
    fn check_referrers(&mut self, change: &SchemaChange) {
        let is_altered = |id: TableId| change.alter.iter().any(|(altered, _)| *altered == id);
        let store = self.store;
        for table in store.tables() {
            let def = table.def();
            if change.drop.contains(&def.id) || is_altered(def.id) {
                continue;
            }
            for key in &def.foreign_keys {
                let target = store.table(key.target).expect("a foreign key has its target").def();
                let target_column = target.column_name(key.target_column);
                let ty = def.layout.types()[key.column.index()].required();
                let is_kept = self.schemas.get(&key.target).is_some_and(|schema| {
                    schema.column(&target_column) == Some(key.target_column)
                        && is_target(schema, key.target_column, ty)
                });
                if !is_kept {
                    let (referrer, column) = (def.name.to_string(), def.column_name(key.column));
                    let difference = Difference::Referenced { referrer, column, target_column };
                    self.refuse(&target.name, difference);
                }
            }
        }
    }

    fn refuse(&mut self, table: &str, difference: Difference) {
        self.differences.push(SchemaDifference { table: table.to_owned(), difference });
    }
}

/// Whether foreign keys of a type may point at a column.
fn is_target(schema: &TableSchema, column: ColumnIndex, ty: &Type) -> bool {
    let column = &schema.columns[column.index()];
    let is_unique = schema.indexes.iter().any(|i| i.unique && i.columns == [column.name.as_str()]);
    is_unique && column.ty == *ty
}

fn target_difference(schema: &TableSchema, column: ColumnIndex) -> Difference {
    let column = &schema.columns[column.index()];
    let key = column.foreign_key.as_ref().expect("the column has a foreign key");
    Difference::ForeignKeyTarget {
        column: column.name.clone(),
        target: key.table.clone(),
        target_column: key.column.clone(),
    }
}

fn is_absent(table: &Table, row: &[u8], column: ColumnIndex) -> bool {
    table.def().layout.types()[column.index()].is_option()
        && table.def().column(row, column)[0] == 0
}
