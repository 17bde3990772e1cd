//! Whether the columns that hold personal data can be encrypted, and by whose key.
//!
//! Their stored form is bytes that differ for equal values and that nobody reads once their key is destroyed. So they are
//! found by no index, refer to nothing, place no row, and are options: absent is what a destroyed key leaves.

use super::{SchemaError, column_exists};
use crate::schema::{ColumnSchema, TableSchema};
use crate::ty::Type;

/// Of a table whose indexes and columns are checked.
pub(super) fn check_table(place: &str, table: &TableSchema) -> Result<(), SchemaError> {
    let personal = table.columns.iter().filter(|column| column.pii.is_some());
    personal.into_iter().try_for_each(|column| {
        check_column(&format!("{place}, column {}", column.name), table, column)
    })
}

fn check_column(
    place: &str,
    table: &TableSchema,
    column: &ColumnSchema,
) -> Result<(), SchemaError> {
    let is_indexed = table.indexes.iter().any(|index| index.columns.contains(&column.name));
    let broken = [
        (!column.ty.is_option(), "pii needs an option: a value whose key is destroyed is absent"),
        (is_indexed, "pii cannot be in an index: equal values are encrypted to different bytes"),
        (column.foreign_key.is_some(), "pii cannot be a foreign key"),
        (table.primary_key().is_none(), "pii needs a table with a primary key: each row has a key"),
    ];
    if let Some((_, rule)) = broken.into_iter().find(|(is_broken, _)| *is_broken) {
        return Err(SchemaError::Rule { place: place.to_owned(), rule });
    }
    let context = column.pii.as_ref().and_then(|pii| pii.key_context.as_deref());
    context
        .map_or(Ok(()), |context| check_context(&format!("{place}, key_context"), table, context))
}

/// A context is named by a hash of its value, so that has to be there, in plain, and of one spelling.
fn check_context(place: &str, table: &TableSchema, name: &str) -> Result<(), SchemaError> {
    let context = &table.columns[column_exists(place, table, name)?];
    let rule = match &context.ty {
        _ if context.pii.is_some() => "whose key it is cannot be personal data itself",
        Type::Option(_) => "whose key it is is never absent",
        ty if ty.is_key() => return Ok(()),
        _ => "whose key it is is a bool, a number, a string, bytes, a time, an identity or a uuid",
    };
    Err(SchemaError::Rule { place: place.to_owned(), rule })
}
