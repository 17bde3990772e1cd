//! Runs a reducer as one transaction.
//!
//! Invariants:
//! 1. A call that is not answered with [`Called`] has changed nothing, save that its idempotency key may remember why.
//! 2. A call with an idempotency key runs at most once (DESIGN invariant 8): the key's row is in the transaction.

use std::sync::Arc;

use cosmictron_storage::planted::{self, Fault, is_planted};
use cosmictron_storage::{Elsewhere, Store};
use cosmictron_types::schema::ReducerKind;
use cosmictron_types::{
    ColumnIndex, ConnectionId, Duration, Identity, RowLayout, ShardId, Timestamp, TxId, json,
};
use cosmictron_wasm_host::{CallContext, CallOutcome, Instances};

use super::ground::Ground;
use super::guest::{Ended, GuestData};
use super::halt::{Again, Halt};
use super::job::{Job, Task};
use super::judge::{By, Judge};
use super::request::{Answer, Call, CallError, Called, IdempotencyKey, Unavailable};
use super::{OWN_LIMITS, ReplyTo, Seam, Served, Shard};
use crate::catalog::{IdempotentAnswer, SystemTable};
use crate::directory::{Module, ModuleStatus};

/// A reducer to be run, and for whom.
pub(super) struct Run<'a> {
    pub module: &'a Arc<Module>,
    pub reducer: usize,
    pub args: &'a [u8],
    pub sender: Identity,
    /// Whom policies judge.
    pub by: By,
    pub connection: ConnectionId,
    /// The shard, among those in hand, that keeps what belongs to no other.
    pub here: ShardId,
}

impl Shard {
    /// Runs a call on this shard's store and holds its answer; or sends it on when that store is not all it needs.
    pub(super) fn call(&mut self, mut call: Call, reply: ReplyTo, seam: &mut Seam<'_>) {
        let (arrived, shard) = (seam.now(), seam.shard());
        let also = std::mem::take(&mut call.destination.also);
        if also.iter().any(|other| *other != shard) {
            let job = Job::new(Task::Call(call), reply, shard, arrived);
            return self.submit(job.wanting(&also), seam);
        }
        let mut ground = self.take_ground();
        let answer = match self.admit_write(seam) {
            Ok(()) => self.answer_call(&mut call, shard, &mut ground, arrived, seam),
            Err(why) => Err(CallError::from(why).into()),
        };
        self.put_back(ground);
        match answer {
            Ok(called) => self.hold_call(Ok(called), reply, arrived, seam),
            Err(Halt::Refused(error)) => self.hold_call(Err(error), reply, arrived, seam),
            Err(Halt::Again(Again::NoRoom)) => {
                unreachable!("a log that admits a call takes its record")
            }
            Err(Halt::Again(Again::Elsewhere(elsewhere))) => {
                let job = Job::new(Task::Call(call), reply, shard, arrived);
                self.submit(job.wanting(elsewhere.shards()), seam);
            }
        }
    }

    pub(super) fn hold_call(
        &mut self,
        answer: Result<Called, CallError>,
        reply: ReplyTo,
        arrived: Timestamp,
        seam: &mut Seam<'_>,
    ) {
        self.figures.calls += 1;
        self.figures.calls_refused += u64::from(answer.is_err());
        self.hold(Some(reply), Answer::Called(answer), arrived, Vec::new(), seam);
    }

