//! Lends stores, so that a transaction of several shards runs where all of them are in hand.
//!
//! ```text
//!            shard 0              shard 1              shard 2
//!  Job ───▶ queue ─▶ store 0 ───▶ queue ─▶ store 1 ──▶ queue: all in hand, run
//!           (all jobs that        (another            │
//!            want the same)        transaction)       ├──▶ record 2, answers
//!           record 0 ◀── store 0 back ────────────────┤
//!                                 record 1 ◀── back ──┘
//! ```
//!
//! A loan goes through the shards that its jobs want in ascending order, so no two wait for each other. While its store
//! is away a shard queues what needs it and serves its connections.
//!
//! Invariants:
//! 1. A store is in one place: at home, or in one loan.
//! 2. A store comes home with the records of everything that was done to it, and they are appended before anything else
//!    is done to it.
//! 3. Of jobs that are on their way to another shard at most one message is under way; the others gather behind it.

use std::collections::VecDeque;

use cosmictron_storage::planted::{self, Fault, is_planted};
use cosmictron_types::{ShardId, TxId};

use super::ground::{Ground, JointRecord, Ledger, Lot};
use super::job::{Job, Task};
use super::request::{Answer, Query, Request, Unavailable};
use super::{Message, ReplyTo, Seam, Shard};
use crate::directory::Notice;

/// What may wait for one shard's store.
const QUEUE_MAX: usize = 16 * 1024;
/// Jobs that one loan takes along.
const JOBS_MAX: usize = 128;
/// How far behind the first job others are looked for that want the same.
const LOOK_MAX: usize = 1024;
/// What waits for this shard's store.
#[derive(Debug)]
pub enum Work {
    /// Something for this shard alone.
    Request { request: Request, reply: ReplyTo },
    /// A transaction of several shards that this one is the first of.
    Job(Job),
    /// Stores on their way.
    Loan(Box<Loan>),
}

/// Stores on their way to where jobs run.
pub struct Loan {
    /// All that they need, ascending: two or more.
    wanted: Vec<ShardId>,
    /// Those that have been lent so far.
    lots: Vec<Lot>,
    jobs: Vec<Job>,
}

/// A store on its way home.
pub struct Homecoming {
    lot: Lot,
    /// What the transactions that were done to it have changed for everybody. Whoever works on the store knows it.
    notices: Vec<Notice>,
}

/// Jobs on their way to other shards.
#[derive(Debug, Default)]
pub struct Outgoing {
    jobs: Vec<Job>,
    is_under_way: bool,
}

impl Shard {
    /// Takes this shard's store to work on it alone.
    pub(super) fn take_ground(&mut self) -> Ground {
        Ground::own(self.store.take().expect("the store is home"))
    }

    pub(super) fn put_back(&mut self, ground: Ground) {
        self.store = Some(ground.into_own());
    }

    /// Does a request on this shard's store, now or when it is its turn.
    pub(super) fn enter(&mut self, request: Request, reply: ReplyTo, seam: &mut Seam<'_>) {
        if self.store.is_some() && self.queue.is_empty() {
            return self.work(request, reply, seam);
        }
        if self.queue.len() < QUEUE_MAX {
            return self.queue.push_back(Work::Request { request, reply });
        }
        let answer = request.refuse(Unavailable::Overloaded);
        self.answer_at_once(reply, answer, seam);
    }

    /// Brings a transaction of several shards to the first of them.
    pub(super) fn submit(&mut self, job: Job, seam: &mut Seam<'_>) {
        let first = job.way()[0];
        if first == seam.shard() {
            return self.take_jobs(vec![job], seam);
        }
        let outgoing = &mut self.outgoing[first.index()];
        if outgoing.jobs.len() >= QUEUE_MAX {
            return self.refuse_job(job, Unavailable::Overloaded, seam);
        }
        outgoing.jobs.push(job);
        self.send_jobs(first, seam);
    }

    fn send_jobs(&mut self, to: ShardId, seam: &mut Seam<'_>) {
        let outgoing = &mut self.outgoing[to.index()];
        if outgoing.is_under_way || outgoing.jobs.is_empty() {
            return;
        }
        outgoing.is_under_way = true;
        seam.send(to, Message::Jobs(std::mem::take(&mut outgoing.jobs)));
    }

