//! Live queries that compare something with `now()`: at every time the rows that were told add up to the answer of the query
//! at that time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cosmictron_sql::{
    Dataflow, ExecutionLimits, HeldAnswer, LeafChanges, LivePlan, Params, Plan, RowFormat,
};
use cosmictron_types::{Duration, Timestamp};
use proptest::prelude::*;

use crate::fixture::Database;
use crate::live::{all_rows, leaf_changes};

const TABLES: &[&str] = &[
    r#"{"table": {"name": "event", "public": true,
        "columns": [{"name": "id", "type": "u32"}, {"name": "at", "type": {"option": "timestamp"}},
            {"name": "kind", "type": "u32"}, {"name": "length", "type": {"option": "duration"}}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_at", "columns": ["at"]}]}}"#,
    r#"{"table": {"name": "kind", "public": true,
        "columns": [{"name": "id", "type": "u32"}, {"name": "since", "type": "timestamp"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#,
];

/// Queries of every kind, with their parameters. Where there is a LIMIT the order is total.
const QUERIES: &[(&str, &str)] = &[
    ("SELECT id FROM event WHERE at > now() - INTERVAL '10 us'", "[]"),
    ("SELECT id FROM event WHERE now() - INTERVAL '10 us' <= at", "[]"),
    ("SELECT id, at FROM event WHERE at < now()", "[]"),
    ("SELECT id FROM event WHERE at <= now() + $1", "[4]"),
    ("SELECT id FROM event WHERE at >= now()", "[]"),
    ("SELECT id FROM event WHERE at = now()", "[]"),
    ("SELECT id FROM event WHERE NOT (at > now())", "[]"),
    ("SELECT id FROM event WHERE now() - at < INTERVAL '10 us'", "[]"),
    ("SELECT id FROM event WHERE -(at - now()) >= $1", "[7]"),
    ("SELECT id FROM event WHERE at <= now() AND now() < at + length", "[]"),
    (
        "SELECT id FROM event WHERE at BETWEEN now() - INTERVAL '10 us' AND now() + INTERVAL '3 us'",
        "[]",
    ),
    ("SELECT id FROM event WHERE now() BETWEEN at AND at + length", "[]"),
    ("SELECT id FROM event WHERE at BETWEEN $1 AND now()", "[20]"),
    ("SELECT id FROM event WHERE kind = 2 AND at > now() - INTERVAL '10 us' AND id < 6", "[]"),
    ("SELECT id FROM event WHERE now() > $1", "[30]"),
    ("SELECT 7 WHERE now() < $1", "[30]"),
    ("SELECT count(*), max(at), sum(id) FROM event WHERE at > now() - INTERVAL '10 us'", "[]"),
    (
        "SELECT kind, count(*) FROM event WHERE at > now() - INTERVAL '10 us' AND at <= now() GROUP BY kind",
        "[]",
    ),
    (
        "SELECT kind, max(at) FROM event GROUP BY kind HAVING max(at) > now() - INTERVAL '10 us'",
        "[]",
    ),
    ("SELECT DISTINCT kind FROM event WHERE at > now() - INTERVAL '10 us'", "[]"),
    (
        "SELECT e.id, k.id FROM event e JOIN kind k ON k.id = e.kind AND k.since <= now() \
        WHERE e.at > now() - INTERVAL '10 us'",
        "[]",
    ),
    ("SELECT e.id, k.id FROM event e LEFT JOIN kind k ON k.id = e.kind AND k.since <= now()", "[]"),
    (
        "SELECT e.id, k.id FROM event e LEFT JOIN kind k ON k.id = e.kind WHERE k.since <= now()",
        "[]",
    ),
    (
        "SELECT e.id, k.id FROM event e JOIN kind k ON e.at - k.since < now() - TIMESTAMP '1970-01-01'",
        "[]",
    ),
    (
        "SELECT id FROM kind k WHERE EXISTS \
        (SELECT 1 FROM event e WHERE e.kind = k.id AND e.at > now() - INTERVAL '10 us')",
        "[]",
    ),
    (
        "SELECT id FROM kind k WHERE NOT EXISTS \
        (SELECT 1 FROM event e WHERE e.kind = k.id AND e.at > now() - INTERVAL '10 us')",
        "[]",
    ),
    (
        "SELECT id, (SELECT count(*) FROM event e WHERE e.kind = k.id AND e.at < now()) FROM kind k",
        "[]",
    ),
    ("SELECT id, at FROM event WHERE at <= now() ORDER BY at DESC, id LIMIT 2", "[]"),
    (
        "SELECT id FROM event WHERE at < now() UNION ALL SELECT id FROM kind WHERE since > now()",
        "[]",
    ),
    (
        "SELECT n FROM (SELECT kind, count(*) AS n, min(at) AS first FROM event GROUP BY kind) g WHERE first < now()",
        "[]",
    ),
];

/// The rows of a JSON array, with how often each is there.
fn counted(json: &[u8]) -> BTreeMap<String, i64> {
    let rows: Vec<Box<serde_json::value::RawValue>> = serde_json::from_slice(json).unwrap();
    let mut counted = BTreeMap::new();
    for row in rows {
        *counted.entry(row.get().to_owned()).or_default() += 1;
    }
    counted
}

/// A subscriber: a dataflow, and the rows that it was told.
struct Subscriber {
    sql: &'static str,
    plan: Plan,
    params: Params,
    flow: Dataflow,
    rows: BTreeMap<String, i64>,
    held: Option<HeldAnswer>,
}

impl Subscriber {
    fn new(database: &Database, sql: &'static str, params: &str, now: Timestamp) -> Self {
        let plan = database.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let live = LivePlan::of(&plan, database).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(live.moves_with_time(), "{sql}");
        let params = plan.read_params(params.as_bytes()).unwrap().at(now);
        let flow = Dataflow::new(Arc::new(live), Arc::new(params.clone()), 1 << 30).unwrap();
        let mut subscriber = Self { sql, plan, params, flow, rows: BTreeMap::new(), held: None };
        subscriber.apply(all_rows(&subscriber.flow, database.store()), now);
        subscriber
    }

    /// Takes a change; whether it was told anything.
    fn apply(&mut self, changes: LeafChanges, now: Timestamp) -> bool {
        let told = self.flow.apply_at(changes, now);
        let told = told.unwrap_or_else(|error| panic!("{}: {error}", self.sql));
        let rows = told.rows(RowFormat::Json).unwrap();
        for (row, weight) in rows.iter() {
            assert_ne!(weight, 0);
            *self.rows.entry(String::from_utf8(row.to_vec()).unwrap()).or_default() += weight;
        }
        self.rows.retain(|_, weight| *weight != 0);
        let next = self.flow.next_instant();
        assert!(next.is_none_or(|next| now < next), "{}: {next:?} at {now:?}", self.sql);
        let is_told = !told.is_empty();
        match &mut self.held {
            Some(held) => held.add(&told),
            None => self.held = Some(HeldAnswer::of(told)),
        }
        is_told
    }

    /// Goes on to a time. Nothing comes of it before the instant that was foretold.
    fn wait(&mut self, now: Timestamp) {
        let next = self.flow.next_instant();
        let was_told = self.apply(LeafChanges::default(), now);
        let is_due = next.is_some_and(|next| next <= now);
        assert!(is_due || !was_told, "{}: told at {now:?} instead of {next:?}", self.sql);
    }

    fn check(&self, database: &Database, now: Timestamp) {
        let mut out = Vec::new();
        let params = self.params.clone().at(now);
        let rows = self.plan.execute(database.store(), &params, &ExecutionLimits::default());
        rows.unwrap_or_else(|error| panic!("{}: {error}", self.sql)).write_json(&mut out);
        let expected = counted(&out);
        assert_eq!(self.rows, expected, "{} at {now:?}", self.sql);
        // Whoever begins now is told the same.
        let (held, count) = self.held.as_ref().unwrap().rows(RowFormat::Json).unwrap();
        assert_eq!(counted(&held.told()), expected, "{} at {now:?}", self.sql);
        assert_eq!(count, expected.values().sum::<i64>().cast_unsigned());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(&'static str, String),
    Delete(&'static str, String),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let option = |micros: std::ops::Range<i64>| {
        proptest::option::of(micros)
            .prop_map(|micros| micros.map_or("null".to_owned(), |micros| micros.to_string()))
    };
    let event = (0u32..8, option(0..60), 0u32..3, option(-2..15))
        .prop_map(|(id, at, kind, length)| ("event", format!("[{id}, {at}, {kind}, {length}]")));
    let kind = (0u32..3, 0i64..60).prop_map(|(id, since)| ("kind", format!("[{id}, {since}]")));
    let write = (prop_oneof![4 => event, 1 => kind], 0..4u8).prop_map(|((table, row), kind)| {
        if kind == 0 { Step::Delete(table, row) } else { Step::Put(table, row) }
    });
    prop_oneof![3 => write, 2 => (0i64..8).prop_map(Step::Wait)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_adds_up_to_the_answer_at_the_time(
        steps in proptest::collection::vec(step(), 1..60),
        begin in 0usize..30,
    ) {
        let mut database = Database::empty();
        database.create("work", TABLES);
        let tables = ["event", "kind"].map(|name| {
            database.plan(&format!("SELECT * FROM {name}")).unwrap().tables()[0]
        });
        database.store_mut().watch(BTreeSet::from(tables));
        let mut now = Timestamp::from_micros(10);
        let mut subscribers: Vec<Subscriber> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            if at == begin.min(steps.len() - 1) {
                database.store_mut().take_watched();
                subscribers = QUERIES
                    .iter()
                    .map(|(sql, params)| Subscriber::new(&database, sql, params, now))
                    .collect();
                subscribers.iter().for_each(|subscriber| subscriber.check(&database, now));
            }
            match step {
                Step::Put(table, row) => database.put(table, &[row]),
                Step::Delete(table, row) => database.delete(table, &[row]),
                Step::Wait(micros) => {
                    now = now + Duration::from_micros(*micros);
                    subscribers.iter_mut().for_each(|subscriber| subscriber.wait(now));
                }
            }
            let watched = database.store_mut().take_watched();
            for subscriber in &mut subscribers {
                let mut changes = LeafChanges::default();
                for (_, change) in watched.iter().flat_map(|watched| watched.iter()) {
                    leaf_changes(&subscriber.flow, &change, &mut changes).unwrap();
                }
                subscriber.apply(changes, now);
                subscriber.check(&database, now);
            }
        }
        // What has come and gone leaves nothing behind.
        let late = now + Duration::from_secs(1);
        for subscriber in &mut subscribers {
            subscriber.wait(late);
            subscriber.check(&database, late);
            prop_assert_eq!(subscriber.flow.next_instant(), None);
        }
    }
}

fn database(rows: &[&str]) -> Database {
    let mut database = Database::empty();
    database.create("work", TABLES);
    database.put("event", rows);
    database
}

#[test]
fn the_next_instant_is_when_the_first_row_comes_or_goes() {
    let database = database(&["[1, 5, 1, null]", "[2, 40, 1, null]", "[3, 90, 1, null]"]);
    let window = "SELECT id FROM event WHERE at > now() - INTERVAL '50 us' AND at <= now()";
    let at = Timestamp::from_micros;
    let mut subscriber = Subscriber::new(&database, window, "[]", at(10));
    let mut instants = Vec::new();
    while let Some(next) = subscriber.flow.next_instant() {
        subscriber.wait(next);
        instants.push((next.as_micros(), subscriber.rows.keys().cloned().collect::<String>()));
    }
    let expected = [(40, "[1][2]"), (55, "[2]"), (90, "[3]"), (140, "")];
    let expected = expected.map(|(at, rows)| (at, rows.to_owned()));
    assert_eq!(instants, expected);
    assert_eq!(subscriber.flow.bytes(), 0);
}

/// What is too old when a query begins is not even read: an index leads to the rest.
#[test]
fn what_is_over_is_not_read_at_the_beginning() {
    let rows: Vec<String> = (0..1000).map(|id| format!("[{id}, {id}, 1, null]")).collect();
    let database = database(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let plan = database.plan("SELECT id FROM event WHERE at > now() - INTERVAL '10 us'").unwrap();
    let live = LivePlan::of(&plan, &database).unwrap();
    let params = Params::default().at(Timestamp::from_micros(1000));
    let flow = Dataflow::new(Arc::new(live), Arc::new(params), 1 << 30).unwrap();
    assert_eq!(all_rows(&flow, database.store()).len(), 9);
    let explained = flow.plan().initial()[0].explain();
    assert!(explained.contains("by_at"), "{explained}");
}

/// The query that is asked once stops at the first condition that is false.
#[test]
fn a_row_that_is_not_in_the_window_is_not_computed_with() {
    let sql = "SELECT id FROM event WHERE at > now() - INTERVAL '10 us' AND 12 / kind > 3";
    let database = database(&["[1, 5, 0, null]", "[2, 40, 2, null]"]);
    let mut subscriber = Subscriber::new(&database, sql, "[]", Timestamp::from_micros(30));
    subscriber.check(&database, Timestamp::from_micros(30));
    subscriber.wait(Timestamp::from_micros(60));
    subscriber.check(&database, Timestamp::from_micros(60));
}

#[test]
fn what_cannot_be_kept_up_to_date_by_time_is_refused_by_name() {
    let database = database(&[]);
    let refused = |sql: &str, expected: &str| {
        let error = LivePlan::of(&database.plan(sql).unwrap(), &database).unwrap_err();
        let expected = format!("a subscription to now() {expected} is not supported");
        assert!(error.to_string().starts_with(&expected), "{sql}: {error}");
    };
    let elsewhere = "elsewhere than in a condition on rows";
    refused("SELECT now() FROM event", elsewhere);
    refused("SELECT count(*) FILTER (WHERE at > now()) FROM event", elsewhere);
    refused("SELECT max(now() - at) FROM event", elsewhere);
    refused("SELECT id FROM event ORDER BY now() - at, id LIMIT 1", elsewhere);
    let filter = |condition: &str| format!("SELECT id FROM event WHERE {condition}");
    refused(&filter("at > now() OR kind = 1"), "in OR");
    refused(&filter("NOT (at > now() AND kind = 1)"), "in NOT");
    refused(&filter("at NOT BETWEEN now() AND $1"), "in NOT BETWEEN");
    refused(&filter("at <> now()"), "compared by <>");
    refused(&filter("NOT (at = now())"), "compared by <>");
    refused(&filter("now() - at < now() - $1"), "compared with another now()");
    refused(&filter("at - now() > now() - at"), "compared with another now()");
    let other = "in a condition other than a comparison";
    refused(&filter("at IN (now())"), other);
    refused(&filter("(at > now()) IS TRUE"), other);
    refused(&filter("CASE WHEN at > now() THEN true ELSE false END"), other);
    let more = "in a comparison of more than sums of times";
    refused(&filter("(now() - at) * 2 > INTERVAL '1 us'"), more);
    refused(&filter("date_trunc('minute', now()) < at"), more);
    refused(&filter("extract(year FROM now()) = 2026"), more);
    let sides = "in a condition on both sides of an outer join";
    refused(
        "SELECT 1 FROM event e LEFT JOIN kind k ON e.at - k.since < now() - TIMESTAMP '1970-01-01'",
        sides,
    );
}
