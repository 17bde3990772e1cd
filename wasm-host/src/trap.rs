//! Turns the error with which wasmtime ends a call into what the caller is told.
//!
//! Invariants:
//! 1. What is told comes from the guest or from a fixed list: no path, address or setting of the host's.

use wasmtime::{Error, Trap, WasmBacktrace};

use crate::call::CallOutcome;
use crate::console::push_text;
use crate::misuse::Stop;

/// Bytes of a function's name that are told.
const NAME_SHOWN: usize = 160;

/// How a call ended that did not return. `failure` is what the guest said before.
pub(crate) fn outcome(error: Error, failure: Option<String>) -> CallOutcome {
    stopped(&error, failure).unwrap_or_else(|| {
        // Nothing of the ABI fails this way; a person has to look.
        tracing::error!(error = format!("{error:#}"), "the WebAssembly engine failed in a call");
        CallOutcome::Trapped { trap: "a failure of the WebAssembly engine", function: None }
    })
}

/// How the guest was stopped, if it was the guest.
pub(crate) fn stopped(error: &Error, failure: Option<String>) -> Option<CallOutcome> {
    let function = || error.downcast_ref::<WasmBacktrace>().and_then(innermost_name);
    match error.downcast_ref::<Stop>() {
        Some(Stop::Aborted) => return Some(CallOutcome::Aborted),
        Some(Stop::Misuse(misuse)) => {
            return Some(CallOutcome::Misused { misuse: misuse.clone(), function: function() });
        }
        None => {}
    }
    let trap = *error.downcast_ref::<Trap>()?;
    Some(match (trap, failure) {
        (Trap::Interrupt, _) => CallOutcome::DeadlineExceeded,
        (Trap::UnreachableCodeReached, Some(message)) => CallOutcome::Panicked { message },
        (trap, _) => CallOutcome::Trapped { trap: name(trap), function: function() },
    })
}

/// The innermost function that the module's name section knows.
fn innermost_name(backtrace: &WasmBacktrace) -> Option<String> {
    let name = backtrace.frames().iter().find_map(|frame| frame.func_name())?;
    let mut shown = String::new();
    push_text(&mut shown, name.as_bytes(), NAME_SHOWN);
    Some(shown)
}

fn name(trap: Trap) -> &'static str {
    match trap {
        Trap::StackOverflow => "the stack is full",
        Trap::MemoryOutOfBounds => "an access outside of the memory",
        Trap::HeapMisaligned => "a misaligned access",
        Trap::TableOutOfBounds => "an access outside of a table",
        Trap::IndirectCallToNull => "a call of a function that does not exist",
        Trap::BadSignature => "a call of a function of another type",
        Trap::IntegerOverflow => "an integer overflow",
        Trap::IntegerDivisionByZero => "a division by zero",
        Trap::BadConversionToInteger => "a number that does not fit into an integer",
        Trap::UnreachableCodeReached => "`unreachable` was reached",
        _ => "a trap",
    }
}
