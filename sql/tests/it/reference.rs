//! Random queries of several tables against a naive evaluator that knows nothing of joins by hash, of indexes, of moved
//! predicates or of sub-queries as joins: it goes through all combinations of rows, in nested loops.
//!
//! Each query is run whole, in parts over several stores, and in slices; with statistics that make the planner choose other
//! ways each time.

pub(crate) mod ask;
pub(crate) mod naive;
pub(crate) mod sql;

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{ExecutionLimits, Params, PartialRows, Plan, SqlError, Step};
use cosmictron_types::TxId;
use proptest::prelude::*;

use crate::fixture::Database;
use ask::{Asker, Chance, Query};
use naive::{Row, Tables};

/// Three tables of numbers, of which one has no index at all.
const SCHEMAS: &[&str] = &[
    r#"{"table": {"name": "a", "public": true,
        "columns": [
            {"name": "id", "type": "i32"},
            {"name": "k", "type": {"option": "i32"}},
            {"name": "v", "type": {"option": "i32"}}],
        "indexes": [
            {"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_k", "columns": ["k"]}]}}"#,
    r#"{"table": {"name": "b", "public": true,
        "columns": [
            {"name": "id", "type": "i32"},
            {"name": "k", "type": {"option": "i32"}},
            {"name": "v", "type": "i32"}],
        "indexes": [
            {"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_kv", "columns": ["k", "v"]}]}}"#,
    r#"{"table": {"name": "c", "public": true,
        "columns": [
            {"name": "id", "type": "i32"},
            {"name": "k", "type": "i32"},
            {"name": "v", "type": {"option": "i32"}}],
        "indexes": []}}"#,
];

const TABLES: [&str; 3] = ["a", "b", "c"];

/// The answer to a query over several stores, as JSON.
pub(crate) fn merged(
    plan: &Plan,
    shards: &[Database],
    params: &Params,
) -> Result<String, SqlError> {
    let limits = ExecutionLimits::default();
    let parts =
        shards.iter().map(|shard| plan.execute_part(shard.store().present(), params, &limits));
    let parts = parts.collect::<Result<Vec<PartialRows>, _>>()?;
    let mut out = Vec::new();
    plan.merge(&parts, params, &limits)?.write_json(&mut out);
    Ok(String::from_utf8(out).unwrap())
}

struct Stores {
    shards: Vec<Database>,
    whole: Database,
}

impl Stores {
    fn new(shards: usize, tables: &Tables, chance: &mut Chance) -> Self {
        let database = || {
            let mut database = Database::empty();
            database.create("numbers", SCHEMAS);
            database
        };
        let mut stores =
            Self { shards: (0..shards).map(|_| database()).collect(), whole: database() };
        for (name, rows) in TABLES.iter().zip(tables) {
            let mut of_shards = vec![Vec::new(); shards];
            for row in rows {
                of_shards[chance.below(shards)].push(json(row));
            }
            for (at, rows) in of_shards.iter().enumerate() {
                for (other, shard) in stores.shards.iter_mut().enumerate() {
                    if at == other { shard.insert(name, rows) } else { shard.pass() }
                }
                stores.whole.insert(name, rows);
            }
        }
        stores
    }

    /// What the planner believes.
    fn believe(&mut self, chance: &mut Chance) {
        for name in TABLES {
            let rows = [0, 5_000, 1_000_000][chance.below(3)];
            self.whole.believe(name, rows);
        }
    }

    fn merged(&self, plan: &Plan) -> Result<String, SqlError> {
        merged(plan, &self.shards, &plan.bind_params(&[])?)
    }

    /// In slices of a row or two.
    fn sliced(&mut self, plan: &Arc<Plan>, rows: u64) -> Result<String, SqlError> {
        let limits = ExecutionLimits::default();
        let params = Arc::new(plan.bind_params(&[])?);
        let mut parts = Vec::new();
        for shard in &mut self.shards {
            let tx: TxId = shard.last_tx();
            let mut run = plan.begin_part(params.clone(), &limits, tx);
            parts.push(loop {
                match run.step(shard.store_mut(), rows)? {
                    Step::More => {}
                    Step::Done(part) => break part,
                }
            });
        }
        let mut out = Vec::new();
        plan.merge(&parts, &params, &limits)?.write_json(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }
}

fn json(row: &[Option<i64>]) -> String {
    let values = row.iter().map(|value| value.map_or("null".to_owned(), |value| value.to_string()));
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn rows_of(json: &str) -> Vec<Row> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn counted(rows: &[Row]) -> BTreeMap<&Row, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row).or_insert(0) += 1);
    counts
}

fn same(query: &Query, found: &[Row], expected: &[Row]) -> bool {
    if query.is_ordered() { found == expected } else { counted(found) == counted(expected) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queries_answer_as_the_naive_evaluator_does(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let tables = ask::tables(&mut chance);
        let shards = 1 + chance.below(4);
        let mut stores = Stores::new(shards, &tables, &mut chance);
        for _ in 0..4 {
            stores.believe(&mut chance);
            let query = Asker::new(&mut chance).query();
            let text = sql::write(&query);
            let expected = naive::answer(&query, &tables);
            let plan = stores.whole.plan(&text);
            let plan = Arc::new(plan.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?);
            let whole = rows_of(&stores.whole.run(&text, "[]").map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?);
            prop_assert!(same(&query, &whole, &expected), "whole\n{}\n{}\n{:?}\n{:?}\n{:?}", text, plan.explain(), tables, whole, expected);
            let merged = rows_of(&stores.merged(&plan).unwrap());
            prop_assert!(same(&query, &merged, &expected), "merged\n{}\n{}\n{:?}\n{:?}\n{:?}", text, plan.explain_split(), tables, merged, expected);
            let sliced = rows_of(&stores.sliced(&plan, 1 + chance.below(3) as u64).unwrap());
            prop_assert!(same(&query, &sliced, &expected), "sliced\n{}\n{}\n{:?}\n{:?}\n{:?}", text, plan.explain_split(), tables, sliced, expected);
        }
    }
}
