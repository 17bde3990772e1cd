//! Runs the calls that reducers have asked for, when they are due.
//!
//! A schedule's row goes in the very transaction that its reducer runs in, so it takes effect exactly once, whatever
//! happens in between. A reducer that refuses or breaks is not tried again: its row goes alone, and the log says why.
//! What the server has no room for, or cannot log, stays and is tried again after a rest. One that needs other shards'
//! stores runs where these are in hand, and is left alone here until that has come to an end.

use std::sync::Arc;

use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{ConnectionId, Duration, Identity, ShardId, Timestamp, TxId};

use super::call::Run;
use super::ground::Ground;
use super::halt::{Again, Halt};
use super::job::{Job, Task};
use super::judge::By;
use super::outbox::{Asker, ReplyTo};
use super::request::{Answer, CallError, Unavailable};
use super::{OWN_LIMITS, Seam, Shard};
use crate::catalog::{ScheduledCall, SystemTable};
use crate::directory::{Module, ModuleStatus};

/// Calls run at one tick. What remains waits for the next, so that clients' calls come in between.
const DUE_MAX: usize = 8;
/// Calls that may be with other shards at once.
const AWAY_MAX: usize = 256;
/// Before what had to wait is tried again.
const REST: Duration = Duration::from_secs(1);

impl Shard {
    /// When the next call is due.
    pub(super) fn next_schedule(&self) -> Option<Timestamp> {
        if self.joining.missing > 0 {
            return None; // Modules may be unknown here that are in service elsewhere. The last to tell us looks again.
        }
        if self.schedules_away.len() >= AWAY_MAX {
            return None; // The next one that comes back looks again.
        }
        let first = self.first_schedules(1).into_iter().next();
        first.map(|call| call.at.max(self.schedules_rest_until))
    }

    /// The next calls that are here to be run.
    fn first_schedules(&self, count: usize) -> Vec<ScheduledCall> {
        let away = &self.schedules_away;
        let mut first = ScheduledCall::first(self.store(), "at", count + away.len());
        first.retain(|call| !away.contains(&call.id));
        first.truncate(count);
        first
    }

    pub(super) fn run_due_schedules(&mut self, seam: &mut Seam<'_>) {
        let now = seam.now();
        let may_run = self.joining.missing == 0 && self.schedules_rest_until <= now;
        if !may_run || self.schedules_away.len() >= AWAY_MAX {
            return;
        }
        for call in self.first_schedules(DUE_MAX) {
            if now < call.at || self.store.is_none() {
                return;
            }
            if let Err(why) = self.admit_write(seam).and_then(|()| self.begin_scheduled(call, seam))
            {
                // Those behind it are tried all the same: it may want more room than they do.
                tracing::warn!(error = %why, "a scheduled call has to wait");
                self.schedules_rest_until = now + REST;
            }
        }
    }

    /// Runs a call here, or where the stores are that it needs.
    fn begin_scheduled(
        &mut self,
        mut call: ScheduledCall,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        let (here, now) = (seam.shard(), seam.now());
        let wanted = self.shards_of(&call, seam);
        if wanted.iter().any(|shard| *shard != here) {
            self.send_scheduled(call, &wanted, seam);
            return Ok(());
        }
        let mut ground = self.take_ground();
        let done = self.run_scheduled(&mut call, here, &mut ground, now, seam);
        self.put_back(ground);
        self.publish(seam);
        match done {
            Ok(_) => Ok(()),
            Err(Halt::Refused(why)) => Err(why),
            Err(Halt::Again(Again::Elsewhere(elsewhere))) => {
                self.send_scheduled(call, elsewhere.shards(), seam);
                Ok(())
            }
            Err(Halt::Again(Again::NoRoom)) => unreachable!("a log that admits a call takes it"),
        }
    }

    /// The shards that its arguments name.
    fn shards_of(&self, call: &ScheduledCall, seam: &Seam<'_>) -> Vec<ShardId> {
        let Ok((module, reducer)) = self.find_scheduled(call) else { return Vec::new() };
        if module.reducer(reducer).shard_by.is_empty() {
            return Vec::new();
        }
        let shards = seam.shards();
        module.destination(reducer, &call.args, None, shards).shards(shards).collect()
    }

    fn send_scheduled(&mut self, call: ScheduledCall, wanted: &[ShardId], seam: &mut Seam<'_>) {
        let here = seam.shard();
        self.schedules_away.insert(call.id);
        let reply = ReplyTo { shard: here, asker: Asker::Schedule(call.id), via: here };
        let job = Job::new(Task::Scheduled(call), reply, here, seam.now());
        self.submit(job.wanting(wanted), seam);
    }

    /// A call that ran where other stores were in hand has come to an end: its row is gone, or it has to wait.
    pub(super) fn end_scheduled(&mut self, id: u64, answer: &Answer, seam: &mut Seam<'_>) {
        self.schedules_away.remove(&id);
        if let Answer::Called(Err(error)) = answer {
            tracing::warn!(%error, "a scheduled call has to wait");
            self.schedules_rest_until = seam.now() + REST;
        }
        self.wake(seam);
    }

    /// Runs a call on the stores in hand, where `origin` keeps its row. Yields the transaction in which the row goes.
    pub(super) fn run_scheduled(
        &mut self,
        call: &mut ScheduledCall,
        origin: ShardId,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<TxId, Halt<Unavailable>> {
        let tx = seam.next_tx();
        let outcome =
            self.find_scheduled(call).map_err(Halt::from).and_then(|(module, reducer)| {
                let run = Run {
                    module: &module,
                    reducer,
                    args: &call.args,
                    sender: Identity::SYSTEM,
                    by: By::Module,
                    connection: ConnectionId::NONE,
                    here: origin,
                };
                self.run(&run, ground, tx, now, seam)
            });
        match outcome {
            Ok(_) => {}
            Err(Halt::Again(again)) => return Err(Halt::Again(again)),
            Err(Halt::Refused(CallError::Unavailable(why))) => return Err(why.into()),
            // What is news here may not be for the shard that has the row, and the other way round: that one decides.
            Err(Halt::Refused(CallError::Undeployed | CallError::Replaced))
                if seam.shard() != origin =>
            {
                return Err(Unavailable::Overloaded.into());
            }
            Err(Halt::Refused(error)) => {
                tracing::warn!(module = call.module, reducer = call.reducer, %error, "a scheduled call had no effect");
                ground.begin(OWN_LIMITS);
            }
        }
        self.figures.scheduled_calls += 1;
        if !is_planted(Fault::ScheduleStays) {
            let removed = ScheduledCall::delete(ground.at_mut(origin), "id", &call.id);
            removed.expect("nothing bounds or refers to the server's own rows");
        }
        self.commit_on(ground, tx, now, seam)?;
        Ok(tx)
    }

    /// The reducer that a schedule names, if the module still has it with the same arguments.
    fn find_scheduled(&self, call: &ScheduledCall) -> Result<(Arc<Module>, usize), CallError> {
        let module = self.directory.module(&call.module);
        let module = module.filter(|module| module.status == ModuleStatus::Active);
        let module = module.ok_or(CallError::Undeployed)?;
        let schema = module.compiled.schema();
        let reducer = schema.reducers.iter().position(|reducer| reducer.name == call.reducer);
        let reducer = reducer.ok_or(CallError::Replaced)?;
        module.params[reducer].check(&call.args).map_err(|_| CallError::Replaced)?;
        Ok((module.clone(), reducer))
    }
}
