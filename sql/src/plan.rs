//! A query ready to be executed, any number of times and by any thread.

use std::sync::Arc;

use cosmictron_storage::{Snapshot, Store};
use cosmictron_types::{ColumnIndex, TableId, Timestamp, TxId};

use crate::answer_key::answer_key;
use crate::bind;
use crate::catalog::{Catalog, Sight};
use crate::error::{EvalError, SqlError};
use crate::execute::budget::Budget;
use crate::execute::{MORE, Run, Source};
use crate::explain::{explain, explain_split};
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Cell;
use crate::limits::{ExecutionLimits, PlanLimits};
use crate::live;
use crate::logical::{Node, Query};
use crate::params::{Params, Wanted};
use crate::physical::fixed::{FixedKey, fixed_key};
use crate::physical::split::Split;
use crate::physical::{self, Operator};
use crate::rowset::{OutputColumn, RowSet};
use crate::syntax;
use crate::time_travel::{AsOf, Moment, Present};
use crate::value::{Datum, SqlType};

/// A planned query. Keep it by its text, and forget it when a schema changes; a plan that outlived its tables is
/// refused as [`SqlError::StalePlan`].
#[derive(Debug)]
pub struct Plan {
    /// What it means, for whoever keeps its answer up to date.
    logical: Query,
    operator: Arc<Operator>,
    /// How it is executed over several stores. `None` when it reads no table.
    split: Option<Split>,
    /// What the answer shows of each tuple, one a column.
    exprs: Vec<Expr>,
    columns: Vec<OutputColumn>,
    key: Option<Vec<usize>>,
    tables: Vec<TableId>,
    params: Wanted,
    as_of: Option<Moment>,
    sight: Sight,
    explanation: String,
    /// Of EXPLAIN: how the answer would be kept up to date.
    live_explanation: String,
    /// Whether the text was EXPLAIN: the answer is then the plan itself.
    is_explain: bool,
}

const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Plan>();
    is_shared::<Params>();
};

/// Plans a text: one query, or EXPLAIN of one.
pub fn plan(text: &str, catalog: &dyn Catalog, limits: &PlanLimits) -> Result<Plan, SqlError> {
    let statement = syntax::parse(text, limits)?;
    let bound = bind::bind(&statement, catalog, limits)?;
    let mut plan = Plan::of(bound.query, bound.params, catalog);
    plan.as_of = bound.as_of;
    if statement.explain {
        plan.live_explanation = live::explain::explain(&plan, catalog);
        plan.is_explain = true;
        plan.columns = vec![OutputColumn::text("plan")];
        plan.key = None;
    }
    Ok(plan)
}

fn collect_tables(node: &Node, tables: &mut Vec<TableId>) {
    if let Node::Scan(scan) = node
        && !tables.contains(&scan.table().id)
    {
        tables.push(scan.table().id);
    }
    node.inputs(&mut |input| collect_tables(input, tables));
}

impl Plan {
    /// Of a bound query of the present.
    pub(crate) fn of(query: Query, params: Wanted, catalog: &dyn Catalog) -> Plan {
        let logical = query.clone();
        let key = answer_key(&query);
        let Query { node, output } = query;
        let mut tables = Vec::new();
        collect_tables(&node, &mut tables);
        let operator = Arc::new(physical::plan(node, catalog));
        let columns = output.iter().map(OutputColumn::new).collect();
        let exprs: Vec<Expr> = output.into_iter().map(|output| output.expr).collect();
        let explanation = explain(&operator, &exprs);
        Plan {
            logical,
            split: Split::of(&operator, &exprs),
            operator,
            columns,
            key,
            exprs,
            tables,
            params,
            as_of: None,
            sight: catalog.sight(),
            explanation,
            live_explanation: String::new(),
            is_explain: false,
        }
    }

    /// The columns of the answer; at least one.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// The places of columns whose values, taken together, no two rows of an answer share; no columns where there is never more
    /// than one row. `None` where none are known.
    pub fn key(&self) -> Option<&[usize]> {
        self.key.as_deref()
    }

    /// The tables that an execution reads, each once.
    pub fn tables(&self) -> &[TableId] {
        &self.tables
    }

