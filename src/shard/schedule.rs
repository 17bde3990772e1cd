//! Runs the calls that reducers have asked for, when they are due.
//!
//! A schedule's row goes in the very transaction that its reducer runs in, so it takes effect exactly once, whatever
//! happens in between. A reducer that refuses or breaks is not tried again: its row goes alone, and the log says why.

use cosmictron_types::{ConnectionId, Identity, Timestamp};

use super::call::Run;
use super::request::CallError;
use super::{OWN_LIMITS, Seam, Shard};
use crate::catalog::{ScheduledCall, SystemTable};
use crate::directory::{Module, ModuleStatus};
use std::sync::Arc;

/// Calls run at one tick. What remains waits for the next, so that clients' calls come in between.
const DUE_MAX: usize = 8;

impl Shard {
    /// When the next call is due.
    pub(super) fn next_schedule(&self) -> Option<Timestamp> {
        ScheduledCall::first(self.store(), "at", 1).first().map(|call| call.at)
    }

    pub(super) fn run_due_schedules(&mut self, seam: &mut Seam<'_>) {
        let now = seam.now();
        for call in ScheduledCall::first(self.store(), "at", DUE_MAX) {
            if now < call.at || self.admit(seam).is_err() {
                return;
            }
            self.run_scheduled(&call, now, seam);
        }
    }

    fn run_scheduled(&mut self, call: &ScheduledCall, now: Timestamp, seam: &mut Seam<'_>) {
        let tx = seam.next_tx();
        let outcome = self.find_scheduled(call).and_then(|(module, reducer)| {
            let run = Run {
                module: &module,
                reducer,
                args: &call.args,
                sender: Identity::SYSTEM,
                connection: ConnectionId::NONE,
            };
            self.run(&run, tx, now, seam).map(|_| ())
        });
        self.figures.scheduled_calls += 1;
        if let Err(error) = &outcome {
            tracing::warn!(module = call.module, reducer = call.reducer, %error, "a scheduled call had no effect");
            self.store_mut().begin(OWN_LIMITS);
        }
        let removed = ScheduledCall::delete(self.store_mut(), "id", &call.id);
        if removed.is_err() {
            // The limit of the transaction that the reducer has used up: its work cannot stand without this.
            self.store_mut().rollback();
            return;
        }
        if let Err(error) = self.commit(tx, now, seam) {
            tracing::warn!(module = call.module, reducer = call.reducer, %error, "a scheduled call has to wait");
        }
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
