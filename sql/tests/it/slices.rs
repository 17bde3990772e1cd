//! Queries that run in slices, with other transactions in between.

use std::sync::Arc;

use cosmictron_sql::{ExecutionLimits, Params, PartRun, Plan, Resource, SqlError, Step};
use cosmictron_storage::StoreLimits;
use cosmictron_types::TxId;
use proptest::prelude::*;

use crate::fixture::Database;
use crate::shards::question::{Asked, Change, changes, grouped, plain, tables};
use crate::shards::{Answers, FACT, answer, check_answers};

/// A query under way.
struct Running {
    plan: Arc<Plan>,
    params: Arc<Params>,
    limits: ExecutionLimits,
    run: PartRun,
    steps: usize,
}

impl Running {
    fn begin(
        database: &Database,
        (sql, params): &(String, String),
        limits: ExecutionLimits,
        tx: TxId,
    ) -> Self {
        let plan = Arc::new(database.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}")));
        let params = Arc::new(plan.read_params(params.as_bytes()).unwrap());
        let run = plan.begin_part(params.clone(), &limits, tx);
        Self { plan, params, limits, run, steps: 0 }
    }

    /// The answer, once there is one.
    fn step(&mut self, database: &mut Database, rows: u64) -> Option<Result<String, SqlError>> {
        self.steps += 1;
        let part = match self.run.step(database.store_mut(), rows) {
            Ok(Step::More) => return None,
            Ok(Step::Done(part)) => part,
            Err(error) => return Some(Err(error)),
        };
        let (parts, mut out) = ([part], Vec::new());
        Some(self.plan.merge(&parts, &self.params, &self.limits).map(|rows| {
            rows.write_json(&mut out);
            String::from_utf8(out).unwrap()
        }))
    }

    fn finish(&mut self, database: &mut Database, rows: u64) -> Result<String, SqlError> {
        loop {
            if let Some(answer) = self.step(database, rows) {
                return answer;
            }
        }
    }
}

fn facts(limits: StoreLimits, rows: &[(usize, String)]) -> Database {
    let mut database = Database::within(limits);
    database.create("facts", &[FACT]);
    database.insert("fact", &rows.iter().map(|(_, row)| row).collect::<Vec<_>>());
    database
}