    /// The types of `$1`, `$2`, … as they were inferred.
    pub fn params(&self) -> &[SqlType] {
        &self.params.types
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.params
    }

    /// Whether the answer depends on who asks: a policy does. It is then executed with [`Params::by`].
    pub fn asks_identity(&self) -> bool {
        self.params.identity
    }

    /// The plan as text: an operator a line, each above the one that it draws on.
    pub fn explain(&self) -> &str {
        &self.explanation
    }

    /// As [`Plan::explain`], for an execution over several stores: what merges, above what runs on each shard.
    pub fn explain_split(&self) -> String {
        match &self.split {
            Some(split) => explain_split(split, &self.exprs),
            None => self.explanation.clone(),
        }
    }

    /// What its answers show of tables with policies: those of one text differ by it.
    pub fn sight(&self) -> Sight {
        self.sight
    }

    pub(crate) fn split(&self) -> Option<&Split> {
        self.split.as_ref()
    }

    pub(crate) fn logical(&self) -> &Query {
        &self.logical
    }

    pub(crate) fn names_a_moment(&self) -> bool {
        self.as_of.is_some()
    }

    /// Whether the answer is the plan itself, and no row is read for it.
    pub fn is_explain(&self) -> bool {
        self.is_explain
    }

    /// Reads parameters from JSON values. Numbers beyond 64 bits lose digits in a [`serde_json::Value`] before they get
    /// here, so they have to be strings; [`Plan::read_params`] takes them either way.
    pub fn bind_params(&self, values: &[serde_json::Value]) -> Result<Params, SqlError> {
        let texts: Vec<String> = values.iter().map(serde_json::Value::to_string).collect();
        Params::read(&self.params.types, texts.iter().map(String::as_str))
    }

    /// Reads parameters from the text of a JSON array, exactly.
    pub fn read_params(&self, text: &[u8]) -> Result<Params, SqlError> {
        Params::read_array(&self.params.types, text)
    }

    /// The moment that the query names, if it does.
    pub fn as_of(&self, params: &Params) -> Result<Option<AsOf>, SqlError> {
        let Some(moment) = &self.as_of else { return Ok(params.moment().map(AsOf::Tx)) };
        let (Moment::Tx(expr) | Moment::Timestamp(expr)) = moment;
        let null = || SqlError::Evaluation(EvalError::NullMoment);
        let Datum::Int(number) = expr.evaluate(Inputs { tuple: &[], params })? else {
            return Err(null());
        };
        let out_of_range = |type_name| SqlError::Evaluation(EvalError::OutOfRange { type_name });
        Ok(Some(match moment {
            Moment::Tx(_) => {
                AsOf::Tx(TxId::new(u64::try_from(number).map_err(|_| out_of_range("u64"))?))
            }
            Moment::Timestamp(_) => AsOf::Timestamp(Timestamp::from_micros(
                i64::try_from(number).map_err(|_| out_of_range("timestamp"))?,
            )),
        }))
    }

