//! Creates, alters and drops tables, between two transactions and in one step.
//!
//! What rows can follow is done: indexes come and go, optional columns are appended, foreign keys and sequences come and
//! go. What they cannot is listed, all of it, and nothing is changed. A table without rows follows everything.
//!
//! A table whose rows are written again, or that gets another primary key or unique index, forgets what they were before:
//! it can be read as of the newest transaction and later ones.
//!
//! Altering takes time in proportion to the rows when a column is appended (every row is written again), an index is
//! added (it is built), or a foreign key or a sequence is (all rows are looked at). Everything else takes none.

mod alteration;
mod comparison;
mod plan;

use std::sync::Arc;

use cosmictron_types::schema::TableSchema;
use cosmictron_types::{TableId, Type};

use super::Store;
use crate::definition::{ForeignKeyDef, TableDef};
use crate::table::{Links, Referrer, Table};
use plan::Plan;

/// Tables to create, to alter and to drop.
#[derive(Clone, Debug, Default)]
pub struct SchemaChange {
    pub create: Vec<(TableId, Arc<TableSchema>)>,
    /// The new schemas of tables that exist.
    pub alter: Vec<(TableId, Arc<TableSchema>)>,
    pub drop: Vec<TableId>,
}

/// One reason why a schema change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: {difference}")]
pub struct SchemaDifference {
    /// The table's name, or its id when it has none.
    pub table: String,
    pub difference: Difference,
}

/// What rows cannot follow, or what a foreign key does not find.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    #[error("it exists already")]
    Exists,
    #[error("it does not exist")]
    Unknown,
    #[error("column {column} is gone")]
    ColumnGone { column: String },
    #[error("column {column} was {from} and would be {to}")]
    ColumnType { column: String, from: Type, to: Type },
    #[error("column {column} has moved; new columns come last")]
    ColumnMoved { column: String },
    #[error("new column {column} is not an option, and there are rows without it")]
    ColumnNotOptional { column: String },
    #[error("its primary key would change")]
    PrimaryKey,
    #[error("it would change between append-only and not")]
    Event,
    #[error("shard_by would change")]
    ShardBy,
    #[error(
        "rows of other shards can have the same {index}, so it is not added to a table with rows"
    )]
    UniqueAcrossShards { index: String },
    #[error(
        "column {column} refers to rows of other shards, which is not added to a table with rows"
    )]
    ForeignKeyAcrossShards { column: String },
    #[error("rows have the same {index}")]
    NotUnique { index: String },
    #[error(
        "column {column} refers to column {target_column} of table {target}, which is no unique column"
    )]
    ForeignKeyTarget { column: String, target: String, target_column: String },
    #[error("column {column} of a row refers to a row of table {target} that does not exist")]
    ForeignKeyWithoutTarget { column: String, target: String },
    #[error("column {column} of table {referrer} refers to its column {target_column}")]
    Referenced { referrer: String, column: String, target_column: String },
    #[error(
        "its rows could take more than the {bytes_max} bytes of memory that the store may take"
    )]
    StoreFull { bytes_max: u64 },
}

impl Store {
    /// As [`Store::change_schema`] with a single table to create.
    pub fn create_table(
        &mut self,
        id: TableId,
        schema: Arc<TableSchema>,
        resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        let change = SchemaChange { create: vec![(id, schema)], ..SchemaChange::default() };
        self.change_schema(&change, resolve)
    }

    /// As [`Store::change_schema`] with a single table to alter.
    pub fn alter_table(
        &mut self,
        id: TableId,
        schema: Arc<TableSchema>,
        resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        let change = SchemaChange { alter: vec![(id, schema)], ..SchemaChange::default() };
        self.change_schema(&change, resolve)
    }

    /// As [`Store::change_schema`] with a single table to drop.
    pub fn drop_table(&mut self, id: TableId) -> Result<(), Vec<SchemaDifference>> {
        let change = SchemaChange { drop: vec![id], ..SchemaChange::default() };
        self.change_schema(&change, &|_| None)
    }

    /// Whether [`Store::change_schema`] would do all of a schema change; nothing is changed. A change that concerns
    /// the stores of several shards asks each of them first.
    pub fn check_schema(
        &self,
        change: &SchemaChange,
        resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        Plan::new(self, change, resolve).map(drop)
    }

    /// Does all of a schema change, or nothing and lists what is in the way.
    ///
    /// `resolve` gives the ids of the tables that foreign keys name, new ones included: tables of one change may refer
    /// to each other in any way. If one table of a module is spread over shards, every store has all tables of the
    /// module; those that live at home are empty elsewhere. Panics when a transaction is open.
    pub fn change_schema(
        &mut self,
        change: &SchemaChange,
        resolve: &dyn Fn(&str) -> Option<TableId>,
    ) -> Result<(), Vec<SchemaDifference>> {
        assert!(self.open.is_none(), "a transaction is open");
        let Plan { created, altered } = Plan::new(self, change, resolve)?;
        for id in &change.drop {
            let place = self.places.remove(id).expect("the plan has looked at the dropped tables");
            self.tables[place as usize] = None;
        }
        for alteration in altered {
            let place = self.place(alteration.id());
            let table = self.tables[place as usize].take().expect("a place in use has a table");
            self.tables[place as usize] = Some(alteration.carry_out(table, self.committed));
        }
        for def in created {
            let place = self.vacant_place();
            self.places.insert(def.id, place);
            self.tables[place as usize] = Some(Table::new(Arc::new(def), self.committed));
        }
        self.link_tables();
        self.bytes = self.tables().map(|table| table.bytes().total()).sum();
        self.history_bytes = self.tables().map(|table| table.past().bytes()).sum();
        Ok(())
    }

    fn vacant_place(&mut self) -> u32 {
        let at = self.tables.iter().position(Option::is_none).unwrap_or_else(|| {
            self.tables.push(None);
            self.tables.len() - 1
        });
        u32::try_from(at).expect("there are fewer tables than table ids")
    }

    /// Works out anew how foreign keys tie the tables together.
    fn link_tables(&mut self) {
        let places: Vec<u32> = self.places.values().copied().collect();
        let links: Vec<Links> = places.iter().map(|&place| self.links_of(place)).collect();
        for (place, links) in places.into_iter().zip(links) {
            self.at_mut(place).set_links(links);
        }
    }

    fn links_of(&self, place: u32) -> Links {
        let def = self.at(place).def();
        let target = |key: &ForeignKeyDef| {
            let target = self.at(self.place(key.target)).def();
            let index = target.unique_index_of(key.target_column);
            let index = index.expect("the plan has looked at foreign keys");
            def.is_beside(key, target).then_some(index)
        };
        let targets = def.foreign_keys.iter().map(target).collect();
        let keys = self
            .tables()
            .flat_map(|table| table.def().foreign_keys.iter().map(move |key| (table.def(), key)));
        let is_own = |(table, key): &(&Arc<TableDef>, &ForeignKeyDef)| {
            key.target == def.id && table.is_beside(key, def)
        };
        let referrers = keys.filter(is_own).map(|(table, key)| Referrer::new(table.id, key));
        Links { targets, referrers: referrers.collect() }
    }
}
