//! One running copy of a module, with its own memory, that serves one call at a time.
//!
//! Invariants:
//! 1. An instance that did not return from a call by itself serves no other, though wasmtime would let it.

use std::sync::Arc;

use cosmictron_types::Identity;
use wasmtime::{Engine, InstancePre, Memory, PoolConcurrencyLimitError, Store, TypedFunc};

use crate::call::{CONTEXT_BYTES, CallContext, CallOutcome};
use crate::clock::Clock;
use crate::data::Data;
use crate::guest::{Function, Guest, Left};
use crate::interface::Interface;
use crate::limits::Limits;
use crate::memory::Span;
use crate::misuse::{BrokenRule, Halt, Misuse};
use crate::trap;

/// What a reducer answers after it did its work.
const DONE: u32 = 0;
/// What a reducer answers after `cosm.fail`.
const FAILED: u32 = 1;
/// Where broken rules of a reducer's return show.
const REDUCER: &str = "cosm_reducer_";
/// Where those of a view's do.
const VIEW: &str = "cosm_view_";

/// What instances of one module are made from.
pub(crate) struct Template<D: Data> {
    pub(crate) module: InstancePre<Guest<D>>,
    pub(crate) interface: Arc<Interface>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
}

/// One instance, and the exports that were asked for so far.
pub(crate) struct Instance<D: Data> {
    store: Store<Guest<D>>,
    instance: wasmtime::Instance,
    memory: Memory,
    buffer: TypedFunc<u32, u32>,
    /// Looked up when they are first called: a module may have a thousand.
    reducers: Vec<Option<Export>>,
    views: Vec<Option<Export>>,
    interface: Arc<Interface>,
    clock: Clock,
    calls: u32,
    returned: bool,
}

/// A reducer, or a view.
type Export = TypedFunc<(u32, u32), u32>;

/// Why there is no instance of a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// Other calls and modules hold all that the host has room for.
    #[error("all WebAssembly instances of this server are in use")]
    PoolFull,
    /// The module's doing: how its start function ended, or the laying out of its memory and tables.
    #[error("the module does not start: {0}")]
    Start(String),
    /// The machine's doing; most likely there is no memory.
    #[error("no WebAssembly instance could be made: {0}")]
    Machine(String),
}

impl<D: Data> Instance<D> {
    pub(crate) fn new(template: &Template<D>) -> Result<Self, InstanceError> {
        let Template { module, interface, limits, clock } = template;
        let guest = Guest::new(Arc::clone(limits), Some(Arc::clone(interface)));
        let mut store = new_store(module.module().engine(), guest, clock);
        let instance = instantiate(&mut store, module)?;
        let memory = instance
            .get_module_export(&mut store, &interface.memory)
            .and_then(|export| export.into_memory())
            .expect("the export's type was checked at compilation");
        store.data_mut().memory = Some(memory);
        let buffer = instance
            .get_module_export(&mut store, &interface.buffer)
            .and_then(|export| export.into_func()?.typed(&store).ok())
            .expect("the export's type was checked at compilation");
        let reducers = vec![None; interface.reducers.len()];
        let views = vec![None; interface.views.len()];
        Ok(Self {
            store,
            instance,
            memory,
            buffer,
            reducers,
            views,
            interface: Arc::clone(interface),
            clock: clock.clone(),
            calls: 0,
            returned: true,
        })
    }

    /// Runs one reducer.
    pub(crate) fn call(
        &mut self,
        reducer: usize,
        context: &CallContext,
        args: &[u8],
        data: D,
    ) -> (D, CallOutcome) {
        let length = u32::try_from(CONTEXT_BYTES + args.len())
            .expect("a call's arguments are smaller than 4 GiB");
        self.run(Function::Reducer(reducer), length, data, |input| {
            let (head, tail) =
                input.split_first_chunk_mut().expect("the input is longer than its context");
            context.write(head);
            tail.copy_from_slice(args);
        })
    }

    /// Runs one view.
    pub(crate) fn view(&mut self, view: usize, caller: Identity, data: D) -> (D, CallOutcome) {
        self.run(Function::View(view), Identity::BYTES as u32, data, |input| {
            input.copy_from_slice(caller.as_bytes());
        })
    }

