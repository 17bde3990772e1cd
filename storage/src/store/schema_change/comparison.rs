//! Compares a table's old schema with its new one: what rows could not follow, whatever is in them.

use cosmictron_types::schema::{IndexSchema, TableSchema};

use super::Difference;

/// Differences that a table with rows cannot get over.
pub(super) fn compare(old: &TableSchema, new: &TableSchema) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare_columns(old, new, &mut differences);
    if primary_column(old) != primary_column(new) {
        differences.push(Difference::PrimaryKey);
    }
    if old.event != new.event {
        differences.push(Difference::Event);
    }
    if old.shard_by != new.shard_by {
        differences.push(Difference::ShardBy);
    }
    let is_new = |index: &&IndexSchema| {
        !old.indexes.iter().any(|other| other.unique && other.columns == index.columns)
    };
    for index in new.sharded_indexes().filter(is_new) {
        differences.push(Difference::UniqueAcrossShards { index: index.name.clone() });
    }
    differences
}

fn compare_columns(old: &TableSchema, new: &TableSchema, differences: &mut Vec<Difference>) {
    for (at, column) in old.columns.iter().enumerate() {
        let name = column.name.clone();
        let Some(now) = new.column(&name) else {
            differences.push(Difference::ColumnGone { column: name });
            continue;
        };
        if now.index() != at {
            differences.push(Difference::ColumnMoved { column: name.clone() });
        }
        let to = &new.columns[now.index()].ty;
        if *to != column.ty {
            let (from, to) = (column.ty.clone(), to.clone());
            differences.push(Difference::ColumnType { column: name, from, to });
        }
    }
    for (at, column) in new.columns.iter().enumerate() {
        if old.column(&column.name).is_some() {
            continue;
        }
        let name = column.name.clone();
        if at < old.columns.len() {
            differences.push(Difference::ColumnMoved { column: name.clone() });
        }
        if !column.ty.is_option() {
            differences.push(Difference::ColumnNotOptional { column: name });
        }
    }
}

fn primary_column(schema: &TableSchema) -> Option<&str> {
    schema.primary_key().map(|column| schema.columns[column.index()].name.as_str())
}
