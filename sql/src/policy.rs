//! Row-level security beyond queries: the check of a table's policies when they are deployed, and what they say of one row,
//! for whoever reads or writes rows one by one.
//!
//! Of queries the planner sees to it (`bind/policy`). Here a policy is what it is there: a condition over the row, or a query
//! whose parameters are the columns of the row. A row in hand need not be in the table: before it is written it is not.
//!
//! Invariants:
//! 1. What cannot be evaluated admits nothing.

use std::sync::Arc;

use cosmictron_storage::{Snapshot, TableDef};
use cosmictron_types::schema::TableSchema;
use cosmictron_types::{Identity, Timestamp};

use crate::bind::policy::{OfRow, admitted, columns_of, of_row};
use crate::catalog::Catalog;
use crate::error::SqlError;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Part;
use crate::expr::{ColumnRef, Expr};
use crate::limits::{ExecutionLimits, PlanLimits};
use crate::live::LivePlan;
use crate::logical::{Node, Output, Query};
use crate::params::Params;
use crate::partial::PartialRows;
use crate::plan::Plan;
use crate::rowset::RowSet;
use crate::value::{Datum, Integer, SqlType};

/// A policy that a table cannot have. Its author's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}, the {kind} policy `{text}`: {error}")]
pub struct PolicyError {
    pub table: String,
    /// `read` or `write`.
    pub kind: &'static str,
    pub text: String,
    #[source]
    pub error: SqlError,
}

/// What policies of one kind say of rows of a table, one by one: a row is admitted if any of them admits it.
#[derive(Debug)]
pub struct RowPolicy {
    table: Arc<TableDef>,
    conditions: Vec<Condition>,
    columns: Vec<ColumnRef>,
}

#[derive(Debug)]
enum Condition {
    Row(Vec<Expr>),
    Query(Box<Plan>),
}

impl RowPolicy {
    /// What the read policies of a table say; `None` where it has none.
    ///
    /// # Errors
    ///
    /// Names the policy that the table cannot have.
    pub fn of_reading(
        table: &Arc<TableDef>,
        catalog: &dyn Catalog,
        limits: &PlanLimits,
    ) -> Result<Option<RowPolicy>, PolicyError> {
        Self::of("read", TableSchema::read_policies(&table.schema), table, catalog, limits)
    }

