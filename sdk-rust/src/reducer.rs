//! Runs one call: takes its input apart, runs the reducer, hands over what it returns.
//!
//! The functions that `#[reducer]` exports are as small as they can be; all that does not depend on the reducer's
//! types is here, once.

use core::fmt::Display;

use cosmictron_types::read::Reader;
use cosmictron_types::row::encode_single;
use cosmictron_types::{Column, DecodeError, RowReader};

use crate::buffer::Buffer;
use crate::context::ReducerContext;
use crate::host;
use crate::panic_hook;

/// What the host takes for a call that is to be committed.
const COMMIT: i32 = 0;
/// What the host takes for a call that failed, after `cosm.fail`.
const FAILED: i32 = 1;

/// A reducer's arguments, read one after the other.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arguments<'a> {
    row: RowReader<'a>,
}

impl Arguments<'_> {
    pub fn next<T: Column>(&mut self, name: &str) -> T {
        self.row.column().unwrap_or_else(|error| undecodable(name, error))
    }
}

/// The host checks arguments against the schema before it calls, so this is a bug on one of the two sides.
#[cold]
fn undecodable(name: &str, error: DecodeError) -> ! {
    panic!("argument {name}: {error}")
}

/// Runs a reducer on the input of `length` bytes that the host wrote. `fixed_bytes` are those of the fixed part of
/// the arguments' row.
pub fn call(
    length: usize,
    fixed_bytes: usize,
    run: fn(&ReducerContext, &mut Arguments<'_>) -> i32,
) -> i32 {
    panic_hook::install();
    let input = host::take_input(length);
    let mut reader = Reader::new(&input);
    let ctx = ReducerContext::decode(&mut reader).unwrap_or_else(|error| undecodable("ctx", error));
    let row = RowReader::new(reader.rest(), fixed_bytes)
        .unwrap_or_else(|error| undecodable("(all)", error));
    let status = run(&ctx, &mut Arguments { row });
    host::return_input(input);
    status
}

/// What a reducer may return. `Kind` only tells the implementations apart.
#[diagnostic::on_unimplemented(
    message = "a reducer cannot return `{Self}`",
    label = "cannot be returned by a reducer",
    note = "a reducer returns nothing, a value of a column type, or a `Result` of one of the two whose error implements `Display`"
)]
pub trait ReducerReturn<Kind> {
    /// Hands the value or the error to the host; what the call answers.
    fn report(self) -> i32;

    /// Appends `,"result":TYPE` when there is a value.
    fn describe(out: &mut String);
}

/// Kinds of returned values.
pub mod kind {
    /// `()`
    #[derive(Debug)]
    pub struct Nothing;
    /// A value.
    #[derive(Debug)]
    pub struct Value;
    /// `Result<(), E>`
    #[derive(Debug)]
    pub struct NothingOrError;
    /// `Result` of a value.
    #[derive(Debug)]
    pub struct ValueOrError;
}

impl ReducerReturn<kind::Nothing> for () {
    fn report(self) -> i32 {
        COMMIT
    }

    fn describe(_: &mut String) {}
}

impl<T: Column> ReducerReturn<kind::Value> for T {
    fn report(self) -> i32 {
        let mut row = Buffer::take();
        encode_single(&self, &mut row);
        host::result(&row);
        COMMIT
    }

    fn describe(out: &mut String) {
        out.push_str(",\"result\":");
        T::describe(out);
    }
}

impl<E: Display> ReducerReturn<kind::NothingOrError> for Result<(), E> {
    fn report(self) -> i32 {
        match self {
            Ok(()) => COMMIT,
            Err(error) => fail(error),
        }
    }

    fn describe(_: &mut String) {}
}

impl<T: Column, E: Display> ReducerReturn<kind::ValueOrError> for Result<T, E> {
    fn report(self) -> i32 {
        match self {
            Ok(value) => value.report(),
            Err(error) => fail(error),
        }
    }

    fn describe(out: &mut String) {
        <T as ReducerReturn<kind::Value>>::describe(out);
    }
}

fn fail<E: Display>(error: E) -> i32 {
    host::fail(&error.to_string());
    FAILED
}

/// [`ReducerReturn::report`], with the kind found by the compiler.
pub fn report<R: ReducerReturn<Kind>, Kind>(value: R) -> i32 {
    value.report()
}

/// [`ReducerReturn::describe`], with the kind found by the compiler.
pub fn describe_result<R: ReducerReturn<Kind>, Kind>(out: &mut String) {
    R::describe(out);
}
