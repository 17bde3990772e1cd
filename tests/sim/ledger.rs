//! Is the simple model: what the clients of one bank were told, and what its tables may therefore hold.
//!
//! What it checks:
//! 1. A transfer that was answered is there once and whole, with the id that was told; one that was refused is not
//!    there; one whose answer never came is there once and whole, or not at all.
//! 2. What an idempotency key was answered with first, it is answered with for ever.
//! 3. No id that anybody has seen ever belongs to another row; no `tx_id` that was answered is given again.
//! 4. What a read has shown stays.
//! 5. Entries and balances agree, and the total of all balances never changes.
//! 6. The order of the `tx_id`s that were told is the order in which reads show what they did.

use std::collections::{BTreeMap, BTreeSet};

use cosmictron::shard::{CallError, Called, Unavailable};
use cosmictron_types::TxId;

use crate::bank::{ACCOUNTS, BALANCE, Books, Entry, Order};

/// What is known of one bank. Marks are its keys.
#[derive(Default)]
pub struct Ledger {
    promises: BTreeMap<u64, Promise>,
    /// The marks of the entries and receipts that anybody has seen, by id.
    entries_seen: BTreeMap<i64, u64>,
    receipts_seen: BTreeMap<i64, u64>,
}

/// One order, and what was said of it.
struct Promise {
    order: Order,
    has_key: bool,
    /// The newest transaction that was answered before it was first asked for.
    after: TxId,
    /// Requests that were not answered.
    open: u32,
    told: Option<Told>,
    /// A request ended without a word on what came of it.
    is_unsure: bool,
    erasure: Erasure,
}

/// The answer that has to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// With what it returned, which a later transfer does not: the first entry's id, or the number drawn; and with the
    /// transaction, where that was told.
    Done {
        id: Option<i64>,
        tx: Option<TxId>,
    },
    Refused(String),
}

/// Whether an order's receipt is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Erasure {
    No,
    Asked,
    Unsure,
    Done,
}

/// How sure a look at the tables can be of later transfers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Some may still be to come.
    Now,
    /// All have had their time.
    AtTheEnd,
}

impl Ledger {
    /// Notes that an order is asked for.
    pub fn ask(&mut self, mark: u64, order: Order, has_key: bool, after: TxId) {
        self.promises
            .entry(mark)
            .or_insert(Promise {
                order,
                has_key,
                after,
                open: 0,
                told: None,
                is_unsure: false,
                erasure: Erasure::No,
            })
            .open += 1;
    }

    /// Orders that an idempotency key allows to be asked for again.
    pub fn repeatable(&self) -> Vec<(u64, Order)> {
        let keyed = self.promises.iter().filter(|(_, promise)| promise.has_key);
        keyed.map(|(mark, promise)| (*mark, promise.order)).collect()
    }

    /// Receipts that were seen, with their marks, and that nobody has asked to erase.
    pub fn erasable(&self) -> Vec<(i64, u64)> {
        let seen = self.receipts_seen.iter().map(|(id, mark)| (*id, *mark));
        let can_be =
            |promise: &Promise| promise.erasure == Erasure::No && promise.order != Order::Draw;
        seen.filter(|(_, mark)| can_be(&self.promises[mark])).collect()
    }

    /// Takes the answer to an order in; yields the transaction of one that is done.
    pub fn answer(&mut self, mark: u64, answer: Result<Called, CallError>) -> Option<TxId> {
        let promise = self.promises.get_mut(&mark).expect("asked before");
        promise.open -= 1;
        let told = match answer {
            Ok(called) => promise.done(mark, &called),
            Err(CallError::Unavailable(why)) => {
                promise.is_unsure |= why == Unavailable::LogFailed;
                return None;
            }
            Err(CallError::Reducer(text)) => promise.refused(mark, text),
            Err(error) => panic!("transfer {mark} is answered: {error}"),
        };
        if let Told::Done { id: Some(id), .. } = told {
            match promise.order {
                Order::Draw => see(&mut self.receipts_seen, id, mark, "receipt"),
                _ => see(&mut self.entries_seen, id, mark, "entry"),
            }
        }
        match told {
            Told::Done { tx, .. } => tx,
            Told::Refused(_) => None,
        }
    }

    pub fn ask_to_erase(&mut self, mark: u64) {
        self.promises.get_mut(&mark).expect("seen before").erasure = Erasure::Asked;
    }

