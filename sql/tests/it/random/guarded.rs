//! Policies at random over schemas at random: whoever asks, or watches, finds what the same query finds over tables without
//! policies that hold only the rows which the policies admit.
//!
//! What is admitted is asked of the tables as a condition like any other, by somebody who sees everything, after each transaction:
//! a policy's own sub-queries read other tables, whose rows come and go like all others.

use std::fmt;
use std::sync::Arc;

use cosmictron_sql::{ErrorClass, PolicyError, SqlError, check_policies, plan};
use cosmictron_types::Identity;
use proptest::prelude::*;

use super::answer::{Counted, counted};
use super::choice::Choices;
use super::cluster::{Cluster, plan_limits};
use super::history::{Tally, write_transactions};
use super::predicate::row_predicate;
use super::query::Query;
use super::schema::{Schema, Table};
use super::scope::Bounds;
use super::subscriber::{Asked, Moment, Subscriber};
use super::transaction::{Transaction, Write, WriteKind};
use super::value::{Family, KINDS};

/// A policy has no parameters, stands beside the query's relations, and is judged for every row.
const POLICY: Bounds =
    Bounds { sources_max: 2, params_max: 0, has_products: false, dares_once_in: None };
/// What fails may do so or not by what it meets first, and a hidden row must not decide that: see `hidden_rows_make_no_difference`.
const QUERY: Bounds = Bounds { sources_max: 4, dares_once_in: None, ..Bounds::FEW_ROWS };

pub(crate) struct Guarded {
    shards: u16,
    /// With policies.
    schema: Schema,
    /// One of the identities that columns have, as SQL writes it.
    reader: String,
    queries: Vec<Query>,
    transactions: Vec<Transaction>,
    /// Behind how many transactions the queries are subscribed to.
    begin: usize,
}

impl Guarded {
    pub(crate) fn random() -> impl Strategy<Value = Self> {
        let tape = |length: usize| prop::collection::vec(any::<u16>(), length / 4..length);
        let queries = prop::collection::vec(tape(300), 1..4);
        let transactions = prop::collection::vec(tape(100), 2..14);
        let shards = prop_oneof![Just(1_u16), Just(4)];
        (shards, tape(160), tape(300), queries, transactions, 0_usize..8).prop_map(
            |(shards, schema, policies, queries, transactions, begin)| {
                let open = Schema::random(&mut Choices::new(&schema));
                let choices = &mut Choices::new(&policies);
                let reader = identities()[choices.below(identities().len())].clone();
                let schema = with_policies(&open, &reader, choices);
                let query = |tape: &Vec<u16>| Query::random(&open, &mut Choices::new(tape), QUERY);
                let transaction =
                    |tape: &Vec<u16>| Transaction::random(&open, &mut Choices::new(tape));
                let queries = queries.iter().map(query).collect();
                let transactions = transactions.iter().map(transaction).collect();
                Self { shards, schema, reader, queries, transactions, begin }
            },
        )
    }

    /// After each transaction everybody holds the answer over what is admitted.
    pub(crate) fn check(&self) -> Tally {
        let mut cluster = Cluster::new(&self.schema, self.shards);
        cluster.ask_as(Some(self.identity()));
        let open = Cluster::new(&without_policies(&self.schema), 1);
        let asked = self.queries.iter().filter_map(|query| Pair::new(query, &cluster, &open));
        let asked: Vec<Pair> = asked.collect();
        let mut tally = Tally { queries: self.queries.len(), ..Tally::default() };
        tally.refused = self.queries.len() - asked.len();
        let mut watched: Vec<Watched<'_>> = Vec::new();
        let begin = self.begin.min(self.transactions.len() - 1);
        for (at, transaction) in self.transactions.iter().enumerate() {
            if at == begin {
                cluster.take_watched();
                watched = asked.iter().map(|pair| Watched::begin(pair, &cluster)).collect();
            }
            cluster.run(transaction);
            let changes = cluster.take_watched();
            let admitted = self.admitted(&mut cluster);
            for query in &mut watched {
                query.step(&cluster, &admitted, &changes, at - begin, &mut tally);
            }
        }
        tally
    }

    fn identity(&self) -> Identity {
        let hex = self.reader.split('\'').nth(1).expect("it is a literal");
        hex.parse().expect("it is an identity")
    }

    /// Tables without policies, with the rows that are admitted.
    fn admitted(&self, cluster: &mut Cluster) -> Cluster {
        cluster.ask_as(None);
        let mut writes = Vec::new();
        for (table, schema) in self.schema.tables.iter().enumerate() {
            let write = |row| Write { kind: WriteKind::Insert, table, row };
            writes.extend(self.admitted_rows(schema, cluster).into_iter().map(write));
        }
        cluster.ask_as(Some(self.identity()));
        let mut admitted = Cluster::new(&without_policies(&self.schema), 1);
        admitted.run(&Transaction { writes, is_strict: true, is_undone: false });
        assert_eq!(admitted.tx().get(), 1, "what was together is allowed together");
        admitted
    }

    fn admitted_rows(&self, table: &Table, cluster: &Cluster) -> Vec<String> {
        let own = |policy: &String| format!("({})", policy.replace("$identity", &self.reader));
        let conditions: Vec<String> = table.policies.iter().map(own).collect();
        let filter = match conditions.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", conditions.join(" OR ")),
        };
        let text = format!("SELECT * FROM {} {filter}", table.name);
        let plan = plan(&text, cluster, &plan_limits());
        let plan = plan.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let params = plan.read_params(b"[]").expect("it has none").at(cluster.now());
        let answer = plan.execute(cluster.one(), &params, &super::subscriber::limits());
        let mut json = Vec::new();
        answer.unwrap_or_else(|error| panic!("{error}\n{text}")).write_json(&mut json);
        let rows: Vec<Box<serde_json::value::RawValue>> = serde_json::from_slice(&json).unwrap();
        rows.iter().map(|row| row.get().to_owned()).collect()
    }
}