fn change(database: &mut Database, change: &Change) {
    match &change.row {
        Some(row) => database.put("fact", &[row]),
        None => database.delete("fact", &[change.any_row()]),
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Change(Change),
    /// One of the queries runs a slice of so many rows.
    Step {
        query: usize,
        rows: u64,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let step = (0..4usize, 1..12u64).prop_map(|(query, rows)| Event::Step { query, rows });
    (changes(), prop::collection::vec(step, 0..40)).prop_flat_map(|(changes, steps)| {
        let changes = changes.into_iter().map(Event::Change);
        Just(changes.chain(steps).collect::<Vec<_>>()).prop_shuffle()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slices_between_changes_answer_as_one_execution_before_them(
        (_, rows) in tables(),
        earlier in changes(),
        asked in prop::collection::vec((prop_oneof![plain(), grouped()], 0..6u64), 4),
        events in events(),
        has_history in any::<bool>(),
        param in 0i64..4,
    ) {
        let kept = StoreLimits::default();
        let limits = if has_history { kept } else { StoreLimits { history_bytes_max: 0, ..kept } };
        let mut database = facts(limits, &rows);
        earlier.iter().for_each(|earlier| change(&mut database, earlier));
        let mut running: Vec<_> = asked
            .iter()
            .map(|(asked, age)| {
                let age = if has_history { *age } else { 0 };
                Some(begin(&database, asked, param, age))
            })
            .collect();
        if !has_history {
            // What is read has to be held before it changes.
            for query in &mut running {
                step(&mut database, query, 1)?;
            }
        }
        for event in &events {
            match event {
                Event::Change(to) => change(&mut database, to),
                Event::Step { query, rows } => step(&mut database, &mut running[*query], *rows)?,
            }
        }
        for query in &mut running {
            step(&mut database, query, u64::MAX)?;
            step(&mut database, query, u64::MAX)?;
            prop_assert!(query.is_none());
        }
    }
}

type Expected = (Asked, String, Answers);

/// A query and what it has to answer, but for what is found in slices.
fn begin(database: &Database, asked: &Asked, param: i64, age: u64) -> (Running, Expected) {
    let tx = TxId::new(database.last_tx().get().saturating_sub(age));
    let text = asked.text(param);
    let whole =
        |(sql, params): &(String, String)| answer(database.run_as_of(sql, params, Some(tx)));
    let answers = Answers {
        merged: Ok(Vec::new()),
        whole: whole(&text),
        everything: whole(&asked.text_of_everything(param)),
    };
    let running = Running::begin(database, &text, ExecutionLimits::default(), tx);
    (running, (asked.clone(), text.0, answers))
}

fn step(
    database: &mut Database,
    query: &mut Option<(Running, Expected)>,
    rows: u64,
) -> Result<(), TestCaseError> {
    let Some((running, _)) = query else { return Ok(()) };
    let Some(found) = running.step(database, rows) else { return Ok(()) };
    let Some((running, (asked, sql, mut answers))) = query.take() else { return Ok(()) };
    answers.merged = answer(found);
    check_answers(&asked, &sql, running.plan.explain(), answers)
}

/// So many facts, whose scores are their ids.
fn numbered(limits: StoreLimits, count: usize) -> Database {
    let rows: Vec<(usize, String)> = (0..count).map(|id| (0, fact(id, id % 7))).collect();
    facts(limits, &rows)
}

fn fact(id: usize, room: usize) -> String {
    format!(r#"[{id}, {room}, "author", {id}, 0, 0, 0.5, 0.5, 0, 0, false, "\\x", [], null]"#)
}

fn asked(sql: &str) -> (String, String) {
    (sql.to_owned(), "[]".to_owned())
}

#[test]
fn a_long_query_takes_as_many_slices_as_it_has_rows_for() {
    let mut database = numbered(StoreLimits::default(), 1_000);
    let mut check = |sql: &str, steps: core::ops::RangeInclusive<usize>, expected: &str| {
        let tx = database.last_tx();
        let limits = ExecutionLimits::default();
        let mut running = Running::begin(&database, &asked(sql), limits, tx);
        assert_eq!(running.finish(&mut database, 100).unwrap(), expected, "{sql}");
        assert!(steps.contains(&running.steps), "{sql}: {} steps", running.steps);
    };
    // What is short, or known to the table, takes one.
    check("SELECT score FROM fact WHERE id = 7", 1..=1, "[[7]]");
    check("SELECT count(*) FROM fact", 1..=1, "[[1000]]");
    check("SELECT id FROM fact LIMIT 1", 1..=1, "[[0]]");
    check("SELECT count(*) FROM fact WHERE id < 100", 1..=1, "[[100]]");
    check("SELECT sum(score) FROM fact WHERE pinned", 10..=11, "[[null]]");
    // Adding up costs as much as reading.
    check("SELECT sum(score) FROM fact", 20..=21, "[[499500]]");
    // The first slice is spent on trying, it may have been all; a row of an index costs twice as much.
    check("SELECT count(score) FROM fact WHERE id >= 500", 16..=17, "[[500]]");
    // Every row is the first one when it comes.
    check("SELECT id FROM fact ORDER BY score DESC LIMIT 1", 200..=251, "[[999]]");
    check("SELECT id FROM fact ORDER BY score LIMIT 1", 20..=22, "[[0]]");
    check("SELECT room, count(*) FROM fact GROUP BY room ORDER BY 1 LIMIT 1", 20..=23, "[[0,143]]");
    // Groups are given out in slices too.
    check("SELECT score FROM fact GROUP BY score ORDER BY 1 LIMIT 1", 150..=171, "[[0]]");
}

#[test]
fn a_whole_query_says_whether_a_slice_is_enough() {
    let database = numbered(StoreLimits::default(), 1_000);
    let check = |sql: &str, rows: u64, is_enough: bool| {
        let plan = database.plan(sql).unwrap();
        let params = plan.read_params(b"[]").unwrap();
        let limits = ExecutionLimits::default();
        let found = plan.execute_within(database.store().present(), &params, &limits, rows);
        assert_eq!(found.unwrap().is_some(), is_enough, "{sql}");
    };
    check("SELECT * FROM fact WHERE id = 1", 0, true);
    check("SELECT * FROM fact WHERE room = 1", 143, true);
    check("SELECT * FROM fact WHERE room = 1", 142, false);
    check("SELECT id FROM fact", 1_000, true);
    check("SELECT id FROM fact", 999, false);
    check("SELECT id FROM fact LIMIT 10", 10, true);
    check("SELECT count(*) FROM fact", 0, true);
    check("SELECT 1", 0, true);
    check("EXPLAIN SELECT id FROM fact", 0, true);
}

#[test]
fn a_table_that_changes_its_shape_ends_the_query() {
    let text = asked("SELECT sum(score) FROM fact");
    let mut database = numbered(StoreLimits::default(), 1_000);
    let tx = database.last_tx();
    let limits = ExecutionLimits::default();
    let mut running = Running::begin(&database, &text, limits, tx);
    assert!(running.step(&mut database, 100).is_none());
    database.drop_table("fact");
    database.create("facts", &[FACT]);
    let stale = SqlError::StalePlan { table: "fact".into() };
    assert_eq!(running.step(&mut database, 100).unwrap(), Err(stale));
}

#[test]
fn a_query_holds_the_past_it_reads_and_no_longer_than_it_lasts() {
    let limits = StoreLimits { history_bytes_max: 0, ..StoreLimits::default() };
    let mut database = numbered(limits, 1_000);
    let change = |database: &mut Database, room| {
        let rows: Vec<String> = (0..1_000).map(|id| fact(id, room)).collect();
        database.put("fact", &rows);
    };
    // One that ends in its first slice asks for nothing.
    let mut short = Running::begin(
        &database,
        &asked("SELECT id FROM fact LIMIT 1"),
        ExecutionLimits::default(),
        database.last_tx(),
    );
    assert!(short.step(&mut database, 100).is_some());
    change(&mut database, 8);
    assert_eq!(database.store().history_bytes(), 0);
    let text = asked("SELECT count(*) FROM fact WHERE room = 8 AND score >= 0");
    let tx = database.last_tx();
    let mut long = Running::begin(&database, &text, ExecutionLimits::default(), tx);
    let mut dropped = Running::begin(&database, &text, ExecutionLimits::default(), tx);
    // By an index the first slice is tried, then all is walked.
    assert!(long.step(&mut database, 100).is_none());
    assert!(dropped.step(&mut database, 100).is_none());
    change(&mut database, 9);
    assert!(database.store().history_bytes() > 0);
    assert_eq!(long.finish(&mut database, 100).unwrap(), "[[1000]]");
    change(&mut database, 10);
    assert!(database.store().history_bytes() > 0, "the other one holds it");
    drop(dropped);
    change(&mut database, 11);
    assert_eq!(database.store().history_bytes(), 0);
}

#[test]
fn slices_end_at_the_limits_of_the_whole() {
    let mut database = numbered(StoreLimits::default(), 1_000);
    let mut check = |sql: &str, limits: ExecutionLimits, expected: Option<Resource>| {
        let tx = database.last_tx();
        let mut running = Running::begin(&database, &asked(sql), limits, tx);
        let found = match running.finish(&mut database, 50) {
            Ok(_) => None,
            Err(SqlError::Exhausted { what, .. }) => Some(what),
            Err(other) => panic!("{sql}: {other}"),
        };
        assert_eq!(found, expected, "{sql}");
    };
    let default = ExecutionLimits::default;
    let scanned_max = |scanned_max| ExecutionLimits { scanned_max, ..default() };
    check("SELECT id FROM fact WHERE maybe = 'x'", scanned_max(1_000), None);
    check("SELECT id FROM fact WHERE maybe = 'x'", scanned_max(999), Some(Resource::RowsScanned));
    check("SELECT id FROM fact LIMIT 500", scanned_max(500), None);
    check("SELECT id FROM fact LIMIT 500", scanned_max(499), Some(Resource::RowsScanned));
    let rows_max = |rows_max| ExecutionLimits { rows_max, ..default() };
    for sql in [
        "SELECT id FROM fact",
        "SELECT id FROM fact ORDER BY score",
        "SELECT id FROM fact LIMIT 1000",
    ] {
        check(sql, rows_max(1_000), None);
        check(sql, rows_max(999), Some(Resource::Rows));
    }
    let bytes_max = |bytes_max| ExecutionLimits { bytes_max, ..default() };
    for sql in ["SELECT author FROM fact", "SELECT author FROM fact ORDER BY score"] {
        check(sql, bytes_max(30_000), Some(Resource::ResultBytes));
    }
    let memory = |memory_bytes_max| ExecutionLimits { memory_bytes_max, ..default() };
    let exhausted = Some(Resource::Memory);
    check("SELECT score FROM fact GROUP BY score", memory(100_000), exhausted);
    check("SELECT DISTINCT score FROM fact", memory(80_000), exhausted);
    check("SELECT DISTINCT author FROM fact", memory(2_000), None);
    check("SELECT id FROM fact ORDER BY score", memory(100_000), exhausted);
    check("SELECT id FROM fact ORDER BY score DESC LIMIT 5", memory(10_000), None);
    check("SELECT id FROM fact LIMIT 1 OFFSET 900", memory(5_000), exhausted);
}
