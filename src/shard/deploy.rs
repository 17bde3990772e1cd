//! Makes a compiled module the current version of its name, and takes modules out of service.
//!
//! Two kinds of records do it, so that recovery can follow them one at a time: a record that changes the `tables`
//! system table, and with it tables themselves, holds no row of any user's table. A first deployment with an `init`
//! therefore takes two: the tables, then what `init` wrote together with the module's own row. Tables that were left
//! by a crash between the two are empty and belong to the next deployment of that name.
//!
//! Invariants:
//! 1. A module's row says `initialized` exactly if its `init` has committed, or it has none.
//! 2. What fails leaves the version that was there before in service.

use std::sync::Arc;

use cosmictron_storage::{SchemaChange, WriteError};
use cosmictron_types::schema::{ReducerKind, TableSchema};
use cosmictron_types::{ConnectionId, Identity, TableId, Timestamp};
use cosmictron_wasm_host::CompiledModule;

use super::call::{Halt, Run};
use super::request::{
    Answer, CallError, DataFate, Deploy, DeployError, Deployed, Unavailable, Undeploy,
    UndeployError,
};
use super::{ReplyTo, Seam, Served, Shard};
use crate::catalog::{ModuleRow, ScheduledCall, SystemTable, TableRow};
use crate::directory::{Module, Notice};

/// Bytes of a deployment's record beyond its schema: ids, names and framing.
const RECORD_OVERHEAD_BYTES: usize = 64 << 10;

impl Shard {
    pub(super) fn deploy(&mut self, deploy: Deploy, reply: ReplyTo, seam: &mut Seam<'_>) {
        let now = seam.now();
        let answer = self.install(&deploy, now, seam);
        let notices = match &answer {
            Ok(deployed) => vec![Notice::Module(deployed.module.clone())],
            Err(_) => Vec::new(),
        };
        self.hold(Some(reply), Answer::Deployed(answer), now, notices, seam);
    }

