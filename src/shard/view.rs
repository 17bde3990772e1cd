//! Queries that name views: the views are run where the stores are that they read, and then the query on what they yielded.
//!
//! ```text
//!   homes of the views, shards of the tables ──▶ all stores in hand? ──▶ each view once ──▶ rows in a store of their own ─┐
//!                                                      ▲    │ a view needs another                                     ▼
//!                                                      └────┘                                            the query on all of them
//! ```
//!
//! It is one transaction that reads, on one store or on several that are lent, so all of it is as of the same one. Live queries
//! have them run as of transactions that have been ([`as_of`]).
//!
//! Invariants:
//! 1. A view runs once for a query, however often the query names it.
//! 2. A view runs as the version of its module by which the query was planned; where that has been replaced, the query is
//!    refused. Its home knows, whose store is always in hand.

mod as_of;

pub use as_of::{ViewRun, Viewed};

use std::sync::Arc;

use cosmictron_sql::{AsOf, ExecutionLimits, PartialRows, Sight, SqlError};
use cosmictron_storage::{SchemaChange, Snapshot, Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::{ColumnSchema, TableSchema, ViewSchema};
use cosmictron_types::ty::Field;
use cosmictron_types::{Identity, ShardId, TableId, Timestamp, TxId};
use cosmictron_wasm_host::CallOutcome;

use super::ground::Ground;
use super::guest::{Ended, GuestData, Yielded};
use super::halt::{Again, Halt};
use super::job::{Job, Task};
use super::judge::{By, Judge};
use super::reach::Reach;
use super::reads::Reads;
use super::request::{Answer, Query, QueryError, Rows, Unavailable, ViewError};
use super::{OWN_LIMITS, ReplyTo, Seam, Shard};
use crate::directory::{Directory, Module};

/// The views of a query, and for whom they run.
#[derive(Clone, Debug)]
pub struct Views {
    /// One or more.
    pub named: Arc<[NamedView]>,
    pub caller: Identity,
    /// Whether the caller sees all rows, whatever policies say.
    pub sight: Sight,
}

/// A view, as the plan of a query knows it.
#[derive(Clone, Debug)]
pub struct NamedView {
    module: Arc<Module>,
    /// Its place in the schema.
    place: usize,
    def: Arc<TableDef>,
}

impl NamedView {
    /// The view at a place of a module's schema, as one more of a query that has named so many others.
    pub fn new(module: Arc<Module>, place: usize, others: u16) -> Self {
        let ViewSchema { name, columns, .. } = &module.compiled.schema().views[place];
        let column = |field: &Field| ColumnSchema {
            name: field.name.clone(),
            ty: field.ty.clone(),
            auto_inc: false,
            foreign_key: None,
            pii: None,
        };
        let schema = TableSchema {
            name: name.clone(),
            public: true,
            event: false,
            shard_by: None,
            columns: columns.iter().map(column).collect(),
            indexes: Vec::new(),
            policies: Vec::new(),
            force_policies: false,
        };
        let id = TableId::of_view(others);
        let store = store_of([(id, Arc::new(schema))], StoreLimits::default());
        let table = store.table(id).expect("it was just created");
        Self { def: table.def().clone(), module, place }
    }

    /// The table that its rows are taken for.
    pub fn table(&self) -> &Arc<TableDef> {
        &self.def
    }

    pub fn is(&self, module: &Module, place: usize) -> bool {
        self.module.name == module.name && self.place == place
    }

    fn schema(&self) -> &ViewSchema {
        &self.module.compiled.schema().views[self.place]
    }
}

impl Views {
    /// Where a query with these views begins.
    pub fn home(&self) -> ShardId {
        self.named.first().expect("there is at least one").module.home
    }

    /// Whether what they yield may depend on who asks: they are told, or some policy is.
    pub fn ask_who(&self) -> bool {
        self.named.iter().any(|view| {
            let schema = view.schema();
            let mut policies = view.module.policies.iter();
            let is_judged = !schema.definer && self.sight == Sight::Admitted;
            schema.caller || (is_judged && policies.any(|policies| policies.read.is_some()))
        })
    }

    /// The tables that they can read.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.named.iter().flat_map(|view| &view.module.tables)
    }

    /// Whether they can read rows of a shard.
    pub fn read_at(&self, shard: ShardId) -> bool {
        self.named.iter().any(|view| view.module.home == shard || view.module.is_spread())
    }

    /// Why they cannot run, where a module has become something else.
    pub fn stale(&self, directory: &Directory) -> Option<SqlError> {
        Self::stale_of(self.named.iter(), directory)
    }

    fn stale_of<'v>(
        mut views: impl Iterator<Item = &'v NamedView>,
        directory: &Directory,
    ) -> Option<SqlError> {
        let stale = views.find(|view| directory.changed(&view.module.name) > view.module.since)?;
        Some(SqlError::StalePlan { table: stale.schema().name.clone() })
    }

    /// An empty store with a table for each, in which a transaction is open that bounds what they may yield.
    fn store(&self, limits: &ExecutionLimits) -> Box<Store> {
        let bytes_max = limits.memory_bytes_max;
        // Small rows take up more than their bytes.
        let store_limits = StoreLimits {
            bytes_max: bytes_max.saturating_mul(4),
            history_bytes_max: 0,
            ..StoreLimits::default()
        };
        let tables = self.named.iter().map(|view| (view.def.id, view.def.schema.clone()));
        let mut store = store_of(tables, store_limits);
        store.begin(TransactionLimits { rows_max: limits.scanned_max, bytes_max });
        Box::new(store)
    }
}

