//! The instances that one shard keeps of one module.
//!
//! ```text
//!   ┌────── reused while healthy ─────┐
//!   ▼                                 │
//! live ──▶ call ──▶ healthy? ── yes ──┘
//!   ▲                   └────── no ───▶ worn ──▶ dropped by `replenish`
//! spare ◀── made by `replenish`, or by a call that finds neither
//! ```
//!
//! Invariants:
//! 1. At most three instances are alive: one to call, one spare, one worn out.

use std::sync::Arc;

use cosmictron_types::Identity;

use crate::call::{CallContext, CallOutcome};
use crate::console::Console;
use crate::data::Data;
use crate::imports;
use crate::instance::{Instance, InstanceError, Template};
use crate::module::CompiledModule;

/// One shard's instances of one module. Stays on its thread.
pub struct Instances<D: Data> {
    template: Template<D>,
    // Boxed, because each call takes one out and puts one in.
    live: Option<Box<Instance<D>>>,
    spare: Option<Box<Instance<D>>>,
    worn: Option<Box<Instance<D>>>,
    console: Console,
    made: u64,
}

impl<D: Data> Instances<D> {
    /// Makes no instance yet; [`Instances::replenish`] does, or the first call.
    pub fn new(module: &CompiledModule) -> Instances<D> {
        let linker = imports::linker(module.module().engine());
        let linked = linker
            .instantiate_pre(module.module())
            .expect("the same imports were found at compilation");
        let template = Template {
            module: linked,
            interface: Arc::clone(module.interface()),
            limits: Arc::clone(module.limits()),
            clock: module.clock(),
        };
        let console = Console::default();
        Instances { template, live: None, spare: None, worn: None, console, made: 0 }
    }

    /// Runs a reducer, by its place in the schema's list, to its end: at most as long as the deadline, on this
    /// thread. `args` are a checked row. The caller undoes what `data` did unless the outcome is `Returned`.
    ///
    /// The thread needs the guest's stack ([`Limits::stack_bytes`](crate::Limits::stack_bytes)) and 256 KiB more.
    pub fn call(
        &mut self,
        reducer: u32,
        context: &CallContext,
        args: &[u8],
        data: D,
    ) -> (D, CallOutcome) {
        self.run(data, |instance, data| instance.call(reducer as usize, context, args, data))
    }

    /// Runs a view, by its place in the schema's list, as [`Instances::call`] runs a reducer. `data` is given its rows, and
    /// nothing to write. `caller` is zero where the view is not told.
    pub fn view(&mut self, view: u32, caller: Identity, data: D) -> (D, CallOutcome) {
        self.run(data, |instance, data| instance.view(view as usize, caller, data))
    }

    fn run(
        &mut self,
        data: D,
        enter: impl FnOnce(&mut Instance<D>, D) -> (D, CallOutcome),
    ) -> (D, CallOutcome) {
        self.console.clear();
        let mut instance = match self.take() {
            Ok(instance) => instance,
            Err(error) => return (data, CallOutcome::NoInstance(error)),
        };
        let (data, outcome) = enter(&mut instance, data);
        let console = instance.console_mut();
        if !console.is_empty() {
            std::mem::swap(console, &mut self.console);
        }
        if instance.is_healthy() {
            self.live = Some(instance);
        } else {
            self.worn = Some(instance);
        }
        (data, outcome)
    }

    /// What the guest wrote to its console in the last call.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Whether [`Instances::replenish`] has something to do.
    pub fn is_depleted(&self) -> bool {
        self.spare.is_none() || self.worn.is_some()
    }

    /// Throws away what is worn out and makes a spare; 5 to 20 µs, best spent after the answer has left.
    pub fn replenish(&mut self) -> Result<(), InstanceError> {
        self.worn = None;
        if self.spare.is_none() {
            self.spare = Some(self.make()?);
        }
        Ok(())
    }

    /// Instances made so far: one when all is well, one more for every trap and every so many calls.
    pub fn made(&self) -> u64 {
        self.made
    }

    fn take(&mut self) -> Result<Box<Instance<D>>, InstanceError> {
        match self.live.take().or_else(|| self.spare.take()) {
            Some(instance) => Ok(instance),
            None => {
                // What is worn out may hold the pool's last slot.
                self.worn = None;
                self.make()
            }
        }
    }

    fn make(&mut self) -> Result<Box<Instance<D>>, InstanceError> {
        let instance = Box::new(Instance::new(&self.template)?);
        self.made += 1;
        Ok(instance)
    }
}

#[cfg(test)]
mod tests;
