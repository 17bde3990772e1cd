//! Tells modules of the connections of clients: runs `client_connected` and `client_disconnected`.
//!
//! A *visit* is a connection that a module was told of. Its row is written in the very transaction in which
//! `client_connected` runs, and goes in the one in which `client_disconnected` runs. So each runs exactly once, whatever
//! happens in between; and whatever visits a start finds have ends that are owed, since no connection outlives a process.
//!
//! A `client_connected` that refuses or breaks leaves no visit. A `client_disconnected` that does so has run: its changes are
//! undone, the row goes alone, and the log says why. What the server has no room for, or cannot log, stays owed and is tried
//! again after a rest; what belongs to a module out of service is kept until that is back.
//!
//! Invariants:
//! 1. A visit's row is there from the commit of its beginning to that of its end.
//! 2. A visit whose connection has ended, and whose row is there, is in one place: owed, kept, or away.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use cosmictron_storage::Store;
use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{Duration, ShardId, Timestamp, TxId};

use super::call::Run;
use super::ground::Ground;
use super::halt::{Again, Halt};
use super::job::{Job, Task};
use super::judge::By;
use super::outbox::{Asker, ReplyTo};
use super::request::{Answer, BeginVisit, CallError, Unavailable};
use super::{OWN_LIMITS, Seam, Shard};
use crate::catalog::{ModuleRow, SystemTable, Visit};
use crate::directory::{Module, ModuleStatus};

/// Visits that are ended at one tick. What remains waits for the next, so that clients' calls come in between.
const DUE_MAX: usize = 8;
/// Visits whose ends may be with other shards at once.
const AWAY_MAX: usize = 256;
/// Before what had to wait is tried again.
const REST: Duration = Duration::from_secs(1);

/// Visits to one shard's modules that are to be ended.
#[derive(Debug, Default)]
pub struct Visits {
    /// In turn.
    owed: VecDeque<TxId>,
    /// Of modules that are out of service, by their names.
    kept: BTreeMap<String, Vec<TxId>>,
    /// They end where other stores are in hand, too.
    away: BTreeSet<TxId>,
    /// Who waits for the end of a visit.
    waiting: BTreeMap<TxId, ReplyTo>,
    /// None is ended before: one had to wait.
    rest_until: Timestamp,
}

/// What came of ending a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The module was told, or there is nobody to be told.
    Told,
    /// The module of this name is out of service.
    Kept(String),
}

impl Visits {
    /// All that there are: none of their connections is left.
    pub fn after_start(store: &Store) -> Self {
        if is_planted(Fault::OwedVisitsAreForgotten) {
            return Self::default();
        }
        let owed = Visit::all(store).iter().map(|visit| TxId::new(visit.tx_id)).collect();
        Self { owed, ..Self::default() }
    }

    /// How many are to be ended.
    pub fn owed(&self) -> usize {
        self.owed.len() + self.away.len() + self.kept.values().map(Vec::len).sum::<usize>()
    }
}

