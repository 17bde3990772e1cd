//! What a column is beside its type, in words: the same in both languages.

use cosmictron_types::schema::{ColumnSchema, TableSchema};

/// A sentence or some; empty where there is nothing to say.
pub(crate) fn column_note(table: &TableSchema, column: &ColumnSchema) -> String {
    let mut notes: Vec<String> = Vec::new();
    if is_key(table, column, true) {
        notes.push("Primary key.".to_owned());
    } else if is_key(table, column, false) {
        notes.push("Unique.".to_owned());
    }
    if column.auto_inc {
        notes.push("A 0 is replaced by the next number.".to_owned());
    }
    if let Some(key) = &column.foreign_key {
        notes.push(format!("Refers to `{}.{}`.", key.table, key.column));
    }
    notes.join(" ")
}

/// Whether the column alone is a unique index, or the primary key.
fn is_key(table: &TableSchema, column: &ColumnSchema, primary: bool) -> bool {
    let is_it = |columns: &[String]| columns == [column.name.as_str()];
    let mut indexes = table.indexes.iter();
    indexes.any(|index| index.unique && index.primary == primary && is_it(&index.columns))
}
