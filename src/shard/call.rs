//! Runs a reducer as one transaction.
//!
//! Invariants:
//! 1. A call that is not answered with [`Called`] has changed nothing, save that its idempotency key may remember why.
//! 2. A call with an idempotency key runs at most once (DESIGN invariant 8): the key's row is in the transaction.

use std::sync::Arc;

use cosmictron_types::schema::ReducerKind;
use cosmictron_types::{
    ColumnIndex, ConnectionId, Duration, Identity, RowLayout, Timestamp, TxId, json,
};
use cosmictron_wasm_host::{CallContext, CallOutcome};

use super::guest::GuestData;
use super::request::{Answer, Call, CallError, Called, IdempotencyKey, Unavailable};
use super::{OWN_LIMITS, ReplyTo, Seam, Shard};
use crate::catalog::{IdempotentAnswer, SystemTable};
use crate::directory::{Module, ModuleStatus};

/// A reducer to be run, and for whom.
pub(super) struct Run<'a> {
    pub module: &'a Arc<Module>,
    pub reducer: usize,
    pub args: &'a [u8],
    pub sender: Identity,
    pub connection: ConnectionId,
}

impl Shard {
    /// Runs a call and holds its answer.
    pub(super) fn call(&mut self, call: Call, reply: ReplyTo, seam: &mut Seam<'_>) {
        let arrived = seam.now();
        self.figures.calls += 1;
        let answer = self.answer_call(call, arrived, seam);
        self.figures.calls_refused += u64::from(answer.is_err());
        self.hold(Some(reply), Answer::Called(answer), arrived, Vec::new(), seam);
    }

    fn answer_call(
        &mut self,
        mut call: Call,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Called, CallError> {
        self.admit_write(seam)?;
        self.renew(&mut call)?;
        if call.module.reducer(call.reducer).kind != ReducerKind::Call {
            return Err(CallError::Lifecycle);
        }
        if let Some(key) = &call.idempotency
            && let Some(first) = self.first_answer(key)
        {
            return first;
        }
        let run = Run {
            module: &call.module,
            reducer: call.reducer,
            args: &call.args,
            sender: call.sender,
            connection: call.connection,
        };
        let tx = seam.next_tx();
        match self.run(&run, tx, now, seam) {
            Ok(result) => {
                let called = Called { tx, duration: Duration::ZERO, result };
                self.settle(tx, &call, Ok(&called), now, seam)?;
                Ok(called)
            }
            Err(error) => {
                if let (CallError::Reducer(message), Some(_)) = (&error, &call.idempotency) {
                    self.store_mut().begin(OWN_LIMITS);
                    self.settle(tx, &call, Err(message), now, seam)?;
                }
                Err(error)
            }
        }
    }

    /// Brings a call that was made for an older version of its module up to the current one.
    fn renew(&self, call: &mut Call) -> Result<(), CallError> {
        let current = self.directory.module(&call.module.name).ok_or(CallError::Undeployed)?;
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
        tx: TxId,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Option<String>, CallError> {
        let limits = self.options.transaction;
        self.store_mut().begin(limits);
        let context = CallContext {
            tx_id: tx,
            timestamp: now,
            sender: run.sender,
            connection_id: run.connection,
            seed: seed(seam),
        };
        let outcome = self.run_guest(run, &context, seam);
        match outcome {
            Ok(CallOutcome::Returned { result }) => {
                // What the server adds is not the reducer's, which may have used its transaction up.
                self.store_mut().limit_transaction(OWN_LIMITS);
                Ok(result.map(|row| self.result_json(run, &row)))
            }
            Ok(outcome) => {
                self.store_mut().rollback();
                Err(refusal(outcome))
            }
            Err(error) => {
                self.store_mut().rollback();
                Err(error)
            }
        }
    }

    fn run_guest(
        &mut self,
        run: &Run<'_>,
        context: &CallContext,
        seam: &mut Seam<'_>,
    ) -> Result<CallOutcome, CallError> {
        let instances = self.instances.get_mut(&run.module.name).ok_or(CallError::Undeployed)?;
        let store = self.store.take().expect("the store is home between calls");
        let reducer = u32::try_from(run.reducer).expect("a schema's reducers are few");
        let data = GuestData::new(store, run.module.clone());
        let (data, outcome) = instances.call(reducer, context, run.args, data);
        super::report::log_console(&run.module.name, instances.console());
        if instances.is_depleted() && self.depleted.is_none() {
            self.depleted = Some(run.module.name.clone());
            seam.flush_soon();
        }
        let GuestData { store, is_store_full, has_scheduled, .. } = data;
        self.store = Some(store);
        let returned = matches!(outcome, CallOutcome::Returned { .. });
        if has_scheduled && returned {
            self.wake(seam);
        }
        match is_store_full && !returned {
            true => Err(Unavailable::StorageFull.into()),
            false => Ok(outcome),
        }
    }

    fn result_json(&mut self, run: &Run<'_>, row: &[u8]) -> String {
        let ty = run.module.reducer(run.reducer).result.as_ref();
        let ty = ty.expect("the host lets a result through only where the schema has one");
        let layout = RowLayout::new([ty.clone()]);
        self.json.clear();
        json::write_value(ty, layout.column(row, ColumnIndex::new(0)), &mut self.json);
        String::from_utf8(self.json.clone()).expect("JSON is UTF-8")
    }

    /// Commits the open transaction, with the answer under the call's idempotency key where it has one.
    fn settle(
        &mut self,
        tx: TxId,
        call: &Call,
        outcome: Result<&Called, &str>,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        if let Some(key) = &call.idempotency {
            let kept = IdempotentAnswer {
                key: key.key,
                fingerprint: key.fingerprint,
                tx_id: tx.get(),
                succeeded: outcome.is_ok(),
                body: match outcome {
                    Ok(called) => called.result.clone().unwrap_or_default(),
                    Err(message) => message.to_owned(),
                },
                expires_at: now + self.options.idempotency_kept,
            };
            if kept.insert(self.store_mut()).is_err() {
                // The key was not there a moment ago: only a full memory can have refused it.
                self.store_mut().rollback();
                return Err(Unavailable::StorageFull);
            }
        }
        self.commit(tx, now, seam)
    }

    /// What the key was answered with, when it was.
    fn first_answer(&self, key: &IdempotencyKey) -> Option<Result<Called, CallError>> {
        let kept = IdempotentAnswer::find(self.store(), "key", &key.key)?;
        if kept.fingerprint != key.fingerprint {
            return Some(Err(CallError::KeyReused));
        }
        if !kept.succeeded {
            return Some(Err(CallError::Reducer(kept.body)));
        }
        let result = (!kept.body.is_empty()).then_some(kept.body);
        let tx = TxId::new(kept.tx_id);
        Some(Ok(Called { tx, duration: Duration::ZERO, result }))
    }
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
