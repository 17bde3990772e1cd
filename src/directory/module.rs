//! One version of a deployed module, as every core knows it.

use std::fmt;
use std::sync::Arc;

use cosmictron_storage::{Store, TableDef};
use cosmictron_types::id::PARTITIONS;
use cosmictron_types::schema::{ReducerSchema, TableSchema};
use cosmictron_types::{Partition, RowLayout, ShardCount, ShardId, TableId, Timestamp};
use cosmictron_wasm_host::CompiledModule;
use sha2::{Digest, Sha256};

pub use crate::catalog::ModuleStatus;
use crate::catalog::{ModuleRow, SystemTable, TableRow};

/// A deployed module. Shared by all cores, never changed: a new version is a new value.
pub struct Module {
    pub name: Arc<str>,
    /// The shard that holds its tables and runs its reducers.
    pub home: ShardId,
    pub status: ModuleStatus,
    pub deployed_at: Timestamp,
    pub compiled: CompiledModule,
    /// Its tables, in the order of the schema.
    pub tables: Vec<Arc<TableDef>>,
    /// The layouts of its reducers' arguments, in the order of the schema.
    pub params: Vec<RowLayout>,
}

impl Module {
    /// Puts a module together from what its home shard's store and catalog say.
    ///
    /// Panics when a table of the schema is missing: the home shard creates tables before modules.
    pub fn assemble(
        store: &Store,
        name: Arc<str>,
        home: ShardId,
        compiled: CompiledModule,
        row: &ModuleRow,
    ) -> Module {
        let rows = TableRow::find_all(store, "module", &name.to_string());
        let table = |schema: &TableSchema| {
            let row = rows.iter().find(|row| row.name == schema.name);
            let table = row.and_then(|row| store.table(TableId::new(row.id)));
            table.expect("a module's tables are created before it").def().clone()
        };
        let schema = compiled.schema();
        Module {
            tables: schema.tables.iter().map(table).collect(),
            params: schema.reducers.iter().map(ReducerSchema::params_layout).collect(),
            status: row.status(),
            deployed_at: row.deployed_at,
            name,
            home,
            compiled,
        }
    }

    pub fn reducer(&self, index: usize) -> &ReducerSchema {
        &self.compiled.schema().reducers[index]
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, home, status, compiled, .. } = self;
        write!(f, "Module({name} {} {status:?} on {home})", compiled.version())
    }
}

/// A module's home: the hash of its name places it on one of the partitions, and the partition on a shard.
pub(super) fn home_of(module: &str, shards: ShardCount) -> ShardId {
    let digest = Sha256::digest(module.as_bytes());
    let hash = u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
    let partition = u16::try_from(hash % u64::from(PARTITIONS)).ok().and_then(Partition::new);
    shards.owner_of(partition.expect("the remainder is below the number of partitions"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_partition_never_changes() {
        let all = ShardCount::new(PARTITIONS).unwrap();
        assert_eq!(home_of("my-agent", all).get(), 23);
        assert_eq!(home_of("my-agent", ShardCount::ONE), ShardId::FIRST);
    }
}