    /// The jobs that were sent to a shard have arrived: those behind them may follow.
    pub(super) fn jobs_arrived(&mut self, at: ShardId, seam: &mut Seam<'_>) {
        self.outgoing[at.index()].is_under_way = false;
        self.send_jobs(at, seam);
    }

    /// Jobs that this shard is the first of.
    pub(super) fn take_jobs(&mut self, jobs: Vec<Job>, seam: &mut Seam<'_>) {
        for job in jobs {
            match self.queue.len() < QUEUE_MAX {
                true => self.queue.push_back(Work::Job(job)),
                false => self.refuse_job(job, Unavailable::Overloaded, seam),
            }
        }
        self.go_on(seam);
    }

    pub(super) fn take_loan(&mut self, loan: Box<Loan>, seam: &mut Seam<'_>) {
        // Never refused: it holds stores, and there are only so many.
        self.queue.push_back(Work::Loan(loan));
        self.go_on(seam);
    }

    /// This shard's store is back.
    pub(super) fn take_home(&mut self, homecoming: Homecoming, seam: &mut Seam<'_>) {
        let Homecoming { lot: Lot { store, ledger }, notices } = homecoming;
        assert!(self.store.is_none(), "a store is in one place (I1)");
        self.store = Some(store);
        self.figures.lent += 1;
        let away = seam.now().since(self.lent_at).as_micros();
        self.figures.lent_micros += u64::try_from(away).unwrap_or(0);
        if !is_planted(Fault::NoticesLeftBehind) {
            notices.iter().for_each(|notice| self.take_notice(notice, seam));
        }
        for record in ledger.records {
            self.append_joint(record, seam);
        }
        self.publish(seam);
        self.wake(seam);
        self.go_on(seam);
        self.go_on_scanning(seam);
    }

    /// Does what waits, as long as the store is here.
    pub(super) fn go_on(&mut self, seam: &mut Seam<'_>) {
        if std::mem::replace(&mut self.is_working, true) {
            return;
        }
        while self.store.is_some()
            && let Some(work) = self.queue.pop_front()
        {
            match work {
                Work::Request { request, reply } => self.work(request, reply, seam),
                Work::Job(job) => {
                    let (way, mut jobs) = (job.way(), vec![job]);
                    take_same(&mut self.queue, &way, &mut jobs);
                    if is_planted(Fault::EarlyTx) {
                        planted::note(seam.next_tx().get());
                    }
                    self.lend(Loan { wanted: way, lots: Vec::new(), jobs }, seam);
                }
                Work::Loan(loan) => self.lend(*loan, seam),
            }
        }
        self.is_working = false;
    }

    /// Adds this shard's store to a loan and sends it on, or runs its jobs when it is the last.
    fn lend(&mut self, mut loan: Loan, seam: &mut Seam<'_>) {
        let granted = self.admit_read(seam).and_then(|()| self.journal.grant());
        let room = match granted {
            Ok(room) => room,
            Err(why) => return self.call_off(loan, why, seam),
        };
        loan.jobs = self.renew_jobs(loan.jobs, seam);
        if loan.jobs.is_empty() {
            return self.send_home(loan.lots, &[], seam);
        }
        let lot = Lot {
            store: self.store.take().expect("a loan has its turn when the store is home"),
            ledger: Ledger { room, last_joint: self.last_joint.clone(), records: Vec::new() },
        };
        loan.lots.push(lot);
        match loan.wanted.get(loan.lots.len()) {
            Some(next) => {
                self.lent_at = seam.now();
                seam.send(*next, Message::Loan(Box::new(loan)));
            }
            None => self.run_jobs(loan, seam),
        }
    }

    /// Brings jobs up to the current versions of the modules whose home this is: they run where these may not be known.
    fn renew_jobs(&mut self, jobs: Vec<Job>, seam: &mut Seam<'_>) -> Vec<Job> {
        let mut renewed = Vec::with_capacity(jobs.len());
        for mut job in jobs {
            let refused = match &mut job.task {
                Task::Call(call) if call.module.home == seam.shard() => {
                    self.renew(call).err().map(|error| Answer::Called(Err(error)))
                }
                Task::ReadViews(Query { views: Some(views), .. }) => {
                    let checked = self.check_views(views, seam.shard());
                    checked.err().map(|error| Answer::Rows(Err(error.into())))
                }
                Task::RunViews(run) => {
                    let checked = self.check_views(&run.views, seam.shard());
                    checked.err().map(|error| Answer::Viewed(Err(error.into())))
                }
                _ => None,
            };
            match refused {
                None => renewed.push(job),
                Some(Answer::Called(called)) => {
                    self.hold_call(called, job.reply, job.arrived, seam);
                }
                Some(answer) => self.hold(Some(job.reply), answer, job.arrived, Vec::new(), seam),
            }
        }
        renewed
    }

