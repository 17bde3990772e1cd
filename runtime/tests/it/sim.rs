//! The simulated driver: the same machine as on the real one, under a seed.

use std::collections::BTreeMap;

use cosmictron_runtime::sim::{Faults, RequestId, World};
use cosmictron_types::{Duration, ShardCount, ShardId};

use crate::echo::{self, Echo};
use crate::toy::{Answer, BootError, Counter, Request};

fn shards(count: u16) -> ShardCount {
    ShardCount::new(count).unwrap()
}

/// What a client of one shard knows.
#[derive(Default)]
struct Ledger {
    /// Additions that were answered.
    answered: u64,
    /// All that were asked for, answered or not.
    asked: u64,
}

/// Clients, crashes and boots as a seed has them.
struct Campaign {
    world: World<Counter>,
    dice: u64,
    ledgers: Vec<Ledger>,
    open: BTreeMap<RequestId, (ShardId, u64)>,
    refusals: u64,
}

impl Campaign {
    fn start(seed: u64, faults: Faults, count: u16) -> Self {
        let mut world = World::new(seed, faults);
        world.boot(shards(count), Counter::boot).unwrap();
        let ledgers = (0..count).map(|_| Ledger::default()).collect();
        Self { world, dice: seed | 1, ledgers, open: BTreeMap::new(), refusals: 0 }
    }

    /// A plain generator of our own, so that the campaign doesn't draw from the world's.
    fn roll(&mut self, bound: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % bound
    }

    fn ask(&mut self) {
        let count = self.ledgers.len() as u64;
        let shard = shards(count as u16).shards().nth(self.roll(count) as usize).unwrap();
        let amount = 1 + self.roll(5);
        let id = self.world.request(shard, Request::Add(amount));
        self.ledgers[shard.index()].asked += amount;
        self.open.insert(id, (shard, amount));
        if self.roll(10) == 0 {
            self.world.abandon(id);
        }
    }

    fn collect(&mut self) {
        for (id, answer) in self.world.take_answers() {
            let (shard, amount) = self.open.remove(&id).unwrap();
            match answer {
                Answer::Added(_) => self.ledgers[shard.index()].answered += amount,
                Answer::Refused => self.refusals += 1,
                Answer::Totals(_) => unreachable!("nobody looks"),
            }
        }
    }

    fn crash_and_boot(&mut self) -> Result<(), BootError> {
        self.collect();
        self.world.crash();
        self.open.clear();
        let count = shards(self.ledgers.len() as u16);
        self.world.boot(count, Counter::boot).map_err(|failure| failure.error)?;
        for shard in count.shards() {
            let total = self.world.machine(shard).total();
            let Ledger { answered, asked } = self.ledgers[shard.index()];
            assert!((answered..=asked).contains(&total), "{answered} <= {total} <= {asked}");
            // From here on, what was recovered is what was.
            self.ledgers[shard.index()] = Ledger { answered: total, asked: total };
        }
        Ok(())
    }

    fn run(&mut self, rounds: u32) {
        for _ in 0..rounds {
            for _ in 0..self.roll(40) {
                self.ask();
                for _ in 0..self.roll(12) {
                    self.world.step();
                }
            }
            self.collect();
            if self.roll(3) == 0 {
                self.crash_and_boot().unwrap();
            }
        }
    }

    fn trace(&self) -> Vec<String> {
        self.world.trace().map(str::to_owned).collect()
    }
}

#[test]
fn no_answered_addition_is_lost_by_any_crash() {
    let mut answered = 0;
    for seed in 1..=80 {
        let mut campaign = Campaign::start(seed, Faults::rough(), 1 + (seed % 4) as u16);
        campaign.run(12);
        campaign.crash_and_boot().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        answered += campaign.ledgers.iter().map(|ledger| ledger.answered).sum::<u64>();
    }
    assert!(4_000 < answered, "the campaign does too little: {answered}");
}

#[test]
fn one_seed_is_one_run_to_the_last_line() {
    let run = |seed| {
        let mut campaign = Campaign::start(seed, Faults::rough(), 3);
        campaign.run(20);
        (campaign.world.fingerprint(), campaign.trace())
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first == again);
    assert!(first.0 != other.0);
    assert!(100 < first.1.len());
}

#[test]
fn a_failed_write_is_refused_and_what_was_answered_before_stays() {
    let mut refusals = 0;
    for seed in 1..=50 {
        let faults = Faults { write_fails: 20_000, write_is_short: 20_000, ..Faults::rough() };
        let mut campaign = Campaign::start(seed, faults, 2);
        campaign.run(12);
        refusals += campaign.refusals;
    }
    assert!(100 < refusals, "the campaign breaks too little: {refusals}");
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    // Room for three segments of four blocks.
    let faults = Faults { disk_bytes: 12 * 4096, ..Faults::none() };
    let mut campaign = Campaign::start(3, faults, 1);
    // Removal lags behind, so the disk is full at times.
    campaign.run(40);
    campaign.world.run_for(Duration::from_secs(1));
    campaign.crash_and_boot().unwrap();
}

#[test]
fn a_segment_that_cannot_be_read_fails_the_boot_and_the_next_one_succeeds() {
    let mut world: World<Counter> = World::new(1, Faults::none());
    world.boot(shards(1), Counter::boot).unwrap();
    world.request(ShardId::FIRST, Request::Add(1));
    world.run_for(Duration::from_secs(1));
    world.crash();
    world.faults_mut().read_fails = 1_000_000;
    let failure = world.boot(shards(1), Counter::boot).unwrap_err();
    assert!(matches!(failure.error, BootError::Disk(_)));
    world.faults_mut().read_fails = 0;
    world.boot(shards(1), Counter::boot).unwrap();
    assert_eq!(world.machine(ShardId::FIRST).total(), 1);
}

#[test]
fn messages_keep_their_order_whatever_their_delay() {
    for seed in 1..=20 {
        let mut world: World<Echo> = World::new(seed, Faults::rough());
        world.boot(shards(2), Echo::boot).unwrap();
        let to = shards(2).shards().next_back().unwrap();
        world.request(ShardId::FIRST, echo::Request::Flood { to, count: 500 });
        // The machine itself asserts the order.
        world.run_for(Duration::from_secs(60));
        assert_eq!(world.take_answers().len(), 1);
    }
}

#[test]
fn ticks_come_in_virtual_time() {
    let mut world: World<Counter> = World::new(1, Faults::rough());
    world.boot(shards(1), Counter::boot).unwrap();
    world.run_for(Duration::from_secs(60));
    let ticks = world.machine(ShardId::FIRST).ticks;
    assert!((10_000..=12_000).contains(&ticks), "{ticks} ticks of 5 ms in a minute");
}

#[test]
fn an_abandoned_request_is_not_awaited() {
    let mut world: World<Echo> = World::new(1, Faults::none());
    world.boot(shards(1), Echo::boot).unwrap();
    let kept = world.request(ShardId::FIRST, echo::Request::Keep);
    let gone = world.request(ShardId::FIRST, echo::Request::Keep);
    world.run_for(Duration::from_secs(1));
    world.abandon(gone);
    let asked = world.request(ShardId::FIRST, echo::Request::AnswerKept);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.take_answers(), [(asked, 1), (kept, 0)]);
}
