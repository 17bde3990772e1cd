//! Random policies, rows, identities and queries against "filter first, then query": the same query over tables without
//! policies that hold only the rows which the policies admit.
//!
//! What is admitted is asked of the tables as a condition like any other, by somebody above policies; and of each row in hand.
//! Each query is run whole, in parts over several stores, and kept up to date while rows come, go and change, grants among
//! them. `POLICY_CASES` says how many cases there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use cosmictron_sql::{
    Dataflow, EncodedRows, ExecutionLimits, LeafChanges, LivePlan, PartialRows, Plan, PlanLimits,
    RowChanges, RowFormat, RowPolicy, SqlError, check_policies,
};
use cosmictron_types::{TableId, Timestamp};
use proptest::prelude::*;

use crate::fixture::{Database, somebody};
use crate::live::leaf_changes;
use crate::policies::identity;
use crate::reference::ask::{Asker, Chance};
use crate::reference::{merged, sql};

/// Tables that are asked, and that policies may read.
const TABLES: [&str; 3] = ["a", "b", "c"];
/// All tables: of grants policies read, and nobody else.
const ALL: [&str; 4] = ["a", "b", "c", "grant_of"];
const IDENTITIES: usize = 3;

/// Columns as in the reference's tables, and an owner. One table has no index but its key.
fn schema(table: usize, policies: &[String], chance: &mut Chance) -> String {
    let index = ["k", "v", "owner"][chance.below(3)];
    let more = match table {
        2 => String::new(),
        _ => format!(r#", {{"name": "by_{index}", "columns": ["{index}"]}}"#),
    };
    let optional = |is| if is { r#"{"option": "i32"}"# } else { r#""i32""# };
    let policies: Vec<serde_json::Value> =
        policies.iter().map(|text| serde_json::json!({ "read": text })).collect();
    format!(
        r#"{{"table": {{"name": "{}", "public": {}, "policies": {},
        "columns": [{{"name": "id", "type": "i32"}}, {{"name": "k", "type": {}}}, {{"name": "v", "type": {}}},
            {{"name": "owner", "type": "identity"}}],
        "indexes": [{{"name": "id", "columns": ["id"], "primary": true}}{more}]}}}}"#,
        ALL[table],
        table < 3,
        serde_json::Value::from(policies),
        optional(table != 2),
        optional(table != 1),
    )
}

fn row(table: usize, id: usize, chance: &mut Chance) -> String {
    let mut number = |nullable: bool| match nullable && chance.once_in(4) {
        true => "null".to_owned(),
        false => chance.below(4).to_string(),
    };
    let (k, v) = (number(table != 2), number(table != 1));
    format!(r#"[{id}, {k}, {v}, "{}"]"#, identity(chance.below(IDENTITIES) as u8))
}

/// Which tables the policies of a schema read.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    Grants,
    All,
}

fn atom(table: usize, reads: Reads, chance: &mut Chance) -> String {
    let name = ALL[table];
    let other = match reads {
        Reads::Grants => ALL[3],
        Reads::All => ALL[chance.below(4)],
    };
    let number = chance.below(4);
    let of = if chance.once_in(2) { "o.owner = $identity" } else { "o.v >= 1" };
    match chance.below(12) {
        0 | 1 => "owner = $identity".to_owned(),
        2 => format!("{name}.owner <> ctx.sender()"),
        3 => format!("k = {number}"),
        4 => "v IS NULL".to_owned(),
        5 => format!("v + k > {number}"),
        6 | 7 => format!("k IN (SELECT k FROM {other} o WHERE {of})"),
        8 => format!("id NOT IN (SELECT k FROM {other} o WHERE {of})"),
        9 => format!("EXISTS (SELECT 1 FROM {other} o WHERE o.k = {name}.k AND {of})"),
        10 => format!("(SELECT count(*) FROM {other} o WHERE o.k = {name}.v) > {}", number % 2),
        _ => format!("(SELECT max(v) FROM {other} o WHERE {of}) > {number}"),
    }
}

fn policy(table: usize, reads: Reads, chance: &mut Chance) -> String {
    let mut text = atom(table, reads, chance);
    while chance.once_in(3) {
        let next = atom(table, reads, chance);
        text = match chance.below(4) {
            0 => format!("({text}) OR {next}"),
            1 => format!("NOT ({text}) OR {next}"),
            _ => format!("({text}) AND {next}"),
        };
    }
    text
}

/// A guarded database on one store and on several, and what is admitted of it.
struct World {
    policies: [Vec<String>; 4],
    whole: Database,
    shards: Vec<Database>,
    who: u8,
    /// How many rows the planner believes in.
    believed: [u64; 4],
}

