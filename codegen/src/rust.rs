//! Rust: one file for `cosmictron-client`, with a structure for each row and each reducer's arguments, and a function for each reducer.
//!
//! What is written reads and writes the server's JSON by serde alone: an enum is tagged by its name, an option within an option is a tuple
//! of one, floats may be named (`cosmictron_client::float`).

mod field;
mod type_text;

use cosmictron_types::ty::{EnumType, StructType, Type};

use crate::code::Code;
use crate::name::snake;
use crate::outline::{Column, Outline, Reducer, Relation};
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
    let Outline { types, relations, reducers, .. } = &Outline::of(module, &RESERVED);
    let mut code = Code::new("    ");
    head(module, &mut code);
    types.iter().for_each(|ty| user_type(types, ty, &mut code));
    relations.iter().for_each(|relation| row(types, relation, &mut code));
    reducers.iter().for_each(|reducer| args(types, reducer, &mut code));
    calls(types, reducers, &mut code);
    vec![File { name: format!("{}.rs", snake(module.name())), text: code.into_text() }]
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

fn row(types: &UserTypes<'_>, Relation { source, row }: &Relation<'_>, code: &mut Code) {
    let columns = source.columns();
    code.line(&format!("/// A row of the {} `{}`.", source.kind(), source.name())).line(DERIVE);
    code.block(&format!("pub struct {row} {{"), "}", |code| {
        let mut members = Members::fields(types);
        for Column { name, ty, note } in &columns {
            if !note.is_empty() {
                code.line(&format!("/// {note}"));
            }
            field::write_field(types, &mut members, name, ty, "pub ", code);
        }
    });
    let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    code.line("");
    code.block(&format!("impl {row} {{"), "}", |code| {
        code.line("/// Asks for all rows; conditions and an order may follow it.");
        let sql = format!("SELECT {} FROM \"{}\"", names.join(", "), source.name());
        code.line(&format!("pub const SELECT: &'static str = r#\"{sql}\"#;"));
    });
    code.line("");
}

fn args(types: &UserTypes<'_>, Reducer { schema, args }: &Reducer<'_>, code: &mut Code) {
    let Some(args) = args else { return };
    code.line(&format!("/// The arguments of the reducer `{}`.", schema.name)).line(DERIVE);
    code.block(&format!("pub struct {args} {{"), "}", |code| {
        field::write_named(types, &schema.params, "pub ", code);
    });
    code.line("");
}

fn calls(types: &UserTypes<'_>, reducers: &[Reducer<'_>], code: &mut Code) {
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
        for Reducer { schema, args } in reducers {
            let result = match &schema.result {
                Some(result) => type_text::text(types, result),
                None => "()".to_owned(),
            };
            code.line(&format!("/// Calls the reducer `{}`.", schema.name));
            let function = members.take_silently(&schema.name);
            let (params, given) = match args {
                Some(args) => (format!(", args: &{args}"), "args"),
                None => (String::new(), "&()"),
            };
            let begin = format!(
                "pub async fn {function}(&self{params}) -> Result<Called<{result}>, Error> {{"
            );
            code.block(&begin, "}", |code| {
                code.line(&format!("self.client.call(\"{}\", {given}).await", schema.name));
            });
        }
    });
}
