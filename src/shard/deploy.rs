//! Makes a compiled module the current version of its name, and takes modules out of service.
//!
//! Two kinds of records do it, so that recovery can follow them one at a time: a record that changes the `tables`
//! system table, and with it tables themselves, holds no row of any user's table. A first deployment with an `init`
//! therefore takes two: the tables, then what `init` wrote together with the module's own row. Tables that were left
//! by a crash between the two are empty and belong to the next deployment of that name.
//!
//! A module that spreads a table over the shards has all its tables on every shard, so it changes as one transaction of all
//! of them.
//!
//! Invariants:
//! 1. A module's row says `initialized` exactly if its `init` has committed, or it has none.
//! 2. What fails leaves the version that was there before in service.
//! 3. Who works on a store that has a module's tables knows the version that they are of.

use std::sync::Arc;

use cosmictron_storage::WriteError;
use cosmictron_types::schema::ReducerKind;
use cosmictron_types::{ConnectionId, Identity, ShardCount, Timestamp, TxId};

use super::audit::{AuditEvent, AuditNote};
use super::call::Run;
use super::ground::Ground;
use super::halt::{Again, Halt};
use super::job::{Job, Task};
use super::judge::By;
use super::request::{
    Answer, CallError, DataFate, Deploy, DeployError, Deployed, Unavailable, Undeploy,
    UndeployError,
};
use super::tables_change::{TablesChange, are_spread};
use super::{OWN_LIMITS, ReplyTo, Seam, Served, Shard};
use crate::catalog::{AuditRow, ModuleRow, ScheduledCall, SystemTable, Visit};
use crate::directory::{Module, Notice, former_routes, is_spread};

/// Bytes of a deployment's record beyond its schema: ids, names and framing.
const RECORD_OVERHEAD_BYTES: usize = 64 << 10;

impl Shard {
    /// Deploys on the module's home, or where all stores are in hand if its tables are on all shards.
    pub(super) fn deploy(&mut self, deploy: Deploy, reply: ReplyTo, seam: &mut Seam<'_>) {
        let now = seam.now();
        let is_spread = is_spread(&deploy.compiled.schema().tables);
        if seam.shards() > ShardCount::ONE && (is_spread || are_spread(self.store(), &deploy.name))
        {
            let job = Job::new(Task::Deploy(deploy), reply, seam.shard(), now);
            return self.submit(job.wanting_all(seam.shards()), seam);
        }
        let mut ground = self.take_ground();
        let answer = match self.admit_deployment(&deploy, seam) {
            Ok(()) => self.install(&deploy, &mut ground, now, seam),
            Err(why) => Err(why.into()),
        };
        self.put_back(ground);
        let answer = settled(answer);
        let notices = match &answer {
            Ok(deployed) => vec![Notice::Module(deployed.module.clone())],
            Err(_) => Vec::new(),
        };
        // Calls that come after this on this shard see the new version; their answers wait behind its record.
        notices.iter().for_each(|notice| self.directory.apply(notice));
        self.hold(Some(reply), Answer::Deployed(answer), now, notices, seam);
        // Ends of visits were kept for it while it was out of service.
        self.wake(seam);
    }

    fn admit_deployment(&self, deploy: &Deploy, seam: &Seam<'_>) -> Result<(), Unavailable> {
        self.admit_write(seam)?;
        self.journal.admit(record_bytes(deploy))
    }

