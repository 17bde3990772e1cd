//! How much a module, one of its instances and one call may use.

use std::time::Duration;

use crate::console::ConsoleLimits;

/// Bounds on guests; what has no bound here (rows and bytes of a transaction) is bounded by the shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a module's WebAssembly. Compilation takes about a second for each MiB.
    pub module_bytes: usize,
    /// Functions of a module, imported ones included.
    pub functions: u32,
    /// Bytes of one function's code; the compiler's time grows faster than a function does.
    pub function_bytes: usize,
    /// What compilation may take of one core, as estimated from the shapes of the functions: compilation itself cannot
    /// be stopped. Whole seconds.
    pub compile_time: Duration,
    /// Memory that the compilation of any one function may take, as estimated.
    pub compile_bytes: usize,
    /// Bytes of an instance's memory, rounded down to whole pages of 64 KiB. Growing beyond fails as the WebAssembly
    /// specification has it: the guest may cope.
    pub memory_bytes: usize,
    /// Elements of an instance's tables of functions.
    pub table_elements: usize,
    /// Bytes of the stack that a guest's calls may use.
    pub stack_bytes: usize,
    /// How long one call may run, and how long a module may take to describe itself.
    pub deadline: Duration,
    /// Bytes of one block of rows that crosses at once in either direction. A shard serves nobody else meanwhile.
    pub rows_block_bytes: usize,
    /// Scans that one call may have open at once.
    pub scans_open: usize,
    /// Bytes of a reducer's result row.
    pub result_bytes: usize,
    /// Bytes of the message of a failure; what is longer is cut.
    pub message_bytes: usize,
    /// Lines that one call may write to the console; more are counted and dropped.
    pub console_lines: usize,
    /// Bytes that one call may write to the console.
    pub console_bytes: usize,
    /// Calls after which an instance is replaced, so that a guest's leaks do not add up. 1 gives every call an
    /// instance of its own.
    pub calls_per_instance: u32,
    /// Bytes of memory above which an instance is replaced after the call rather than kept.
    pub memory_kept_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            module_bytes: 16 << 20,
            functions: 50_000,
            function_bytes: 512 << 10,
            compile_time: Duration::from_secs(60),
            compile_bytes: 1 << 30,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            stack_bytes: 512 << 10,
            deadline: Duration::from_secs(1),
            rows_block_bytes: 8 << 20,
            scans_open: 64,
            result_bytes: 1 << 20,
            message_bytes: 4 << 10,
            console_lines: 256,
            console_bytes: 64 << 10,
            calls_per_instance: 10_000,
            memory_kept_bytes: 16 << 20,
        }
    }
}

impl Limits {
    pub(crate) fn console(&self) -> ConsoleLimits {
        ConsoleLimits { lines_max: self.console_lines, bytes_max: self.console_bytes }
    }
}
