//! Writes lines to the server's log, marked with the module's name: `console::info!("{n} rows")`.
//!
//! The server bounds how much a call may log. Lines of calls that fail are logged too.

use core::fmt;

use crate::buffer::Buffer;
use crate::host;

pub use crate::{
    __console_debug as debug, __console_error as error, __console_info as info,
    __console_info as log, __console_trace as trace, __console_warn as warn,
};

/// How much a line matters, as the guest ABI numbers it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error = 0,
    Warn = 1,
    Info = 2,
    Debug = 3,
    Trace = 4,
}

#[doc(hidden)]
pub fn write(level: Level, text: fmt::Arguments<'_>) {
    // Text without arguments needs no formatting.
    if let Some(text) = text.as_str() {
        return host::log(level as u32, text);
    }
    let mut line = Line(Buffer::take());
    // A `Display` that reports an error has written what it could; the rest of the line is lost.
    let _incomplete = fmt::write(&mut line, text);
    host::log(level as u32, &String::from_utf8_lossy(&line.0));
}

struct Line(Buffer);

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Something is wrong and a person must look.
#[doc(hidden)]
#[macro_export]
macro_rules! __console_error {
    ($($text:tt)*) => {
        $crate::console::write($crate::console::Level::Error, ::core::format_args!($($text)*))
    };
}

/// Something is odd.
#[doc(hidden)]
#[macro_export]
macro_rules! __console_warn {
    ($($text:tt)*) => {
        $crate::console::write($crate::console::Level::Warn, ::core::format_args!($($text)*))
    };
}

/// Something happened.
#[doc(hidden)]
#[macro_export]
macro_rules! __console_info {
    ($($text:tt)*) => {
        $crate::console::write($crate::console::Level::Info, ::core::format_args!($($text)*))
    };
}

/// For who looks for a fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __console_debug {
    ($($text:tt)*) => {
        $crate::console::write($crate::console::Level::Debug, ::core::format_args!($($text)*))
    };
}

/// Every step.
#[doc(hidden)]
#[macro_export]
macro_rules! __console_trace {
    ($($text:tt)*) => {
        $crate::console::write($crate::console::Level::Trace, ::core::format_args!($($text)*))
    };
}