impl World {
    fn new(reads: Reads, chance: &mut Chance) -> Self {
        let policies = [0, 1, 2, 3].map(|table| match table {
            3 => Vec::new(),
            _ => (0..chance.below(3)).map(|_| policy(table, reads, chance)).collect(),
        });
        let items: Vec<String> =
            (0..4).map(|table| schema(table, &policies[table], chance)).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let database = || {
            let mut database = Database::empty();
            database.create("guarded", &items);
            database
        };
        let shards = (0..1 + chance.below(4)).map(|_| database()).collect();
        let who = chance.below(IDENTITIES) as u8;
        let believed = [0; 4].map(|_| [0, 20, 1_000_000][chance.below(3)]);
        let mut world = Self { policies, whole: database(), shards, who, believed };
        for table in 0..4 {
            for id in 0..chance.below(9) {
                world.put(table, id, &row(table, id, chance));
            }
        }
        world.ask();
        world
    }

    fn databases(&mut self) -> impl Iterator<Item = &mut Database> {
        std::iter::once(&mut self.whole).chain(&mut self.shards)
    }

    fn ask(&mut self) {
        let (who, believed) = (self.who, self.believed);
        for database in self.databases() {
            database.ask_as(who);
            for (name, rows) in ALL.iter().zip(believed) {
                database.believe(name, rows);
            }
        }
    }

    fn put(&mut self, table: usize, id: usize, row: &str) {
        self.write(id, &|database| database.put(ALL[table], &[row]));
    }

    fn delete(&mut self, table: usize, id: usize) {
        let row = format!(r#"[{id}, 0, 0, "{}"]"#, identity(0));
        self.write(id, &|database| database.delete(ALL[table], &[&row]));
    }

    fn write(&mut self, id: usize, write: &dyn Fn(&mut Database)) {
        let own = id % self.shards.len();
        for (at, shard) in self.shards.iter_mut().enumerate() {
            if at == own { write(shard) } else { shard.pass() }
        }
        write(&mut self.whole);
    }

    /// The rows of a table that are admitted, as conditions of somebody who sees everything find them.
    fn rows(&mut self, table: usize) -> Vec<String> {
        let literal = format!("'{}'::identity", identity(self.who));
        let conditions = self.policies[table].iter().map(|text| {
            format!("({})", text.replace("$identity", &literal).replace("ctx.sender()", &literal))
        });
        let conditions: Vec<String> = conditions.collect();
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", conditions.join(" OR ")),
        };
        let sql = format!("SELECT * FROM {} {filter}", ALL[table]);
        let rows = self.whole.ask_as_admin().rows(&sql, "[]");
        self.whole.ask_as(self.who);
        rows
    }

    /// The same tables without policies and without the rows that are hidden.
    fn admitted(&mut self, chance: &mut Chance) -> Database {
        let mut database = Database::empty();
        let items: Vec<String> = (0..3).map(|table| schema(table, &[], chance)).collect();
        database.create("guarded", &items.iter().map(String::as_str).collect::<Vec<_>>());
        for (table, name) in TABLES.iter().enumerate() {
            database.insert(name, &self.rows(table));
        }
        database
    }

    /// Two of the same definitions, so that both have one plan: with all rows, and without those that are hidden.
    fn with_and_without_hidden(mut self, chance: &mut Chance) -> [World; 2] {
        let items: Vec<String> =
            (0..4).map(|table| schema(table, &self.policies[table], chance)).collect();
        let admitted: Vec<Vec<String>> = (0..4).map(|table| self.rows(table)).collect();
        let all =
            ALL.map(|name| self.whole.ask_as_admin().rows(&format!("SELECT * FROM {name}"), "[]"));
        [all.to_vec(), admitted].map(|rows| {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            let database = |is_its: &dyn Fn(usize) -> bool| {
                let mut database = Database::empty();
                database.create("guarded", &items);
                for (name, rows) in ALL.iter().zip(&rows) {
                    let its: Vec<&String> = rows.iter().filter(|row| is_its(id_of(row))).collect();
                    database.insert(name, &its);
                }
                database
            };
            let count = self.shards.len();
            let shards = (0..count).map(|at| database(&|id| id % count == at)).collect();
            let (whole, policies) = (database(&|_| true), self.policies.clone());
            let World { who, believed, .. } = self;
            let mut world = World { policies, whole, shards, who, believed };
            world.ask();
            world
        })
    }

    fn merged(&self, plan: &Plan) -> Result<String, SqlError> {
        merged(plan, &self.shards, &self.whole.params(plan, "[]")?)
    }

