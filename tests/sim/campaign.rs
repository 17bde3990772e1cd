//! Is one seed's run, in rounds: faults are drawn, clients work, the server ends in one way or another and starts again,
//! and what it holds is held to what was said.

mod client;
mod errands;
mod rest;

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron::shard::{Answer, Request};
use cosmictron_runtime::sim::{Faults, RequestId, Span};
use cosmictron_storage::planted;
use cosmictron_types::{Duration, ShardCount, ShardId, TxId};
use cosmictron_wasm_host::CompiledModule;

use crate::bank::Books;
use crate::desk::{Desk, Workload};
use crate::dice::Dice;
use crate::ledger::{Ledger, Look};
use crate::server::{NotOpened, Past, Server};
use crate::site::{Family, SEGMENT_BYTES, Site};
use crate::tally::{Met, Tally};
use errands::Peek;

/// Times that the server is ended and started again.
const ROUNDS: u32 = 4;
/// Transactions of a bank as of which a look reads it.
const MOMENTS: usize = 3;
/// Lines of the trace that are told of a run that failed, unless `COSMICTRON_SIM_LINES` says how many.
const LINES_TOLD: usize = 60;
/// When every transfer that was put off has been due for long.
const LONG: Duration = Duration::from_secs(60);

pub struct Campaign<'s> {
    seed: u64,
    site: &'s Site,
    dice: Dice,
    server: Server,
    banks: Vec<Bank>,
    asked: BTreeMap<RequestId, Asked>,
    marks: u64,
    /// Who was told which transaction: a bank and a mark.
    txs: BTreeMap<TxId, (usize, u64)>,
    tally: Tally,
}

/// One deployment of the bank, or of a desk.
struct Bank {
    name: Arc<str>,
    family: Family,
    /// What is known of a bank; of a desk it stays empty.
    ledger: Ledger,
    desk: Option<Desk>,
    /// What reads have shown, and as of which transactions.
    seen: Vec<(TxId, Books)>,
    /// The version that is in service.
    version: usize,
    /// One that was asked for and not answered.
    coming: Option<usize>,
    is_deploying: bool,
}

/// What a request was for; numbers are banks and marks.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Order(usize, u64),
    Erase(usize, u64),
    Deploy(usize, usize),
    /// The newest entries.
    Entries(usize),
    /// The sum of all balances.
    Total,
    /// The same as of a past transaction.
    PastTotal(TxId),
    /// A desk's call.
    Work(usize, u64),
    /// Rows of a desk.
    Peek(usize, Peek),
}

impl<'s> Campaign<'s> {
    /// Runs a seed to its end.
    pub fn run(site: &'s Site, seed: u64) -> Self {
        let mut campaign = Self::new(site, seed);
        campaign.restart();
        campaign.deploy_first();
        for _ in 0..ROUNDS {
            campaign.draw_faults();
            campaign.work();
            match campaign.dice.one_in(3) {
                true => campaign.end_in_order(),
                false => campaign.crash(),
            }
            campaign.restart();
            campaign.look(Look::Now);
        }
        campaign.calm();
        campaign.server.run_for(LONG);
        campaign.look(Look::AtTheEnd);
        campaign.check_rest();
        let done = campaign.banks.iter().map(|bank| bank.ledger.done()).sum();
        campaign.tally.note_many(Met::Done, done);
        campaign
    }

    fn new(site: &'s Site, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let shards = u16::try_from(1 + dice.roll(3)).ok().and_then(ShardCount::new).unwrap();
        let plan = site.plan(if dice.one_in(2) { 1 } else { 3 });
        let first = dice.roll(100);
        // One seed in five has two banks.
        let workload = dice.pick(&Workload::ALL).copied().filter(|_| !dice.one_in(5));
        let mut bank = |number, workload: Option<Workload>| Bank {
            name: format!("{}-{number}", workload.map_or("bank", Workload::name)).into(),
            family: match workload {
                None => *dice.pick(&Family::BANKS).expect("there are some"),
                Some(workload) => Family::Desk(workload, !dice.one_in(4)),
            },
            ledger: Ledger::default(),
            desk: workload.map(Desk::new),
            seen: Vec::new(),
            version: 0,
            coming: None,
            is_deploying: false,
        };
        let banks = vec![bank(first, None), bank(first + 1, workload)];
        Self {
            seed,
            site,
            server: Server::new(seed, shards, plan),
            banks,
            dice,
            asked: BTreeMap::new(),
            marks: 0,
            txs: BTreeMap::new(),
            tally: Tally::of_one_seed(),
        }
    }

