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

use cosmictron_types::schema::{ColumnSchema, ModuleSchema, TableSchema, ViewSchema};
use cosmictron_types::ty::Type;

use crate::name::{Names, camel, pascal, type_name};
use crate::user_type::UserTypes;
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
    let names = TypeScript::of(module, options);
    let mut files = vec![
        File { name: "schema.ts".to_owned(), text: schema_file::text(&names) },
        File { name: "tables.ts".to_owned(), text: tables_file::text(&names) },
    ];
    let mut index = names.head();
    index.push_str("\nexport * from \"./schema.js\";\nexport * from \"./tables.js\";\n");
    files.push(File { name: "index.ts".to_owned(), text: index });
    if options.has_hooks {
        files.push(File { name: "hooks.ts".to_owned(), text: hooks_file::text(&names) });
    }
    files
}

/// A module with the names that its parts have in TypeScript.
struct TypeScript<'m> {
    module: &'m Module,
    options: Options,
    types: UserTypes<'m>,
    relations: Vec<Relation<'m>>,
    reducers: Vec<Reducer<'m>>,
}

/// What can be queried.
struct Relation<'m> {
    source: Source<'m>,
    /// Of the type of its rows.
    row: String,
    /// Of its member of `tables`.
    member: String,
}

#[derive(Clone, Copy)]
enum Source<'m> {
    Table(&'m TableSchema),
    View(&'m ViewSchema),
}

struct Reducer<'m> {
    schema: &'m cosmictron_types::schema::ReducerSchema,
    /// Of the type of its arguments; none where it takes none.
    args: Option<String>,
}

/// A column of what can be queried.
struct Column<'m> {
    name: &'m str,
    ty: &'m Type,
    /// Of a table.
    of_table: Option<(&'m TableSchema, &'m ColumnSchema)>,
}

impl<'m> TypeScript<'m> {
    fn of(module: &'m Module, options: Options) -> Self {
        let schema = module.schema();
        let mut names = Names::beside(&RESERVED);
        // The author's own names come first, so that they stay what they are.
        let types = UserTypes::of(schema, &mut |name| names.take(&type_name(name)));
        let mut members = Names::default();
        let relations = sources(schema).map(|source| Relation {
            source,
            row: names.take(&format!("{}Row", pascal(source.name()))),
            member: members.take(&camel(source.name())),
        });
        let relations = relations.collect();
        let reducers = crate::reducers(schema).map(|schema| Reducer {
            schema,
            args: (!schema.params.is_empty())
                .then(|| names.take(&format!("{}Args", pascal(&schema.name)))),
        });
        let reducers = reducers.collect();
        TypeScript { module, options, types, relations, reducers }
    }

    /// The lines that each file begins with.
    fn head(&self) -> String {
        let (name, version) = (self.module.name(), self.module.version());
        format!(
            "// Written by `cosmictron generate` for the module {name}, version {version}.\n\
             // It is written anew when the module changes: what is changed here is lost.\n"
        )
    }
}

/// Tables that clients can read, and views.
fn sources(schema: &ModuleSchema) -> impl Iterator<Item = Source<'_>> {
    crate::tables(schema).map(Source::Table).chain(schema.views.iter().map(Source::View))
}

impl<'m> Source<'m> {
    fn name(self) -> &'m str {
        match self {
            Source::Table(table) => &table.name,
            Source::View(view) => &view.name,
        }
    }

    fn columns(self) -> Vec<Column<'m>> {
        match self {
            Source::Table(table) => {
                let column = |column: &'m ColumnSchema| Column {
                    name: &column.name,
                    ty: &column.ty,
                    of_table: Some((table, column)),
                };
                table.columns.iter().map(column).collect()
            }
            Source::View(view) => {
                let column = |field: &'m cosmictron_types::ty::Field| Column {
                    name: &field.name,
                    ty: &field.ty,
                    of_table: None,
                };
                view.columns.iter().map(column).collect()
            }
        }
    }

    /// The columns of the primary key.
    fn key(self) -> &'m [String] {
        let index = match self {
            Source::Table(table) => table.indexes.first().filter(|index| index.primary),
            Source::View(_) => None,
        };
        index.map_or(&[], |index| &index.columns)
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
