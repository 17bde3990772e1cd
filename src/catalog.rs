//! The tables that the server keeps for itself, under the same log as everybody's.
//!
//! ```text
//! every shard      modules              of the modules whose home it is
//!                  tables               of those, and of the modules that are spread over all shards
//!                  schedules            of the calls that it ran
//!                  visits               to the modules whose home it is
//!                  idempotency          answers of the calls that it ran
//! the first shard  accounts, grants, sessions, magic_links
//! ```
//!
//! Because a call's answer, a schedule, a visit or a revoked session is a row like any other, it is durable, atomic with the
//! call it belongs to and recovered without a line of code of its own.
//!
//! Invariants:
//! 1. System tables have the ids below [`FIRST_USER_TABLE`], and exist on every shard before anything is recovered.

mod row;
mod system_table;

pub use row::{
    Account, FormerRoute, Grant, IdempotentAnswer, MagicLink, ModuleRow, ModuleStatus,
    ScheduledCall, Session, TableRow, Visit,
};
pub use system_table::SystemTable;

use std::sync::Arc;

use cosmictron_storage::Store;
use cosmictron_types::TableId;
use cosmictron_types::schema::TableSchema;

/// Ids below this one are the server's own.
pub const FIRST_USER_TABLE: TableId = TableId::new(1024);

/// Creates the system tables in an empty store.
pub fn create_system_tables(store: &mut Store) {
    for (id, schema) in system_tables() {
        store
            .create_table(id, Arc::new(schema), &|_| None)
            .expect("system tables have no foreign keys and their ids are free (I1)");
        // No query reads them.
        store.forgo_history(id);
    }
}

fn system_tables() -> [(TableId, TableSchema); 9] {
    fn of<T: SystemTable>() -> (TableId, TableSchema) {
        (T::TABLE, T::schema())
    }
    [
        of::<ModuleRow>(),
        of::<TableRow>(),
        of::<ScheduledCall>(),
        of::<IdempotentAnswer>(),
        of::<Account>(),
        of::<Grant>(),
        of::<Session>(),
        of::<MagicLink>(),
        of::<Visit>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_tables_pass_the_rules_of_every_schema() {
        use cosmictron_types::schema::ModuleSchema;
        let items: Vec<String> = system_tables()
            .iter()
            .map(|(id, schema)| {
                assert!(*id < FIRST_USER_TABLE);
                format!("{{\"table\":{}}}", serde_json::to_string(schema).unwrap())
            })
            .collect();
        let checked = ModuleSchema::parse_items(items.iter().map(String::as_str)).unwrap();
        for (_, schema) in system_tables() {
            assert_eq!(checked.table(&schema.name), Some(&schema));
        }
    }
}
