//! Whatever a condition is, of a table's rows it is true, false or unknown: the parts make all, and a filter finds those for which
//! the value is true. Both ways to ask share the meaning of expressions, but not the ways that lead to rows.

use std::fmt;

use cosmictron_sql::{ExecutionLimits, SqlError, plan};
use cosmictron_storage::Store;
use proptest::prelude::*;

use super::choice::Choices;
use super::cluster::{Cluster, plan_limits};
use super::predicate::{RowPredicate, row_predicate};
use super::schema::Schema;
use super::scope::Bounds;
use super::transaction::Transaction;

pub(crate) struct Partition {
    schema: Schema,
    transactions: Vec<Transaction>,
    table: usize,
    predicate: RowPredicate,
}

impl Partition {
    pub(crate) fn random() -> impl Strategy<Value = Self> {
        let tape = |length: usize| prop::collection::vec(any::<u16>(), length / 4..length);
        let transactions = prop::collection::vec(tape(100), 1..10);
        (tape(160), transactions, tape(160)).prop_map(|(schema, transactions, predicate)| {
            let schema = Schema::random(&mut Choices::new(&schema));
            let transaction =
                |tape: &Vec<u16>| Transaction::random(&schema, &mut Choices::new(tape));
            let transactions = transactions.iter().map(transaction).collect();
            let choices = &mut Choices::new(&predicate);
            let table = choices.below(schema.tables.len());
            let predicate = row_predicate(&schema, table, "r", choices, Bounds::FEW_ROWS);
            Self { schema, transactions, table, predicate }
        })
    }

    pub(crate) fn check(&self) {
        let mut cluster = Cluster::new(&self.schema, 4);
        self.transactions.iter().for_each(|transaction| cluster.run(transaction));
        let predicate = &self.predicate.text;
        let all = format!("SELECT count(*) FROM {} r", self.schema.tables[self.table].name);
        let none = RowPredicate { text: String::new(), params: Vec::new() };
        let whole = count(&cluster, &all, &none);
        let of = |condition: String| {
            count(&cluster, &format!("{all} WHERE {condition}"), &self.predicate)
        };
        let found = of(predicate.clone());
        let parts = [found, of(format!("NOT ({predicate})")), of(format!("({predicate}) IS NULL"))];
        assert_eq!(parts.iter().sum::<u64>(), whole, "{parts:?}");
        let computed = format!(
            "SELECT count(*) FILTER (WHERE q.t) FROM (SELECT ({predicate}) IS TRUE AS t FROM {} r) q",
            self.schema.tables[self.table].name
        );
        assert_eq!(count(&cluster, &computed, &self.predicate), found);
    }
}

fn count(cluster: &Cluster, text: &str, predicate: &RowPredicate) -> u64 {
    let sum = || -> Result<u64, SqlError> {
        let plan = plan(text, cluster, &plan_limits())?;
        let params = format!("[{}]", predicate.params.join(", "));
        let params = plan.read_params(params.as_bytes())?;
        let limits = ExecutionLimits::default();
        let part = |store: &Store| plan.execute_part(store.present(), &params, &limits);
        let parts = cluster.stores().map(part).collect::<Result<Vec<_>, _>>()?;
        let mut json = Vec::new();
        plan.merge(&parts, &params, &limits)?.write_json(&mut json);
        let rows: Vec<Vec<u64>> = serde_json::from_slice(&json).unwrap();
        Ok(rows[0][0])
    };
    sum().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowPredicate { text, params } = &self.predicate;
        writeln!(f, "\n{:?}", self.schema)?;
        writeln!(f, "  t{} r WHERE {text}  with {params:?}", self.table)?;
        self.transactions.iter().try_for_each(|transaction| writeln!(f, "  {transaction:?}"))
    }
}