    pub fn answer_erase(&mut self, mark: u64, answer: Result<Called, CallError>) {
        let promise = self.promises.get_mut(&mark).expect("asked before");
        promise.erasure = match answer {
            Ok(Called { result, .. }) => {
                assert_eq!(result.as_deref(), Some("1"), "the receipt of {mark} was there");
                Erasure::Done
            }
            Err(CallError::Unavailable(Unavailable::LogFailed)) => Erasure::Unsure,
            Err(CallError::Unavailable(_)) => Erasure::No,
            Err(error) => panic!("the erasure of {mark}'s receipt is answered: {error}"),
        };
    }

    /// Nobody waits for one of an order's answers any more.
    pub fn leave(&mut self, mark: u64) {
        let promise = self.promises.get_mut(&mark).expect("asked before");
        promise.open -= 1;
        promise.is_unsure = true;
    }

    /// Notes entries that a read has shown: ids and marks.
    pub fn see_entries(&mut self, rows: &[Vec<i64>]) {
        for row in rows {
            see(&mut self.entries_seen, row[0], row[1].cast_unsigned(), "entry");
        }
    }

    /// Nobody is answered any more.
    pub fn crash(&mut self) {
        for promise in self.promises.values_mut() {
            promise.is_unsure |= promise.open > 0;
            promise.open = 0;
            if promise.erasure == Erasure::Asked {
                promise.erasure = Erasure::Unsure;
            }
        }
    }

    /// Holds the tables to what was said, and takes from them what was open; how many unanswered transfers were there.
    pub fn check(&mut self, books: &Books, look: Look) -> usize {
        let done_before = self.done();
        let mut pairs: BTreeMap<u64, Vec<(i64, Entry)>> = BTreeMap::new();
        for (id, entry) in &books.entries {
            see(&mut self.entries_seen, *id, entry.mark, "entry");
            pairs.entry(entry.mark).or_default().push((*id, *entry));
        }
        assert_eq!(self.entries_seen.len(), books.entries.len(), "entries that were seen are gone");
        // Ids of several shards do not ascend: the first entry is the one of the source.
        for (mark, pair) in &mut pairs {
            let order = self.promises.get(mark).map(|promise| promise.order.entries());
            let source = order.and_then(|entries| entries.first().map(|(account, _)| *account));
            pair.sort_by_key(|(_, entry)| Some(entry.account) != source);
        }
        let mut receipts: BTreeMap<u64, i64> = BTreeMap::new();
        for (id, receipt) in &books.receipts {
            see(&mut self.receipts_seen, *id, receipt.mark, "receipt");
            let first = pairs.get(&receipt.mark).map(|pair| pair[0].0);
            assert_eq!(first, Some(receipt.entry), "receipt {id} belongs to the first entry");
            assert!(receipts.insert(receipt.mark, *id).is_none(), "{receipt:?} is there twice");
        }
        for (mark, promise) in &mut self.promises {
            let pair = pairs.remove(mark).unwrap_or_default();
            promise.settle(*mark, &pair, look);
            promise.settle_receipt(*mark, !pair.is_empty(), receipts.contains_key(mark));
        }
        assert!(pairs.is_empty(), "nobody has asked for {pairs:?}");
        check_balances(books);
        self.done() - done_before
    }

    /// Holds the tables as of a transaction to the order that was told: every transfer up to it is there, no later one is.
    /// So what clients saw is what one by one would have shown, in the order of the numbers.
    pub fn check_at(&self, tx: TxId, books: &Books) {
        let there: BTreeSet<u64> = books.entries.values().map(|entry| entry.mark).collect();
        let told = |(mark, promise): (&u64, &Promise)| match (&promise.order, &promise.told) {
            (Order::Transfer { .. }, Some(Told::Done { tx: Some(told), .. })) => {
                Some((*told, *mark))
            }
            _ => None,
        };
        let history: BTreeMap<TxId, u64> = self.promises.iter().filter_map(told).collect();
        let is_wrong = |(told, mark): &(&TxId, &u64)| there.contains(mark) != (**told <= tx);
        if let Some((told, mark)) = history.iter().find(is_wrong) {
            let state = |mark| if there.contains(mark) { "seen" } else { "not seen" };
            let around = history.range(told.min(&tx)..=told.max(&tx));
            let lines: Vec<String> = around
                .map(|(at, mark)| format!("  {at}: transfer {mark}, {}", state(mark)))
                .collect();
            panic!("transfer {mark} was done at {told}; as of {tx}:\n{}", lines.join("\n"));
        }
        check_balances(books);
    }