/// A store with these tables, which have neither indexes nor keys.
fn store_of(
    tables: impl IntoIterator<Item = (TableId, Arc<TableSchema>)>,
    limits: StoreLimits,
) -> Store {
    let mut store = Store::new(limits);
    let create = tables.into_iter().collect();
    let change = SchemaChange { create, ..SchemaChange::default() };
    let changed = store.change_schema(&change, &|_| None);
    changed.expect("a new table that refers to no other has nothing to differ from");
    store
}

impl Shard {
    /// Answers a query that names views; on this shard's store, or where all the stores are that it needs.
    pub(super) fn query_views(&mut self, query: Query, reply: ReplyTo, seam: &mut Seam<'_>) {
        let (arrived, here) = (seam.now(), seam.shard());
        self.figures.queries += 1;
        let Some(views) = &query.views else { unreachable!("it names views") };
        let homes = views.named.iter().map(|view| view.module.home);
        let needed: Vec<ShardId> = homes.chain(query.reach.shards(seam.shards())).collect();
        if needed.iter().any(|shard| *shard != here) {
            let job = Job::new(Task::ReadViews(query), reply, here, arrived);
            return self.submit(job.wanting(&needed), seam);
        }
        let admitted = self.admit_read(seam).map_err(QueryError::from);
        let checked = admitted.and_then(|()| Ok(self.check_views(views, here)?));
        let mut ground = self.take_ground();
        let answer = match checked {
            Ok(()) => self.read_views(&query, &mut ground, arrived, seam),
            Err(error) => Err(Halt::Refused(error)),
        };
        self.put_back(ground);
        let rows = match answer {
            Ok(rows) => Ok(rows),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Again(Again::NoRoom)) => unreachable!("a read of one store writes no record"),
            Err(Halt::Again(Again::Elsewhere(elsewhere))) => {
                let job = Job::new(Task::ReadViews(query), reply, here, arrived);
                return self.submit(job.wanting(elsewhere.shards()), seam);
            }
        };
        self.hold(Some(reply), Answer::Rows(rows), arrived, Vec::new(), seam);
    }

    /// Refuses views whose modules live here and have become something else.
    pub(super) fn check_views(&self, views: &Views, here: ShardId) -> Result<(), SqlError> {
        let own = views.named.iter().filter(|view| view.module.home == here);
        Views::stale_of(own, &self.directory).map_or(Ok(()), Err)
    }

    /// Runs the views of a query on the stores in hand, and then the query.
    pub(super) fn read_views(
        &mut self,
        query: &Query,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Rows, Halt<QueryError>> {
        let joint = ground.is_joint();
        let tx = if joint { seam.next_tx() } else { self.committed };
        let Some(views) = &query.views else { unreachable!("it names views") };
        // EXPLAIN asks for no rows.
        let named = if query.plan.is_explain() { &[] } else { &*views.named };
        let rows = match self.rows_of_views(named, views, None, ground, now, seam) {
            Ok(Yielded { rows, .. }) => self.read_beside(query, &rows, ground, tx),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Again(again)) => return Err(Halt::Again(again)),
        };
        if joint {
            // Others than this shard have to know what was read.
            ground.begin(OWN_LIMITS);
            self.commit_on(ground, tx, now, seam)?;
        }
        rows.map_err(Halt::Refused)
    }

    /// What views yield, in a store of their own; as of a moment, for whoever has to know what was read for it.
    fn rows_of_views(
        &mut self,
        named: &[NamedView],
        views: &Views,
        moment: Option<TxId>,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Yielded, Halt<QueryError>> {
        let rows = views.store(&self.options.query);
        let reads = moment.map(|_| Reads::default());
        let mut yielded = Yielded { rows, view: TableId::of_view(0), reads };
        for view in named {
            yielded.view = view.def.id;
            let mut stores = ground.take_stores();
            stores.look_at(moment);
            let kept = stores.check_moment(view.module.tables.iter().map(|table| table.id));
            ground.return_stores(stores);
            let ran = match (kept, moment) {
                (Err(forgotten), Some(tx)) => {
                    let (asked, oldest) = (AsOf::Tx(tx), forgotten.oldest);
                    Err(Halt::Refused(SqlError::HistoryExpired { asked, oldest }.into()))
                }
                _ => self.run_view(view, views, yielded, ground, now, seam),
            };
            let mut stores = ground.take_stores();
            stores.look_at(None);
            ground.return_stores(stores);
            yielded = ran?;
        }
        yielded.rows.commit(TxId::new(1));
        Ok(yielded)
    }

    /// Runs one view; adds its rows to those that there are.
    fn run_view(
        &mut self,
        view: &NamedView,
        views: &Views,
        yielded: Yielded,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Yielded, Halt<QueryError>> {
        let (module, schema) = (&view.module, view.schema());
        let by = match schema.definer || views.sight == Sight::All {
            true => By::Module,
            false => By::Client(views.caller),
        };
        // Nobody, where it is not to know.
        let caller = if schema.caller { views.caller } else { Identity::SYSTEM };
        let judge = Judge::of_view(module.clone(), by, now);
        let data = GuestData::new(ground.take_stores(), module.clone(), judge, module.home)
            .yielding(yielded);
        let place = u32::try_from(view.place).expect("a schema's views are few");
        let (mut data, outcome) =
            self.enter_guest(module, seam, |instances| instances.view(place, caller, data));
        let yielded = data.take_yielded();
        let GuestData { stores, ended, .. } = data;
        ground.return_stores(stores);
        let failed = |why| QueryError::View { view: view.def.name.clone(), why };
        match ended {
            Some(Ended::Elsewhere(elsewhere)) => return Err(elsewhere.into()),
            Some(Ended::Overrun) => {
                return Err(Halt::Refused(failed(ViewError::DeadlineExceeded)));
            }
            Some(Ended::Overflow { what, max }) => {
                return Err(Halt::Refused(SqlError::Exhausted { what, max }.into()));
            }
            Some(Ended::Forbidden { .. }) => unreachable!("a view writes nothing"),
            None => {}
        }
        match (outcome, yielded) {
            (CallOutcome::Returned { .. }, Some(yielded)) => Ok(yielded),
            (CallOutcome::DeadlineExceeded, _) => {
                Err(Halt::Refused(failed(ViewError::DeadlineExceeded)))
            }
            (CallOutcome::NoInstance(_), _) => Err(Unavailable::Overloaded.into()),
            (outcome, _) => Err(Halt::Refused(failed(ViewError::Broken(outcome.to_string())))),
        }
    }

    /// Executes a query on the stores in hand and on what its views have yielded.
    fn read_beside(
        &self,
        query: &Query,
        views: &Store,
        ground: &Ground,
        tx: TxId,
    ) -> Result<Rows, QueryError> {
        let Query { plan, params, reach, format, .. } = query;
        let limits = &self.options.query;
        let one = match reach {
            Reach::All => {
                let stores = ground.iter().map(Store::present).chain([views.present()]);
                let part = |store: Snapshot<'_>| plan.execute_part(store, params, limits);
                let parts: Vec<PartialRows> = stores.map(part).collect::<Result<_, _>>()?;
                return Ok(self.merge(plan, params, &parts, tx, *format)?);
            }
            Reach::One(shard) => ground.at(*shard).present(),
            Reach::Nowhere => views.present(),
        };
        let rows = plan.execute_beside(one, views.present(), params, limits)?;
        Ok(Rows { tx, rows: rows.encode(*format)? })
    }
}
