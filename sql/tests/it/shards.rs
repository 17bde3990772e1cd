//! One query over several stores against the same query over one store with all rows: random tables, split at random, and
//! random queries over the whole language.

pub(crate) mod question;

use std::collections::BTreeMap;

use cosmictron_sql::{ErrorClass, ExecutionLimits, PartialRows, SqlError};
use cosmictron_types::TxId;
use proptest::prelude::*;

use crate::fixture::Database;
use question::{Asked, Change, changes, grouped, plain, tables};

pub(crate) const FACT: &str = r#"{"table": {"name": "fact", "public": true,
    "columns": [
        {"name": "id", "type": "u64"},
        {"name": "room", "type": "u32"},
        {"name": "author", "type": "string"},
        {"name": "score", "type": {"option": "i32"}},
        {"name": "big", "type": "i64"},
        {"name": "vast", "type": "u128"},
        {"name": "single", "type": "f32"},
        {"name": "weight", "type": "f64"},
        {"name": "at", "type": "timestamp"},
        {"name": "span", "type": "duration"},
        {"name": "pinned", "type": "bool"},
        {"name": "raw", "type": "bytes"},
        {"name": "tags", "type": {"list": "string"}},
        {"name": "maybe", "type": {"option": "string"}}],
    "indexes": [
        {"name": "id", "columns": ["id"], "primary": true},
        {"name": "by_room", "columns": ["room", "at"]},
        {"name": "by_author", "columns": ["author"]},
        {"name": "by_score", "columns": ["score"]},
        {"name": "by_weight", "columns": ["weight"]}]}}"#;

/// The same table on several shards, and on one.
pub(crate) struct Cluster {
    pub(crate) shards: Vec<Database>,
    pub(crate) union: Database,
    /// As of which questions are asked; of the present without.
    pub(crate) tx: Option<TxId>,
}

impl Cluster {
    /// `rows` by the number of their shard; those of a shard are one transaction.
    pub(crate) fn new(shards: usize, rows: &[(usize, String)]) -> Self {
        let database = || {
            let mut database = Database::empty();
            database.create("facts", &[FACT]);
            database
        };
        let shards = (0..shards).map(|_| database()).collect();
        let mut cluster = Self { shards, union: database(), tx: None };
        for at in 0..cluster.shards.len() {
            let of = rows.iter().filter(|(shard, _)| *shard == at).map(|(_, row)| row);
            cluster.write(at, &|database, rows| database.insert("fact", rows), of.collect());
        }
        cluster
    }

    /// A transaction of one shard, which the others know to have happened.
    fn write(
        &mut self,
        shard: usize,
        write: &dyn Fn(&mut Database, &[&String]),
        rows: Vec<&String>,
    ) {
        for (at, database) in self.shards.iter_mut().enumerate() {
            if at == shard { write(database, &rows) } else { database.pass() }
        }
        write(&mut self.union, &rows);
    }

    fn change(&mut self, change: &Change) {
        let shard = change.id % self.shards.len();
        match &change.row {
            Some(row) => self.write(shard, &|database, rows| database.put("fact", rows), vec![row]),
            None => {
                let row = change.any_row();
                self.write(shard, &|database, rows| database.delete("fact", rows), vec![&row]);
            }
        }
    }

    pub(crate) fn merged_within(
        &self,
        sql: &str,
        params: &str,
        limits: &ExecutionLimits,
    ) -> Result<String, SqlError> {
        let plan = self.union.plan(sql)?;
        let params = plan.read_params(params.as_bytes())?;
        let part = |shard: &Database| plan.execute_part(shard.snapshot(self.tx), &params, limits);
        let parts = self.shards.iter().map(part).collect::<Result<Vec<PartialRows>, _>>()?;
        let mut out = Vec::new();
        plan.merge(&parts, &params, limits)?.write_json(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    fn merged(&self, sql: &str, params: &str) -> Answer {
        answer(self.merged_within(sql, params, &ExecutionLimits::default()))
    }

    fn whole(&self, sql: &str, params: &str) -> Answer {
        answer(self.union.run_as_of(sql, params, self.tx))
    }

    #[track_caller]
    pub(crate) fn check(&self, sql: &str, expected: &str) {
        let merged = self.merged_within(sql, "[]", &ExecutionLimits::default());
        assert_eq!(merged.unwrap_or_else(|error| error.to_string()), expected, "{sql}");
    }
}

/// Each row as JSON; of the two zeros, which are equal, either may stand for both.
fn rows_of(json: &str) -> Vec<String> {
    let rows: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(json).unwrap();
    rows.iter().map(|row| row.get().replace("-0.0", "0.0")).collect()
}

/// How often each row is there.
fn counted(rows: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row.as_str()).or_insert(0) += 1);
    counts
}

