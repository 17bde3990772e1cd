//! Runs the calls that reducers have asked for, when they are due.
//!
//! A schedule's row goes in the very transaction that its reducer runs in, so it takes effect exactly once, whatever
//! happens in between. A reducer that refuses or breaks is not tried again: its row goes alone, and the log says why.
//! What the server has no room for, or cannot log, stays and is tried again after a rest.

use std::sync::Arc;

use cosmictron_types::{ConnectionId, Duration, Identity, Timestamp};

use super::call::{Halt, Run};
use super::request::{CallError, Unavailable};
use super::{OWN_LIMITS, Seam, Shard};
use crate::catalog::{ScheduledCall, SystemTable};
use crate::directory::{Module, ModuleStatus};

/// Calls run at one tick. What remains waits for the next, so that clients' calls come in between.
const DUE_MAX: usize = 8;
/// Before what had to wait is tried again.
const REST: Duration = Duration::from_secs(1);

impl Shard {
    /// When the next call is due.
    pub(super) fn next_schedule(&self) -> Option<Timestamp> {
        let first = ScheduledCall::first(self.store(), "at", 1);
        first.first().map(|call| call.at.max(self.schedules_rest_until))
    }

    pub(super) fn run_due_schedules(&mut self, seam: &mut Seam<'_>) {
        let now = seam.now();
        if now < self.schedules_rest_until {
            return;
        }
        for call in ScheduledCall::first(self.store(), "at", DUE_MAX) {
            if now < call.at {
                return;
            }
            let done = self.admit_write(seam).and_then(|()| self.run_scheduled(&call, now, seam));
            if let Err(error) = done {
                // Those behind it are tried all the same: it may want more room than they do.
                tracing::warn!(module = call.module, reducer = call.reducer, %error, "a scheduled call has to wait");
                self.schedules_rest_until = now + REST;
            }
        }
    }

    fn run_scheduled(
        &mut self,
        call: &ScheduledCall,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        let tx = seam.next_tx();
        let outcome =
            self.find_scheduled(call).map_err(Halt::from).and_then(|(module, reducer)| {
                let run = Run {
                    module: &module,
                    reducer,
                    args: &call.args,
                    sender: Identity::SYSTEM,
                    connection: ConnectionId::NONE,
                };
                let mut ground = self.take_ground(seam);
                let outcome = self.run(&run, &mut ground, tx, now, seam);
                self.put_back(ground);
                outcome.map(|_| ())
            });
        match outcome {
            Ok(()) => {}
            Err(Halt::Refused(CallError::Unavailable(why))) => return Err(why),
            Err(error) => {
                tracing::warn!(module = call.module, reducer = call.reducer, %error, "a scheduled call had no effect");
                self.store_mut().begin(OWN_LIMITS);
            }
        }
        self.figures.scheduled_calls += 1;
        let removed = ScheduledCall::delete(self.store_mut(), "id", &call.id);
        removed.expect("nothing bounds or refers to the server's own rows");
        self.commit_own(tx, now, seam)
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
