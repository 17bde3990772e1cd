//! What the host keeps beside a running guest: the call's data, what the guest has said so far, and its bounds.
//!
//! ```text
//! Idle ──▶ Calling ──▶ Idle …      an instance that serves calls
//!   └────▶ Describing              one that lives to describe its module
//! ```
//!
//! Invariants:
//! 1. The shard's data are here exactly while a call runs.
//! 2. Nothing that one call left here is seen by the next.

use std::sync::Arc;

use wasmtime::{Memory, ResourceLimiter};

use crate::console::{Console, push_text};
use crate::data::{Data, DataError};
use crate::host::PAGE_BYTES;
use crate::interface::Interface;
use crate::limits::Limits;
use crate::misuse::{BrokenRule, Halt};
use crate::scans::Scans;

/// A WebAssembly store's data. `D` is what a shard lends for a call.
pub(crate) struct Guest<D> {
    pub(crate) limits: Arc<Limits>,
    pub(crate) growth: Growth,
    /// What the module offers; unknown while it describes itself.
    pub(crate) interface: Option<Arc<Interface>>,
    /// Known once the instance has started.
    pub(crate) memory: Option<Memory>,
    pub(crate) console: Console,
    phase: Phase<D>,
    /// What `cosm.fail` was given.
    failure: Option<String>,
    /// The text of the last rejection.
    rejection: String,
    scans: Scans,
}

enum Phase<D> {
    /// Being made, or between two calls.
    Idle,
    Describing(Description),
    Calling {
        data: D,
        function: Function,
        result: Option<Vec<u8>>,
    },
}

/// What is called, by its place in its list of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Reducer(usize),
    /// It reads, and yields rows.
    View(usize),
}

/// What a module has said about itself so far.
#[derive(Default)]
pub(crate) struct Description {
    pub(crate) items: Vec<String>,
    pub(crate) bytes: usize,
}

/// A running call, apart, so that its parts can be borrowed at once.
pub(crate) struct Call<'a, D> {
    pub(crate) data: &'a mut D,
    pub(crate) function: Function,
    pub(crate) result: &'a mut Option<Vec<u8>>,
    pub(crate) interface: &'a Interface,
    pub(crate) limits: &'a Limits,
    pub(crate) scans: &'a mut Scans,
    pub(crate) rejection: &'a mut String,
}

/// What a call left behind.
pub(crate) struct Left<D> {
    pub(crate) data: D,
    pub(crate) result: Option<Vec<u8>>,
    pub(crate) failure: Option<String>,
}

impl<D> Guest<D> {
    pub(crate) fn new(limits: Arc<Limits>, interface: Option<Arc<Interface>>) -> Self {
        Self {
            growth: Growth::new(&limits),
            limits,
            interface,
            memory: None,
            console: Console::default(),
            phase: Phase::Idle,
            failure: None,
            rejection: String::new(),
            scans: Scans::default(),
        }
    }

    pub(crate) fn begin_description(&mut self) {
        self.phase = Phase::Describing(Description::default());
    }

    /// What is being described, for the one import that makes sense only then.
    pub(crate) fn description(&mut self) -> Result<&mut Description, Halt> {
        match &mut self.phase {
            Phase::Describing(description) => Ok(description),
            _ => Err(BrokenRule::OutsideOfDescription.into()),
        }
    }

    pub(crate) fn begin_call(&mut self, function: Function, data: D) {
        self.phase = Phase::Calling { data, function, result: None };
    }

    /// The running call, for the imports that make sense only in one.
    pub(crate) fn call(&mut self) -> Result<Call<'_, D>, Halt> {
        let (Phase::Calling { data, function, result }, Some(interface)) =
            (&mut self.phase, &self.interface)
        else {
            return Err(BrokenRule::OutsideOfCall.into());
        };
        Ok(Call {
            data,
            function: *function,
            result,
            interface,
            limits: &self.limits,
            scans: &mut self.scans,
            rejection: &mut self.rejection,
        })
    }

    /// As [`Guest::call`], for the imports that write.
    pub(crate) fn writing(&mut self) -> Result<Call<'_, D>, Halt> {
        let call = self.call()?;
        match call.function {
            Function::Reducer(_) => Ok(call),
            Function::View(_) => Err(BrokenRule::ReadOnly.into()),
        }
    }

    /// Keeps the message of an error or a panic; a later one replaces it.
    pub(crate) fn fail(&mut self, message: &[u8]) {
        let mut text = String::new();
        push_text(&mut text, message, self.limits.message_bytes);
        self.failure = Some(text);
    }

    pub(crate) fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}

impl<D: Data> Guest<D> {
    /// Takes back what was lent for the call and forgets what the guest said in it.
    pub(crate) fn end_call(&mut self) -> Left<D> {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Calling { mut data, result, .. } = phase else {
            unreachable!("a call ends once, and after it began");
        };
        for scan in self.scans.take_open() {
            data.close(scan);
        }
        self.rejection.clear();
        Left { data, result, failure: self.failure.take() }
    }
}

impl<D> Call<'_, D> {
    /// Turns what the shard answered into a code for the guest, whose text it can ask for later.
    pub(crate) fn code(&mut self, answer: Result<(), DataError>) -> Result<i32, Halt> {
        match answer {
            Ok(()) => Ok(0),
            Err(error) => self.reject(error),
        }
    }

    /// As [`Call::code`], of an error.
    #[cold]
    pub(crate) fn reject(&mut self, error: DataError) -> Result<i32, Halt> {
        match error {
            DataError::Rejected { code, message } => {
                *self.rejection = message;
                Ok(code.as_i32())
            }
            stopping => Err(Halt::of_read(stopping)),
        }
    }
}

/// How far an instance may grow.
pub(crate) struct Growth {
    memory_bytes: usize,
    table_elements: usize,
}

impl Growth {
    fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes / PAGE_BYTES * PAGE_BYTES,
            table_elements: limits.table_elements,
        }
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.memory_bytes)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements)
    }
}
