//! Is the simulated world: its shards, their disks, the clients' requests, and the time.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use cosmictron_types::{Duration, ShardCount, ShardId, Timestamp};

use super::disk::{Disk, DiskAtRest, Job, NewDisks};
use super::faults::Faults;
use super::schedule::{Planned, Schedule, What};
use super::seam::{Lane, SimSeam, Wishes};
use super::trace::Trace;
use crate::boot::{Boot, Counters, LogDirectory, LogSink, Recovery};
use crate::machine::{Event, Machine, Ticket};
use crate::random::Random;

/// When every world begins: 2026-01-01.
const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// N shards in one thread. Built empty; [`World::boot`] fills it, as often as it has crashed.
pub struct World<M: Machine> {
    random: Random,
    faults: Faults,
    now: Timestamp,
    schedule: Schedule<M>,
    shards: Vec<Shard<M>>,
    /// By shard; they stay when their shards have crashed.
    disks: Vec<Disk>,
    counters: Counters,
    lanes: BTreeMap<(ShardId, ShardId), Lane>,
    clients: BTreeMap<RequestId, Client>,
    requests: u64,
    answers: Vec<(RequestId, M::Answer)>,
    trace: Trace,
}

struct Shard<M> {
    machine: M,
    wishes: Wishes,
    clock_skew: Duration,
}

/// A request, by which its answer is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// Who has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Waiting,
    Gone,
}

/// A machine could not be made from what its disk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shard {shard}: {error}")]
pub struct BootFailure<E> {
    /// Whose.
    pub shard: ShardId,
    /// What the boot said.
    pub error: E,
}

impl RequestId {
    pub(crate) fn of(ticket: &Ticket) -> Self {
        Self(u64::from(ticket.generation) << 32 | u64::from(ticket.slot))
    }

    fn ticket(self) -> Ticket {
        Ticket { slot: self.0 as u32, generation: (self.0 >> 32) as u32 }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl<M> World<M>
where
    M: Machine<Request: Debug, Answer: Debug, Message: Debug>,
{
    /// An empty world. The same seed, faults and calls make the same world.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self {
            random: Random::from_seed(seed),
            faults,
            now: BEGINNING,
            schedule: Schedule::new(),
            shards: Vec::new(),
            disks: Vec::new(),
            counters: Counters::new(),
            lanes: BTreeMap::new(),
            clients: BTreeMap::new(),
            requests: 0,
            answers: Vec::new(),
            trace: Trace::default(),
        }
    }

    /// Makes a machine for each shard from what its disk holds. After a failure no shard runs, and the disks are as
    /// the recovery left them.
    pub fn boot<R: Recovery<M>>(
        &mut self,
        count: ShardCount,
        recovery: R,
    ) -> Result<(), BootFailure<R::Error>> {
        assert!(self.shards.is_empty(), "the shards run");
        self.trace.note_all(self.now, "boot");
        self.counters = Counters::new();
        self.disks.resize_with(self.disks.len().max(count.get().into()), Disk::default);
        let (mut reads, mut facts) = (Vec::new(), Vec::new());
        for shard in count.shards() {
            let (read, fact) = self.at_rest(shard, count, |boot| recovery.read(boot))?;
            reads.push(read);
            facts.push(fact);
        }
        let mut shards = Vec::new();
        for (shard, read) in count.shards().zip(reads) {
            let machine = self.at_rest(shard, count, |boot| recovery.finish(boot, read, &facts))?;
            let clock_skew = self.faults.clock_skew.draw(&mut self.random);
            shards.push(Shard { machine, wishes: Wishes::default(), clock_skew });
        }
        self.shards = shards;
        for shard in count.shards() {
            self.schedule.plan(self.now, shard, What::Start, &mut self.random);
        }
        Ok(())
    }

    /// Lets `rewrite` read the disks of some shards and write others, which take their place if all went well and
    /// `is_adopted` says so: whoever dies before that leaves everything as it was.
    pub fn rewrite_logs<E: Debug>(
        &mut self,
        old: ShardCount,
        new: ShardCount,
        is_adopted: bool,
        rewrite: impl FnOnce(&mut [&mut dyn LogDirectory], &mut dyn LogSink) -> Result<(), E>,
    ) -> Result<(), E> {
        assert!(self.shards.is_empty(), "the shards run");
        self.trace.note_all(self.now, &format!("rewrite the logs of {old} shards for {new}"));
        self.disks.resize_with(self.disks.len().max(old.get().into()), Disk::default);
        let mut chances: Vec<Random> =
            old.shards().map(|_| Random::from_seed(self.random.next())).collect();
        let at_rest = self.disks.iter_mut().zip(&mut chances);
        let mut logs: Vec<DiskAtRest<'_>> = at_rest
            .map(|(disk, random)| DiskAtRest { disk, faults: &self.faults, random })
            .collect();
        let mut logs: Vec<&mut dyn LogDirectory> =
            logs.iter_mut().map(|log| log as &mut dyn LogDirectory).collect();
        let disks = new.shards().map(|_| Disk::default()).collect();
        let mut sink = NewDisks { disks, faults: &self.faults, random: &mut self.random };
        let written = rewrite(&mut logs, &mut sink);
        let disks = sink.disks;
        self.trace.note_all(self.now, &format!("written: {written:?}, adopted: {is_adopted}"));
        if written.is_ok() && is_adopted {
            self.disks = disks;
        }
        written
    }

