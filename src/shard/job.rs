//! Transactions of several shards: what they are to do, which stores they want, and what they come to where these are in hand.

use cosmictron_sql::RowFormat;
use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{Duration, ShardCount, ShardId, Timestamp, TxId};

use super::ground::Ground;
use super::halt::{Again, Halt};
use super::outbox::ReplyTo;
use super::request::{
    Answer, BeginVisit, Call, CallError, Called, Deploy, Part, Query, Unavailable, Undeploy,
};
use super::view::ViewRun;
use super::visit::End;
use super::{Seam, Shard};
use crate::catalog::ScheduledCall;
use crate::directory::Notice;

/// Jobs that were undone so often, because each time they wanted another store, get all of them.
const TRIES_MAX: u32 = 4;

/// A transaction of several shards.
#[derive(Debug)]
pub struct Job {
    pub task: Task,
    pub reply: ReplyTo,
    /// The shard that it was first run on; it keeps the answers of idempotency keys.
    pub origin: ShardId,
    pub arrived: Timestamp,
    /// Whose stores it has been seen to need, ascending.
    pub(super) wanted: Vec<ShardId>,
    tries: u32,
}

/// What a job is to do.
#[derive(Debug)]
pub enum Task {
    Call(Call),
    /// Runs what a reducer has asked for, at its time.
    Scheduled(ScheduledCall),
    /// Tells a module of a connection.
    BeginVisit(BeginVisit),
    /// Tells it that this visit has ended.
    EndVisit(TxId),
    Deploy(Deploy),
    Undeploy(Undeploy),
    /// Reads all stores.
    Read(Part, RowFormat),
    /// Runs the views of a query, and then the query.
    ReadViews(Query),
    /// Runs the views of a live query.
    RunViews(ViewRun),
}

impl Task {
    /// The answer that says that nothing was done.
    pub(super) fn refuse(&self, why: Unavailable) -> Answer {
        match self {
            Task::Call(_) | Task::Scheduled(_) => Answer::Called(Err(why.into())),
            Task::BeginVisit(_) | Task::EndVisit(_) => Answer::Visit(Err(why.into())),
            Task::Deploy(_) => Answer::Deployed(Err(why.into())),
            Task::Undeploy(_) => Answer::Undeployed(Err(why.into())),
            Task::Read(..) | Task::ReadViews(_) => Answer::Rows(Err(why.into())),
            Task::RunViews(_) => Answer::Viewed(Err(why.into())),
        }
    }
}

impl Job {
    pub(super) fn new(task: Task, reply: ReplyTo, origin: ShardId, arrived: Timestamp) -> Self {
        Self { task, reply, origin, arrived, wanted: vec![origin], tries: 0 }
    }

    /// Also wants the stores of these shards.
    pub(super) fn wanting(mut self, shards: &[ShardId]) -> Self {
        for shard in shards {
            if let Err(at) = self.wanted.binary_search(shard) {
                self.wanted.insert(at, *shard);
            }
        }
        self
    }

    /// Wants all stores that there are.
    pub(super) fn wanting_all(mut self, shards: ShardCount) -> Self {
        self.wanted = shards.shards().collect();
        self
    }

    /// The shards that it goes through: those that it wants, ascending.
    pub(super) fn way(&self) -> Vec<ShardId> {
        let mut way = self.wanted.clone();
        if is_planted(Fault::LendingOutOfOrder) && !self.origin.index().is_multiple_of(2) {
            way.reverse();
        }
        way
    }

    /// Was undone, and is to run again.
    fn again(mut self, why: &Again, shards: ShardCount) -> Self {
        self.tries += 1;
        match why {
            Again::NoRoom => self,
            Again::Elsewhere(elsewhere) if self.tries < TRIES_MAX => {
                self.wanting(elsewhere.shards())
            }
            Again::Elsewhere(_) => self.wanting_all(shards),
        }
    }
}

