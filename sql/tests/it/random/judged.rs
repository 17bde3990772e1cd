//! Live queries of numbers against the naive evaluator of [`reference`](crate::reference): a bug that live queries and others share
//! shows nowhere else.

use std::fmt;
use std::sync::Arc;

use proptest::prelude::*;

use super::answer::{Counted, Row, counted};
use super::choice::Choices;
use super::cluster::Cluster;
use super::query::Query;
use super::schema::{Column, Index, Schema, Table};
use super::subscriber::{Asked, Moment, Subscriber};
use super::transaction::Transaction;
use super::value::{Family, Kind};
use crate::reference::ask::{self, Asker, Chance};
use crate::reference::{naive, sql};

static NUMBER: Kind = Kind {
    family: Family::Int,
    json: r#""i32""#,
    name: Some("i32"),
    values: &["0", "1", "2", "3"],
    bits: 32,
};
static KEY: Kind = Kind { values: &["0", "1", "2", "3", "4", "5", "6"], ..NUMBER };

/// Of a table; the evaluator goes through all combinations of rows.
const ROWS_MAX: usize = 7;

pub(crate) struct Judged {
    shards: u16,
    queries: Vec<ask::Query>,
    transactions: Vec<Transaction>,
}

/// The tables that the evaluator's queries name: `a`, `b` and `c`, which has no key.
fn schema() -> Schema {
    let column = |name: &str, kind, is_optional| Column {
        name: name.to_owned(),
        kind,
        is_optional,
        is_auto_inc: false,
    };
    let index = |columns: &[usize], is_primary| Index {
        columns: columns.into(),
        is_unique: is_primary,
        is_primary,
    };
    let table = |name: &str, k, v, indexes, shard_by| Table {
        name: name.to_owned(),
        columns: vec![column("id", &KEY, false), column("k", &NUMBER, k), column("v", &NUMBER, v)],
        indexes,
        shard_by,
        is_event: false,
        policies: Vec::new(),
    };
    let tables = vec![
        table("a", true, true, vec![index(&[0], true), index(&[1], false)], Some(0)),
        table("b", true, false, vec![index(&[0], true), index(&[1, 2], false)], None),
        table("c", false, true, vec![index(&[1], false)], Some(1)),
    ];
    Schema { tables }
}

impl Judged {
    pub(crate) fn random() -> impl Strategy<Value = Self> {
        let tape = prop::collection::vec(any::<u16>(), 20..80);
        let transactions = prop::collection::vec(tape, 1..14);
        let seeds = prop::collection::vec(any::<u64>(), 1..4);
        let shards = prop_oneof![Just(1_u16), Just(4)];
        (shards, transactions, seeds).prop_map(|(shards, transactions, seeds)| {
            let schema = schema();
            let transaction =
                |tape: &Vec<u16>| Transaction::random(&schema, &mut Choices::new(tape));
            let transactions = transactions.iter().map(transaction).collect();
            let queries = seeds.iter().map(|seed| Asker::new(&mut Chance::new(*seed)).query());
            Self { shards, queries: queries.collect(), transactions }
        })
    }

    pub(crate) fn check(&self) {
        let mut cluster = Cluster::new(&schema(), self.shards);
        let mut watched: Vec<(&ask::Query, Subscriber)> = Vec::new();
        for query in &self.queries {
            if let Some(asked) = asked(&sql::write(query), &cluster)
                && let Some(Ok(subscriber)) = Subscriber::new(asked, &cluster)
            {
                watched.push((query, subscriber));
            }
        }
        let all = ["a", "b", "c"].map(|name| {
            asked(&format!("SELECT * FROM {name}"), &cluster).expect("a table can be read")
        });
        cluster.take_watched();
        for (step, transaction) in self.transactions.iter().enumerate() {
            cluster.run(transaction);
            let changes = cluster.take_watched();
            let moment = Moment::of(&cluster);
            let tables =
                all.each_ref().map(|asked| numbers(&asked.answer(&cluster, moment).unwrap()));
            if tables.iter().any(|rows| rows.len() > ROWS_MAX) {
                return;
            }
            watched.retain_mut(|(query, subscriber)| {
                // Too many pairs, at the most.
                if subscriber.take(&changes, &cluster).is_err() {
                    return false;
                }
                subscriber.check(&texts(&naive::answer(query, &tables)), moment, step);
                true
            });
        }
    }
}

fn asked(text: &str, cluster: &Cluster) -> Option<Arc<Asked>> {
    let query = Query { text: text.to_owned(), params: "[]".to_owned(), may_fail: false };
    Asked::new(&query, cluster).map(Arc::new)
}

fn numbers(rows: &[Row]) -> Vec<naive::Row> {
    // An absent number is null.
    rows.iter().map(|row| row.iter().map(|cell| cell.parse().ok()).collect()).collect()
}

fn texts(rows: &[naive::Row]) -> Counted {
    let text = |cell: &Option<i64>| cell.map_or("null".to_owned(), |number| number.to_string());
    let rows: Vec<Row> = rows.iter().map(|row| row.iter().map(text).collect()).collect();
    counted(&rows)
}

impl fmt::Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\non {} shards\n{:?}", self.shards, schema())?;
        self.queries.iter().try_for_each(|query| writeln!(f, "  {}", sql::write(query)))?;
        self.transactions.iter().try_for_each(|transaction| writeln!(f, "  {transaction:?}"))
    }
}
