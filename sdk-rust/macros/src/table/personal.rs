//! Whether the fields with `#[pii]` can be encrypted, and by whose key.
//!
//! What only their types show (that they are options) the compiler checks. The server checks all of it again.

use syn::{Error, LitStr, Result};

use super::model::{Column, Pii, Table};

pub(super) fn check(table: &Table) -> Result<()> {
    for (at, column) in table.columns.iter().enumerate() {
        if let Some(pii) = &column.pii {
            check_column(table, at, column, pii)?;
            pii.key_context.iter().try_for_each(|context| check_context(table, context))?;
        }
    }
    Ok(())
}

fn check_column(table: &Table, at: usize, column: &Column, pii: &Pii) -> Result<()> {
    let is_indexed = table.indexes.iter().any(|index| index.columns.contains(&at));
    let text = if is_indexed {
        "personal data cannot be in an index: equal values are encrypted to different bytes"
    } else if column.foreign_key.is_some() {
        "personal data cannot be a foreign key: it is encrypted, so it refers to nothing"
    } else if table.shard_by.as_ref().is_some_and(|(placing, _)| *placing == at) {
        "personal data cannot place rows on shards: it is encrypted"
    } else if !table.has_primary_key() {
        "personal data is encrypted for its row, so the table needs a `#[primary_key]`"
    } else {
        return Ok(());
    };
    Err(Error::new(pii.span, text))
}

fn check_context(table: &Table, context: &LitStr) -> Result<()> {
    let name = context.value();
    let text = match table.columns.iter().find(|column| column.name == name) {
        Some(column) if column.pii.is_none() => return Ok(()),
        Some(_) => format!("whose key it is cannot be personal data itself, and `{name}` is"),
        None => {
            let names: Vec<&str> =
                table.columns.iter().map(|column| column.name.as_str()).collect();
            match crate::word::nearest(&name, &names) {
                Some(near) => format!("the table has no column `{name}`; did you mean `{near}`?"),
                None => format!("the table has no column `{name}`"),
            }
        }
    };
    Err(Error::new(context.span(), text))
}
