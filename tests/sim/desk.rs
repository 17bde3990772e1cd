//! Is the simple model of a *desk*: a module whose calls each leave a deed, so that all of what happened is known in the end,
//! and in which order.
//!
//! A desk has one of four workloads: lists that are appended to, names that can be had once, parents and children, numbers
//! that are given out. Each says what its calls come to when they run one after the other ([`Model`]). What it checks:
//!
//! 1. A call that was answered has left one deed, in the transaction that was told and with what was told; one that was
//!    refused has left none; one whose answer never came has left one or none.
//! 2. What an idempotency key was answered with first, it is answered with for ever.
//! 3. The calls one after the other, by the numbers of their transactions, come to what was told and to all rows that any
//!    read has shown, each at the transaction that it named; and at the newest one that was told before it was asked for.
//! 4. A refusal has a reason, at some moment between its call's asking and its answer.
//! 5. What was seen of lists has an order at all, whatever the deeds say ([`history`](crate::history)).
//!
//! Reading order: `workload` says what there is, `lists`, `names`, `kin` and `tickets` are the workloads, `text` writes their
//! modules, `replay` holds what was seen to what should have been.

mod kin;
mod lists;
mod names;
mod place;
mod replay;
mod text;
mod tickets;
mod workload;

use std::collections::BTreeMap;

use cosmictron::shard::{CallError, Called, Unavailable};
use cosmictron_types::{ShardId, Timestamp, TxId};

use crate::server::Numbers;

pub use place::{draw as draw_place, partition_of};
pub use replay::Held;
pub use text::{assemble, sources};
pub use workload::{DEED, Errand, Table, Workload};

/// What is known of one desk. Marks are its keys.
pub struct Desk {
    pub workload: Workload,
    works: BTreeMap<u64, Work>,
    /// As they were read last.
    deeds: BTreeMap<u64, Deed>,
    sightings: Vec<Sighting>,
}

/// One call, and what was said of it.
struct Work {
    errand: Errand,
    has_key: bool,
    asked: Asked,
    /// Requests that were not answered.
    open: u32,
    told: Option<Told>,
    /// When it was over for sure.
    over: Option<Timestamp>,
    /// A request ended without a word on what came of it.
    is_unsure: bool,
}

/// When something was first asked for, and where.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub shard: ShardId,
    pub at: Timestamp,
    /// The newest transaction that was answered before.
    pub after: TxId,
}

/// The answer that has to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Done { tx: TxId, numbers: Vec<u64> },
    Refused(String),
}

/// What a call has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deed {
    id: i64,
    tx: TxId,
    /// The first two numbers that it told.
    told: [u64; 2],
}

/// Rows that a read has shown.
pub struct Sighting {
    pub table: &'static Table,
    /// Of the rows with this value in the column that places them; of all without.
    pub key: Option<u64>,
    pub tx: TxId,
    pub rows: Numbers,
    /// Whether it was the past that was asked for.
    pub is_past: bool,
    pub asked: Asked,
    pub answered: Timestamp,
}

impl Desk {
    pub fn new(workload: Workload) -> Self {
        let (works, deeds) = (BTreeMap::new(), BTreeMap::new());
        Self { workload, works, deeds, sightings: Vec::new() }
    }

    /// Notes that something is asked for.
    pub fn ask(&mut self, mark: u64, errand: Errand, has_key: bool, asked: Asked) {
        let work =
            Work { errand, has_key, asked, open: 0, told: None, over: None, is_unsure: false };
        self.works.entry(mark).or_insert(work).open += 1;
    }

    /// What an idempotency key allows to be asked for again.
    pub fn repeatable(&self) -> Vec<u64> {
        self.works.iter().filter(|(_, work)| work.has_key).map(|(mark, _)| *mark).collect()
    }

    pub fn errand(&self, mark: u64) -> &Errand {
        &self.works[&mark].errand
    }

    /// The lists that a call is about.
    pub fn lists_of(&self, mark: u64) -> impl Iterator<Item = u64> {
        lists::touched(mark, self.errand(mark)).map(|(list, _)| list)
    }

    /// What calls have told first.
    pub fn seen(&self) -> Vec<u64> {
        let first = |work: &Work| match &work.told {
            Some(Told::Done { numbers, .. }) => numbers.first().copied(),
            _ => None,
        };
        self.works.values().filter_map(first).collect()
    }