    fn at_rest<T, E>(
        &mut self,
        shard: ShardId,
        count: ShardCount,
        step: impl FnOnce(&mut Boot<'_>) -> Result<T, E>,
    ) -> Result<T, BootFailure<E>> {
        let disk = &mut self.disks[shard.index()];
        let mut log = DiskAtRest { disk, faults: &self.faults, random: &mut self.random };
        let mut place = Boot::new(shard, count, &self.counters, &mut log);
        step(&mut place).map_err(|error| BootFailure { shard, error })
    }

    /// Ends all shards in this instant. What the disks had not acknowledged is there, gone or torn; requests that
    /// were not answered never will be.
    pub fn crash(&mut self) {
        self.trace.note_all(self.now, "crash");
        self.shards.clear();
        self.schedule.clear();
        self.lanes.clear();
        self.clients.clear();
        for disk in &mut self.disks {
            disk.crash(&self.faults, &mut self.random);
        }
    }

    /// Asks a shard's machine on behalf of a client.
    pub fn request(&mut self, shard: ShardId, request: M::Request) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.trace.note(self.now, shard, format_args!("ask {id}: {request:?}"));
        self.clients.insert(id, Client::Waiting);
        let at = self.now + self.faults.request_delay.draw(&mut self.random);
        self.schedule.plan(at, shard, What::Request { id, request }, &mut self.random);
        id
    }

    /// Lets the client of a request go away.
    pub fn abandon(&mut self, id: RequestId) {
        if let Some(client) = self.clients.get_mut(&id) {
            *client = Client::Gone;
        }
    }

    /// Takes the answers that have come, in their order.
    pub fn take_answers(&mut self) -> Vec<(RequestId, M::Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Lets the next thing happen; `false` when nothing is to come.
    pub fn step(&mut self) -> bool {
        let Some((at, Planned { shard, what })) = self.schedule.pop() else { return false };
        self.now = self.now.max(at);
        if let Some(event) = self.happen(shard, what) {
            self.handle(shard, event);
        }
        true
    }

    /// Lets everything happen that is due within `span`, and the time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.schedule.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Changes what may go wrong from now on.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// A shard's machine.
    pub fn machine(&self, shard: ShardId) -> &M {
        &self.shards[shard.index()].machine
    }

    /// What happened: the last lines, the oldest first.
    pub fn trace(&self) -> impl Iterator<Item = &str> {
        self.trace.lines()
    }

    /// Of all that happened. Two worlds with the same one went the same way.
    pub fn fingerprint(&self) -> u64 {
        self.trace.fingerprint()
    }

    /// The part of it that the machine hears of.
    fn happen(&mut self, shard: ShardId, what: What<M>) -> Option<Event<M>> {
        let disk = &mut self.disks[shard.index()];
        let wishes = &mut self.shards[shard.index()].wishes;
        Some(match what {
            What::Start => Event::Start,
            What::Request { id, request } => Event::Request { ticket: id.ticket(), request },
            What::Message { from, message } => {
                if let Some(lane) = self.lanes.get_mut(&(from, shard)) {
                    lane.count -= 1;
                }
                Event::Message { from, message }
            }
            What::WriteDone(key) => {
                let (write, result) = disk.complete_write(key, &mut self.random);
                Event::Written { write, result }
            }
            What::SegmentDone(key) => {
                match disk.complete_job(key, &self.faults, &mut self.random) {
                    (Job::Prepare { segment, .. }, result) => {
                        Event::SegmentReady { segment, result }
                    }
                    (Job::Remove { .. }, _) => return None,
                }
            }
            What::Flush => {
                wishes.flush = false;
                Event::Flush
            }
            What::Tick { wish } if wish == wishes.tick_wish => {
                wishes.tick = None;
                Event::Tick
            }
            What::Tick { .. } => return None,
        })
    }

    fn handle(&mut self, shard: ShardId, event: Event<M>) {
        note_event(&mut self.trace, self.now, shard, &event);
        let count = u16::try_from(self.shards.len()).ok().and_then(ShardCount::new);
        let Shard { machine, wishes, clock_skew } = &mut self.shards[shard.index()];
        let mut seam = SimSeam {
            shard,
            shards: count.expect("as many as were booted"),
            world_now: self.now,
            now: self.now + *clock_skew,
            faults: &self.faults,
            random: &mut self.random,
            counters: &self.counters,
            schedule: &mut self.schedule,
            lanes: &mut self.lanes,
            disk: &mut self.disks[shard.index()],
            wishes,
            clients: &mut self.clients,
            answers: &mut self.answers,
            trace: &mut self.trace,
        };
        machine.handle(event, &mut seam);
    }
}

fn note_event<M>(trace: &mut Trace, now: Timestamp, shard: ShardId, event: &Event<M>)
where
    M: Machine<Request: Debug, Message: Debug>,
{
    let name = event.name();
    match event {
        Event::Request { ticket, request } => {
            let id = RequestId::of(ticket);
            trace.note(now, shard, format_args!("{name} {id}: {request:?}"));
        }
        Event::Message { from, message } => {
            trace.note(now, shard, format_args!("{name} from s{from}: {message:?}"));
        }
        Event::Written { write, result } => {
            trace.note(now, shard, format_args!("{name} {}: {result:?}", write.get()));
        }
        Event::SegmentReady { segment, result } => {
            trace.note(now, shard, format_args!("{name} {segment}: {result:?}"));
        }
        Event::Start | Event::Flush | Event::Tick => {
            trace.note(now, shard, format_args!("{name}"));
        }
    }
}