/// The identities that columns have, as SQL writes them.
fn identities() -> Vec<String> {
    let kind = KINDS.iter().find(|kind| kind.family == Family::Identity).expect("it is a type");
    kind.values.iter().map(|value| kind.literal(value)).collect()
}

/// The tables with up to two policies each. Those that are not offered are left out.
fn with_policies(open: &Schema, reader: &str, choices: &mut Choices<'_>) -> Schema {
    let mut schema = open.clone();
    for at in 0..schema.tables.len() {
        for _ in 0..choices.weighed(&[(3, 1), (2, 0), (2, 2)]) {
            let name = &open.tables[at].name;
            let text = row_predicate(open, at, name, choices, POLICY).text;
            // Whoever asks stands in most of the places where their identity does.
            let text = if choices.below(4) < 3 { text.replace(reader, "$identity") } else { text };
            schema.tables[at].policies.push(text);
            if is_refused(&schema, at) {
                schema.tables[at].policies.pop();
            }
        }
    }
    schema
}

/// Whether a module with this table would not be deployed.
fn is_refused(schema: &Schema, table: usize) -> bool {
    let cluster = Cluster::new(schema, 1);
    let def = cluster.defs().nth(table).expect("it is one of the schema's").clone();
    match check_policies(&def, &cluster, &plan_limits()) {
        Ok(()) => false,
        Err(PolicyError { error, .. }) if is_unoffered(&error) => true,
        Err(error) => panic!("{error}\n{schema:?}"),
    }
}

fn is_unoffered(error: &SqlError) -> bool {
    error.class() == ErrorClass::Unsupported || matches!(error, SqlError::TooComplex { .. })
}

fn without_policies(schema: &Schema) -> Schema {
    let mut open = schema.clone();
    open.tables.iter_mut().for_each(|table| table.policies.clear());
    open
}

/// A query over the guarded tables, and the same over those that have no policies.
struct Pair {
    guarded: Arc<Asked>,
    open: Arc<Asked>,
}

impl Pair {
    fn new(query: &Query, cluster: &Cluster, open: &Cluster) -> Option<Self> {
        // With its policies a query may be too complex.
        if plan(&query.text, cluster, &plan_limits()).is_err_and(|error| is_unoffered(&error)) {
            return None;
        }
        let guarded = Arc::new(Asked::new(query, cluster)?);
        let open = Arc::new(Asked::new(query, open)?);
        Some(Self { guarded, open })
    }
}

/// A query that is asked and, if it can be, watched.
struct Watched<'p> {
    pair: &'p Pair,
    subscriber: Option<Subscriber>,
}

impl<'p> Watched<'p> {
    fn begin(pair: &'p Pair, cluster: &Cluster) -> Self {
        let subscriber = Subscriber::new(pair.guarded.clone(), cluster)
            .and_then(|begun| begun.map_err(|error| assert_limit(&error, &pair.guarded)).ok());
        Self { pair, subscriber }
    }

    fn step(
        &mut self,
        cluster: &Cluster,
        admitted: &Cluster,
        changes: &[cosmictron_storage::WatchedChanges],
        step: usize,
        tally: &mut Tally,
    ) {
        let expected = self.check_answers(cluster, admitted);
        if let Some(subscriber) = &mut self.subscriber
            && let Err(error) = subscriber.take(changes, cluster)
        {
            assert_limit(&error, &self.pair.guarded);
            tally.failed += 1;
            self.subscriber = None;
        }
        let Some(expected) = expected else { return };
        tally.checks += 1;
        tally.full += usize::from(!expected.is_empty());
        if let Some(subscriber) = &mut self.subscriber {
            subscriber.check(&expected, Moment::of(cluster), step);
        }
    }

    /// One store with all rows, and the parts of all shards, answer as the rows that are admitted do; that is given.
    fn check_answers(&self, cluster: &Cluster, admitted: &Cluster) -> Option<Counted> {
        let Pair { guarded, open } = self.pair;
        let now = Moment::of(cluster);
        let then = Moment { tx: admitted.tx(), ..now };
        let answers = (
            open.answer(admitted, then),
            guarded.answer(cluster, now),
            guarded.merged(cluster, now),
        );
        match answers {
            (Ok(expected), Ok(whole), Ok(merged)) => {
                let expected = counted(&expected);
                let text = &guarded.text;
                assert_eq!(counted(&whole), expected, "{text}\n{}", guarded.plan.explain());
                assert_eq!(counted(&merged), expected, "{text}\n{}", guarded.plan.explain_split());
                Some(expected)
            }
            (expected, whole, merged) => {
                let errors = [expected.err(), whole.err(), merged.err()];
                errors.into_iter().flatten().for_each(|error| assert_limit(&error, guarded));
                None
            }
        }
    }
}

/// Nothing else may keep an answer from being computed.
fn assert_limit(error: &SqlError, asked: &Asked) {
    assert_eq!(error.class(), ErrorClass::Limit, "{error}\n{}", asked.text);
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\non {} shards, for {}\n{:?}", self.shards, self.reader, self.schema)?;
        self.queries.iter().try_for_each(|query| writeln!(f, "  {query:?}"))?;
        write_transactions(&self.transactions, self.begin, f)
    }
}
