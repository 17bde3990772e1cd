//! `POST /v1/sql`: reads by SQL.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use cosmictron_net::{Problem, ProblemCode, Status};
use cosmictron_sql::{Catalog, LivePlan, NameError, Plan, PlanLimits, RowFormat, Sight};
use cosmictron_storage::TableDef;
use cosmictron_types::{Identity, ShardCount, TxId, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::plan_cache::CachedPlan;
use super::problem::{query_problem, sql_problem};
use super::{Api, Envelope, Exchange, Handled, Outcome, Waiting};
use crate::auth::Role;
use crate::directory::{Directory, LookupError, Module, Place, Relation};
use crate::shard::{NamedView, Query, QueryError, Request, Rows, RowsAt, Shard, Views};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    query: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// The tables that a caller may name.
struct CallerCatalog<'a> {
    directory: &'a Directory,
    is_admin: bool,
    shard: &'a Shard,
    shards: ShardCount,
    /// Where the rows of the tables named so far are.
    rows: RefCell<RowsAt>,
    /// The views named so far.
    views: RefCell<Vec<NamedView>>,
}

impl CallerCatalog<'_> {
    /// The table that a view is taken for in this query.
    fn view(&self, Place { module, index }: Place) -> Arc<TableDef> {
        let mut views = self.views.borrow_mut();
        if let Some(known) = views.iter().find(|view| view.is(&module, index)) {
            return known.table().clone();
        }
        let others = u16::try_from(views.len()).expect("a query names few tables");
        let view = NamedView::new(module, index, others);
        let table = view.table().clone();
        views.push(view);
        table
    }
}

impl Catalog for CallerCatalog<'_> {
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        let relation = self.directory.relation(module, name).map_err(|error| match error {
            LookupError::Unknown => NameError::Unknown,
            LookupError::Ambiguous(modules) => NameError::Ambiguous(
                modules.iter().map(|module| format!("\"{module}\".{name}")).collect(),
            ),
        })?;
        let (module, table) = match relation {
            Relation::Table(module, table) => (module, table),
            Relation::View(place) => return Ok(self.view(place)),
        };
        if !table.schema.public && !self.is_admin {
            return Err(NameError::NotPublic);
        }
        self.rows.borrow_mut().add(&module, &table);
        Ok(table)
    }

    fn beside(&self, table: &TableDef, name: &str) -> Option<Arc<TableDef>> {
        let module = self.directory.module_of(table.id)?;
        let beside = module.tables.iter().find(|table| *table.name == *name)?;
        self.rows.borrow_mut().add(module, beside);
        Some(beside.clone())
    }

    fn sight(&self) -> Sight {
        if self.is_admin { Sight::All } else { Sight::Admitted }
    }

    /// Those that are here stand for those of all shards, if it is spread; of another shard's nothing is known.
    fn row_count(&self, table: &TableDef) -> Option<u64> {
        let here = self.shard.row_count(table.id)?;
        let is_spread = table.schema.shard_column().is_some();
        Some(if is_spread { here.saturating_mul(self.shards.get().into()) } else { here })
    }
}

impl Api {
    /// Whether somebody sees also what is not public.
    fn is_admin(&self, identity: Identity) -> bool {
        self.shard.with(|shard| shard.directory().has_role(identity, Role::Admin))
    }