    /// Transfers that are known to be done.
    pub fn done(&self) -> usize {
        let is_done = |promise: &&Promise| matches!(promise.told, Some(Told::Done { .. }));
        self.promises.values().filter(is_done).count()
    }
}

impl Promise {
    fn done(&mut self, mark: u64, called: &Called) -> Told {
        assert!(!self.order.is_doomed(), "transfer {mark} cannot be done");
        assert!(self.after < called.tx, "{mark}: {} comes after {}", called.tx, self.after);
        let id = called.result.as_ref().map(|text| text.parse().expect("an id"));
        assert_eq!(id.is_none(), self.order.is_later(), "{mark} has a result: {id:?}");
        let told = Told::Done { id, tx: Some(called.tx) };
        match &self.told {
            // Found in the tables, with the transaction still unknown.
            Some(Told::Done { id: first, tx: None }) => assert_eq!(*first, id, "{mark}"),
            Some(first) => assert_eq!(*first, told, "transfer {mark} was answered before"),
            None => {}
        }
        self.told = Some(told.clone());
        told
    }

    fn refused(&mut self, mark: u64, text: String) -> Told {
        let is_covered = text != "the balance does not cover it";
        assert!(self.order.is_doomed() || !is_covered, "transfer {mark} is refused: {text}");
        let told = Told::Refused(text);
        if let Some(first) = &self.told {
            assert_eq!(*first, told, "transfer {mark} was answered before");
        }
        self.told = Some(told.clone());
        told
    }

    /// Holds the entries to what was said.
    fn settle(&mut self, mark: u64, entries: &[(i64, Entry)], look: Look) {
        let Some((first, _)) = entries.first() else {
            return self.settle_absent(mark, look);
        };
        let found: Vec<_> =
            entries.iter().map(|(_, entry)| (entry.account, entry.amount)).collect();
        assert_eq!(found, self.order.entries(), "transfer {mark} is there whole, and once");
        match &self.told {
            Some(Told::Done { id: Some(id), .. }) => assert_eq!(first, id, "transfer {mark}"),
            Some(Told::Done { id: None, .. }) => {}
            Some(Told::Refused(why)) => panic!("transfer {mark} was refused and is there: {why}"),
            None => {
                assert!(self.is_unsure, "transfer {mark} was turned away and is there");
                if !self.order.is_later() {
                    self.told = Some(Told::Done { id: Some(*first), tx: None });
                    self.is_unsure = false;
                }
            }
        }
    }

    /// There are no entries.
    fn settle_absent(&mut self, mark: u64, look: Look) {
        let may_be_to_come = self.order.is_later() && look == Look::Now;
        let has_none = may_be_to_come || self.order == Order::Draw;
        let is_done = matches!(self.told, Some(Told::Done { .. }));
        assert!(!is_done || has_none, "transfer {mark} was answered and is not there");
        self.is_unsure &= self.order.is_later();
    }

    fn settle_receipt(&mut self, mark: u64, has_entries: bool, has_receipt: bool) {
        match (has_entries, has_receipt) {
            (true, true) => {
                assert!(self.erasure != Erasure::Done, "the receipt of {mark} was erased");
                if self.erasure == Erasure::Unsure {
                    self.erasure = Erasure::No;
                }
            }
            (true, false) => {
                assert!(self.erasure != Erasure::No, "the receipt of {mark} is gone");
                self.erasure = Erasure::Done;
            }
            (false, _) => assert!(!has_receipt, "{mark} has a receipt and no entries"),
        }
    }
}

fn see(seen: &mut BTreeMap<i64, u64>, id: i64, mark: u64, what: &str) {
    let first = *seen.entry(id).or_insert(mark);
    assert_eq!(first, mark, "{what} {id} belongs to two transfers");
}

fn check_balances(books: &Books) {
    let mut balances: BTreeMap<i64, i64> =
        (1..=ACCOUNTS.cast_signed()).map(|id| (id, BALANCE)).collect();
    for entry in books.entries.values() {
        *balances.get_mut(&entry.account).expect("an account") += entry.amount;
    }
    assert_eq!(books.accounts, balances, "balances are what the entries say");
}