    /// What each row in hand is told by its policies agrees with what a query finds.
    fn check_rows(&mut self) {
        for (table, name) in TABLES.iter().enumerate() {
            let admitted: BTreeSet<String> = self.rows(table).into_iter().collect();
            let all = self.whole.ask_as_admin().rows(&format!("SELECT * FROM {name}"), "[]");
            self.whole.ask_as(self.who);
            let def = self.whole.def(name).clone();
            let limits = PlanLimits::default();
            check_policies(&def, &self.whole, &limits).unwrap();
            let Some(policy) = RowPolicy::of_reading(&def, &self.whole, &limits).unwrap() else {
                assert_eq!(admitted.len(), all.len());
                continue;
            };
            for row in &all {
                let bytes = self.whole.encode(name, row);
                let limits = ExecutionLimits::default();
                let stores = || self.shards.iter().map(|shard| shard.store().present());
                let by = somebody(self.who);
                let is_admitted =
                    policy.admits(&bytes, by, Timestamp::EPOCH, &mut |plan, params| {
                        plan.has_row(stores(), params, &limits).map(|(has_row, _)| has_row)
                    });
                assert_eq!(
                    is_admitted,
                    Ok(admitted.contains(row)),
                    "{row} {:?}",
                    self.policies[table]
                );
            }
        }
    }
}

/// Somebody who subscribed, and what they were told.
struct Subscriber {
    text: String,
    flow: Dataflow,
    told: RowChanges,
}

impl Subscriber {
    fn new(world: &World, text: &str) -> Self {
        let plan = world.whole.plan(text).unwrap();
        let live =
            LivePlan::sparing(&plan, &world.whole, 0).unwrap_or_else(|e| panic!("{text}: {e}"));
        let params = world.whole.params(&plan, "[]").unwrap();
        let flow = Dataflow::new(Arc::new(live), Arc::new(params), 1 << 30).unwrap();
        let mut subscriber =
            Self { text: text.to_owned(), flow, told: RowChanges::none(RowFormat::Json) };
        let leaves: Vec<usize> = (0..subscriber.flow.plan().leaves().len()).collect();
        let rows = subscriber.read(world, &leaves).unwrap();
        subscriber.apply(rows, world);
        subscriber
    }

    /// The rows of leaves, of all shards.
    fn read(&self, world: &World, leaves: &[usize]) -> Result<LeafChanges, SqlError> {
        let (plan, params, limits) =
            (self.flow.plan(), self.flow.params(), ExecutionLimits::default());
        let mut changes = LeafChanges::default();
        for leaf in leaves {
            let parts = world.shards.iter().map(|shard| {
                plan.initial()[*leaf].execute_part(shard.store().present(), params, &limits)
            });
            let parts = parts.collect::<Result<Vec<PartialRows>, _>>()?;
            plan.read_parts(*leaf, &parts, params, &limits, &mut changes)?;
        }
        Ok(changes)
    }

    fn apply(&mut self, changes: LeafChanges, world: &World) {
        let mut told = self.flow.apply(changes).unwrap();
        let lacking = self.flow.lacking();
        if !lacking.is_empty() {
            told.merge(self.flow.fill(self.read(world, &lacking).unwrap()).unwrap());
        }
        self.told.merge(&told.rows(RowFormat::Json).unwrap());
    }

    fn check(&self, admitted: &Database) {
        let plan = admitted.plan(&self.text).unwrap();
        let (params, limits) = (admitted.params(&plan, "[]").unwrap(), ExecutionLimits::default());
        let answer = plan.execute(admitted.store(), &params, &limits).unwrap();
        let answer = answer.encode(RowFormat::Json).unwrap();
        let expected = RowChanges::between(&EncodedRows::none(RowFormat::Json), &answer);
        let readable = |rows: &RowChanges| -> Vec<(String, i64)> {
            rows.iter().map(|(row, weight)| (row.escape_ascii().to_string(), weight)).collect()
        };
        assert_eq!(readable(&self.told), readable(&expected), "{}", self.text);
    }
}

fn panic_unless_large(error: &SqlError) -> bool {
    assert!(matches!(error, SqlError::TooComplex { .. }), "{error}");
    false
}

fn id_of(row: &str) -> usize {
    serde_json::from_str::<serde_json::Value>(row).unwrap()[0].as_u64().unwrap() as usize
}

/// What somebody is told first, or why not.
fn first_told(world: &World, text: &str) -> Result<Vec<String>, String> {
    let plan = world.whole.plan(text).map_err(|error| error.to_string())?;
    let live = LivePlan::sparing(&plan, &world.whole, 0).map_err(|error| error.to_string())?;
    let params = Arc::new(world.whole.params(&plan, "[]").unwrap());
    let flow = Dataflow::new(Arc::new(live), params, 1 << 30).map_err(|error| error.to_string())?;
    let mut subscriber =
        Subscriber { text: text.to_owned(), flow, told: RowChanges::none(RowFormat::Json) };
    let leaves: Vec<usize> = (0..subscriber.flow.plan().leaves().len()).collect();
    let rows = subscriber.read(world, &leaves).map_err(|error| error.to_string())?;
    let told = subscriber.flow.apply(rows).map_err(|error| error.to_string())?;
    let told = told.rows(RowFormat::Json).map_err(|error| error.to_string())?;
    Ok(told.iter().map(|(row, weight)| format!("{weight} {}", row.escape_ascii())).collect())
}