impl Shard {
    /// Tells a module of a connection here, or where the stores are that it needs.
    pub(super) fn begin_visit(&mut self, begin: BeginVisit, reply: ReplyTo, seam: &mut Seam<'_>) {
        let (here, now) = (seam.shard(), seam.now());
        let mut ground = self.take_ground();
        let begun = match self.admit_write(seam) {
            Ok(()) => self.run_connected(&begin, here, &mut ground, now, seam),
            Err(why) => Err(CallError::from(why).into()),
        };
        self.put_back(ground);
        let answer = match begun {
            Ok(visit) => Ok(visit),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Again(Again::NoRoom)) => {
                unreachable!("a log that admits a call takes its record")
            }
            Err(Halt::Again(Again::Elsewhere(elsewhere))) => {
                let job = Job::new(Task::BeginVisit(begin), reply, here, now);
                return self.submit(job.wanting(elsewhere.shards()), seam);
            }
        };
        self.hold(Some(reply), Answer::Visit(answer), now, Vec::new(), seam);
    }

    /// Runs `client_connected` on the stores in hand, where `origin` is the module's home, and keeps that it has run. Yields
    /// the visit; none where the module does not want to know.
    pub(super) fn run_connected(
        &mut self,
        begin: &BeginVisit,
        origin: ShardId,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Option<TxId>, Halt> {
        let module = self.in_service(&begin.module, origin, ground).map_err(CallError::from)?;
        let Some(module) = module.filter(|module| module.is_visited()) else { return Ok(None) };
        let (tx, visit) = (seam.next_tx(), begin.visit());
        let outcome =
            self.run_lifecycle(&module, module.connected, &visit, ground, (tx, now), seam);
        if let Err(halt) = outcome {
            // Also a refusal tells of what was read.
            if matches!(halt, Halt::Refused(_)) && ground.is_joint() {
                ground.begin(OWN_LIMITS);
                self.commit_on(ground, tx, now, seam)?;
            }
            return Err(halt);
        }
        if (Visit { tx_id: tx.get(), ..visit }).insert(ground.at_mut(origin)).is_err() {
            ground.rollback();
            return Err(CallError::from(Unavailable::StorageFull).into());
        }
        self.commit_on(ground, tx, now, seam)?;
        self.figures.visits += 1;
        Ok(Some(tx))
    }

    /// A connection has ended that a module was told of. Whoever says so is answered when the module was told, or when that has
    /// to wait; it is not forgotten then.
    pub(super) fn end_visit(&mut self, visit: TxId, reply: ReplyTo, seam: &mut Seam<'_>) {
        let rests = seam.now() < self.visits.rest_until;
        if rests || self.visits.away.len() >= AWAY_MAX {
            self.visits.owed.push_back(visit);
            self.answer_at_once(reply, Answer::Visit(Ok(Some(visit))), seam);
        } else {
            self.visits.waiting.insert(visit, reply);
            match self.store.is_some() && self.queue.is_empty() {
                true => self.try_to_end(visit, seam),
                false => self.visits.owed.push_back(visit),
            }
        }
        self.wake(seam);
    }

    /// When the next visit is to be ended.
    pub(super) fn next_owed_visit(&self) -> Option<Timestamp> {
        let Visits { owed, kept, away, rest_until, .. } = &self.visits;
        let is_kept = |module: &String| self.is_out_of_service(module);
        let has_more = !owed.is_empty() || !kept.keys().all(is_kept);
        let may_run = away.len() < AWAY_MAX && !self.journal.is_starting();
        (has_more && may_run).then_some(*rest_until)
    }

    /// Whether the module is deployed and takes no calls.
    fn is_out_of_service(&self, module: &str) -> bool {
        let module = self.directory.module(module);
        module.is_some_and(|module| module.status != ModuleStatus::Active)
    }

    pub(super) fn end_owed_visits(&mut self, seam: &mut Seam<'_>) {
        if seam.now() < self.visits.rest_until || self.journal.is_starting() {
            return;
        }
        let kept = std::mem::take(&mut self.visits.kept);
        for (module, visits) in kept {
            match self.is_out_of_service(&module) {
                true => drop(self.visits.kept.insert(module, visits)),
                false => self.visits.owed.extend(visits),
            }
        }
        // Those behind one that has to wait are tried all the same: it may want more room than they do.
        for _ in 0..self.visits.owed.len().min(DUE_MAX) {
            if self.store.is_none() || self.visits.away.len() >= AWAY_MAX {
                return;
            }
            let visit = self.visits.owed.pop_front().expect("there are as many as were counted");
            self.try_to_end(visit, seam);
        }
    }

    /// Ends a visit here, or where the stores are that it needs.
    fn try_to_end(&mut self, visit: TxId, seam: &mut Seam<'_>) {
        let (here, now) = (seam.shard(), seam.now());
        let mut ground = self.take_ground();
        let ended = match self.admit_write(seam) {
            Ok(()) => self.run_disconnected(visit, here, &mut ground, now, seam),
            Err(why) => Err(why.into()),
        };
        self.put_back(ground);
        self.publish(seam);
        let left = match ended {
            Ok(End::Told) => None,
            Ok(End::Kept(module)) => {
                self.visits.kept.entry(module).or_default().push(visit);
                Some(visit)
            }
            Err(Halt::Refused(why)) => {
                self.put_off(visit, why, now);
                Some(visit)
            }
            Err(Halt::Again(Again::NoRoom)) => {
                unreachable!("a log that admits a call takes its record")
            }
            Err(Halt::Again(Again::Elsewhere(elsewhere))) => {
                self.visits.away.insert(visit);
                let reply = ReplyTo { shard: here, asker: Asker::Visit(visit), via: here };
                let job = Job::new(Task::EndVisit(visit), reply, here, now);
                return self.submit(job.wanting(elsewhere.shards()), seam);
            }
        };
        if let Some(reply) = self.visits.waiting.remove(&visit) {
            self.hold(Some(reply), Answer::Visit(Ok(left)), now, Vec::new(), seam);
        }
    }

    fn put_off(&mut self, visit: TxId, why: Unavailable, now: Timestamp) {
        if self.visits.rest_until <= now {
            tracing::warn!(error = %why, "the end of a connection has to wait");
        }
        self.visits.owed.push_back(visit);
        self.visits.rest_until = now + REST;
    }

    /// What came of a visit that was to be ended where other stores were in hand. It is stable, or has to be tried again.
    pub(super) fn visit_was_ended(&mut self, visit: TxId, answer: &Answer, seam: &mut Seam<'_>) {
        self.visits.away.remove(&visit);
        let left = match answer {
            Answer::Visit(Ok(left)) => {
                self.visits.owed.extend(left);
                *left
            }
            Answer::Visit(Err(CallError::Unavailable(why))) => {
                self.put_off(visit, *why, seam.now());
                Some(visit)
            }
            other => unreachable!("not what was asked for: {other:?}"),
        };
        if let Some(reply) = self.visits.waiting.remove(&visit) {
            self.answer_at_once(reply, Answer::Visit(Ok(left)), seam);
        }
        self.wake(seam);
    }

    /// Runs `client_disconnected` on the stores in hand, where `origin` is the module's home, and removes the visit.
    pub(super) fn run_disconnected(
        &mut self,
        visit: TxId,
        origin: ShardId,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<End, Halt<Unavailable>> {
        let Some(visit) = Visit::find(ground.at(origin), "tx_id", &visit.get()) else {
            return Ok(End::Told); // It went with the module's data.
        };
        let Some(module) = self.in_service(&visit.module, origin, ground)? else {
            return Ok(End::Kept(visit.module));
        };
        let tx = seam.next_tx();
        let outcome =
            self.run_lifecycle(&module, module.disconnected, &visit, ground, (tx, now), seam);
        match outcome {
            Ok(()) => {}
            Err(Halt::Again(again)) => return Err(Halt::Again(again)),
            Err(Halt::Refused(CallError::Unavailable(why))) => return Err(why.into()),
            Err(Halt::Refused(error)) => {
                tracing::warn!(
                    module = visit.module,
                    connection = %visit.connection,
                    %error,
                    "client_disconnected had no effect"
                );
                ground.begin(OWN_LIMITS);
            }
        }
        if !is_planted(Fault::VisitStays) {
            let removed = Visit::delete(ground.at_mut(origin), "tx_id", &visit.tx_id);
            removed.expect("nothing bounds or refers to the server's own rows");
        }
        self.commit_on(ground, tx, now, seam)?;
        self.figures.visits_ended += 1;
        Ok(End::Told)
    }

    /// Runs a reducer of a module's for a connection, if it has that one, in a transaction that stays open when nothing was
    /// against it.
    fn run_lifecycle(
        &mut self,
        module: &Arc<Module>,
        reducer: Option<usize>,
        visit: &Visit,
        ground: &mut Ground,
        (tx, now): (TxId, Timestamp),
        seam: &mut Seam<'_>,
    ) -> Result<(), Halt> {
        let Some(reducer) = reducer else {
            ground.begin(OWN_LIMITS);
            return Ok(());
        };
        let run = Run {
            module,
            reducer,
            args: &[],
            sender: visit.identity,
            by: By::Client(visit.identity),
            connection: visit.connection,
            here: module.home,
        };
        self.run(&run, ground, tx, now, seam).map(drop)
    }

    /// The module of this name, if it is in service. Where stores of several shards are in hand, what its home says in its
    /// row counts; who does not know it yet tries again.
    fn in_service(
        &self,
        name: &str,
        home: ShardId,
        ground: &Ground,
    ) -> Result<Option<Arc<Module>>, Unavailable> {
        let known = self.directory.module(name);
        if ground.is_joint() {
            let row = ModuleRow::find(ground.at(home), "name", &name.to_owned());
            let told = row.map(|row| (row.status(), row.version));
            if told != known.map(|module| (module.status, module.compiled.version().to_string())) {
                return Err(Unavailable::Overloaded);
            }
        }
        Ok(known.filter(|module| module.status == ModuleStatus::Active).cloned())
    }
}

impl BeginVisit {
    /// The visit that it will be; which transaction that is has still to be said.
    fn visit(&self) -> Visit {
        Visit {
            tx_id: TxId::ZERO.get(),
            module: self.module.to_string(),
            connection: self.connection,
            identity: self.identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use cosmictron_storage::{Seat, StoreLimits, TransactionLimits};
    use cosmictron_types::{ConnectionId, Identity, ShardCount};

    use super::*;
    use crate::catalog::create_system_tables;

    #[test]
    fn a_start_owes_the_ends_of_all_visits_in_the_order_of_their_beginnings() {
        let seat = Seat { shard: ShardId::FIRST, shards: ShardCount::ONE };
        let mut store = Store::seated(StoreLimits::default(), seat);
        create_system_tables(&mut store);
        assert_eq!(Visits::after_start(&store).owed(), 0);
        store.begin(TransactionLimits::default());
        for tx_id in [900, 7, 30] {
            let begin = BeginVisit {
                module: "m".into(),
                connection: ConnectionId::from_bytes([5; 16]),
                identity: Identity::SYSTEM,
            };
            Visit { tx_id, ..begin.visit() }.insert(&mut store).unwrap();
        }
        store.commit(TxId::new(901));
        let visits = Visits::after_start(&store);
        assert_eq!(visits.owed, [7, 30, 900].map(TxId::new));
        assert_eq!(visits.owed(), 3);
    }
}
