//! One version of a deployed module, as every core knows it.

use std::fmt;
use std::sync::Arc;

use cosmictron_storage::{Placement, Store, TableDef, sharded_index_schemas};
use cosmictron_types::id::PARTITIONS;
use cosmictron_types::schema::{ModuleSchema, ReducerKind, ReducerSchema, TableSchema};
use cosmictron_types::{Partition, RowLayout, ShardId, TableId, Timestamp, TxId};
use cosmictron_wasm_host::CompiledModule;
use sha2::{Digest, Sha256};

use super::policies::TablePolicies;
use super::route::{self, Former, Route};

pub use crate::catalog::ModuleStatus;
use crate::catalog::{ModuleRow, SystemTable, TableRow};

/// A deployed module. Shared by all cores, never changed: a new version is a new value.
pub struct Module {
    pub name: Arc<str>,
    /// The shard that holds its tables and runs its reducers, as far as they are not spread over all.
    pub home: ShardId,
    pub home_partition: Partition,
    /// The transaction since which it is so; zero for what is so since the server was started.
    pub since: TxId,
    pub status: ModuleStatus,
    pub deployed_at: Timestamp,
    pub compiled: CompiledModule,
    /// Its tables, in the order of the schema.
    pub tables: Vec<Arc<TableDef>>,
    /// Where the rows of each table are.
    pub placements: Vec<Placement>,
    /// What is asked when its reducers read and write them.
    pub policies: Vec<TablePolicies>,
    pub(super) routes: Vec<Route>,
    pub(super) former_routes: Arc<[Former]>,
    /// The layouts of its reducers' arguments, in the order of the schema.
    pub params: Vec<RowLayout>,
    /// Its `client_connected`, by its place in the schema.
    pub connected: Option<usize>,
    /// Its `client_disconnected`, likewise.
    pub disconnected: Option<usize>,
}

impl Module {
    /// Puts a module together from what its home shard's store and catalog say.
    ///
    /// Panics when a table of the schema is missing: the home shard creates tables before modules.
    pub fn assemble(
        store: &Store,
        name: Arc<str>,
        compiled: CompiledModule,
        row: &ModuleRow,
        since: TxId,
    ) -> Module {
        let rows = TableRow::find_all(store, "module", &name.to_string());
        let table = |schema: &TableSchema| {
            let row = rows.iter().find(|row| row.name == schema.name);
            let table = row.and_then(|row| store.table(TableId::new(row.id)));
            table.expect("a module's tables are created before it").def().clone()
        };
        let ModuleSchema { tables, reducers, .. } = &**compiled.schema();
        let hidden: Vec<TableSchema> = tables.iter().flat_map(sharded_index_schemas).collect();
        let all: Vec<Arc<TableDef>> = tables.iter().chain(&hidden).map(table).collect();
        let home = store.seat().shards.owner_of(home_partition(&name));
        let mut placements = Placement::resolve(&all, home);
        placements.truncate(tables.len());
        let params: Vec<RowLayout> = reducers.iter().map(ReducerSchema::params_layout).collect();
        let routes = reducers.iter().zip(&params);
        let lifecycle = |kind| reducers.iter().position(|reducer| reducer.kind == kind);
        let own = all[..tables.len()].to_vec();
        Module {
            policies: TablePolicies::of_all(&own),
            tables: own,
            placements,
            routes: routes
                .map(|(reducer, params)| Route::new(reducer, &reducer.shard_by, params))
                .collect(),
            former_routes: route::resolve(&row.former_routes(), reducers, &params),
            params,
            connected: lifecycle(ReducerKind::ClientConnected),
            disconnected: lifecycle(ReducerKind::ClientDisconnected),
            status: row.status(),
            deployed_at: row.deployed_at,
            home_partition: home_partition(&name),
            name,
            home,
            since,
            compiled,
        }
    }

    /// Whether any of its tables is spread over all shards. Then every shard has all its tables.
    pub fn is_spread(&self) -> bool {
        is_spread(&self.compiled.schema().tables)
    }

    /// Whether it wants to know of connections.
    pub fn is_visited(&self) -> bool {
        self.connected.is_some() || self.disconnected.is_some()
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

/// Whether a module with these tables is on all shards.
pub fn is_spread(tables: &[TableSchema]) -> bool {
    tables.iter().any(|table| table.shard_by.is_some())
}

/// The partition of what a module keeps at home: by the hash of its name.
pub fn home_partition(module: &str) -> Partition {
    let digest = Sha256::digest(module.as_bytes());
    let hash = u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
    let partition = u16::try_from(hash % u64::from(PARTITIONS)).ok().and_then(Partition::new);
    partition.expect("the remainder is below the number of partitions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_partition_never_changes() {
        assert_eq!(home_partition("my-agent").get(), 23);
    }
}
