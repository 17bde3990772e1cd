//! `AS OF`: what a query answers for a moment is what it answered in that moment.

use cosmictron_sql::{AsOf, ExecutionLimits, Plan, Present};
use cosmictron_types::{Timestamp, TxId};
use proptest::prelude::*;

use crate::fixture::Database;

const NOTE: &str = r#"{"table": {"name": "note", "public": true,
    "columns": [
        {"name": "id", "type": "u64"},
        {"name": "slug", "type": "string"},
        {"name": "rank", "type": {"option": "i32"}},
        {"name": "body", "type": "string"}],
    "indexes": [
        {"name": "id", "columns": ["id"], "primary": true},
        {"name": "slug", "columns": ["slug"], "unique": true},
        {"name": "by_rank", "columns": ["rank", "id"]}]}}"#;

/// What is asked in each moment, in every way in which rows are read. `{}` is where the moment is named.
const QUERIES: &[&str] = &[
    "SELECT * FROM note{} ORDER BY id",
    "SELECT count(*) FROM note{}",
    "SELECT count(*), min(rank), max(body) FROM note{} WHERE body <> 'b'",
    "SELECT body FROM note{} WHERE id = 3",
    "SELECT id, body FROM note{} WHERE slug = 's2'",
    "SELECT id FROM note{} WHERE rank >= 1 AND rank < 3 ORDER BY rank, id",
    "SELECT id FROM note{} WHERE rank >= 1 ORDER BY rank DESC, id DESC LIMIT 3",
    "SELECT id FROM note{} WHERE rank = 2 ORDER BY id LIMIT 2 OFFSET 1",
    "SELECT id FROM note{} WHERE rank IS NULL ORDER BY id DESC",
    "SELECT rank, id FROM note{} ORDER BY rank, id LIMIT 4",
    "SELECT rank, count(*) FROM note{} GROUP BY rank ORDER BY rank NULLS FIRST",
    "SELECT DISTINCT slug FROM note{} ORDER BY slug",
];

#[derive(Clone, Debug)]
enum Op {
    Put { id: u8, slug: u8, rank: Option<u8>, body: u8 },
    Delete { id: u8 },
}