impl Shard {
    /// Runs one job; gives it back when it has to run again.
    pub(super) fn run_job(
        &mut self,
        mut job: Job,
        ground: &mut Ground,
        notices: &mut Vec<Notice>,
        seam: &mut Seam<'_>,
    ) -> Option<Job> {
        self.figures.jobs += 1;
        let answer = self.try_job(&mut job, ground, notices, seam);
        for record in ground.take_records(seam.shard()) {
            self.append_joint(record, seam);
        }
        // Before the answer: who gets it takes it that this shard has told everything up to there.
        self.publish_of(ground.at_mut(seam.shard()), seam);
        match answer {
            Ok(answer) => self.hold_job(job, answer, seam),
            // With all the room that there is.
            Err(Again::NoRoom) if ground.is_fresh() => {
                let answer = job.task.refuse(Unavailable::Overloaded);
                self.hold_job(job, answer, seam);
            }
            Err(why) => return Some(job.again(&why, seam.shards())),
        }
        None
    }

    fn try_job(
        &mut self,
        job: &mut Job,
        ground: &mut Ground,
        notices: &mut Vec<Notice>,
        seam: &mut Seam<'_>,
    ) -> Result<Answer, Again> {
        let (origin, now) = (job.origin, seam.now());
        let told = notices.len();
        let answer = match &mut job.task {
            Task::Call(call) => {
                let called = self.answer_call(call, origin, ground, now, seam);
                Answer::Called(decided(called)?)
            }
            Task::Scheduled(call) => {
                let done = self.run_scheduled(call, origin, ground, now, seam);
                let done = decided(done)?.map_err(CallError::from);
                Answer::Called(done.map(|tx| Called { tx, duration: Duration::ZERO, result: None }))
            }
            Task::BeginVisit(begin) => {
                Answer::Visit(decided(self.run_connected(begin, origin, ground, now, seam))?)
            }
            Task::EndVisit(visit) => {
                let ended = decided(self.run_disconnected(*visit, origin, ground, now, seam))?;
                let left = ended.map(|end| (end != End::Told).then_some(*visit));
                Answer::Visit(left.map_err(CallError::from))
            }
            Task::Deploy(deploy) => {
                let deployed = decided(self.install(deploy, ground, now, seam))?;
                notices.extend(deployed.iter().map(|d| Notice::Module(d.module.clone())));
                Answer::Deployed(deployed)
            }
            Task::Undeploy(undeploy) => {
                let withdrawn = decided(self.withdraw(undeploy, ground, now, seam))?;
                Answer::Undeployed(withdrawn.map(|notice| notices.push(notice)))
            }
            Task::Read(part, format) => {
                Answer::Rows(decided(self.read_all(part, *format, ground, now, seam))?)
            }
            Task::ReadViews(query) => {
                Answer::Rows(decided(self.read_views(query, ground, now, seam))?)
            }
            Task::RunViews(run) => {
                Answer::Viewed(decided(self.views_as_of(run, ground, now, seam))?)
            }
        };
        for notice in &notices[told..] {
            self.take_notice(notice, seam);
        }
        Ok(answer)
    }

    /// Lets the answer of a job go when its time has come.
    fn hold_job(&mut self, job: Job, answer: Answer, seam: &mut Seam<'_>) {
        match (job.task, answer) {
            (Task::Call(_), Answer::Called(called)) => {
                self.hold_call(called, job.reply, job.arrived, seam);
            }
            // It only ends the shard's own wait, and shows nothing to anyone.
            (Task::Scheduled(_), answer) => self.answer_at_once(job.reply, answer, seam),
            (Task::RunViews(run), answer) => {
                self.give_viewed(run.is_stable, answer, job.arrived, job.reply, seam);
            }
            (_, answer) => self.hold(Some(job.reply), answer, job.arrived, Vec::new(), seam),
        }
    }
}

/// What has been decided, unless it has to be tried again.
fn decided<T, E>(result: Result<T, Halt<E>>) -> Result<Result<T, E>, Again> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Halt::Refused(error)) => Ok(Err(error)),
        Err(Halt::Again(again)) => Err(again),
    }
}
