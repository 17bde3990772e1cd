//! Is the people around a desk: what they ask of it and are told, and what is read of it after a start.

use cosmictron::shard::{Answer, CallError, Called};
use cosmictron_types::{ShardId, TxId};

use super::{Asked, Campaign};
use crate::bank;
use crate::desk::{self, DEED, Desk, Errand, Held, Sighting, Table, Workload};
use crate::ledger::Look;
use crate::server::{Numbers, Past, past_rows};
use crate::tally::Met;

/// Transactions of a desk as of which a look reads it.
const MOMENTS: usize = 2;

/// A query of one table of a desk.
#[derive(Clone, Copy)]
pub(super) struct Peek {
    table: &'static Table,
    /// Of the rows with this value in the column that places them.
    key: Option<u64>,
    past: Option<TxId>,
    asked: desk::Asked,
}

impl Campaign<'_> {
    fn desk(&mut self, bank: usize) -> &mut Desk {
        self.banks[bank].desk.as_mut().expect("it is a desk")
    }

    /// Asks a desk for this or that: one of 18 things.
    pub(super) fn work_at_desk(&mut self, bank: usize, roll: u64) {
        match roll {
            0..=10 => {
                let (workload, seen) = (self.desk(bank).workload, self.desk(bank).seen());
                let errand = workload.draw(&mut self.dice, &seen);
                self.marks += 1;
                let has_key = self.dice.one_in(2);
                self.send_errand(bank, self.marks, errand, has_key);
            }
            11..=13 => {
                let repeatable = self.desk(bank).repeatable();
                let Some(mark) = self.pick_fresh(&repeatable) else { return };
                self.tally.note(Met::Repeated);
                let errand = self.desk(bank).errand(mark).clone();
                self.send_errand(bank, mark, errand, true);
            }
            _ => self.peek_at_desk(bank, roll == 14),
        }
    }

    fn send_errand(&mut self, bank: usize, mark: u64, errand: Errand, has_key: bool) {
        let (shard, also) = (self.any_shard(), self.other_shards());
        let (asked, name) = (self.asked_on(shard), self.banks[bank].name.clone());
        let numbers: Vec<u64> = [mark].into_iter().chain(errand.numbers.iter().copied()).collect();
        let key = has_key.then(|| bank::key(mark));
        let request = bank::call(&self.server, shard, &name, errand.reducer, &numbers, key, also);
        self.desk(bank).ask(mark, errand, has_key, asked);
        self.ask(shard, request, Asked::Work(bank, mark));
    }

    fn asked_on(&self, shard: ShardId) -> desk::Asked {
        let after = self.txs.last_key_value().map_or(TxId::ZERO, |(tx, _)| *tx);
        desk::Asked { shard, at: self.server.world.now(), after }
    }

    /// Reads a table, or what of it is in one place.
    fn peek_at_desk(&mut self, bank: usize, is_past: bool) {
        let tables = self.desk(bank).workload.tables();
        let table = self.dice.pick(tables).expect("a desk has tables");
        let past = match is_past {
            true => {
                let txs = self.txs_of(bank);
                self.dice.pick(&txs).copied()
            }
            false => None,
        };
        let key = self.dice.one_in(2).then(|| desk::draw_place(&mut self.dice));
        let peek = self.peek_of(table, key, past);
        let request = self.server.query(peek.asked.shard, &peek.text(&self.banks[bank].name));
        self.ask(peek.asked.shard, request, Asked::Peek(bank, peek));
    }

    fn peek_of(&mut self, table: &'static Table, key: Option<u64>, past: Option<TxId>) -> Peek {
        let shard = self.any_shard();
        Peek { table, key, past, asked: self.asked_on(shard) }
    }

    /// Takes the answer of a query in. `None` when the log has failed that should hold the rows.
    pub(super) fn take_peek(&mut self, bank: usize, peek: Peek, answer: Answer) -> Option<Numbers> {
        let (tx, rows) = match peek.past {
            None => crate::server::rows(answer)?,
            Some(tx) => match past_rows(answer, tx) {
                Past::Kept(rows) => {
                    self.tally.note(Met::PastKept);
                    (tx, rows)
                }
                Past::Forgotten => {
                    self.tally.note(Met::PastForgotten);
                    return Some(Vec::new());
                }
                Past::Lost => return None,
            },
        };
        let Peek { table, key, past, asked } = peek;
        let (answered, is_past, shown) = (self.server.world.now(), past.is_some(), rows.clone());
        let sighting = Sighting { table, key, tx, rows, is_past, asked, answered };
        self.desk(bank).see(sighting);
        Some(shown)
    }

    pub(super) fn take_work(&mut self, bank: usize, mark: u64, called: Result<Called, CallError>) {
        self.note_refusal(called.as_ref().err());
        let now = self.server.world.now();
        if let Some(tx) = self.desk(bank).answer(mark, called, now) {
            let first = *self.txs.entry(tx).or_insert((bank, mark));
            assert_eq!(first, (bank, mark), "transaction {tx} is told twice");
            let given = usize::from(self.desk(bank).workload == Workload::Tickets);
            self.tally.note_many(Met::NumberGiven, given);
            self.note_crossing(bank, mark);
        }
    }

    /// Counts a call that was done on the lists of several shards.
    fn note_crossing(&mut self, bank: usize, mark: u64) {
        let shards = self.server.shards();
        if self.desk(bank).workload != Workload::Lists || !self.banks[bank].family.is_spread() {
            return;
        }
        let place = |list: u64| shards.owner_of(desk::partition_of(list));
        let mut places: Vec<ShardId> = self.desk(bank).lists_of(mark).map(place).collect();
        places.dedup();
        self.tally.note_many(Met::ListsOfShards, (places.len() > 1).into());
    }

    /// Reads a desk and holds what was seen of it to what its calls come to one by one.
    pub(super) fn look_at_desk(&mut self, bank: usize, look: Look) {
        let survived = loop {
            match self.read_desk(bank) {
                Some(survived) => break survived,
                None => {
                    self.server.crash();
                    self.calm();
                    self.restart();
                }
            }
        };
        self.tally.note_many(Met::Survived, survived);
        self.check_version(bank);
        let Held { sightings, refused, history } = self.desk(bank).hold();
        if look == Look::Now {
            return; // What was held is held again, and counted at the end.
        }
        refused.into_iter().for_each(|reducer| self.tally.note(Met::of_refusal(reducer)));
        self.tally.note_many(Met::History, (history.dependencies > 0).into());
        self.tally.note_many(Met::SightingHeld, sightings);
        self.tally.note_many(Met::Dependency, history.dependencies);
    }

    /// Reads all tables as they are, and as they were at some of the desk's transactions; how many calls turn out to have
    /// happened. `None` when a log has failed.
    fn read_desk(&mut self, bank: usize) -> Option<usize> {
        let deeds = self.read_table(bank, &DEED, None)?;
        let now = self.server.world.now();
        let survived = self.desk(bank).settle(&deeds, now);
        let tables = self.desk(bank).workload.tables();
        for table in tables {
            self.read_table(bank, table, None)?;
        }
        let txs = self.desk(bank).txs();
        for _ in 0..MOMENTS {
            let Some(&tx) = self.dice.pick(&txs) else { break };
            for table in tables.iter().chain([&DEED]) {
                self.read_table(bank, table, Some(tx))?;
            }
        }
        Some(survived)
    }

    fn read_table(
        &mut self,
        bank: usize,
        table: &'static Table,
        past: Option<TxId>,
    ) -> Option<Numbers> {
        let peek = self.peek_of(table, None, past);
        let request = self.server.query(peek.asked.shard, &peek.text(&self.banks[bank].name));
        let asked = self.server.ask(peek.asked.shard, request);
        let answer = self.server.wait(asked);
        self.take_peek(bank, peek, answer)
    }
}

impl Peek {
    fn text(&self, desk: &str) -> String {
        let Table { name, columns, shard_by, .. } = self.table;
        let when = self.past.map_or_else(String::new, |tx| format!(" AS OF TX {tx}"));
        let which = self.key.map_or_else(String::new, |key| format!(" WHERE {shard_by} = {key}"));
        format!("SELECT {} FROM \"{desk}\".{name}{when}{which}", columns.join(", "))
    }
}

impl std::fmt::Debug for Peek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text("desk"))
    }
}
