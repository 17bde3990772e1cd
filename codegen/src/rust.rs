//! Rust: one file for `cosmictron-client`, with a structure for each row and each reducer's arguments, and a function for each reducer.
//!
//! What is written reads and writes the server's JSON by serde alone: an enum is tagged by its name, an option within an option is a tuple
//! of one, floats may be named (`cosmictron_client::float`).

mod field;
mod type_text;

use cosmictron_types::schema::{ColumnSchema, ReducerSchema};
use cosmictron_types::ty::{EnumType, Field, StructType, Type};

use crate::name::{Names, pascal, snake, type_name};
use crate::text::{Code, column_notes};
use crate::user_type::{UserType, UserTypes};
use crate::{File, Module};
use field::Members;

/// Words that mean something in the file.
const RESERVED: [&str; 22] = [
    "Bytes",
    "Called",
    "Client",
    "Clone",
    "ConnectionId",
    "Debug",
    "Deserialize",
    "Duration",
    "Error",
    "Identity",
    "None",
    "Option",
    "PartialEq",
    "Reducers",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "String",
    "Timestamp",
    "Uuid",
    "Vec",
];

const DERIVE: &str = "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]";

/// The file of a module, which is named after it.
pub fn generate(module: &Module) -> Vec<File> {
    let schema = module.schema();
    let mut names = Names::beside(&RESERVED);
    let types = UserTypes::of(schema, &mut |name| names.take(&type_name(name)));
    let mut code = Code::new("    ");
    head(module, &mut code);
    types.iter().for_each(|ty| user_type(&types, ty, &mut code));
    for table in crate::tables(schema) {
        let name = names.take(&format!("{}Row", pascal(&table.name)));
        let fields: Vec<(&str, &Type, String)> =
            table.columns.iter().map(|column| of_column(table, column)).collect();
        row(&types, ("table", &table.name), &name, &fields, &mut code);
    }
    for view in &schema.views {
        let name = names.take(&format!("{}Row", pascal(&view.name)));
        let fields = view.columns.iter().map(|Field { name, ty }| (&**name, ty, String::new()));
        let fields: Vec<(&str, &Type, String)> = fields.collect();
        row(&types, ("view", &view.name), &name, &fields, &mut code);
    }
    let reducers: Vec<(&ReducerSchema, Option<String>)> = crate::reducers(schema)
        .map(|reducer| {
            let name = || names.take(&format!("{}Args", pascal(&reducer.name)));
            (reducer, (!reducer.params.is_empty()).then(name))
        })
        .collect();
    for (reducer, args) in &reducers {
        let Some(args) = args else { continue };
        code.line(&format!("/// The arguments of the reducer `{}`.", reducer.name)).line(DERIVE);
        code.block(&format!("pub struct {args} {{"), "}", |code| {
            field::write_named(&types, &reducer.params, "pub ", code);
        });
        code.line("");
    }
    calls(&types, &reducers, &mut code);
    vec![File { name: format!("{}.rs", snake(module.name())), text: code.into_text() }]
}

fn of_column<'s>(
    table: &cosmictron_types::schema::TableSchema,
    column: &'s ColumnSchema,
) -> (&'s str, &'s Type, String) {
    (&column.name, &column.ty, column_notes(table, column))
}

fn head(module: &Module, code: &mut Code) {
    let (name, version) = (module.name(), module.version());
    code.line(&format!("//! The module {name}, version {version}, as `cosmictron generate` has written it."))
        .line("//! It is written anew when the module changes: what is changed here is lost.")
        .line("")
        .line("#![allow(")
        .line("    dead_code, unused_imports, non_snake_case, non_camel_case_types, clippy::all,")
        .line("    reason = \"a program needs a part of it, and the names are the module's\"")
        .line(")]")
        .line("#![cfg_attr(rustfmt, rustfmt_skip)]")
        .line("")
        .line("use cosmictron_client::{Bytes, Called, Client, ConnectionId, Duration, Error, Identity, Timestamp, Uuid};")
        .line("use serde::{Deserialize, Serialize};")
        .line("");
}

fn user_type(types: &UserTypes<'_>, UserType { ty, name }: &UserType<'_>, code: &mut Code) {
    code.line(DERIVE);
    match ty {
        Type::Struct(StructType { fields, .. }) => match field::is_tuple(fields) {
            true => {
                code.block(&format!("pub struct {name}("), ");", |code| {
                    field::write_positional(types, fields, "pub ", code);
                });
            }
            false => {
                code.block(&format!("pub struct {name} {{"), "}", |code| {
                    field::write_named(types, fields, "pub ", code);
                });
            }
        },
        Type::Enum(EnumType { variants, .. }) => {
            code.block(&format!("pub enum {name} {{"), "}", |code| {
                let mut members = Members::new();
                for variant in variants {
                    let (fields, name) = (&variant.fields, members.take(&variant.name, code));
                    if fields.is_empty() {
                        code.line(&format!("{name},"));
                    } else if variant.is_tuple() {
                        code.block(&format!("{name}("), "),", |code| {
                            field::write_positional(types, fields, "", code);
                        });
                    } else {
                        code.block(&format!("{name} {{"), "},", |code| {
                            field::write_named(types, fields, "", code);
                        });
                    }
                }
            });
        }
        _ => unreachable!("a user's type is a struct or an enum"),
    }
    code.line("");
}

fn row(
    types: &UserTypes<'_>,
    (what, source): (&str, &str),
    name: &str,
    fields: &[(&str, &Type, String)],
    code: &mut Code,
) {
    code.line(&format!("/// A row of the {what} `{source}`.")).line(DERIVE);
    code.block(&format!("pub struct {name} {{"), "}", |code| {
        let mut members = Members::fields(types);
        for (name, ty, notes) in fields {
            if !notes.is_empty() {
                code.line(&format!("/// {notes}"));
            }
            field::write_field(types, &mut members, name, ty, "pub ", code);
        }
    });
    let columns: Vec<String> = fields.iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    code.line("");
    code.block(&format!("impl {name} {{"), "}", |code| {
        code.line("/// Asks for all rows; conditions and an order may follow it.");
        let sql = format!("SELECT {} FROM \"{source}\"", columns.join(", "));
        code.line(&format!("pub const SELECT: &'static str = r#\"{sql}\"#;"));
    });
    code.line("");
}

fn calls(types: &UserTypes<'_>, reducers: &[(&ReducerSchema, Option<String>)], code: &mut Code) {
    code.line("/// The module's reducers, as a client calls them.")
        .line("#[derive(Clone, Copy, Debug)]")
        .line("pub struct Reducers<'c> {")
        .line("    client: &'c Client,")
        .line("}")
        .line("");
    code.block("impl<'c> Reducers<'c> {", "}", |code| {
        code.block("pub fn of(client: &'c Client) -> Self {", "}", |code| {
            code.line("Self { client }");
        });
        let mut members = Members::new();
        members.take_silently("of");
        for (reducer, args) in reducers {
            let result = match &reducer.result {
                Some(result) => type_text::text(types, result),
                None => "()".to_owned(),
            };
            code.line(&format!("/// Calls the reducer `{}`.", reducer.name));
            let function = members.take_silently(&reducer.name);
            let (params, given) = match args {
                Some(args) => (format!(", args: &{args}"), "args"),
                None => (String::new(), "&()"),
            };
            let begin = format!(
                "pub async fn {function}(&self{params}) -> Result<Called<{result}>, Error> {{"
            );
            code.block(&begin, "}", |code| {
                code.line(&format!("self.client.call(\"{}\", {given}).await", reducer.name));
            });
        }
    });
}