    /// How a text is done for somebody with parameters, which are a JSON array, and in which format it is answered.
    pub(super) fn query(
        &self,
        text: &str,
        params: Option<&RawValue>,
        identity: Identity,
        format: RowFormat,
    ) -> Result<Query, Problem<'static>> {
        let cached = self.plan(text, self.is_admin(identity))?;
        let params = params.map_or("[]", RawValue::get);
        let params =
            cached.plan.read_params(params.as_bytes()).map_err(|error| sql_problem(&error))?;
        let params = params.at(self.shard.now());
        // Where no policy asks who it is, all who ask the same are told the same.
        let params = if cached.plan.asks_identity() { params.by(identity) } else { params };
        let reach = cached.rows.reach(&cached.plan, &params, self.shard.count());
        let CachedPlan { plan, views: named, .. } = cached;
        let sight = plan.sight();
        let views = (!named.is_empty()).then_some(Views { named, caller: identity, sight });
        Ok(Query { plan, params, reach, views, format })
    }

    /// How the answer to a text is kept up to date.
    pub(super) fn live_plan(
        &self,
        text: &str,
        identity: Identity,
    ) -> Result<Arc<LivePlan>, Problem<'static>> {
        let is_admin = self.is_admin(identity);
        let cached = self.plan(text, is_admin)?;
        if let Some(live) = cached.live {
            return Ok(live);
        }
        self.shard.with(|shard| {
            let catalog = self.catalog(shard, is_admin);
            let live = LivePlan::of(&cached.plan, &catalog).map_err(|error| sql_problem(&error))?;
            let live = Arc::new(live);
            let cached = CachedPlan { live: Some(live.clone()), ..cached };
            self.plans.borrow_mut().insert(text, is_admin, cached);
            Ok(live)
        })
    }

    /// From where the rows of a subscriber can be followed: not from before the modules of a query were deployed as they are,
    /// for what they let be seen may have been something else. What was deployed before the server was started is known to
    /// have been so only where there is nothing that hides rows.
    pub(super) fn resumable(&self, plan: &Plan, since: Option<TxId>) -> Option<TxId> {
        let since = since?;
        self.shard.with(|shard| {
            let mut modules = plan.tables().iter().map(|table| shard.directory().module_of(*table));
            let is_as_it_was = |module: &Arc<Module>| match module.since {
                TxId::ZERO => {
                    let mut tables = module.tables.iter();
                    !tables.any(|table| table.schema.read_policies().next().is_some())
                }
                deployed => deployed <= since,
            };
            modules.all(|module| module.is_some_and(is_as_it_was)).then_some(since)
        })
    }

    fn plan(&self, text: &str, is_admin: bool) -> Result<CachedPlan, Problem<'static>> {
        self.shard.with(|shard| {
            let mut plans = self.plans.borrow_mut();
            if let Some(cached) = plans.find(text, is_admin, shard.directory().generation()) {
                return Ok(cached.clone());
            }
            let catalog = self.catalog(shard, is_admin);
            let plan = cosmictron_sql::plan(text, &catalog, &PlanLimits::default())
                .map_err(|error| sql_problem(&error))?;
            let (rows, views) = (catalog.rows.into_inner(), catalog.views.into_inner());
            let (rows, views) = (rows.into(), views.into());
            let cached = CachedPlan { plan: Arc::new(plan), rows, views, live: None };
            plans.insert(text, is_admin, cached.clone());
            Ok(cached)
        })
    }

    fn catalog<'a>(&self, shard: &'a Shard, is_admin: bool) -> CallerCatalog<'a> {
        let (directory, shards) = (shard.directory(), self.shard.count());
        let (rows, views) = (RefCell::default(), RefCell::default());
        CallerCatalog { directory, is_admin, shard, shards, rows, views }
    }
}

impl Exchange<'_> {
    pub(super) fn sql(self) -> Handled {
        let claims = self.caller()?;
        self.is_json()?;
        let body: Body<'_> = serde_json::from_slice(self.request.body).map_err(|error| {
            Problem::new(ProblemCode::InvalidRequest, format!("the body: {error}"))
        })?;
        let identity = claims.identity;
        let query = self.api.query(&body.query, body.params, identity, RowFormat::Json)?;
        let plan = query.plan.clone();
        let pending = self.api.shard.request(Request::Query(query));
        let envelope = self.envelope;
        Ok(Outcome::Waiting(Waiting { pending, envelope, caller: identity, plan: Some(plan) }))
    }
}

/// Writes the answer to a query.
pub(super) fn write(
    api: &Api,
    envelope: &Envelope,
    plan: &Plan,
    rows: Result<Rows, QueryError>,
    out: &mut Vec<u8>,
) {
    match rows {
        Ok(rows) => envelope.json(api, out, Status::Ok, |out| write_rows(plan, &rows, out)),
        Err(error) => envelope.problem(api, out, &query_problem(&error)),
    }
}

fn write_rows(plan: &Plan, rows: &Rows, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"columns\":");
    write_columns(plan, out);
    out.extend_from_slice(b",\"types\":");
    write_types(plan, out);
    out.extend_from_slice(b",\"rows\":");
    out.extend_from_slice(&rows.rows.told());
    out.extend_from_slice(b",\"tx_id\":");
    out.extend_from_slice(itoa::Buffer::new().format(rows.tx.get()).as_bytes());
    out.push(b'}');
}

/// Writes the names of a query's columns as a JSON array.
pub(super) fn write_columns(plan: &Plan, out: &mut Vec<u8>) {
    write_texts(plan.columns().iter().map(|column| Cow::Borrowed(&*column.name)), out);
}

/// Writes the types of a query's columns as a JSON array.
pub(super) fn write_types(plan: &Plan, out: &mut Vec<u8>) {
    write_texts(plan.columns().iter().map(|column| Cow::Owned(column.ty.to_string())), out);
}

/// Writes the places of the columns that tell an answer's rows apart as a JSON array.
pub(super) fn write_key(key: &[usize], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, column) in key.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(itoa::Buffer::new().format(*column).as_bytes());
    }
    out.push(b']');
}

fn write_texts<'t>(texts: impl Iterator<Item = Cow<'t, str>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, text) in texts.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::write_string(&text, out);
    }
    out.push(b']');
}