    /// Deploys on the stores in hand: the home's, or all of them.
    pub(super) fn install(
        &mut self,
        deploy: &Deploy,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Deployed, Halt<DeployError>> {
        if !ground.has_room(record_bytes(deploy)) {
            return Err(Halt::Again(Again::NoRoom));
        }
        let (home, schema) = (self.directory.home_of(&deploy.name), deploy.compiled.schema());
        let name = deploy.name.to_string();
        let before = ModuleRow::find(ground.at(home), "name", &name);
        let change = TablesChange::between(&name, schema, home, ground, seam)?;
        change.apply(&name, ground)?;
        let init = schema.reducers.iter().position(|r| r.kind == ReducerKind::Init);
        let init = init.filter(|_| !before.as_ref().is_some_and(|row| row.initialized));
        let row = self.module_row(deploy, before.as_ref(), now);
        let exists = before.is_some();
        let note = AuditNote::new(AuditEvent::Deploy, deploy.deployer, &deploy.name, &row.version);
        let entry = note.into_row(now, seam);
        let mut since = self.committed;
        if init.is_none() || !change.is_empty() {
            since = self.transact_on(ground, now, seam, |ground| {
                change.write(ground)?;
                match init {
                    None => enrol(&row, exists, &entry, ground.at_mut(home)),
                    Some(_) => Ok(()),
                }
            })?;
        }
        if let Some(init) = init {
            let module = self.assemble(deploy, &row, ground, since);
            since =
                self.initialize(&Arc::new(module), init, &row, exists, &entry, ground, now, seam)?;
        }
        let module = Arc::new(self.assemble(deploy, &row, ground, since));
        self.instances.insert(module.name.clone(), Served::new(&module.compiled));
        let is_new = before.is_none_or(|row| !row.active);
        Ok(Deployed { module, is_new })
    }

    fn module_row(&self, deploy: &Deploy, before: Option<&ModuleRow>, now: Timestamp) -> ModuleRow {
        let known = before.map(ModuleRow::former_routes).unwrap_or_default();
        let routes = match self.directory.module(&deploy.name) {
            Some(old) => former_routes(
                old,
                &deploy.compiled.schema().reducers,
                &known,
                now,
                now + self.options.idempotency_kept,
            ),
            None => known,
        };
        ModuleRow {
            name: deploy.name.to_string(),
            version: deploy.compiled.version().to_string(),
            active: true,
            initialized: true,
            deployed_at: now,
            deployed_by: deploy.deployer,
            former_routes: ModuleRow::write_routes(&routes),
        }
    }

    fn assemble(&self, deploy: &Deploy, row: &ModuleRow, ground: &Ground, since: TxId) -> Module {
        let (name, compiled) = (deploy.name.clone(), deploy.compiled.clone());
        let home = self.directory.home_of(&name);
        Module::assemble(ground.at(home), name, compiled, row, since)
    }

    /// Runs `init` in one transaction with the module's row.
    #[allow(clippy::too_many_arguments, reason = "each is one word of what a deployment is")]
    fn initialize(
        &mut self,
        module: &Arc<Module>,
        init: usize,
        row: &ModuleRow,
        exists: bool,
        entry: &AuditRow,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<TxId, Halt<DeployError>> {
        let tx = seam.next_tx();
        let run = Run {
            module,
            reducer: init,
            args: &[],
            sender: Identity::SYSTEM,
            by: By::Module,
            connection: ConnectionId::NONE,
            here: module.home,
        };
        let outcome = self.run(&run, ground, tx, now, seam);
        outcome.map_err(|halt| {
            halt.map(|error| match error {
                CallError::Unavailable(why) => DeployError::Unavailable(why),
                other => DeployError::Init(other.to_string()),
            })
        })?;
        if enrol(row, exists, entry, ground.at_mut(module.home)).is_err() {
            ground.rollback();
            return Err(Unavailable::StorageFull.into());
        }
        self.commit_on(ground, tx, now, seam)?;
        Ok(tx)
    }

    /// Takes a module out of service on its home, or where all stores are in hand if its tables go on all shards.
    pub(super) fn undeploy(&mut self, undeploy: Undeploy, reply: ReplyTo, seam: &mut Seam<'_>) {
        let now = seam.now();
        let is_on_all = seam.shards() > ShardCount::ONE && are_spread(self.store(), &undeploy.name);
        if undeploy.data == DataFate::Drop && is_on_all {
            let job = Job::new(Task::Undeploy(undeploy), reply, seam.shard(), now);
            return self.submit(job.wanting_all(seam.shards()), seam);
        }
        let mut ground = self.take_ground();
        let answer = match self.admit_write(seam) {
            Ok(()) => self.withdraw(&undeploy, &mut ground, now, seam),
            Err(why) => Err(why.into()),
        };
        self.put_back(ground);
        let (answer, notices) = match settled(answer) {
            Ok(notice) => (Ok(()), vec![notice]),
            Err(error) => (Err(error), Vec::new()),
        };
        notices.iter().for_each(|notice| self.directory.apply(notice));
        self.hold(Some(reply), Answer::Undeployed(answer), now, notices, seam);
    }

    /// Undeploys on the stores in hand: the home's, or all of them.
    pub(super) fn withdraw(
        &mut self,
        undeploy: &Undeploy,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Notice, Halt<UndeployError>> {
        let name = undeploy.name.to_string();
        let home = self.directory.home_of(&name);
        let unknown = || Halt::Refused(UndeployError::Unknown);
        let mut row = ModuleRow::find(ground.at(home), "name", &name).ok_or_else(unknown)?;
        let fate = match undeploy.data {
            DataFate::Keep => "data kept",
            DataFate::Drop => "data dropped",
        };
        let note = AuditNote::new(AuditEvent::Undeploy, undeploy.by, &name, fate);
        let entry = note.into_row(now, seam);
        let notice = match undeploy.data {
            DataFate::Keep => {
                row.active = false;
                let since = self.transact_on(ground, now, seam, |ground| {
                    let store = ground.at_mut(home);
                    row.update(store).and_then(|()| entry.insert(store))
                })?;
                let module = self.directory.module(&name).ok_or_else(unknown)?;
                let (name, compiled) = (module.name.clone(), module.compiled.clone());
                let module = Module::assemble(ground.at(home), name, compiled, &row, since);
                Notice::Module(Arc::new(module))
            }
            DataFate::Drop => {
                let change = TablesChange::to_nothing(&name, ground);
                let since = self.transact_on(ground, now, seam, |ground| {
                    // Tables come first: by that recovery knows the record.
                    change.write(ground)?;
                    ModuleRow::delete(ground.at_mut(home), "name", &name)?;
                    entry.insert(ground.at_mut(home))?;
                    let shards: Vec<_> = ground.iter().map(|store| store.seat().shard).collect();
                    shards.into_iter().try_for_each(|shard| {
                        let store = ground.at_mut(shard);
                        ScheduledCall::delete(store, "module", &name)?;
                        Visit::delete(store, "module", &name).map(drop)
                    })
                })?;
                let dropped = change.apply(&name, ground);
                dropped.expect("only tables of the same module refer to a module's tables");
                Notice::ModuleGone { name: undeploy.name.clone(), since }
            }
        };
        self.instances.remove(&undeploy.name);
        Ok(notice)
    }

    /// Runs `change` on the stores in hand as a transaction of the server's own and commits it.
    ///
    /// Panics when `change` breaks a constraint: what the server writes for itself it has checked before.
    fn transact_on<E: From<Unavailable>>(
        &mut self,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
        change: impl FnOnce(&mut Ground) -> Result<(), WriteError>,
    ) -> Result<TxId, Halt<E>> {
        let tx = seam.next_tx();
        ground.begin(OWN_LIMITS);
        match change(ground) {
            Ok(()) => self.commit_on(ground, tx, now, seam).map(|()| tx),
            Err(WriteError::StoreFull { .. } | WriteError::TableFull { .. }) => {
                ground.rollback();
                Err(Unavailable::StorageFull.into())
            }
            Err(error) => panic!("a transaction of the server's own is refused: {error}"),
        }
    }
}

/// What came of a transaction of one shard, whose log has promised to take it.
fn settled<T, E>(result: Result<T, Halt<E>>) -> Result<T, E> {
    result.map_err(|halt| match halt {
        Halt::Refused(error) => error,
        Halt::Again(again) => unreachable!("one shard's transaction needs no other: {again:?}"),
    })
}

fn record_bytes(deploy: &Deploy) -> usize {
    deploy.compiled.schema().to_json().len() * 2 + RECORD_OVERHEAD_BYTES
}

/// Writes a module's row, and down who deployed it.
fn enrol(
    row: &ModuleRow,
    exists: bool,
    entry: &AuditRow,
    store: &mut cosmictron_storage::Store,
) -> Result<(), WriteError> {
    if exists {
        row.update(store)?
    } else {
        row.insert(store)?
    }
    entry.insert(store)
}
