//! Writes the code that clients of a module use: what its rows and arguments are, in TypeScript and in Rust.
//!
//! ```text
//!  schema ─▶ Module ─▶ typescript ─▶ schema.ts, tables.ts, hooks.ts, index.ts
//!                   └▶ rust ───────▶ <module>.rs
//! ```
//!
//! **Invariants**
//! 1. The same module and the same options make the same text: nothing of the day or of the machine is in it.
//! 2. Whatever names a schema has, no two things in a file have one name, and none is a word of the language.
//! 3. Rows have the names that the server gives them.
//!
//! Reading order: [`module`](Module) is what comes in, `outline` what of it clients see, with `name`, `note` and `user_type`; `code` puts lines together; [`typescript`] and [`rust`] what
//! goes out. It does no I/O: whoever calls it has the schema, and keeps the files.

pub mod rust;
pub mod typescript;

mod code;
mod module;
mod name;
mod note;
mod outline;
mod user_type;

use cosmictron_types::schema::{ModuleSchema, ReducerKind, ReducerSchema, TableSchema};

pub use module::{Module, ModuleError};

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name within the folder.
    pub name: String,
    pub text: String,
}

/// Tables that clients can read.
fn tables(schema: &ModuleSchema) -> impl Iterator<Item = &TableSchema> {
    schema.tables.iter().filter(|table| table.public)
}

/// Reducers that clients can call.
fn reducers(schema: &ModuleSchema) -> impl Iterator<Item = &ReducerSchema> {
    schema.reducers.iter().filter(|reducer| reducer.kind == ReducerKind::Call)
}