    fn run(
        &mut self,
        function: Function,
        length: u32,
        data: D,
        write: impl FnOnce(&mut [u8]),
    ) -> (D, CallOutcome) {
        assert!(self.returned, "an instance that was stopped in a call is called again");
        self.calls += 1;
        self.store.data_mut().begin_call(function, data);
        self.clock.begin(&mut self.store);
        let status = self.enter(function, length, write);
        let left = self.store.data_mut().end_call();
        self.returned = status.is_ok();
        match status {
            Ok(status) => self.returned(function, status, left),
            Err(error) => (left.data, trap::outcome(error, left.failure)),
        }
    }

    /// Whether the next call may have this instance too.
    pub(crate) fn is_healthy(&self) -> bool {
        let limits = &self.store.data().limits;
        self.returned
            && self.calls < limits.calls_per_instance
            && self.memory.data_size(&self.store) <= limits.memory_kept_bytes
    }

    /// What the guest wrote to its console in the last call.
    pub(crate) fn console_mut(&mut self) -> &mut crate::console::Console {
        &mut self.store.data_mut().console
    }

    fn enter(
        &mut self,
        function: Function,
        length: u32,
        write: impl FnOnce(&mut [u8]),
    ) -> wasmtime::Result<u32> {
        let pointer = self.buffer.call(&mut self.store, length)?;
        let input = Span::new(pointer, length).write(self.memory.data_mut(&mut self.store));
        write(input.map_err(|rule| wasmtime::Error::new(Halt::Broken(rule).at(BUFFER)))?);
        if self.known(function).is_none() {
            let export = self.resolve(function);
            *self.known(function) = Some(export);
        }
        let known = match function {
            Function::Reducer(reducer) => &self.reducers[reducer],
            Function::View(view) => &self.views[view],
        };
        let export = known.as_ref().expect("it was looked up just now");
        export.call(&mut self.store, (pointer, length))
    }

    fn known(&mut self, function: Function) -> &mut Option<Export> {
        match function {
            Function::Reducer(reducer) => &mut self.reducers[reducer],
            Function::View(view) => &mut self.views[view],
        }
    }

    fn resolve(&mut self, function: Function) -> Export {
        let export = match function {
            Function::Reducer(reducer) => &self.interface.reducers[reducer].export,
            Function::View(view) => &self.interface.views[view],
        };
        self.instance
            .get_module_export(&mut self.store, export)
            .and_then(|export| export.into_func()?.typed(&self.store).ok())
            .expect("the export's type was checked at compilation")
    }

    /// What a return means, given what the guest said before it.
    fn returned(&mut self, function: Function, status: u32, left: Left<D>) -> (D, CallOutcome) {
        let Left { data, result, failure } = left;
        let (place, owes_result) = match function {
            Function::Reducer(at) => (REDUCER, self.interface.reducers[at].result.is_some()),
            Function::View(_) => (VIEW, false),
        };
        let rule = match (status, failure) {
            (FAILED, Some(message)) => return (data, CallOutcome::Failed { message }),
            (DONE, None) if result.is_some() == owes_result => {
                return (data, CallOutcome::Returned { result });
            }
            (DONE, None) => BrokenRule::ResultMissing,
            (DONE, Some(_)) => BrokenRule::FailureForgotten,
            (FAILED, None) => BrokenRule::FailureMissing,
            (status, _) => BrokenRule::UnknownStatus { status },
        };
        self.returned = false;
        let misuse = Misuse { place, rule };
        (data, CallOutcome::Misused { misuse, function: None })
    }
}

/// Where broken rules of a call's input show.
const BUFFER: &str = "cosm_buffer";

/// A store for one guest, its bounds set.
pub(crate) fn new_store<D: Data>(
    engine: &Engine,
    guest: Guest<D>,
    clock: &Clock,
) -> Store<Guest<D>> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.growth);
    clock.begin(&mut store);
    store
}

/// Makes an instance in `store` and runs its start function.
pub(crate) fn instantiate<D: Data>(
    store: &mut Store<Guest<D>>,
    module: &InstancePre<Guest<D>>,
) -> Result<wasmtime::Instance, InstanceError> {
    module.instantiate(&mut *store).map_err(|error| {
        if error.is::<PoolConcurrencyLimitError>() {
            return InstanceError::PoolFull;
        }
        let failure = store.data_mut().take_failure();
        match trap::stopped(&error, failure) {
            Some(outcome) => InstanceError::Start(outcome.to_string()),
            None => InstanceError::Machine(format!("{error:#}")),
        }
    })
}
