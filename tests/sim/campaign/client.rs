//! Is the people around a server: clients that call, read and call again, an operator who deploys; and what they are told.

use cosmictron::shard::{Answer, CallError, Deploy, DeployError, Deployed, Request, Unavailable};
use cosmictron_types::{Duration, Identity, ShardId, TxId};

use super::{Asked, Bank, Campaign, version_on};
use crate::bank::{self, ACCOUNTS, BALANCE, Order};
use crate::server::{Past, past_rows, rows};
use crate::tally::Met;

impl Campaign<'_> {
    /// Asks for this and that, while the world goes on.
    pub(super) fn work(&mut self) {
        for _ in 0..20 + self.dice.roll(100) {
            let bank = self.dice.roll(self.banks.len() as u64) as usize;
            match self.dice.roll(20) {
                roll if roll < 18 && self.banks[bank].desk.is_some() => {
                    self.work_at_desk(bank, roll);
                }
                0..=8 => self.transfer(bank),
                9 => self.order(bank, Order::Draw),
                10 | 11 => self.transfer_later(bank),
                12..=14 => self.repeat(bank),
                15 => self.erase(bank),
                16 => self.peek(
                    bank,
                    "id, mark",
                    "entry ORDER BY id DESC LIMIT 4",
                    Asked::Entries(bank),
                ),
                17 if self.dice.one_in(2) => self.peek_back(bank),
                17 => self.peek(bank, "sum(balance)", "account", Asked::Total),
                18 => {
                    let versions = self.site.bank(self.banks[bank].family).len();
                    let version = self.dice.roll(versions as u64) as usize;
                    self.deploy(bank, version);
                }
                _ => self.server.run_for(Duration::from_millis(20)),
            }
            // Mostly little at once: then more is under way when a crash comes.
            let steps_max = if self.dice.one_in(6) { 40 } else { 4 };
            let steps = self.dice.roll(steps_max);
            self.server.pass(steps);
            self.collect();
        }
    }

    fn transfer(&mut self, bank: usize) {
        // One account more than there are: who names it is refused.
        let mut account = || 1 + self.dice.roll(ACCOUNTS + 1);
        let (source, target) = (account(), account());
        let amount = self.dice.roll(400).cast_signed();
        let order = Order::Transfer { source, target, amount };
        self.order(bank, order);
    }

    fn transfer_later(&mut self, bank: usize) {
        let mut account = || 1 + self.dice.roll(ACCOUNTS);
        let source = account();
        let target = source % ACCOUNTS + 1;
        let after = self.dice.roll(100_000).cast_signed();
        self.order(bank, Order::Later { source, target, after });
    }

    fn order(&mut self, bank: usize, order: Order) {
        self.marks += 1;
        let has_key = self.dice.one_in(2);
        self.send(bank, self.marks, order, has_key);
    }

    /// Asks again for what was asked for under a key, answered or not.
    fn repeat(&mut self, bank: usize) {
        let repeatable = self.banks[bank].ledger.repeatable();
        let Some((mark, order)) = self.pick_fresh(&repeatable) else { return };
        self.tally.note(Met::Repeated);
        self.send(bank, mark, order, true);
    }

    /// Most often one of the last few: it may still be on its way.
    pub(super) fn pick_fresh<T: Copy>(&mut self, repeatable: &[T]) -> Option<T> {
        let recent = &repeatable[repeatable.len().saturating_sub(4)..];
        let from = if self.dice.one_in(3) { repeatable } else { recent };
        self.dice.pick(from).copied()
    }

    fn send(&mut self, bank: usize, mark: u64, order: Order, has_key: bool) {
        let (shard, also) = (self.any_shard(), self.other_shards());
        let Bank { name, ledger, .. } = &mut self.banks[bank];
        let newest = self.txs.last_key_value().map_or(TxId::ZERO, |(tx, _)| *tx);
        ledger.ask(mark, order, has_key, newest);
        let request = order.request(&self.server, shard, name, mark, has_key, also);
        self.ask(shard, request, Asked::Order(bank, mark));
    }

    /// Some shards whose stores a call wants as well, needed or not.
    pub(super) fn other_shards(&mut self) -> Vec<ShardId> {
        if !self.dice.one_in(3) {
            return Vec::new();
        }
        let all = self.server.shards().shards();
        let also: Vec<ShardId> = all.filter(|_| self.dice.one_in(2)).collect();
        self.tally.note_many(Met::Joint, (!also.is_empty()).into());
        also
    }

    fn erase(&mut self, bank: usize) {
        let shard = self.any_shard();
        let Bank { name, ledger, .. } = &mut self.banks[bank];
        let Some((receipt, mark)) = self.dice.pick(&ledger.erasable()).copied() else { return };
        ledger.ask_to_erase(mark);
        let request = bank::erase(&self.server, shard, name, receipt.cast_unsigned());
        self.ask(shard, request, Asked::Erase(bank, mark));
    }

    fn peek(&mut self, bank: usize, columns: &str, from: &str, asked: Asked) {
        let shard = self.any_shard();
        let text = format!("SELECT {columns} FROM \"{}\".{from}", self.banks[bank].name);
        let query = self.server.query(shard, &text);
        self.ask(shard, query, asked);
    }

    /// Asks for the total as of a transaction of the bank that was told.
    fn peek_back(&mut self, bank: usize) {
        let txs = self.txs_of(bank);
        let Some(&tx) = self.dice.pick(&txs) else { return };
        let from = format!("account AS OF TX {tx}");
        self.peek(bank, "sum(balance)", &from, Asked::PastTotal(tx));
    }

    pub(super) fn deploy(&mut self, bank: usize, version: usize) {
        if self.banks[bank].is_deploying || self.banks[bank].coming.is_some() {
            return;
        }
        self.banks[bank].is_deploying = true;
        let deploy = Deploy {
            name: self.banks[bank].name.clone(),
            compiled: self.site.bank(self.banks[bank].family)[version].clone(),
            deployer: Identity::SYSTEM,
        };
        let shard = self.any_shard();
        self.ask(shard, Request::Deploy(deploy), Asked::Deploy(bank, version));
    }

    pub(super) fn ask(&mut self, shard: ShardId, request: Request, asked: Asked) {
        if let Request::Call(call) = &request
            && call.module.home != shard
        {
            self.tally.note(Met::Routed);
        }
        let id = self.server.ask(shard, request);
        match asked {
            Asked::Order(bank, mark) if self.dice.one_in(25) => {
                self.server.world.abandon(id);
                self.banks[bank].ledger.leave(mark);
            }
            Asked::Work(bank, mark) if self.dice.one_in(25) => {
                self.server.world.abandon(id);
                self.banks[bank].desk.iter_mut().for_each(|desk| desk.leave(mark));
            }
            _ => {
                self.asked.insert(id, asked);
            }
        }
    }

    pub(super) fn any_shard(&mut self) -> ShardId {
        let shards: Vec<ShardId> = self.server.shards().shards().collect();
        *self.dice.pick(&shards).expect("a server has shards")
    }

    pub(super) fn collect(&mut self) {
        for (id, answer) in self.server.take_answers() {
            let asked = self.asked.remove(&id).unwrap_or_else(|| panic!("{id}: {answer:?}"));
            self.take(asked, answer);
        }
    }

    /// Waits until everything is answered.
    pub(super) fn settle(&mut self) {
        self.collect();
        while let Some((id, asked)) = self.asked.pop_first() {
            let answer = self.server.wait(id);
            self.take(asked, answer);
        }
    }

    fn take(&mut self, asked: Asked, answer: Answer) {
        match (asked, answer) {
            (Asked::Order(bank, mark), Answer::Called(called)) => {
                self.note_refusal(called.as_ref().err());
                if let Some(tx) = self.banks[bank].ledger.answer(mark, called) {
                    let first = *self.txs.entry(tx).or_insert((bank, mark));
                    assert_eq!(first, (bank, mark), "transaction {tx} is told twice");
                }
            }
            (Asked::Work(bank, mark), Answer::Called(called)) => self.take_work(bank, mark, called),
            (Asked::Peek(bank, peek), answer) => {
                self.take_peek(bank, peek, answer);
            }
            (Asked::Erase(bank, mark), Answer::Called(called)) => {
                self.tally.note_many(Met::Erased, called.is_ok().into());
                self.banks[bank].ledger.answer_erase(mark, called);
            }
            (Asked::Deploy(bank, version), Answer::Deployed(deployed)) => {
                self.take_deployment(bank, version, deployed);
            }
            (Asked::Entries(bank), answer) => {
                if let Some((_, rows)) = rows(answer) {
                    self.banks[bank].ledger.see_entries(&rows);
                }
            }
            (Asked::Total, answer) => {
                if let Some((_, rows)) = rows(answer) {
                    assert_eq!(rows, [[ACCOUNTS.cast_signed() * BALANCE]], "the total changes");
                }
            }
            (Asked::PastTotal(tx), answer) => match past_rows(answer, tx) {
                Past::Kept(rows) => {
                    assert_eq!(rows, [[ACCOUNTS.cast_signed() * BALANCE]], "as of {tx}");
                    self.tally.note(Met::PastKept);
                }
                Past::Forgotten => self.tally.note(Met::PastForgotten),
                Past::Lost => {}
            },
            (asked, answer) => panic!("{asked:?} is answered by {answer:?}"),
        }
    }

    pub(super) fn note_refusal(&mut self, error: Option<&CallError>) {
        match error {
            None => {}
            Some(CallError::Unavailable(Unavailable::LogFailed)) => self.tally.note(Met::LogFailed),
            Some(CallError::Unavailable(Unavailable::OutOfSpace)) => {
                self.tally.note(Met::OutOfSpace);
            }
            Some(CallError::Unavailable(Unavailable::Overloaded)) => {
                self.tally.note(Met::Overloaded);
            }
            Some(_) => self.tally.note(Met::Undone),
        }
    }

    fn take_deployment(
        &mut self,
        bank: usize,
        version: usize,
        deployed: Result<Deployed, DeployError>,
    ) {
        let versions = self.site.bank(self.banks[bank].family);
        let bank = &mut self.banks[bank];
        bank.is_deploying = false;
        match deployed {
            Ok(_) => {
                bank.version = version;
                self.tally.note(Met::Deployed);
                let name = &bank.name;
                for shard in self.server.shards().shards() {
                    let known = version_on(&self.server, shard, name, versions);
                    assert_eq!(
                        known,
                        Some(version),
                        "{name} on shard {shard} is not what was deployed"
                    );
                }
            }
            Err(DeployError::Unavailable(Unavailable::LogFailed)) => bank.coming = Some(version),
            Err(DeployError::Unavailable(_)) => {}
            Err(error) => panic!("{} is not deployed: {error}", bank.name),
        }
    }
}
