//! TypeScript: types of rows and arguments, helpers for queries of a table, hooks for React.
//!
//! | file | what is in it | imports |
//! |---|---|---|
//! | `schema.ts` | rows, structs, enums, arguments, and `Schema` for `CosmictronClient<Schema>` | nothing |
//! | `tables.ts` | `tables.message.where({ room: 1 })` | `schema.ts` |
//! | `hooks.ts` | React hooks that know the schema | `@cosmictron/react` |
//! | `index.ts` | the first two | |
//!
//! Tables that are not public are left out: clients cannot read them.

mod hooks_file;
mod schema_file;
mod tables_file;
mod type_text;

use crate::outline::Outline;
use crate::{File, Module};

/// How integers of 64 bits are given, as the client's option of the same name has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integers {
    /// As numbers; one that is no safe integer is refused. Those of 128 bits are bigints.
    #[default]
    Number,
    Bigint,
    /// As decimal texts.
    String,
}

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub integers: Integers,
    /// Whether there is a `hooks.ts`, which needs `@cosmictron/react`.
    pub has_hooks: bool,
}

/// Words that mean something in the files: of the language, of its library, and what the files declare themselves.
const RESERVED: [&str; 32] = [
    "Array",
    "BigInt",
    "Boolean",
    "ConnectionId",
    "Date",
    "Duration",
    "Error",
    "Filter",
    "Function",
    "Identity",
    "Infinity",
    "Map",
    "NaN",
    "Number",
    "Object",
    "Order",
    "Partial",
    "Promise",
    "Readonly",
    "ReadonlyArray",
    "Record",
    "Schema",
    "Set",
    "String",
    "Symbol",
    "Table",
    "TableQuery",
    "Timestamp",
    "Uint8Array",
    "Uuid",
    "TypeError",
    "JSON",
];

/// The files of a module.
pub fn generate(module: &Module, options: Options) -> Vec<File> {
    let typescript = TypeScript { outline: Outline::of(module, &RESERVED), options };
    let mut files = vec![
        File { name: "schema.ts".to_owned(), text: schema_file::text(&typescript) },
        File { name: "tables.ts".to_owned(), text: tables_file::text(&typescript) },
    ];
    let mut index = typescript.head();
    index.push_str("\nexport * from \"./schema.js\";\nexport * from \"./tables.js\";\n");
    files.push(File { name: "index.ts".to_owned(), text: index });
    if options.has_hooks {
        files.push(File { name: "hooks.ts".to_owned(), text: hooks_file::text(&typescript) });
    }
    files
}

/// A module as it is in TypeScript.
struct TypeScript<'m> {
    outline: Outline<'m>,
    options: Options,
}

impl TypeScript<'_> {
    /// The lines that each file begins with.
    fn head(&self) -> String {
        let module = self.outline.module;
        let (name, version) = (module.name(), module.version());
        format!(
            "// Written by `cosmictron generate` for the module {name}, version {version}.\n\
             // It is written anew when the module changes: what is changed here is lost.\n"
        )
    }
}

/// A text of TypeScript.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Names as a union of texts; `never` of none.
fn union<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let all: Vec<String> = names.map(quoted).collect();
    if all.is_empty() { "never".to_owned() } else { all.join(" | ") }
}