    /// Takes an answer in; yields the transaction of what is done.
    pub fn answer(
        &mut self,
        mark: u64,
        answer: Result<Called, CallError>,
        now: Timestamp,
    ) -> Option<TxId> {
        let work = self.works.get_mut(&mark).expect("asked before");
        let what = || format!("{} of {mark}", self.workload.name());
        work.open -= 1;
        let told = match answer {
            Ok(called) => {
                assert!(work.asked.after < called.tx, "{}: {} comes too early", what(), called.tx);
                let result = called.result.expect("every call of a desk tells numbers");
                let numbers = serde_json::from_str(&result).expect("a list of numbers");
                Told::Done { tx: called.tx, numbers }
            }
            Err(CallError::Unavailable(why)) => {
                work.is_unsure |= why == Unavailable::LogFailed;
                return None;
            }
            Err(CallError::Reducer(text)) => Told::Refused(text),
            Err(error) => panic!("{} is answered: {error}", what()),
        };
        if let Some(first) = &work.told {
            assert_eq!(*first, told, "{} was answered before", what());
        }
        work.over.get_or_insert(now);
        let told = work.told.insert(told);
        match told {
            Told::Done { tx, .. } => Some(*tx),
            Told::Refused(_) => None,
        }
    }

    /// A client has gone without waiting for the answer.
    pub fn leave(&mut self, mark: u64) {
        let work = self.works.get_mut(&mark).expect("asked before");
        work.open -= 1;
        work.is_unsure = true;
    }

    /// Nothing that is open will be answered.
    pub fn crash(&mut self) {
        for work in self.works.values_mut() {
            work.is_unsure |= work.open > 0;
            work.open = 0;
        }
    }

    /// Takes in what a read has shown.
    pub fn see(&mut self, sighting: Sighting) {
        self.sightings.push(sighting);
    }

    /// Takes in all deeds, when nothing is under way: so what has left none has not happened, and never will. How many calls
    /// turn out to have happened whose answers never came.
    pub fn settle(&mut self, rows: &Numbers, now: Timestamp) -> usize {
        let mut deeds = BTreeMap::new();
        for row in rows {
            let [id, numbers @ ..] = &row[..] else { panic!("{row:?} is no deed") };
            let [mark, tx, first, second] =
                [0, 1, 2, 3].map(|at: usize| numbers[at].cast_unsigned());
            let deed = Deed { id: *id, tx: TxId::new(tx), told: [first, second] };
            let other = deeds.insert(mark, deed);
            assert_eq!(other, None, "{mark} was done twice: {deed:?}");
        }
        for (mark, deed) in &self.deeds {
            assert_eq!(deeds.get(mark), Some(deed), "the deed of {mark} was seen before");
        }
        let mut survived = 0;
        for (mark, work) in &mut self.works {
            survived += usize::from(work.settle(*mark, deeds.get(mark), now));
        }
        let unasked = deeds.keys().find(|mark| !self.works.contains_key(mark));
        assert_eq!(unasked, None, "nobody has asked for that");
        self.deeds = deeds;
        survived
    }

    /// The transactions in which something was done.
    pub fn txs(&self) -> Vec<TxId> {
        self.deeds.values().map(|deed| deed.tx).collect()
    }
}

impl Work {
    /// Holds a deed to what was said; whether that is news.
    fn settle(&mut self, mark: u64, deed: Option<&Deed>, now: Timestamp) -> bool {
        let errand = &self.errand;
        let is_news = match (&self.told, deed) {
            (Some(Told::Done { tx, numbers }), Some(deed)) => {
                assert_eq!(deed.tx, *tx, "{mark}, {errand:?}, was answered with another number");
                let mut first = numbers.iter().copied().chain([0, 0]);
                let first = [0, 1].map(|_: u64| first.next().unwrap_or(0));
                assert_eq!(deed.told, first, "{mark}, {errand:?}, was answered otherwise");
                false
            }
            (Some(Told::Done { tx, .. }), None) => {
                panic!("{mark}, {errand:?}, was answered at {tx} and is not there")
            }
            (Some(Told::Refused(why)), Some(deed)) => {
                panic!("{mark}, {errand:?}, was refused ({why}) and is there: {deed:?}")
            }
            (None, Some(deed)) => {
                let is_known = self.over.is_some();
                assert!(
                    self.is_unsure || is_known,
                    "{mark}, {errand:?}, was turned away and is there"
                );
                assert!(self.asked.after < deed.tx, "{mark}, {errand:?}: {deed:?} comes too early");
                self.over.get_or_insert(now);
                !is_known
            }
            (Some(Told::Refused(_)) | None, None) => false,
        };
        self.is_unsure = false;
        is_news
    }
}