    /// As [`RowPolicy::of_reading`], of the write policies.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn of_writing(
        table: &Arc<TableDef>,
        catalog: &dyn Catalog,
        limits: &PlanLimits,
    ) -> Result<Option<RowPolicy>, PolicyError> {
        Self::of("write", TableSchema::write_policies(&table.schema), table, catalog, limits)
    }

    /// Admits no row: for a table whose policies are not understood any more.
    pub fn of_nobody(table: &Arc<TableDef>) -> RowPolicy {
        RowPolicy { table: table.clone(), conditions: Vec::new(), columns: Vec::new() }
    }

    fn of<'t>(
        kind: &'static str,
        texts: impl Iterator<Item = &'t str>,
        table: &Arc<TableDef>,
        catalog: &dyn Catalog,
        limits: &PlanLimits,
    ) -> Result<Option<RowPolicy>, PolicyError> {
        let mut conditions = Vec::new();
        for text in texts {
            let bound = of_row(text, table, catalog, limits);
            match bound.map_err(|error| refused(table, kind, text, error))? {
                OfRow::Row(predicates) => conditions.push(Condition::Row(predicates)),
                OfRow::Query(policy) => {
                    let plan = Plan::of(any_of(policy.node), policy.params, catalog);
                    conditions.push(Condition::Query(Box::new(plan)));
                }
            }
        }
        // What looks at the row alone is asked first.
        conditions.sort_by_key(|condition| matches!(condition, Condition::Query(_)));
        let (table, columns) = (table.clone(), columns_of(table));
        Ok((!conditions.is_empty()).then_some(RowPolicy { table, conditions, columns }))
    }

    /// The queries that may have to be asked.
    pub fn queries(&self) -> impl Iterator<Item = &Plan> {
        self.conditions.iter().filter_map(|condition| match condition {
            Condition::Query(plan) => Some(&**plan),
            Condition::Row(_) => None,
        })
    }

    /// Whether a row is admitted, which is one of the table's by its form. `ask` tells whether a query has any row: see
    /// [`Plan::has_row`]; its error ends the matter.
    ///
    /// # Errors
    ///
    /// Those of `ask`.
    pub fn admits<E>(
        &self,
        row: &[u8],
        identity: Identity,
        now: Timestamp,
        ask: &mut dyn FnMut(&Plan, &Params) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let part = Part::Row { layout: &self.table.layout, bytes: row };
        let mut params = Params::default().by(identity).at(now);
        for condition in &self.conditions {
            let is_admitted = match condition {
                Condition::Row(predicates) => all_true(predicates, &part, &params),
                Condition::Query(plan) => {
                    if !params.has_values() {
                        let values = self.columns.iter().map(|column| part.column(column));
                        params = params.with(values.map(Datum::into_owned).collect());
                    }
                    ask(plan, &params)?
                }
            };
            if is_admitted {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn all_true(predicates: &[Expr], part: &Part<'_>, params: &Params) -> bool {
    let inputs = Inputs { tuple: std::slice::from_ref(part), params };
    predicates.iter().all(|predicate| matches!(predicate.truth(inputs), Ok(Some(true))))
}

/// One row if the node has any tuple.
fn any_of(node: Node) -> Query {
    let one = Expr::Literal { value: Datum::Int(1), ty: SqlType::Int(Integer::I64) };
    let node = Node::Limit { input: Box::new(node), limit: Some(one), offset: None };
    let output =
        Output { name: "is_admitted".to_owned(), expr: Expr::boolean(true), ty: SqlType::Bool };
    Query { node, output: vec![output] }
}

impl Plan {
    /// Whether it has a row over stores taken together: of their present, what an open transaction has written is seen. Those
    /// that have rows of its tables are to be among them. Also says how many rows were read for it.
    ///
    /// # Errors
    ///
    /// Those of an execution.
    pub fn has_row<'s>(
        &self,
        stores: impl Iterator<Item = Snapshot<'s>>,
        params: &Params,
        limits: &ExecutionLimits,
    ) -> Result<(bool, u64), SqlError> {
        self.over(stores, params, limits, |rows| !rows.is_empty())
    }

    /// As [`Plan::has_row`]: the first value of the first row, where that is a number.
    ///
    /// # Errors
    ///
    /// Those of an execution.
    pub fn first_number<'s>(
        &self,
        stores: impl Iterator<Item = Snapshot<'s>>,
        params: &Params,
        limits: &ExecutionLimits,
    ) -> Result<(Option<u64>, u64), SqlError> {
        self.over(stores, params, limits, |rows| match rows.rows().next()?.first()? {
            Datum::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        })
    }

    fn over<'s, T>(
        &self,
        mut stores: impl Iterator<Item = Snapshot<'s>>,
        params: &Params,
        limits: &ExecutionLimits,
        look: impl FnOnce(&RowSet<'_>) -> T,
    ) -> Result<(T, u64), SqlError> {
        let (first, second) = (stores.next(), stores.next());
        if let (Some(only), None) = (first, second) {
            let run = self.begin(only, params, limits)?;
            let rows = self.answer_whole(&run)?;
            return Ok((look(&rows), run.budget.scanned()));
        }
        let stores = first.into_iter().chain(second).chain(stores);
        let parts = stores.map(|store| self.execute_part(store, params, limits));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let scanned = parts.iter().map(PartialRows::scanned).sum();
        Ok((look(&self.merge(&parts, params, limits)?), scanned))
    }
}

/// Checks all policies of a table as they will be used: for queries, for live queries, for one row.
///
/// # Errors
///
/// The first that is refused, and why.
pub fn check_policies(
    table: &Arc<TableDef>,
    catalog: &dyn Catalog,
    limits: &PlanLimits,
) -> Result<(), PolicyError> {
    RowPolicy::of_writing(table, catalog, limits)?;
    RowPolicy::of_reading(table, catalog, limits)?;
    let texts: Vec<&str> = table.schema.read_policies().collect();
    for text in &texts {
        check_reading(&[text], table, catalog, limits)
            .map_err(|error| refused(table, "read", text, error))?;
    }
    if texts.len() > 1 {
        check_reading(&texts, table, catalog, limits)
            .map_err(|error| refused(table, "read", &texts.join(" OR "), error))?;
    }
    Ok(())
}

/// Everybody may subscribe to what is read.
fn check_reading(
    texts: &[&str],
    table: &Arc<TableDef>,
    catalog: &dyn Catalog,
    limits: &PlanLimits,
) -> Result<(), SqlError> {
    let policy = admitted(texts, table, catalog, limits)?;
    let output = columns_of(table).into_iter().map(|column| Output {
        name: column.name.to_string(),
        ty: column.ty.clone(),
        expr: Expr::Column(column),
    });
    let query = Query { node: policy.node.guarded(), output: output.collect() };
    LivePlan::of(&Plan::of(query, policy.params, catalog), catalog)?;
    Ok(())
}

fn refused(table: &TableDef, kind: &'static str, text: &str, error: SqlError) -> PolicyError {
    PolicyError { table: table.name.to_string(), kind, text: text.to_owned(), error }
}