    /// Runs the jobs of a loan that has all its stores, and sends the stores home.
    fn run_jobs(&mut self, loan: Loan, seam: &mut Seam<'_>) {
        let Loan { mut lots, jobs, .. } = loan;
        if is_planted(Fault::LendingOutOfOrder) {
            lots.sort_by_key(Lot::shard);
        }
        let (mut ground, mut notices, mut again) = (Ground::joint(lots), Vec::new(), Vec::new());
        for job in jobs {
            again.extend(self.run_job(job, &mut ground, &mut notices, seam));
        }
        let mut lots = ground.into_lots();
        let own = lots.iter().position(|lot| lot.shard() == seam.shard());
        let own = lots.remove(own.expect("a loan ends at the last of its shards"));
        // Its records were appended one by one.
        assert!(own.shard() == seam.shard() && own.ledger.records.is_empty());
        self.store = Some(own.store);
        self.send_home(lots, &notices, seam);
        again.into_iter().for_each(|job| self.submit(job, seam));
        self.wake(seam);
        self.go_on_scanning(seam);
    }

    /// Gives the stores of a loan back and refuses its jobs.
    fn call_off(&mut self, loan: Loan, why: Unavailable, seam: &mut Seam<'_>) {
        self.send_home(loan.lots, &[], seam);
        loan.jobs.into_iter().for_each(|job| self.refuse_job(job, why, seam));
    }

    fn send_home(&mut self, lots: Vec<Lot>, notices: &[Notice], seam: &mut Seam<'_>) {
        for mut lot in lots {
            if is_planted(Fault::WritesLeftBehind) {
                lot.ledger.records.iter_mut().for_each(|record| record.changes.clear());
            }
            let (home, notices) = (lot.shard(), notices.to_vec());
            seam.send(home, Message::Homecoming(Box::new(Homecoming { lot, notices })));
        }
    }

    fn refuse_job(&mut self, job: Job, why: Unavailable, seam: &mut Seam<'_>) {
        self.figures.calls_refused += u64::from(matches!(job.task, Task::Call(_)));
        let answer = job.task.refuse(why);
        self.answer_at_once(job.reply, answer, seam);
    }

    /// Appends this shard's part of a joint transaction, whose changes are in its store.
    pub(super) fn append_joint(&mut self, record: JointRecord, seam: &mut Seam<'_>) {
        let (tx, at) = (record.tx, record.at);
        assert!(self.committed < tx, "tx_ids ascend (I3)");
        (self.committed, self.committed_at) = (tx, at);
        self.last_joint = Some(record.last());
        // What recovery cut from a log that was not begun since could come back: it is not taken for known then.
        let complete = match self.directory.have_all_begun() {
            true => self.stability.complete(),
            false => TxId::ZERO,
        };
        // A log that was lost meanwhile has denied everything, and will deny this.
        let Some(lsn) = self.journal.append_joint(&record, complete, seam) else { return };
        let lost = self.directory.failed_logs();
        let is_lost = record.partners.iter().any(|partner| lost.contains(&partner.shard));
        self.stability.append(lsn, tx, record.partners);
        if is_lost {
            self.lose_log(seam);
        }
    }
}

/// Takes further jobs that want the same stores out of the queue.
fn take_same(queue: &mut VecDeque<Work>, wanted: &[ShardId], jobs: &mut Vec<Job>) {
    let mut at = 0;
    while jobs.len() < JOBS_MAX && at < queue.len().min(LOOK_MAX) {
        match queue.get(at) {
            Some(Work::Job(job)) if job.wanted == wanted => {
                if let Some(Work::Job(job)) = queue.remove(at) {
                    jobs.push(job);
                }
            }
            _ => at += 1,
        }
    }
}

impl std::fmt::Debug for Loan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stores: Vec<ShardId> = self.lots.iter().map(Lot::shard).collect();
        write!(f, "Loan({stores:?} of {:?} for {:?})", self.wanted, self.jobs)
    }
}

impl std::fmt::Debug for Homecoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Homecoming({} with {:?})", self.lot.shard(), self.lot.ledger.records)
    }
}