    fn install(
        &mut self,
        deploy: &Deploy,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Deployed, DeployError> {
        self.admit_write(seam)?;
        let schema = deploy.compiled.schema();
        self.journal.admit(schema.to_json().len() * 2 + RECORD_OVERHEAD_BYTES)?;
        let name = deploy.name.to_string();
        let before = ModuleRow::find(self.store(), "name", &name);
        let change = self.change_for(&name, &deploy.compiled, seam)?;
        self.change_tables(&name, &change.tables)?;
        let init = schema.reducers.iter().position(|r| r.kind == ReducerKind::Init);
        let init = init.filter(|_| !before.as_ref().is_some_and(|row| row.initialized));
        let row = ModuleRow {
            name: name.clone(),
            version: deploy.compiled.version().to_string(),
            active: true,
            initialized: true,
            deployed_at: now,
            deployed_by: deploy.deployer,
        };
        let exists = before.is_some();
        self.transact(now, seam, |store| {
            change.write(store)?;
            if init.is_none() { upsert(&row, exists, store) } else { Ok(()) }
        })?;
        let module = Arc::new(self.module(&deploy.name, &deploy.compiled, &row, seam));
        if let Some(init) = init {
            self.initialize(&module, init, &row, exists, now, seam)?;
        }
        self.put_in_service(&module);
        let is_new = before.is_none_or(|row| !row.active);
        Ok(Deployed { module, is_new })
    }

    /// Runs `init` in one transaction with the module's row.
    fn initialize(
        &mut self,
        module: &Arc<Module>,
        init: usize,
        row: &ModuleRow,
        exists: bool,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), DeployError> {
        let previous = self.instances.insert(module.name.clone(), Served::new(&module.compiled));
        let tx = seam.next_tx();
        let run = Run {
            module,
            reducer: init,
            args: &[],
            sender: Identity::SYSTEM,
            connection: ConnectionId::NONE,
        };
        let mut ground = self.take_ground(seam);
        let outcome = self.run(&run, &mut ground, tx, now, seam);
        self.put_back(ground);
        let outcome = outcome.map_err(|error| match error {
            Halt::Refused(CallError::Unavailable(why)) => DeployError::Unavailable(why),
            other => DeployError::Init(other.to_string()),
        });
        let outcome = outcome.and_then(|_| {
            if upsert(row, exists, self.store_mut()).is_err() {
                self.store_mut().rollback();
                return Err(DeployError::Unavailable(Unavailable::StorageFull));
            }
            Ok(self.commit_own(tx, now, seam)?)
        });
        if outcome.is_err() {
            match previous {
                Some(previous) => self.instances.insert(module.name.clone(), previous),
                None => self.instances.remove(&module.name),
            };
        }
        outcome
    }

    fn put_in_service(&mut self, module: &Arc<Module>) {
        self.instances.insert(module.name.clone(), Served::new(&module.compiled));
        // Calls that come after this on this shard see the new version; their answers wait behind its record.
        self.directory.apply(&Notice::Module(module.clone()));
    }

    pub(super) fn module(
        &self,
        name: &Arc<str>,
        compiled: &CompiledModule,
        row: &ModuleRow,
        seam: &Seam<'_>,
    ) -> Module {
        Module::assemble(self.store(), name.clone(), seam.shard(), compiled.clone(), row)
    }

    pub(super) fn undeploy(&mut self, undeploy: &Undeploy, reply: ReplyTo, seam: &mut Seam<'_>) {
        let now = seam.now();
        let answer = self.withdraw(undeploy, now, seam);
        let (answer, notices) = match answer {
            Ok(notice) => (Ok(()), vec![notice]),
            Err(error) => (Err(error), Vec::new()),
        };
        self.hold(Some(reply), Answer::Undeployed(answer), now, notices, seam);
    }

    fn withdraw(
        &mut self,
        undeploy: &Undeploy,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Notice, UndeployError> {
        self.admit_write(seam)?;
        let name = undeploy.name.to_string();
        let mut row = ModuleRow::find(self.store(), "name", &name).ok_or(UndeployError::Unknown)?;
        let notice = match undeploy.data {
            DataFate::Keep => {
                row.active = false;
                self.transact(now, seam, |store| row.update(store))?;
                let module = self.directory.module(&name).ok_or(UndeployError::Unknown)?.clone();
                let module = self.module(&module.name, &module.compiled, &row, seam);
                Notice::Module(Arc::new(module))
            }
            DataFate::Drop => {
                let tables = TableRow::find_all(self.store(), "module", &name);
                self.transact(now, seam, |store| {
                    // Tables come first: by that recovery knows the record.
                    TableRow::delete(store, "module", &name)?;
                    ModuleRow::delete(store, "name", &name)?;
                    ScheduledCall::delete(store, "module", &name).map(|_| ())
                })?;
                let drop = tables.iter().map(|table| TableId::new(table.id)).collect();
                let change = SchemaChange { drop, ..SchemaChange::default() };
                let dropped = self.store_mut().change_schema(&change, &|_| None);
                dropped.expect("only tables of the same module refer to a module's tables");
                Notice::ModuleGone(undeploy.name.clone())
            }
        };
        self.instances.remove(&undeploy.name);
        self.directory.apply(&notice);
        Ok(notice)
    }

    /// What has to change so that the module's tables are those of its schema.
    fn change_for(
        &self,
        module: &str,
        compiled: &CompiledModule,
        seam: &mut Seam<'_>,
    ) -> Result<TablesChange, DeployError> {
        let mut change = TablesChange::default();
        let mut existing = TableRow::find_all(self.store(), "module", &module.to_owned());
        for schema in &compiled.schema().tables {
            let text = serde_json::to_string(schema).expect("a schema has a JSON form");
            let known = existing.iter().position(|row| row.name == schema.name);
            let known = known.map(|at| existing.swap_remove(at));
            let schema = Arc::new(schema.clone());
            match known {
                Some(row) if row.schema == text => {}
                Some(row) => {
                    change.tables.alter.push((TableId::new(row.id), schema));
                    change.updated.push(TableRow { schema: text, ..row });
                }
                None => {
                    let id = seam.next_table();
                    let (module, name) = (module.to_owned(), schema.name.clone());
                    change.tables.create.push((id, schema));
                    change.inserted.push(TableRow { id: id.get(), module, name, schema: text });
                }
            }
        }
        self.check_gone(&existing)?;
        change.tables.drop = existing.iter().map(|row| TableId::new(row.id)).collect();
        change.deleted = existing;
        Ok(change)
    }

    /// A table that the new schema lacks may go when it is empty.
    fn check_gone(&self, gone: &[TableRow]) -> Result<(), DeployError> {
        let full = gone.iter().filter(|row| {
            let table = self.store().table(TableId::new(row.id));
            table.is_some_and(|table| !table.is_empty())
        });
        let differences: Vec<String> = full
            .map(|row| format!("table {}: it is gone, and there are rows in it", row.name))
            .collect();
        match differences.is_empty() {
            true => Ok(()),
            false => Err(DeployError::Incompatible(differences)),
        }
    }

    fn change_tables(&mut self, module: &str, change: &SchemaChange) -> Result<(), DeployError> {
        let mut ids: Vec<(String, TableId)> =
            TableRow::find_all(self.store(), "module", &module.to_owned())
                .into_iter()
                .map(|row| (row.name, TableId::new(row.id)))
                .collect();
        ids.extend(change.create.iter().map(|(id, schema)| (schema.name.clone(), *id)));
        let changed = self.store_mut().change_schema(change, &resolver(&ids));
        changed.map_err(|differences| {
            DeployError::Incompatible(differences.iter().map(ToString::to_string).collect())
        })
    }
}

/// Finds a module's table by name, for foreign keys.
pub(super) fn resolver(ids: &[(String, TableId)]) -> impl Fn(&str) -> Option<TableId> {
    |name| ids.iter().find(|(table, _)| table == name).map(|(_, id)| *id)
}

/// A change of tables, in the store and in the catalog.
#[derive(Default)]
struct TablesChange {
    tables: SchemaChange,
    inserted: Vec<TableRow>,
    updated: Vec<TableRow>,
    deleted: Vec<TableRow>,
}

impl TablesChange {
    fn write(&self, store: &mut cosmictron_storage::Store) -> Result<(), WriteError> {
        for row in &self.deleted {
            TableRow::delete(store, "id", &row.id)?;
        }
        self.updated.iter().try_for_each(|row| row.update(store))?;
        self.inserted.iter().try_for_each(|row| row.insert(store))
    }
}

fn upsert(
    row: &ModuleRow,
    exists: bool,
    store: &mut cosmictron_storage::Store,
) -> Result<(), WriteError> {
    if exists { row.update(store) } else { row.insert(store) }
}

/// A table's schema as its row keeps it.
pub(super) fn schema_of(row: &TableRow) -> Result<TableSchema, serde_json::Error> {
    serde_json::from_str(&row.schema)
}