fn keys_of(rows: &[String], keys: &[usize]) -> Vec<Vec<String>> {
    let keys_of = |row: &String| {
        let row: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(row).unwrap();
        keys.iter().map(|key| row[*key].get().to_owned()).collect()
    };
    rows.iter().map(keys_of).collect()
}

/// What was found in parts, what in one piece, and all rows without LIMIT and OFFSET.
pub(crate) struct Answers {
    pub(crate) merged: Answer,
    pub(crate) whole: Answer,
    pub(crate) everything: Answer,
}

pub(crate) type Answer = Result<Vec<String>, ErrorClass>;

pub(crate) fn answer(json: Result<String, SqlError>) -> Answer {
    json.map(|json| rows_of(&json)).map_err(|error| error.class())
}

fn check_asked(cluster: &Cluster, asked: &Asked, param: i64) -> Result<(), TestCaseError> {
    let (sql, params) = asked.text(param);
    let plan = cluster.union.plan(&sql);
    prop_assert!(plan.is_ok(), "{}: {:?}", sql, plan);
    let (all, params_of_all) = asked.text_of_everything(param);
    let answers = Answers {
        merged: cluster.merged(&sql, &params),
        whole: cluster.whole(&sql, &params),
        everything: cluster.whole(&all, &params_of_all),
    };
    check_answers(asked, &sql, plan.unwrap().explain(), answers)
}

pub(crate) fn check_answers(
    asked: &Asked,
    sql: &str,
    explained: &str,
    answers: Answers,
) -> Result<(), TestCaseError> {
    let Asked { keys, total, decided, slice, .. } = asked;
    let Answers { merged, whole, everything } = answers;
    // Whether every row is read, whichever come first.
    let sorts = explained.contains("\n  top ") || explained.contains("sort by");
    let reads_all = slice.is_empty() || (sorts && !explained.contains(" of runs by "));
    let (merged, whole) = match (merged, whole) {
        (Err(merged), Err(whole)) => {
            prop_assert_eq!(merged, whole, "{}", sql);
            return Ok(());
        }
        (Ok(merged), Ok(whole)) => (merged, whole),
        (merged, whole) => {
            // Of rows that are equal in order, which are left out is not said.
            let exact = slice.is_empty() || (*total && reads_all);
            prop_assert!(!exact && everything.is_err(), "{}: {:?} {:?}", sql, merged, whole);
            return Ok(());
        }
    };
    if *total || *decided {
        prop_assert_eq!(&merged, &whole, "{}", sql);
    }
    prop_assert_eq!(keys_of(&merged, keys), keys_of(&whole, keys), "{}", sql);
    if slice.is_empty() {
        prop_assert_eq!(counted(&merged), counted(&whole), "{}", sql);
    } else if let Ok(all) = everything {
        prop_assert_eq!(merged.len(), whole.len(), "{}", sql);
        let all = counted(&all);
        let fits = |(row, count): (&&str, &usize)| all.get(row).is_some_and(|all| count <= all);
        prop_assert!(counted(&merged).iter().all(fits), "{}: {:?}", sql, merged);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_and_their_merge_answer_as_one_store_does(
        (shards, rows) in tables(),
        asked in proptest::collection::vec(prop_oneof![plain(), grouped()], 12),
        param in 0i64..4,
    ) {
        let cluster = Cluster::new(shards, &rows);
        for asked in &asked {
            check_asked(&cluster, asked, param)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_one_past_answer_as_the_past_of_one_store(
        (shards, rows) in tables(),
        changes in changes(),
        asked in proptest::collection::vec(prop_oneof![plain(), grouped()], 6),
        param in 0i64..4,
    ) {
        let mut cluster = Cluster::new(shards, &rows);
        changes.iter().for_each(|change| cluster.change(change));
        for tx in 0..=cluster.union.last_tx().get() {
            cluster.tx = Some(TxId::new(tx));
            for asked in &asked {
                check_asked(&cluster, asked, param)?;
            }
        }
    }
}