    /// What the desk is about, where there is one.
    pub fn workload(&self) -> Option<Workload> {
        self.banks.iter().find_map(|bank| bank.desk.as_ref()).map(|desk| desk.workload)
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn fingerprint(&self) -> u64 {
        self.server.world.fingerprint()
    }

    /// Puts the banks in service, at times in two tries with a crash between.
    fn deploy_first(&mut self) {
        if self.dice.one_in(2) {
            (0..self.banks.len()).for_each(|bank| self.deploy(bank, 0));
            let steps = self.dice.roll(60);
            self.server.pass(steps);
            self.crash();
            self.restart();
        }
        for bank in 0..self.banks.len() {
            // Whatever a crash has left of the first try: the next one follows it.
            self.banks[bank].coming = None;
            self.deploy(bank, 0);
        }
        self.settle();
    }

    fn draw_faults(&mut self) {
        let faults = self.server.world.faults_mut();
        *faults = Faults { segment_delay: Span::micros(100, 30_000), ..Faults::rough() };
        match self.dice.roll(10) {
            0 => faults.write_fails = 20_000,
            1 => faults.write_is_short = 20_000,
            2 => faults.write_finds_disk_full = 20_000,
            3 => faults.segment_fails = 300_000,
            4 | 5 => faults.disk_bytes = SEGMENT_BYTES * (2 + self.dice.roll(6)),
            6 => faults.read_fails = 100_000,
            7 => faults.write_delay = Span::micros(50, 500_000),
            _ => {}
        }
    }

    /// Nothing fails any more.
    fn calm(&mut self) {
        *self.server.world.faults_mut() = Faults::none();
    }

    fn crash(&mut self) {
        self.collect();
        self.server.crash();
        self.tally.note(Met::Crash);
        self.tally.note_many(Met::CutOff, self.asked.len());
        for asked in std::mem::take(&mut self.asked).into_values() {
            if let Asked::Deploy(bank, version) = asked {
                self.banks[bank].is_deploying = false;
                self.banks[bank].coming = Some(version);
            }
        }
        self.banks.iter_mut().for_each(Bank::crash);
    }

    /// Ends the server as a signal does: everybody is answered, all is written.
    fn end_in_order(&mut self) {
        self.settle();
        for shard in self.server.shards().shards() {
            let asked = self.server.ask(shard, Request::Sync(shard));
            let Answer::Synced(_) = self.server.wait(asked) else { panic!("no answer to a sync") };
        }
        self.server.crash();
        self.banks.iter_mut().for_each(Bank::crash);
        self.tally.note(Met::CleanEnd);
    }

    /// Starts the server, at times in more than one try and with another number of shards. Faults that keep it from opening
    /// end.
    fn restart(&mut self) {
        if self.dice.one_in(4) {
            let shards = u16::try_from(1 + self.dice.roll(4)).ok().and_then(ShardCount::new);
            let dies = self.dice.one_in(3);
            match self.server.reshard(shards.expect("between 1 and 4"), dies) {
                Ok(()) => self.tally.note(Met::Resharded),
                Err(NotOpened) => self.tally.note(Met::NotOpened),
            }
        }
        if self.dice.one_in(3) {
            if self.server.boot().is_ok() {
                let steps = self.dice.roll(60);
                self.server.pass(steps);
            }
            self.server.crash();
            self.tally.note(Met::CrashAtBoot);
        }
        while self.server.start().is_err() {
            self.tally.note(Met::NotOpened);
            self.server.crash();
            self.calm();
        }
    }

    /// Reads all banks and holds them to what was said.
    fn look(&mut self, look: Look) {
        for bank in 0..self.banks.len() {
            if self.banks[bank].desk.is_some() {
                self.look_at_desk(bank, look);
                continue;
            }
            let name = self.banks[bank].name.clone();
            let (tx, books) = loop {
                let shard = self.any_shard();
                match Books::read(&mut self.server, shard, &name) {
                    Some(books) => break books,
                    None => {
                        self.server.crash();
                        self.calm();
                        self.restart();
                        if look == Look::AtTheEnd {
                            // What was due had no chance while a log had failed.
                            self.server.run_for(LONG);
                        }
                    }
                }
            };
            self.check_version(bank);
            let survived = self.banks[bank].ledger.check(&books, look);
            self.tally.note_many(Met::Survived, survived);
            self.banks[bank].ledger.check_at(tx, &books);
            self.look_back(bank);
            self.look_between(bank);
            self.banks[bank].seen.push((tx, books));
        }
    }

    /// Reads a bank as of every transaction as of which it was read before.
    fn look_back(&mut self, bank: usize) {
        let shard = self.any_shard();
        let Bank { name, seen, .. } = &self.banks[bank];
        for (tx, books) in seen {
            match Books::read_past(&mut self.server, shard, name, *tx) {
                Past::Kept(found) => {
                    assert_eq!(found, *books, "{name} as of {tx}");
                    self.tally.note(Met::PastKept);
                }
                Past::Forgotten => self.tally.note(Met::PastForgotten),
                // The next look starts the server again.
                Past::Lost => return,
            }
        }
    }

    /// Reads a bank as of some of its transactions that were told: each shows itself, those before it, and no later one.
    fn look_between(&mut self, bank: usize) {
        let txs = self.txs_of(bank);
        for _ in 0..MOMENTS {
            let Some(&tx) = self.dice.pick(&txs) else { return };
            let shard = self.any_shard();
            let Bank { name, ledger, .. } = &self.banks[bank];
            match Books::read_past(&mut self.server, shard, name, tx) {
                Past::Kept(found) => {
                    ledger.check_at(tx, &found);
                    self.tally.note(Met::PastKept);
                }
                Past::Forgotten => self.tally.note(Met::PastForgotten),
                Past::Lost => return,
            }
        }
    }

    /// Transactions of a bank that were told.
    fn txs_of(&self, bank: usize) -> Vec<TxId> {
        let of_bank = self.txs.iter().filter(|(_, (other, _))| *other == bank);
        of_bank.map(|(tx, _)| *tx).collect()
    }

    /// A deployment that was answered is in service, on every core.
    fn check_version(&mut self, bank: usize) {
        let versions = self.site.bank(self.banks[bank].family);
        let Bank { name, version, coming, .. } = &mut self.banks[bank];
        for shard in self.server.shards().shards() {
            let found = version_on(&self.server, shard, name, versions).expect("it was deployed");
            assert!(found == *version || coming.take() == Some(found), "{name}: version {found}");
            *version = found;
        }
        *coming = None;
    }
}

impl Bank {
    /// Nothing that is open will be answered.
    fn crash(&mut self) {
        self.ledger.crash();
        self.desk.iter_mut().for_each(Desk::crash);
    }
}

/// Which of its versions a shard knows a bank by.
fn version_on(
    server: &Server,
    shard: ShardId,
    name: &str,
    versions: &[CompiledModule],
) -> Option<usize> {
    let module = server.directory(shard).module(name)?;
    let known = |compiled: &CompiledModule| compiled.version() == module.compiled.version();
    versions.iter().position(known)
}

fn lines_told() -> usize {
    let wanted = std::env::var("COSMICTRON_SIM_LINES");
    wanted.ok().and_then(|lines| lines.parse().ok()).unwrap_or(LINES_TOLD)
}

impl Drop for Campaign<'_> {
    /// Says how to run again what has failed.
    fn drop(&mut self) {
        // A fault that is planted is to be found.
        if std::thread::panicking() && planted::planted().is_none() {
            let lines: Vec<&str> = self.server.world.trace().collect();
            let told = lines[lines.len().saturating_sub(lines_told())..].join("\n");
            let (seed, next) = (self.seed, self.seed + 1);
            eprintln!(
                "{told}\nseed {seed} fails; cargo xtask sim --seeds {seed}..{next} runs it again"
            );
        }
    }
}