impl Op {
    fn row(&self) -> String {
        match self {
            Op::Put { id, slug, rank, body } => {
                let rank = rank.map_or("null".to_owned(), |rank| rank.to_string());
                let body = "b".repeat(usize::from(*body));
                format!(r#"[{id}, "s{slug}", {rank}, "{body}"]"#)
            }
            Op::Delete { id } => format!(r#"[{id}, "", null, ""]"#),
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    let put = (0..8u8, 0..8u8, prop::option::of(0..4u8), 0..60u8);
    prop_oneof![
        3 => put.prop_map(|(id, slug, rank, body)| Op::Put { id, slug, rank, body }),
        1 => (0..8u8).prop_map(|id| Op::Delete { id }),
    ]
}

fn answers(database: &Database, moment: &str) -> Vec<Result<String, String>> {
    let run = |query: &&str| {
        let found = database.run(&query.replace("{}", moment), "[]");
        found.map_err(|error| error.to_string())
    };
    QUERIES.iter().map(run).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_moment_is_answered_as_it_was(
        transactions in prop::collection::vec(prop::collection::vec(op(), 1..5), 1..20),
        forgotten in prop::option::of(0..20u64),
    ) {
        let mut database = Database::empty();
        database.create("notes", &[NOTE]);
        let mut seen = vec![answers(&database, "")];
        for ops in &transactions {
            // One kind of write a transaction.
            let is_put = matches!(ops[0], Op::Put { .. });
            let rows: Vec<String> =
                ops.iter().filter(|op| is_put == matches!(op, Op::Put { .. })).map(Op::row).collect();
            if is_put { database.put("note", &rows) } else { database.delete("note", &rows) }
            seen.push(answers(&database, ""));
        }
        if let Some(tx) = forgotten {
            database.forget(TxId::new(tx));
        }
        for (tx, expected) in seen.iter().enumerate() {
            let found = answers(&database, &format!(" AS OF TX {tx}"));
            if found[0].as_ref().is_err_and(|error| error.contains("it begins with tx")) {
                prop_assert!(forgotten.is_some_and(|forgotten| (tx as u64) < forgotten));
                continue;
            }
            prop_assert_eq!(&found, expected, "as of {}", tx);
            let micros = tx * 1_000 + 999;
            let at = format!(" AS OF TIMESTAMP '1970-01-01 00:00:00.{micros:06}'");
            let by_time = answers(&database, &at);
            prop_assert_eq!(&by_time, expected, "as of {} µs", micros);
        }
    }
}

fn found(database: &Database, plan: &Plan, params: &str, present: Present) -> String {
    let params = plan.read_params(params.as_bytes()).unwrap();
    let tx = match plan.tx(database.store(), &params, present) {
        Ok(tx) => tx,
        Err(error) => return error.to_string(),
    };
    let snapshot = database.store().as_of(tx.unwrap_or(present.tx));
    match plan.execute_at(snapshot, &params, &ExecutionLimits::default()) {
        Ok(rows) => format!("{} rows", rows.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_moment_is_named_by_number_or_by_time() {
    let mut database = Database::filled();
    database.delete("message", &crate::fixture::MESSAGES[..2]);
    // Transactions 1 to 3, in milliseconds of their numbers; elsewhere 7 has been the last one.
    let present = Present { tx: TxId::new(7), now: Timestamp::from_micros(9_500) };
    let check = |sql: &str, params: &str, expected: &str| {
        let plan = database.plan(sql).unwrap();
        assert_eq!(found(&database, &plan, params, present), expected, "{sql}");
    };
    check("SELECT id FROM message", "[]", "4 rows");
    check("SELECT id FROM message AS OF TX 0", "[]", "0 rows");
    check("SELECT id FROM message AS OF TX 1", "[]", "6 rows");
    check("SELECT id FROM message AS OF TX 2", "[]", "6 rows");
    check("SELECT id FROM message AS OF TX 3", "[]", "4 rows");
    check("SELECT id FROM message AS OF TX 7", "[]", "4 rows");
    check("SELECT id FROM message AS OF TX 8", "[]", "tx 8 has not happened yet");
    check("SELECT m.id FROM message AS OF TX $1 AS m WHERE m.id = 1", "[2]", "1 rows");
    check("SELECT m.id FROM message m AS OF TX $1 WHERE m.id = 1", "[3]", "0 rows");
    check("SELECT id FROM message AS OF TX $1", "[null]", "AS OF null names no moment");
    check("SELECT id FROM message AS OF TIMESTAMP '1970-01-01 00:00:00'", "[]", "0 rows");
    check("SELECT id FROM message AS OF TIMESTAMP $1", "[1000]", "6 rows");
    check("SELECT id FROM message AS OF TIMESTAMP $1", "[2999]", "6 rows");
    check("SELECT id FROM message AS OF TIMESTAMP $1", "[3000]", "4 rows");
    check("SELECT id FROM message AS OF TIMESTAMP $1", "[9500]", "4 rows");
    check(
        "SELECT id FROM message AS OF TIMESTAMP $1",
        "[9501]",
        "1970-01-01 00:00:00.009501 has not happened yet",
    );
    let plan = database.plan("SELECT id FROM message AS OF TX 7").unwrap();
    assert_eq!(plan.as_of(&plan.bind_params(&[]).unwrap()), Ok(Some(AsOf::Tx(TxId::new(7)))));
}

#[test]
fn what_is_forgotten_is_refused_with_the_oldest_that_is_kept() {
    let mut database = Database::filled();
    database.delete("message", &crate::fixture::MESSAGES[..1]);
    database.delete("message", &crate::fixture::MESSAGES[1..2]);
    assert_eq!(database.last_tx(), TxId::new(4));
    database.forget(TxId::new(4));
    let refused = |sql: &str| database.run(sql, "[]").unwrap_err().to_string();
    assert_eq!(
        refused("SELECT id FROM message AS OF TX 3"),
        "the history of tx 3 is not kept; it begins with tx 4"
    );
    // A table that has not changed since knows its past all the same.
    database.check("SELECT count(*) FROM every AS OF TX 1", "[[0]]");
    database.check("SELECT count(*) FROM every AS OF TX 2", "[[2]]");
    database.check("SELECT count(*) FROM message AS OF TX 4", "[[4]]");
}

#[test]
fn versions_that_are_looked_at_are_paid_for() {
    let mut database = Database::filled();
    for round in 0..200 {
        database.put("message", &[format!(r#"[1, 7, "ada", "{round}", 100, 5, false, 1.5]"#)]);
    }
    let limits = ExecutionLimits { scanned_max: 100, ..ExecutionLimits::default() };
    for sql in [
        "SELECT body FROM message AS OF TX 2 WHERE id = 1",
        "SELECT body FROM message AS OF TX 2 WHERE room = 7 ORDER BY sent_at",
        "SELECT count(*) FROM message AS OF TX 2",
        "SELECT body FROM message AS OF TX 2",
    ] {
        let error = database.run_within(sql, "[]", &limits).unwrap_err();
        assert_eq!(error.to_string(), "the number of rows read exceeds the limit of 100", "{sql}");
    }
    let found = database.run_within("SELECT body FROM message WHERE id = 1", "[]", &limits);
    assert_eq!(found.unwrap(), r#"[["199"]]"#);
}