    /// Reads the store as of the moment that the query names, or as it is.
    pub fn execute<'e>(
        &'e self,
        store: &'e Store,
        params: &'e Params,
        limits: &ExecutionLimits,
    ) -> Result<RowSet<'e>, SqlError> {
        let snapshot = match self.tx(store, params, Present::of(store))? {
            Some(tx) => store.as_of(tx),
            None => store.present(),
        };
        self.execute_at(snapshot, params, limits)
    }

    /// The transaction as of which the query reads; `None` when it names no moment. Refuses one that has not come, or
    /// that the tables of the query in this store do not know any more.
    pub fn tx(
        &self,
        store: &Store,
        params: &Params,
        present: Present,
    ) -> Result<Option<TxId>, SqlError> {
        let Some(asked) = self.as_of(params)? else { return Ok(None) };
        let tx = asked.tx(store, present)?;
        self.check_kept(store, asked, tx)?;
        Ok(tx)
    }

    fn check_kept(&self, store: &Store, asked: AsOf, tx: Option<TxId>) -> Result<(), SqlError> {
        let tables = self.tables.iter().filter_map(|id| store.table(*id));
        let oldest = tables.map(|table| table.history().oldest).max().unwrap_or(TxId::ZERO);
        match tx {
            Some(tx) if oldest <= tx => Ok(()),
            _ => Err(SqlError::HistoryExpired { asked, oldest }),
        }
    }

    /// What the conditions of the query leave to a column of one of its tables, wherever that is named: a query that they fix
    /// to one key, at every table to one of the same shard, can be answered by the shard that has the rows with these keys, by
    /// [`Plan::execute`].
    pub fn fixed_key(&self, table: TableId, column: ColumnIndex, params: &Params) -> FixedKey {
        if self.check_params(params).is_err() {
            return FixedKey::Any;
        }
        let inputs = Inputs { tuple: &[], params };
        fixed_key(&self.operator, (table, column), &|expr| Ok(expr.evaluate(inputs)?.into_owned()))
    }

    /// Reads a store as of a moment that the caller has chosen, whatever the query names.
    pub fn execute_at<'e>(
        &'e self,
        store: Snapshot<'e>,
        params: &'e Params,
        limits: &ExecutionLimits,
    ) -> Result<RowSet<'e>, SqlError> {
        let run = self.begin(store, params, limits)?;
        if self.is_explain {
            return self.explained(&self.explanation, &run);
        }
        self.answer_whole(&run)
    }

    /// As [`Plan::execute_at`], with the rows of the query's views in a store of their own: tables with the ids and the
    /// schemas that the catalog gave.
    pub fn execute_beside<'e>(
        &'e self,
        store: Snapshot<'e>,
        views: Snapshot<'e>,
        params: &'e Params,
        limits: &ExecutionLimits,
    ) -> Result<RowSet<'e>, SqlError> {
        let run = Run { views: Some(views), ..self.begin(store, params, limits)? };
        if self.is_explain {
            return self.explained(&self.explanation, &run);
        }
        self.answer_whole(&run)
    }

    /// An execution over a store as of some moment. Refuses one that its tables do not know any more.
    pub(crate) fn begin<'e>(
        &self,
        store: Snapshot<'e>,
        params: &'e Params,
        limits: &ExecutionLimits,
    ) -> Result<Run<'e>, SqlError> {
        if let Some(tx) = store.tx() {
            self.check_kept(store.store(), AsOf::Tx(tx), Some(tx))?;
        }
        self.check_params(params)?;
        let source = Source::Store(store);
        Ok(Run { source, views: None, params, budget: Budget::new(limits) })
    }

    pub(crate) fn check_params(&self, params: &Params) -> Result<(), SqlError> {
        let (expected, found) = (self.params.types.len(), params.values().len());
        if expected != found {
            return Err(SqlError::ParameterCount { expected, found });
        }
        if self.params.identity && params.identity().is_none() {
            return Err(EvalError::NoIdentity.into());
        }
        Ok(())
    }

    pub(crate) fn explained<'e>(
        &'e self,
        explanation: &str,
        run: &Run<'e>,
    ) -> Result<RowSet<'e>, SqlError> {
        let mut rows = RowSet::new(&self.columns);
        for line in explanation.lines().chain(self.live_explanation.lines()) {
            rows.open_row(&run.budget)?;
            rows.push(Cell::Value(Datum::text(line.to_owned())), &run.budget)?;
        }
        Ok(rows)
    }

    /// The answer by the operators of one store.
    pub(crate) fn answer_whole<'e>(&'e self, run: &Run<'e>) -> Result<RowSet<'e>, SqlError> {
        self.answer(&self.operator, &self.exprs, run)
    }

    /// The tuples of `operator`, each as the values of `exprs`: the columns of the answer.
    pub(crate) fn answer<'e>(
        &'e self,
        operator: &'e Operator,
        exprs: &'e [Expr],
        run: &Run<'e>,
    ) -> Result<RowSet<'e>, SqlError> {
        let mut rows = RowSet::new(&self.columns);
        let _ = operator.run(run, &mut |tuple| {
            rows.open_row(&run.budget)?;
            for expr in exprs {
                let cell = match expr {
                    Expr::Column(column) => tuple[column.part].cell(column),
                    expr => Cell::Value(run.value(expr, tuple)?),
                };
                rows.push(cell, &run.budget)?;
            }
            Ok(MORE)
        })?;
        Ok(rows)
    }
}
