//! `schema.ts`: what rows, arguments and results are.

use cosmictron_types::json::Shape;
use cosmictron_types::ty::{EnumType, StructType, Type};

use super::type_text::Place;
use super::{Column, Reducer, Relation, Source, TypeScript, union};
use crate::text::{Code, column_notes};
use crate::user_type::UserType;

pub(super) fn text(names: &TypeScript<'_>) -> String {
    let mut code = Code::new("  ");
    code.lines(&names.head()).line("");
    basics(names, &mut code);
    names.types.iter().for_each(|ty| user_type(names, ty, &mut code));
    names.relations.iter().for_each(|relation| row(names, relation, &mut code));
    names.reducers.iter().for_each(|reducer| args(names, reducer, &mut code));
    schema(names, &mut code);
    code.into_text()
}

/// Types that TypeScript has no word for.
fn basics(names: &TypeScript<'_>, code: &mut Code) {
    let wide = names.wide_text();
    let basics = [
        ("Microseconds since the Unix epoch.", "Timestamp", wide),
        ("A span of time in microseconds.", "Duration", wide),
        ("An account: 64 hex digits.", "Identity", "string"),
        ("A client's connection: 32 hex digits.", "ConnectionId", "string"),
        ("32 hex digits with hyphens.", "Uuid", "string"),
    ];
    for (note, name, ty) in basics {
        code.line(&format!("/** {note} */")).line(&format!("export type {name} = {ty};")).line("");
    }
}

fn user_type(names: &TypeScript<'_>, UserType { ty, name }: &UserType<'_>, code: &mut Code) {
    match ty {
        Type::Struct(StructType { fields, .. }) => match Shape::of(fields) {
            Shape::Object if !fields.is_empty() => {
                code.block(&format!("export interface {name} {{"), "}", |code| {
                    for field in fields {
                        let ty = names.type_text(&field.ty, Place::Within);
                        code.line(&format!("readonly {}: {ty};", field.name));
                    }
                });
            }
            _ => {
                code.line(&format!("export type {name} = {};", names.fields_text(fields)));
            }
        },
        Type::Enum(EnumType { variants, .. }) => {
            code.block(&format!("export type {name} ="), "", |code| {
                for (at, variant) in variants.iter().enumerate() {
                    let end = if at + 1 == variants.len() { ";" } else { "" };
                    code.line(&format!("| {}{end}", names.variant_text(variant)));
                }
            });
            return;
        }
        _ => unreachable!("a user's type is a struct or an enum"),
    }
    code.line("");
}

fn row(names: &TypeScript<'_>, Relation { source, row, .. }: &Relation<'_>, code: &mut Code) {
    let what = match source {
        Source::Table(_) => "table",
        Source::View(_) => "view",
    };
    code.line(&format!("/** A row of the {what} `{}`. */", source.name()));
    code.block(&format!("export interface {row} {{"), "}", |code| {
        for Column { name, ty, of_table } in source.columns() {
            let notes = of_table.map(|(table, column)| column_notes(table, column));
            if let Some(notes) = notes.filter(|notes| !notes.is_empty()) {
                code.line(&format!("/** {notes} */"));
            }
            code.line(&format!("readonly {name}: {};", names.type_text(ty, Place::Column)));
        }
    });
    code.line("");
}

fn args(names: &TypeScript<'_>, Reducer { schema, args }: &Reducer<'_>, code: &mut Code) {
    let Some(args) = args else { return };
    code.line(&format!("/** The arguments of the reducer `{}`. */", schema.name));
    code.block(&format!("export interface {args} {{"), "}", |code| {
        for param in &schema.params {
            let ty = names.type_text(&param.ty, Place::Given);
            // What is absent may be left out.
            let (mark, more) = if param.ty.is_option() { ("?", " | undefined") } else { ("", "") };
            code.line(&format!("readonly {}{mark}: {ty}{more};", param.name));
        }
    });
    code.line("");
}

fn schema(names: &TypeScript<'_>, code: &mut Code) {
    code.line("/** What the client has to know: `new CosmictronClient<Schema>(url)`. */");
    code.block("export type Schema = {", "};", |code| {
        code.block("tables: {", "};", |code| {
            for Relation { source, row, .. } in &names.relations {
                let key = union(source.key().iter().map(String::as_str));
                code.line(&format!("{}: {{ row: {row}; key: {key} }};", source.name()));
            }
        });
        code.block("reducers: {", "};", |code| {
            for Reducer { schema, args } in &names.reducers {
                let args = args.as_deref().unwrap_or("Record<string, never>");
                let result = match &schema.result {
                    Some(result) => names.type_text(result, Place::Within),
                    None => "undefined".to_owned(),
                };
                code.line(&format!("{}: {{ args: {args}; result: {result} }};", schema.name));
            }
        });
    });
}