/// Rows as a set with repetitions.
fn sorted(json: &str) -> Vec<String> {
    let rows: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(json).unwrap();
    let mut rows: Vec<String> = rows.iter().map(|row| row.get().to_owned()).collect();
    rows.sort();
    rows
}

/// How many cases there are, but for what the option says.
fn cases(default: u32) -> ProptestConfig {
    let asked = std::env::var("POLICY_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(default);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn queries_answer_as_if_hidden_rows_were_not_there(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let mut world = World::new(Reads::All, &mut chance);
        world.check_rows();
        let admitted = world.admitted(&mut chance);
        for _ in 0..4 {
            let query = Asker::new(&mut chance).query();
            let text = sql::write(&query);
            let fail = |error| TestCaseError::fail(format!("{error}\n{text}\n{:?}", world.policies));
            let expected = admitted.run(&text, "[]").map_err(fail)?;
            let expected = sorted(&expected);
            let plan = match world.whole.plan(&text) {
                Err(SqlError::TooComplex { .. }) => continue,
                planned => planned.map_err(fail)?,
            };
            let whole = sorted(&world.whole.run(&text, "[]").map_err(fail)?);
            prop_assert_eq!(&whole, &expected, "{}\n{}\n{:?}", &text, plan.explain(), &world.policies);
            let merged = sorted(&world.merged(&plan).map_err(fail)?);
            prop_assert_eq!(&merged, &expected, "{}\n{}\n{:?}", &text, plan.explain_split(), &world.policies);
        }
    }

    /// What fails is told apart as well: with the same plan, hidden rows make no difference whatever.
    #[test]
    fn hidden_rows_make_no_difference(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let world = World::new(Reads::Grants, &mut chance);
        let [world, other] = world.with_and_without_hidden(&mut chance);
        for _ in 0..4 {
            let query = Asker::new(&mut chance).query();
            let text = sql::write(&query).replace(" + ", " / ");
            let rows = |answer: Result<String, SqlError>| answer.map(|json| sorted(&json));
            let (found, expected) = (world.whole.run(&text, "[]"), other.whole.run(&text, "[]"));
            let (found, expected) = (rows(found), rows(expected));
            let Ok(plan) = world.whole.plan(&text) else { continue };
            prop_assert_eq!(found, expected, "{}\n{}\n{:?}", &text, plan.explain(), &world.policies);
            let found = rows(world.merged(&plan));
            let expected = rows(other.merged(&other.whole.plan(&text).unwrap()));
            prop_assert_eq!(found, expected, "{}\n{}\n{:?}", &text, plan.explain_split(), &world.policies);
            let (found, expected) = (first_told(&world, &text), first_told(&other, &text));
            prop_assert_eq!(found, expected, "live {}\n{:?}", &text, &world.policies);
        }
    }

    #[test]
    fn live_queries_follow_rows_and_grants(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let mut world = World::new(Reads::All, &mut chance);
        let mut texts: Vec<String> =
            TABLES.iter().map(|table| format!("SELECT id, k, v FROM {table}")).collect();
        texts.extend((0..3).map(|_| sql::write(&Asker::new(&mut chance).query())));
        // An order by nothing but constants is none, and some are too large with their policies.
        texts.retain(|text| match world.whole.plan(text) {
            Ok(plan) => LivePlan::of(&plan, &world.whole).is_ok(),
            Err(error) => panic_unless_large(&error),
        });
        let ids: BTreeSet<TableId> = ALL.iter().map(|name| world.whole.def(name).id).collect();
        for database in world.databases() {
            database.store_mut().watch(ids.clone());
            database.store_mut().take_watched();
        }
        let mut subscribers: Vec<Subscriber> =
            texts.iter().map(|text| Subscriber::new(&world, text)).collect();
        for _ in 0..8 {
            let (table, id) = (chance.below(4), chance.below(9));
            match chance.once_in(3) {
                true => world.delete(table, id),
                false => {
                    let row = row(table, id, &mut chance);
                    world.put(table, id, &row);
                }
            }
            let watched: Vec<_> = world
                .shards
                .iter_mut()
                .map(|shard| shard.store_mut().take_watched())
                .collect();
            let admitted = world.admitted(&mut chance);
            for subscriber in &mut subscribers {
                let mut changes = LeafChanges::default();
                for (_, change) in watched.iter().flatten().flat_map(|watched| watched.iter()) {
                    leaf_changes(&subscriber.flow, &change, &mut changes).unwrap();
                }
                subscriber.apply(changes, &world);
                subscriber.check(&admitted);
            }
        }
    }
}