    /// Runs a call on the stores in hand. `origin` is the shard, among them, that keeps the answers of its idempotency
    /// keys.
    pub(super) fn answer_call(
        &mut self,
        call: &mut Call,
        origin: ShardId,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Called, Halt> {
        self.renew(call)?;
        self.check_destination(call, ground, now, seam)?;
        if call.module.reducer(call.reducer).kind != ReducerKind::Call {
            return Err(CallError::Lifecycle.into());
        }
        let first = call
            .idempotency
            .as_ref()
            .and_then(|key| ground.iter().find_map(|store| first_answer(key, store)));
        if let Some(first) = first {
            if ground.is_joint() {
                // What was answered first may not be stable yet, and others than this shard know.
                ground.begin(OWN_LIMITS);
                self.commit_on(ground, seam.next_tx(), now, seam)?;
            }
            return Ok(first?);
        }
        let run = Run {
            module: &call.module,
            reducer: call.reducer,
            args: &call.args,
            sender: call.sender,
            by: By::Client(call.sender),
            connection: call.connection,
            here: origin,
        };
        let mut tx = seam.next_tx();
        if is_planted(Fault::EarlyTx) && ground.is_joint() {
            tx = planted::take_noted().map_or(tx, TxId::new);
        }
        match self.run(&run, ground, tx, now, seam) {
            Ok(result) => {
                let called = Called { tx, duration: Duration::ZERO, result };
                self.keep_answer(call, tx, Ok(&called), ground.at_mut(origin), now)
                    .inspect_err(|_| ground.rollback())?;
                self.commit_on(ground, tx, now, seam)?;
                Ok(called)
            }
            Err(Halt::Refused(error)) => {
                // Also a refusal tells of what was read.
                if call.idempotency.is_some() || ground.is_joint() {
                    ground.begin(OWN_LIMITS);
                    if let Some(refusal) = Refusal::of(&error) {
                        self.keep_answer(call, tx, Err(refusal), ground.at_mut(origin), now)
                            .inspect_err(|_| ground.rollback())?;
                    }
                    self.commit_on(ground, tx, now, seam)?;
                }
                Err(error.into())
            }
            Err(halt) => Err(halt),
        }
    }

    /// Whether a key's answer would be seen, also when another version of the module has routed the call: what this version
    /// says about that has to be looked at as well.
    fn check_destination(
        &self,
        call: &mut Call,
        ground: &Ground,
        now: Timestamp,
        seam: &Seam<'_>,
    ) -> Result<(), Halt> {
        if call.idempotency.is_none() || call.destination.by == call.module.since {
            return Ok(());
        }
        let (module, shards) = (&call.module, seam.shards());
        let current = module.destination(call.reducer, &call.args, Some(now), shards);
        let missing = current.shards(shards).filter(|shard| !ground.holds(*shard)).collect();
        if let Some(elsewhere) = Elsewhere::new(missing) {
            return Err(elsewhere.into());
        }
        call.destination.by = current.by;
        Ok(())
    }

    /// Brings a call that was made for an older version of its module up to the current one.
    pub(super) fn renew(&self, call: &mut Call) -> Result<(), CallError> {
        let name = &call.module.name;
        if self.directory.changed(name) < call.module.since {
            return Ok(()); // It comes from where more is known of this module.
        }
        let current = self.directory.module(name).ok_or(CallError::Undeployed)?;
        if current.status != ModuleStatus::Active {
            return Err(CallError::Undeployed);
        }
        if Arc::ptr_eq(current, &call.module) {
            return Ok(());
        }
        let old = call.module.reducer(call.reducer);
        let schema = current.compiled.schema();
        let place = schema.reducers.iter().position(|reducer| reducer.name == old.name);
        let place = place.ok_or(CallError::Replaced)?;
        if schema.reducers[place].params != old.params {
            return Err(CallError::Replaced);
        }
        call.reducer = place;
        call.module = current.clone();
        Ok(())
    }

    /// Runs a reducer in a transaction that stays open, for rows of the server's own, when it succeeded, and is undone
    /// when it did not. Yields the result as JSON.
    pub(super) fn run(
        &mut self,
        run: &Run<'_>,
        ground: &mut Ground,
        tx: TxId,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Option<String>, Halt> {
        ground.begin(self.options.transaction);
        let context = CallContext {
            tx_id: tx,
            timestamp: now,
            sender: run.sender,
            connection_id: run.connection,
            seed: seed(seam),
        };
        let outcome = self.run_guest(run, ground, &context, seam);
        match outcome {
            Ok(CallOutcome::Returned { result }) => {
                // What the server adds is not the reducer's, which may have used its transaction up.
                ground.limit(OWN_LIMITS);
                Ok(result.map(|row| self.result_json(run, &row)))
            }
            Ok(outcome) => {
                ground.rollback();
                Err(refusal(outcome).into())
            }
            Err(halt) => {
                ground.rollback();
                Err(halt)
            }
        }
    }

    fn run_guest(
        &mut self,
        run: &Run<'_>,
        ground: &mut Ground,
        context: &CallContext,
        seam: &mut Seam<'_>,
    ) -> Result<CallOutcome, Halt> {
        let reducer = u32::try_from(run.reducer).expect("a schema's reducers are few");
        let judge = Judge::new(run.module.clone(), run.by, context.timestamp);
        let data = GuestData::new(ground.take_stores(), run.module.clone(), judge, run.here);
        let (data, outcome) = self.enter_guest(run.module, seam, |instances| {
            instances.call(reducer, context, run.args, data)
        });
        let GuestData { stores, ended, is_store_full, has_scheduled, .. } = data;
        ground.return_stores(stores);
        match ended {
            None => {}
            Some(Ended::Elsewhere(elsewhere)) => return Err(elsewhere.into()),
            Some(Ended::Forbidden { table }) => return Err(CallError::Forbidden { table }.into()),
            Some(Ended::Overrun) => return Err(CallError::DeadlineExceeded.into()),
            Some(Ended::Overflow { .. }) => unreachable!("only views yield rows"),
        }
        let returned = matches!(outcome, CallOutcome::Returned { .. });
        self.has_scheduled |= has_scheduled && returned;
        match is_store_full && !returned {
            true => Err(Unavailable::StorageFull.into()),
            false => Ok(outcome),
        }
    }

    /// Runs a guest of a module's, and sees to what it leaves behind.
    pub(super) fn enter_guest(
        &mut self,
        module: &Module,
        seam: &mut Seam<'_>,
        run: impl FnOnce(&mut Instances<GuestData>) -> (GuestData, CallOutcome),
    ) -> (GuestData, CallOutcome) {
        let instances = self.instances_of(module);
        let ran = run(instances);
        super::report::log_console(&module.name, instances.console());
        if instances.is_depleted() && self.depleted.is_none() {
            self.depleted = Some(module.name.clone());
            seam.flush_soon();
        }
        ran
    }

    /// Instances of just this version: where stores are lent to, no one has put it in service.
    fn instances_of(&mut self, module: &Module) -> &mut Instances<GuestData> {
        let serving = self.instances.get(&module.name).map(|served| &served.version);
        if serving != Some(module.compiled.version()) {
            self.instances.insert(module.name.clone(), Served::new(&module.compiled));
        }
        &mut self.instances.get_mut(&module.name).expect("it was just put there").instances
    }

    fn result_json(&mut self, run: &Run<'_>, row: &[u8]) -> String {
        let ty = run.module.reducer(run.reducer).result.as_ref();
        let ty = ty.expect("the host lets a result through only where the schema has one");
        let layout = RowLayout::new([ty.clone()]);
        self.json.clear();
        json::write_value(ty, layout.column(row, ColumnIndex::new(0)), &mut self.json);
        String::from_utf8(self.json.clone()).expect("JSON is UTF-8")
    }

    /// Commits the open transaction on the stores in hand. One that is not joint is appended to the log at once, and
    /// leaves no record where it changed nothing.
    pub(super) fn commit_on<E: From<Unavailable>>(
        &mut self,
        ground: &mut Ground,
        tx: TxId,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), Halt<E>> {
        match ground.sole_mut() {
            Some(store) => self.commit(store, tx, now, seam).map_err(Halt::from),
            None => Ok(ground.commit_joint(tx, now)?),
        }
    }

    /// Writes the answer under the call's idempotency key, where it has one.
    fn keep_answer(
        &self,
        call: &Call,
        tx: TxId,
        outcome: Result<&Called, Refusal<'_>>,
        store: &mut Store,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let Some(key) = &call.idempotency else { return Ok(()) };
        if is_planted(Fault::KeyIsForgotten) {
            return Ok(());
        }
        let kept = IdempotentAnswer {
            key: key.key,
            fingerprint: key.fingerprint,
            tx_id: match outcome {
                Err(Refusal::Policy { .. }) => TxId::ZERO.get(),
                _ => tx.get(),
            },
            succeeded: outcome.is_ok(),
            body: match outcome {
                Ok(called) => called.result.clone().unwrap_or_default(),
                Err(Refusal::Reducer { message: text } | Refusal::Policy { table: text }) => {
                    text.to_owned()
                }
            },
            partition: call.destination.start.get(),
            expires_at: now + self.options.idempotency_kept,
        };
        // The key was not there a moment ago: only a full memory can refuse it.
        kept.insert(store).map_err(|_| Unavailable::StorageFull.into())
    }
}

/// A refusal that a key is answered with for good.
#[derive(Clone, Copy)]
enum Refusal<'a> {
    Reducer {
        message: &'a str,
    },
    /// Of a write to this table.
    Policy {
        table: &'a str,
    },
}

impl<'a> Refusal<'a> {
    fn of(error: &'a CallError) -> Option<Self> {
        match error {
            CallError::Reducer(message) => Some(Refusal::Reducer { message }),
            CallError::Forbidden { table } => Some(Refusal::Policy { table }),
            _ => None,
        }
    }
}

/// What the key was answered with, when it was.
fn first_answer(key: &IdempotencyKey, store: &Store) -> Option<Result<Called, CallError>> {
    let kept = IdempotentAnswer::find(store, "key", &key.key)?;
    if kept.fingerprint != key.fingerprint {
        return Some(Err(CallError::KeyReused));
    }
    if !kept.succeeded {
        return Some(Err(match TxId::new(kept.tx_id) {
            TxId::ZERO => CallError::Forbidden { table: kept.body.into() },
            _ => CallError::Reducer(kept.body),
        }));
    }
    let result = (!kept.body.is_empty()).then_some(kept.body);
    let tx = TxId::new(kept.tx_id);
    Some(Ok(Called { tx, duration: Duration::ZERO, result }))
}

fn refusal(outcome: CallOutcome) -> CallError {
    match outcome {
        CallOutcome::DeadlineExceeded => CallError::DeadlineExceeded,
        CallOutcome::NoInstance(_) => Unavailable::Overloaded.into(),
        other => CallError::Reducer(other.to_string()),
    }
}

fn seed(seam: &mut Seam<'_>) -> [u8; 16] {
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&seam.random().to_le_bytes());
    seed[8..].copy_from_slice(&seam.random().to_le_bytes());
    seed
}
