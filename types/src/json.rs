//! Turns encoded values into JSON, and JSON into the row encoding, by the types alone.
//!
//! No tree is built in either direction: a reducer's arguments go from the request's text straight into the row that
//! its guest reads, and a stored row straight into the answer.
//!
//! | type | JSON |
//! |---|---|
//! | bool | `true`, `false` |
//! | integers | a number, exact at every width; 64 and 128 bits are also read from a decimal string, because JavaScript's numbers are not exact beyond 2^53 |
//! | f32, f64 | the shortest number that reads back the same; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | string | a string |
//! | bytes | a string of hex digits after `\x`, as PostgreSQL writes them: `"\\x00ff"` |
//! | timestamp, duration | microseconds, as a 64-bit integer |
//! | identity, connection_id | a string of 64 or 32 hex digits |
//! | uuid | a string, hyphenated; read without hyphens and in capitals too |
//! | option | `null` or the value; when the value could itself be `null`, an array of that one value |
//! | list | an array |
//! | struct | an object; an absent member of an option type is absent, every other has to be there |
//! | struct without field names | an array; the bare value when there is one field |
//! | enum | `"Name"`, or `{"Name": value}` where the variant has fields: value is then as for a struct |
//!
//! Invariants:
//! 1. What is written for a value reads back as the same bytes, save for the bits of a NaN.
//! 2. A refused text leaves nothing behind in the output.
//! 3. An error repeats at most [`ECHO_CHARS_MAX`] characters of any name or value that was sent.

mod decode;
mod encode;
mod error;
mod group;
mod members;
mod scalar;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use decode::{Limits, Scratch, decode_arguments, decode_value};
pub use encode::{write_object, write_row, write_value};
pub use error::{ECHO_CHARS_MAX, JsonError};
pub use shape::{Shape, can_be_null};
pub use text::write_string;
