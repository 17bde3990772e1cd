//! `POST /v1/sql`: reads by SQL.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use cosmictron_net::{Problem, ProblemCode, Status};
use cosmictron_sql::{Catalog, NameError, Plan, PlanLimits};
use cosmictron_storage::TableDef;
use cosmictron_types::{ShardCount, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::plan_cache::CachedPlan;
use super::problem::{query_problem, sql_problem};
use super::{Api, Envelope, Exchange, Handled, Outcome, Waiting};
use crate::auth::Role;
use crate::directory::{Directory, LookupError};
use crate::shard::{Query, QueryError, Request, Rows, RowsAt, Shard};

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
}

impl Catalog for CallerCatalog<'_> {
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        let (module, table) = self.directory.table(module, name).map_err(|error| match error {
            LookupError::Unknown => NameError::Unknown,
            LookupError::Ambiguous(modules) => NameError::Ambiguous(
                modules.iter().map(|module| format!("\"{module}\".{name}")).collect(),
            ),
        })?;
        if !table.schema.public && !self.is_admin {
            return Err(NameError::NotPublic);
        }
        self.rows.borrow_mut().add(&module, &table);
        Ok(table)
    }

    /// Those that are here stand for those of all shards, if it is spread; of another shard's nothing is known.
    fn row_count(&self, table: &TableDef) -> Option<u64> {
        let here = self.shard.row_count(table.id)?;
        let is_spread = table.schema.shard_column().is_some();
        Some(if is_spread { here.saturating_mul(self.shards.get().into()) } else { here })
    }
}

impl Exchange<'_> {
    pub(super) fn sql(self) -> Handled {
        let claims = self.caller()?;
        self.is_json()?;
        let body: Body<'_> = serde_json::from_slice(self.request.body).map_err(|error| {
            Problem::new(ProblemCode::InvalidRequest, format!("the body: {error}"))
        })?;
        let is_admin =
            self.api.shard.with(|shard| shard.directory().has_role(claims.identity, Role::Admin));
        let cached = self.plan(&body.query, is_admin)?;
        let params = body.params.map_or("[]", RawValue::get);
        let params =
            cached.plan.read_params(params.as_bytes()).map_err(|error| sql_problem(&error))?;
        let params = params.at(self.api.shard.now());
        let reach = cached.rows.reach(&cached.plan, &params, self.api.shard.count());
        let plan = cached.plan;
        let pending =
            self.api.shard.request(Request::Query(Query { plan: plan.clone(), params, reach }));
        let envelope = self.envelope;
        Ok(Outcome::Waiting(Waiting { pending, envelope, plan: Some(plan) }))
    }

    fn plan(&self, text: &str, is_admin: bool) -> Result<CachedPlan, Problem<'static>> {
        self.api.shard.with(|shard| {
            let directory = shard.directory();
            let mut plans = self.api.plans.borrow_mut();
            if let Some(cached) = plans.find(text, is_admin, directory.generation()) {
                return Ok(cached.clone());
            }
            let (shards, rows) = (self.api.shard.count(), RefCell::new(RowsAt::default()));
            let catalog = CallerCatalog { directory, is_admin, shard, shards, rows };
            let plan = cosmictron_sql::plan(text, &catalog, &PlanLimits::default())
                .map_err(|error| sql_problem(&error))?;
            let cached =
                CachedPlan { plan: Arc::new(plan), rows: catalog.rows.into_inner().into() };
            plans.insert(text, is_admin, cached.clone());
            Ok(cached)
        })
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
    out.extend_from_slice(b"{\"columns\":[");
    for (at, column) in plan.columns().iter().enumerate() {
        write_item(at, &column.name, out);
    }
    out.extend_from_slice(b"],\"types\":[");
    for (at, column) in plan.columns().iter().enumerate() {
        write_item(at, &column.ty.to_string(), out);
    }
    out.extend_from_slice(b"],\"rows\":");
    out.extend_from_slice(&rows.json);
    out.extend_from_slice(b",\"tx_id\":");
    out.extend_from_slice(itoa::Buffer::new().format(rows.tx.get()).as_bytes());
    out.push(b'}');
}

fn write_item(at: usize, text: &str, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
    json::write_string(text, out);
}
