//! Live queries: after every transaction the rows that were told add up to the answer of the query (invariant 4).

use std::collections::BTreeSet;
use std::sync::Arc;

use cosmictron_sql::{
    Dataflow, EncodedRows, ExecutionLimits, InitialRows, LeafChanges, LivePlan, Params, Plan,
    RowChanges, RowFormat, SqlError,
};
use cosmictron_storage::{Change, Store};
use proptest::prelude::*;

use crate::fixture::Database;

const TABLES: &[&str] = &[
    r#"{"table": {"name": "person", "public": true,
        "columns": [{"name": "id", "type": "u32"}, {"name": "team", "type": {"option": "u32"}},
            {"name": "name", "type": "string"}, {"name": "age", "type": {"option": "i32"}},
            {"name": "weight", "type": "f64"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_team", "columns": ["team"]}]}}"#,
    r#"{"table": {"name": "team", "public": true,
        "columns": [{"name": "id", "type": "u32"}, {"name": "name", "type": "string"},
            {"name": "lead", "type": {"option": "u32"}}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#,
    r#"{"table": {"name": "task", "public": true,
        "columns": [{"name": "id", "type": "u32"}, {"name": "owner", "type": {"option": "u32"}},
            {"name": "points", "type": "i64"}, {"name": "done", "type": "bool"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_owner", "columns": ["owner"]}]}}"#,
];

/// Queries of every kind that can be kept up to date. Few of those with a LIMIT have an order that is total.
const QUERIES: &[&str] = &[
    "SELECT * FROM person",
    "SELECT name, age + 1 FROM person WHERE team = 2 AND age > 1",
    "SELECT 7, 'x'",
    "SELECT DISTINCT age FROM person",
    "SELECT count(*) FROM person",
    "SELECT count(*), sum(age), min(name), max(age), avg(age) FROM person WHERE age <> 2",
    "SELECT team, count(age), sum(weight), avg(weight), min(age), max(name) FROM person GROUP BY team",
    "SELECT team, count(DISTINCT age), sum(DISTINCT age), count(*) FILTER (WHERE age > 2) FROM person GROUP BY team",
    "SELECT done, bool_and(points > 1), bool_or(points > 3), sum(points * 1.50) FROM task GROUP BY done",
    "SELECT team, string_agg(name, '-') FROM person GROUP BY team HAVING count(*) > 1",
    "SELECT p.name, t.name FROM person p JOIN team t ON p.team = t.id",
    "SELECT p.name, t.name FROM person p, team t WHERE p.team = t.id AND t.name <> 'b' AND p.age < 4",
    "SELECT p.name, t.name FROM person p LEFT JOIN team t ON p.team = t.id AND t.name <> 'a'",
    "SELECT p.id, t.id FROM person p RIGHT JOIN team t ON p.team = t.id",
    "SELECT p.id, t.id FROM person p FULL JOIN team t ON p.team = t.id AND p.age > 1",
    "SELECT p.id, t.id FROM person p JOIN team t ON p.id < t.id",
    "SELECT p.id, t.id FROM person p CROSS JOIN team t",
    "SELECT a.id, b.id FROM person a JOIN person b ON a.team = b.team AND a.id < b.id",
    "SELECT p.name, t.name, k.points FROM person p JOIN team t ON t.id = p.team JOIN task k ON k.owner = p.id",
    "SELECT t.name, count(k.id), sum(k.points) FROM team t LEFT JOIN person p ON p.team = t.id \
        LEFT JOIN task k ON k.owner = p.id AND NOT k.done GROUP BY t.name",
    "SELECT name FROM person WHERE team IN (SELECT id FROM team WHERE name <> 'c')",
    "SELECT id FROM person WHERE team NOT IN (SELECT lead FROM team)",
    "SELECT id, team NOT IN (SELECT lead FROM team) FROM person",
    "SELECT id, age IN (SELECT lead FROM team WHERE team.id = person.team) FROM person",
    "SELECT name FROM team t WHERE EXISTS (SELECT 1 FROM person p WHERE p.team = t.id AND p.age > 2)",
    "SELECT name FROM team t WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.team = t.id)",
    "SELECT name, (SELECT name FROM team t WHERE t.id = p.team) FROM person p",
    "SELECT id, (SELECT sum(points) FROM task k WHERE k.owner = p.id) FROM person p",
    "SELECT id, (SELECT count(*) FROM task k WHERE k.owner = p.id) FROM person p",
    "SELECT id FROM person WHERE age > (SELECT avg(age) FROM person)",
    "SELECT name FROM person UNION SELECT name FROM team",
    "SELECT id, name FROM person UNION ALL SELECT id, name FROM team",
    "SELECT id, age FROM person ORDER BY age DESC NULLS LAST, id LIMIT 3",
    "SELECT id, age FROM person ORDER BY age, id LIMIT 2 OFFSET 1",
    "SELECT name, n FROM (SELECT team, count(*) AS n FROM person GROUP BY team) g JOIN team t ON t.id = g.team \
        ORDER BY n DESC, t.id LIMIT 2",
    "WITH busy AS (SELECT owner, sum(points) AS load FROM task WHERE NOT done GROUP BY owner) \
        SELECT p.name, b.load FROM person p JOIN busy b ON b.owner = p.id WHERE b.load > 2",
    "SELECT CASE WHEN age > 2 THEN 'old' ELSE coalesce(name, '?') END, count(*) FROM person GROUP BY 1",
    "SELECT p.id FROM person p WHERE p.team = (SELECT max(id) FROM team)",
    "SELECT name, age FROM person ORDER BY age DESC LIMIT 3",
    "SELECT name FROM person ORDER BY team LIMIT 2 OFFSET 1",
    "SELECT weight FROM person WHERE age < 4 ORDER BY name DESC OFFSET 2",
    "SELECT id, done FROM task ORDER BY owner NULLS FIRST LIMIT 2",
    "SELECT points FROM task WHERE owner = 1 ORDER BY done LIMIT 1",
    "SELECT points + 1 FROM task ORDER BY owner DESC NULLS LAST LIMIT 3 OFFSET 1",
    "SELECT p.id, t.name FROM person p JOIN team t ON p.team = t.id ORDER BY t.name LIMIT 3",
    "SELECT p.name, k.points FROM person p LEFT JOIN task k ON k.owner = p.id ORDER BY p.team NULLS FIRST LIMIT 4",
    "SELECT p.name, k.points FROM person p FULL JOIN task k ON k.owner = p.id ORDER BY k.done LIMIT 4",
    "SELECT team, count(*) FROM person GROUP BY team ORDER BY count(*) DESC LIMIT 2",
    "SELECT max(name) FROM person GROUP BY team ORDER BY count(age) LIMIT 2",
    "SELECT DISTINCT name, age FROM person ORDER BY age LIMIT 2",
    "SELECT name, 1 FROM person UNION ALL SELECT name, id FROM team ORDER BY 1 DESC LIMIT 4",
    "SELECT sum(points), count(*) FROM (SELECT points FROM task ORDER BY done LIMIT 3) k",
    "SELECT id, (SELECT points FROM task ORDER BY done LIMIT 1) FROM person WHERE team IN \
        (SELECT id FROM team ORDER BY name LIMIT 2)",
];

/// A subscriber: a dataflow, and the rows that it was told, in both formats.
struct Subscriber {
    sql: &'static str,
    plan: Plan,
    flow: Dataflow,
    rows: [RowChanges; 2],
}

impl Subscriber {
    fn new(database: &Database, sql: &'static str) -> Self {
        let plan = database.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        // Nothing to spare, so that windows lack rows often.
        let live = LivePlan::sparing(&plan, database, 0);
        let live = live.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let flow = Dataflow::new(Arc::new(live), Arc::new(Params::default()), 1 << 30).unwrap();
        let rows = [RowFormat::Json, RowFormat::Binary].map(RowChanges::none);
        let mut subscriber = Self { sql, plan, flow, rows };
        let rows = all_rows(&subscriber.flow, database.store());
        let mut pieces = InitialRows::new(subscriber.flow.plan(), rows);
        while let Some(piece) = pieces.next_piece(3) {
            subscriber.apply(piece, database);
        }
        assert!(pieces.is_done() && pieces.bytes() == 0);
        subscriber
    }

    fn apply(&mut self, changes: LeafChanges, database: &Database) {
        let failed = |error| panic!("{}: {error}", self.sql);
        let mut told = self.flow.apply(changes).unwrap_or_else(failed);
        let lacking = self.flow.lacking();
        if !lacking.is_empty() {
            let rows = rows_of(&self.flow, &lacking, database.store());
            told.merge(self.flow.fill(rows).unwrap_or_else(failed));
            assert!(self.flow.lacking().is_empty(), "{}", self.sql);
        }
        for rows in &mut self.rows {
            let told = told.rows(rows.format()).unwrap();
            assert!(told.iter().all(|(_, weight)| weight != 0));
            rows.merge(&told);
        }
    }

    fn check(&self, database: &Database) {
        let (limits, params) = (ExecutionLimits::default(), Params::default());
        let answer = self.plan.execute(database.store(), &params, &limits);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", self.sql));
        for held in &self.rows {
            let answer = answer.encode(held.format()).unwrap();
            let expected = RowChanges::between(&EncodedRows::none(held.format()), &answer);
            assert_eq!(readable(held), readable(&expected), "{}", self.sql);
        }
    }
}

/// Rows with how often each is there.
fn readable(rows: &RowChanges) -> Vec<(String, i64)> {
    rows.iter().map(|(row, weight)| (row.escape_ascii().to_string(), weight)).collect()
}

/// All rows, as changes from nothing.
pub(crate) fn all_rows(flow: &Dataflow, store: &Store) -> LeafChanges {
    let leaves: Vec<usize> = (0..flow.plan().leaves().len()).collect();
    rows_of(flow, &leaves, store)
}

/// The rows of leaves, as changes from nothing.
fn rows_of(flow: &Dataflow, leaves: &[usize], store: &Store) -> LeafChanges {
    let mut changes = LeafChanges::default();
    let limits = ExecutionLimits::default();
    for leaf in leaves {
        let (plan, params) = (flow.plan(), flow.params());
        let part = plan.initial()[*leaf].execute_part(store.present(), params, &limits).unwrap();
        plan.read_parts(*leaf, &[part], params, &limits, &mut changes).unwrap();
    }
    changes
}

/// What the leaves of a query make of one change, looked for by their keys as a shard does it.
pub(crate) fn leaf_changes(
    flow: &Dataflow,
    change: &Change<'_>,
    changes: &mut LeafChanges,
) -> Result<(), SqlError> {
    for (number, leaf) in flow.plan().leaves().iter().enumerate() {
        if leaf.table() != change.table() {
            continue;
        }
        let key = leaf.key(flow.params())?;
        for (row, weight) in [(change.old_row(), -1), (change.new_row(), 1)] {
            let Some(row) = row else { continue };
            let read = leaf.read(flow.params(), row)?;
            if let Some(key) = &key {
                let is_found = leaf.value_of(key.column, row) == key.value;
                assert!(is_found || read.is_none(), "a row passes that the key does not find");
            }
            if let Some(row) = read {
                changes.push(number, row, weight);
            }
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    Put(&'static str, String),
    Delete(&'static str, String),
}

fn option(numbers: impl Strategy<Value = u32>) -> impl Strategy<Value = String> {
    proptest::option::of(numbers)
        .prop_map(|number| number.map_or("null".to_owned(), |number| number.to_string()))
}

fn step() -> impl Strategy<Value = Step> {
    let name = || prop_oneof![Just("a"), Just("b"), Just("c")];
    let weight = prop_oneof![Just("0.1"), Just("1e17"), Just("-1e17"), Just("0.25")];
    let person = (0u32..6, option(0u32..4), name(), option(0u32..6), weight).prop_map(
        |(id, team, name, age, weight)| {
            ("person", format!(r#"[{id}, {team}, "{name}", {age}, {weight}]"#))
        },
    );
    let team = (0u32..4, name(), option(0u32..6))
        .prop_map(|(id, name, lead)| ("team", format!(r#"[{id}, "{name}", {lead}]"#)));
    let task =
        (0u32..8, option(0u32..6), 0i64..5, any::<bool>()).prop_map(|(id, owner, points, done)| {
            ("task", format!("[{id}, {owner}, {points}, {done}]"))
        });
    (prop_oneof![3 => person, 2 => team, 2 => task], 0..3u8).prop_map(|((table, row), kind)| {
        match kind {
            0 => Step::Delete(table, row),
            _ => Step::Put(table, row),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_adds_up_to_the_answer(
        steps in proptest::collection::vec(step(), 1..40),
        begin in 0usize..30,
    ) {
        let mut database = Database::empty();
        database.create("work", TABLES);
        let tables = ["person", "team", "task"].map(|name| {
            database.plan(&format!("SELECT * FROM {name}")).unwrap().tables()[0]
        });
        database.store_mut().watch(BTreeSet::from(tables));
        let mut subscribers: Vec<Subscriber> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            if at == begin.min(steps.len() - 1) {
                database.store_mut().take_watched();
                subscribers = QUERIES.iter().map(|sql| Subscriber::new(&database, sql)).collect();
            }
            match step {
                Step::Put(table, row) => database.put(table, &[row]),
                Step::Delete(table, row) => database.delete(table, &[row]),
            }
            let watched = database.store_mut().take_watched();
            for subscriber in &mut subscribers {
                let mut changes = LeafChanges::default();
                for (_, change) in watched.iter().flat_map(|watched| watched.iter()) {
                    leaf_changes(&subscriber.flow, &change, &mut changes).unwrap();
                }
                subscriber.apply(changes, &database);
                subscriber.check(&database);
            }
        }
    }
}

#[test]
fn what_has_no_definite_answer_is_refused_by_name() {
    let mut database = Database::empty();
    database.create("work", TABLES);
    let refused = |sql: &str, expected: &str| {
        let error = LivePlan::of(&database.plan(sql).unwrap(), &database).unwrap_err();
        assert_eq!(error.to_string(), format!("{expected} is not supported (line 1, column 1)"));
    };
    refused("EXPLAIN SELECT * FROM person", "a subscription to EXPLAIN");
    refused("SELECT * FROM person AS OF TX 3", "a subscription to the past (AS OF)");
    refused("SELECT * FROM person LIMIT 3", "a subscription to LIMIT without ORDER BY");
    refused(
        "SELECT now() FROM person",
        "a subscription to now() elsewhere than in a condition on rows",
    );
}

#[test]
fn a_dataflow_keeps_no_more_than_it_may() {
    let mut database = Database::empty();
    database.create("work", TABLES);
    let rows: Vec<String> = (0..100).map(|id| format!(r#"[{id}, 1, "a", 1, 0.5]"#)).collect();
    database.put("person", &rows);
    let plan = database.plan("SELECT DISTINCT id FROM person").unwrap();
    let live = Arc::new(LivePlan::of(&plan, &database).unwrap());
    let flow = |bytes| Dataflow::new(live.clone(), Arc::new(Params::default()), bytes).unwrap();
    let mut small = flow(1_000);
    let error = small.apply(rows_of(&small, &[0], database.store())).unwrap_err();
    assert!(error.to_string().contains("exceeds the limit of 1000"), "{error}");
    let mut large = flow(1 << 20);
    let rows = rows_of(&large, &[0], database.store());
    large.apply(rows.clone()).unwrap();
    assert!(large.bytes() > 1_000);
}

#[test]
fn a_window_of_rows_keeps_few_of_many() {
    let mut database = Database::empty();
    database.create("work", TABLES);
    let rows: Vec<String> =
        (0..5_000).map(|id| format!(r#"[{id}, {}, "a", 1, 0.5]"#, id % 7)).collect();
    database.put("person", &rows);
    let check = |sql: &str, shown: usize| {
        let plan = database.plan(sql).unwrap();
        let live = Arc::new(LivePlan::of(&plan, &database).unwrap());
        let mut flow = Dataflow::new(live, Arc::new(Params::default()), 1 << 30).unwrap();
        let rows = rows_of(&flow, &[0], database.store());
        assert_eq!(rows.len(), 114, "{sql}");
        assert_eq!(
            flow.apply(rows).unwrap().rows(RowFormat::Json).unwrap().iter().count(),
            shown,
            "{sql}"
        );
        assert!(flow.bytes() < 40_000 && flow.lacking().is_empty(), "{sql}");
    };
    check("SELECT id FROM person ORDER BY team DESC LIMIT 50", 50);
    check("SELECT id FROM person WHERE age = 1 ORDER BY id LIMIT 50", 50);
    check("SELECT id FROM person ORDER BY name LIMIT 40 OFFSET 17 - 7", 40);
}
