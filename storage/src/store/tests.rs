//! What a store does, seen from outside: one idea each here, random histories against a model in [`model`].

mod foreign_key;
mod history;
mod limits;
mod model;
mod replay;
mod schema;
mod sequence;
mod watch;
mod writes;

use cosmictron_types::TableId;

use super::Store;
use super::write::WriteError;
use crate::fixture::{Value, row};
use crate::heap::RowId;

/// An account with a unique, optional e-mail address and an index over two columns.
const USER: &str = r#"{"name":"user","columns":[
    {"name":"id","type":"u64","auto_inc":true},
    {"name":"email","type":{"option":"string"}},
    {"name":"age","type":"u8"}],
  "indexes":[{"name":"id","columns":["id"],"primary":true},
    {"name":"by_email","columns":["email"],"unique":true},
    {"name":"by_age","columns":["age","email"]}]}"#;

/// A row of [`USER`].
fn user(id: u64, email: &str, age: u8) -> [Box<dyn Value>; 3] {
    let email = (!email.is_empty()).then(|| email.to_owned());
    [Box::new(id), Box::new(email), Box::new(age)]
}

fn encode(store: &Store, table: TableId, values: &[Box<dyn Value>]) -> Vec<u8> {
    let values: Vec<&dyn Value> = values.iter().map(AsRef::as_ref).collect();
    row(&store.table(table).unwrap().def().layout, &values)
}

fn insert(
    store: &mut Store,
    table: TableId,
    values: &[Box<dyn Value>],
) -> Result<RowId, WriteError> {
    let mut row = encode(store, table, values);
    store.insert(table, &mut row)
}

fn update(
    store: &mut Store,
    table: TableId,
    values: &[Box<dyn Value>],
) -> Result<RowId, WriteError> {
    let row = encode(store, table, values);
    store.update(table, &row)
}

fn not_unique(index: &str) -> WriteError {
    WriteError::UniqueViolation { table: "user".into(), index: index.into() }
}

/// The store can be lent to another thread.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Store>();
};
