//! A history at random: a schema, transactions, and queries that somebody begins to watch somewhere between them.

use std::fmt;
use std::sync::Arc;

use cosmictron_sql::{ErrorClass, RowFormat, SqlError};
use proptest::prelude::*;

use super::answer::{Counted, Row, counted};
use super::choice::Choices;
use super::cluster::Cluster;
use super::key::check_key;
use super::order::check_order;
use super::query::Query;
use super::schema::Schema;
use super::scope::Bounds;
use super::subscriber::{Asked, Moment, Subscriber};
use super::transaction::Transaction;

pub(crate) struct History {
    shards: u16,
    schema: Schema,
    queries: Vec<Query>,
    transactions: Vec<Transaction>,
    /// Behind how many transactions the queries are subscribed to.
    begin: usize,
}

/// What a history came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) queries: usize,
    /// Not offered at all, or not to subscribers.
    pub(crate) refused: usize,
    /// Whose rows are told apart by some of their columns.
    pub(crate) keyed: usize,
    /// Ended because the answer could not be computed.
    pub(crate) failed: usize,
    /// Answers that were compared.
    pub(crate) checks: usize,
    /// Of them, those that had rows.
    pub(crate) full: usize,
}

impl Tally {
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            queries: self.queries + other.queries,
            refused: self.refused + other.refused,
            keyed: self.keyed + other.keyed,
            failed: self.failed + other.failed,
            checks: self.checks + other.checks,
            full: self.full + other.full,
        }
    }
}

impl History {
    pub(crate) fn random() -> impl Strategy<Value = Self> {
        let tape = |length: usize| prop::collection::vec(any::<u16>(), length / 4..length);
        let queries = prop::collection::vec(tape(400), 1..5);
        let transactions = prop::collection::vec(tape(100), 1..18);
        let shards = prop_oneof![Just(1_u16), Just(4)];
        (shards, tape(160), queries, transactions, 0_usize..8).prop_map(
            |(shards, schema, queries, transactions, begin)| {
                let schema = Schema::random(&mut Choices::new(&schema));
                let query = |tape: &Vec<u16>| {
                    Query::random(&schema, &mut Choices::new(tape), Bounds::FEW_ROWS)
                };
                let transaction =
                    |tape: &Vec<u16>| Transaction::random(&schema, &mut Choices::new(tape));
                let queries = queries.iter().map(query).collect();
                let transactions = transactions.iter().map(transaction).collect();
                Self { shards, schema, queries, transactions, begin }
            },
        )
    }

    /// After each transaction everybody holds the answer as of it.
    pub(crate) fn check(&self) -> Tally {
        let mut cluster = Cluster::new(&self.schema, self.shards);
        let asked = self.queries.iter().map(|query| Asked::new(query, &cluster));
        let asked: Vec<Option<Arc<Asked>>> = asked.map(|asked| asked.map(Arc::new)).collect();
        let mut tally = Tally { queries: asked.len(), ..Tally::default() };
        tally.refused = asked.iter().filter(|asked| asked.is_none()).count();
        let is_keyed = |asked: &&Arc<Asked>| asked.plan.key().is_some();
        tally.keyed = asked.iter().flatten().filter(is_keyed).count();
        let mut watched: Vec<Watched> = Vec::new();
        let begin = self.begin.min(self.transactions.len() - 1);
        for (at, transaction) in self.transactions.iter().enumerate() {
            if at == begin {
                cluster.take_watched();
                for asked in asked.iter().flatten() {
                    watched.push(Watched::begin(asked.clone(), &cluster, &mut tally));
                }
            }
            cluster.run(transaction);
            let changes = cluster.take_watched();
            for query in &mut watched {
                query.step(&cluster, &changes, at - begin, &mut tally);
            }
        }
        watched.iter().for_each(|query| query.check_past(&cluster));
        tally
    }
}

/// A query that is asked and, if it can be, watched.
struct Watched {
    asked: Arc<Asked>,
    subscriber: Option<Subscriber>,
}

