//! Random schemas, queries and transactions: what those who watch a query are told adds up to its answer, on one shard and on
//! several.
//!
//! A history is read from tapes of numbers ([`choice`]), one for the schema, one for each query and each transaction, so one that
//! fails is made small a tape at a time, and is printed as one would write it. `COSMICTRON_HISTORIES` says how many there are.
//!
//! Reading order: [`choice`], [`value`], [`schema`], [`transaction`]; [`scope`], [`expression`] with [`function`], [`predicate`],
//! [`subquery`], [`aggregate`], [`from`], [`query`] and [`param`] ask; [`cluster`] has the rows, [`answer`], [`order`] and [`key`] are what clients
//! see, [`subscriber`] is told, [`history`] is all of it; [`partition`] asks of one
//! condition, [`guarded`] puts policies before it all, and [`judged`] what numbers come to by an evaluator of their own.

pub(crate) mod aggregate;
pub(crate) mod answer;
pub(crate) mod choice;
pub(crate) mod cluster;
pub(crate) mod expression;
pub(crate) mod from;
pub(crate) mod function;
pub(crate) mod guarded;
pub(crate) mod history;
pub(crate) mod judged;
pub(crate) mod key;
pub(crate) mod order;
pub(crate) mod param;
pub(crate) mod partition;
pub(crate) mod predicate;
pub(crate) mod query;
pub(crate) mod schema;
pub(crate) mod scope;
pub(crate) mod subquery;
pub(crate) mod subscriber;
pub(crate) mod transaction;
pub(crate) mod value;

use std::cell::Cell;
use std::fmt;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

use crate::batches::reader::Batch;
use guarded::Guarded;
use history::{History, Tally};
use judged::Judged;
use partition::Partition;

/// Histories by default.
const HISTORIES: u32 = 2_000;

/// How many cases there are of a test of which one takes as long as so many histories.
fn cases(histories: u32) -> u32 {
    let wanted = std::env::var("COSMICTRON_HISTORIES").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(HISTORIES) / histories
}

/// Checks so many, and says the smallest that fails.
fn check<T: fmt::Debug>(cases: u32, all: impl Strategy<Value = T>, check: impl Fn(&T)) {
    let (failure_persistence, max_shrink_iters) = (None, 20_000);
    let config = Config { cases, failure_persistence, max_shrink_iters, ..Config::default() };
    let outcome = TestRunner::new(config).run(&all, |one| {
        check(&one);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn what_is_told_of_any_query_adds_up_to_its_answer() {
    let all = Cell::new(Tally::default());
    check(cases(1), History::random(), |history| all.set(all.get().with(history.check())));
    let Tally { queries, refused, keyed, failed, checks, full } = all.get();
    println!("{:?}", all.get());
    assert!(refused * 10 < queries, "{refused} of {queries} queries are refused");
    assert!(failed * 20 < queries, "{failed} of {queries} queries end in an error");
    assert!(keyed * 3 > queries, "{keyed} of {queries} queries have a key");
    assert!(full * 3 > checks, "{full} of {checks} answers have rows");
}

#[test]
fn any_condition_is_true_or_false_or_unknown() {
    check(cases(1), Partition::random(), Partition::check);
}

#[test]
fn what_is_told_of_numbers_is_what_a_naive_evaluator_says() {
    check(cases(4), Judged::random(), Judged::check);
}

#[test]
fn whoever_asks_finds_what_their_policies_admit() {
    let all = Cell::new(Tally::default());
    check(cases(2), Guarded::random(), |guarded| all.set(all.get().with(guarded.check())));
    let Tally { queries, refused, checks, full, .. } = all.get();
    println!("{:?}", all.get());
    assert!(refused * 5 < queries, "{refused} of {queries} queries are refused");
    assert!(full * 4 > checks, "{full} of {checks} answers have rows");
}