impl Watched {
    fn begin(asked: Arc<Asked>, cluster: &Cluster, tally: &mut Tally) -> Self {
        let subscriber = match Subscriber::new(asked.clone(), cluster) {
            None => {
                tally.refused += 1;
                None
            }
            Some(Err(error)) => {
                tally.failed += 1;
                assert_fails(&asked, cluster, &error);
                None
            }
            Some(Ok(mut subscriber)) => {
                let moment = Moment::of(cluster);
                if let Ok(rows) = asked.answer(cluster, moment) {
                    subscriber.check(&counted(&rows), moment, 0);
                }
                Some(subscriber)
            }
        };
        Self { asked, subscriber }
    }

    fn step(
        &mut self,
        cluster: &Cluster,
        changes: &[cosmictron_storage::WatchedChanges],
        step: usize,
        tally: &mut Tally,
    ) {
        let expected = self.check_parts(cluster);
        let Some(subscriber) = &mut self.subscriber else { return };
        if let Err(error) = subscriber.take(changes, cluster) {
            tally.failed += 1;
            assert_fails(&self.asked, cluster, &error);
            self.subscriber = None;
            return;
        }
        let Some(expected) = expected else { return };
        tally.checks += 1;
        tally.full += usize::from(!expected.is_empty());
        subscriber.check(&expected, Moment::of(cluster), step);
        if step % 3 == 1 {
            let format = [RowFormat::Json, RowFormat::Binary][step / 6 % 2];
            subscriber.come_or_go(cluster, &expected, format);
        }
    }

    /// The parts of all shards come to the answer of the one store; that is given.
    fn check_parts(&self, cluster: &Cluster) -> Option<Counted> {
        let moment = Moment::of(cluster);
        self.compare(self.asked.answer(cluster, moment), self.asked.merged(cluster, moment))
    }

    fn compare(
        &self,
        whole: Result<Vec<Row>, SqlError>,
        merged: Result<Vec<Row>, SqlError>,
    ) -> Option<Counted> {
        let asked = &self.asked;
        match (whole, merged) {
            (Ok(whole), Ok(merged)) => {
                let (all, of_parts) = (counted(&whole), counted(&merged));
                assert_eq!(all, of_parts, "{}\n{}", asked.text, asked.plan.explain_split());
                check_order(asked, &whole);
                check_order(asked, &merged);
                check_key(asked, &whole);
                Some(all)
            }
            (Err(error), _) | (_, Err(error)) if error.class() == ErrorClass::Limit => None,
            (Err(whole), Err(merged)) => {
                assert_eq!(whole.class(), merged.class(), "{}", asked.text);
                None
            }
            (Ok(_), Err(_)) | (Err(_), Ok(_)) if asked.may_fail => None,
            (whole, merged) => panic!("{whole:?} and {merged:?}\n{}", asked.text),
        }
    }

    /// All that was told is still the answer as of its transaction.
    fn check_past(&self, cluster: &Cluster) {
        let Some(subscriber) = &self.subscriber else { return };
        for (moment, told) in &subscriber.told {
            let whole = self.asked.answer(cluster, *moment);
            let merged = self.asked.merged(cluster, *moment);
            let Some(found) = self.compare(whole, merged) else { continue };
            assert_eq!(&found, told, "{} as of {moment:?}", self.asked.text);
        }
    }
}

/// What cannot be kept up to date cannot be asked either.
fn assert_fails(asked: &Asked, cluster: &Cluster, error: &SqlError) {
    if asked.may_fail || error.class() == ErrorClass::Limit {
        return;
    }
    let answer = asked.answer(cluster, Moment::of(cluster));
    assert!(answer.is_err(), "{error}, but {answer:?}\n{}", asked.text);
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\non {} shards\n{:?}", self.shards, self.schema)?;
        self.queries.iter().try_for_each(|query| writeln!(f, "  {query:?}"))?;
        write_transactions(&self.transactions, self.begin, f)
    }
}

/// One a line, with the place where queries are subscribed to.
pub(crate) fn write_transactions(
    transactions: &[Transaction],
    begin: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (at, transaction) in transactions.iter().enumerate() {
        if at == begin.min(transactions.len() - 1) {
            writeln!(f, "  subscribed")?;
        }
        writeln!(f, "  {}: {transaction:?}", at + 1)?;
    }
    Ok(())
}
