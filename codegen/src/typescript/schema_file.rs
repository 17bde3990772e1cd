//! `schema.ts`: what rows, arguments and results are.

use cosmictron_types::json::Shape;
use cosmictron_types::ty::{EnumType, StructType, Type};

use super::type_text::Place;
use super::{TypeScript, union};
use crate::code::Code;
use crate::outline::{Column, Reducer, Relation};
use crate::user_type::UserType;

pub(super) fn text(typescript: &TypeScript<'_>) -> String {
    let mut code = Code::new("  ");
    code.lines(&typescript.head()).line("");
    let outline = &typescript.outline;
    basics(typescript, &mut code);
    outline.types.iter().for_each(|ty| user_type(typescript, ty, &mut code));
    outline.relations.iter().for_each(|relation| row(typescript, relation, &mut code));
    outline.reducers.iter().for_each(|reducer| args(typescript, reducer, &mut code));
    schema(typescript, &mut code);
    code.into_text()
}

/// Types that TypeScript has no word for.
fn basics(typescript: &TypeScript<'_>, code: &mut Code) {
    let wide = typescript.wide_text();
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

fn user_type(typescript: &TypeScript<'_>, UserType { ty, name }: &UserType<'_>, code: &mut Code) {
    match ty {
        Type::Struct(StructType { fields, .. }) => match Shape::of(fields) {
            Shape::Object if !fields.is_empty() => {
                code.block(&format!("export interface {name} {{"), "}", |code| {
                    for field in fields {
                        let ty = typescript.type_text(&field.ty, Place::Within);
                        code.line(&format!("readonly {}: {ty};", field.name));
                    }
                });
            }
            _ => {
                code.line(&format!("export type {name} = {};", typescript.fields_text(fields)));
            }
        },
        Type::Enum(EnumType { variants, .. }) => {
            code.block(&format!("export type {name} ="), "", |code| {
                for (at, variant) in variants.iter().enumerate() {
                    let end = if at + 1 == variants.len() { ";" } else { "" };
                    code.line(&format!("| {}{end}", typescript.variant_text(variant)));
                }
            });
            return;
        }
        _ => unreachable!("a user's type is a struct or an enum"),
    }
    code.line("");
}

fn row(typescript: &TypeScript<'_>, Relation { source, row }: &Relation<'_>, code: &mut Code) {
    code.line(&format!("/** A row of the {} `{}`. */", source.kind(), source.name()));
    code.block(&format!("export interface {row} {{"), "}", |code| {
        for Column { name, ty, note } in source.columns() {
            if !note.is_empty() {
                code.line(&format!("/** {note} */"));
            }
            code.line(&format!("readonly {name}: {};", typescript.type_text(ty, Place::Column)));
        }
    });
    code.line("");
}

fn args(typescript: &TypeScript<'_>, Reducer { schema, args }: &Reducer<'_>, code: &mut Code) {
    let Some(args) = args else { return };
    code.line(&format!("/** The arguments of the reducer `{}`. */", schema.name));
    code.block(&format!("export interface {args} {{"), "}", |code| {
        for param in &schema.params {
            let ty = typescript.type_text(&param.ty, Place::Given);
            // What is absent may be left out.
            let (mark, more) = if param.ty.is_option() { ("?", " | undefined") } else { ("", "") };
            code.line(&format!("readonly {}{mark}: {ty}{more};", param.name));
        }
    });
    code.line("");
}

fn schema(typescript: &TypeScript<'_>, code: &mut Code) {
    code.line("/** What the client has to know: `new CosmictronClient<Schema>(url)`. */");
    code.block("export type Schema = {", "};", |code| {
        code.block("tables: {", "};", |code| {
            for Relation { source, row } in &typescript.outline.relations {
                let key = union(source.key().iter().map(String::as_str));
                code.line(&format!("{}: {{ row: {row}; key: {key} }};", source.name()));
            }
        });
        code.block("reducers: {", "};", |code| {
            for Reducer { schema, args } in &typescript.outline.reducers {
                let args = args.as_deref().unwrap_or("Record<string, never>");
                let result = match &schema.result {
                    Some(result) => typescript.type_text(result, Place::Within),
                    None => "undefined".to_owned(),
                };
                code.line(&format!("{}: {{ args: {args}; result: {result} }};", schema.name));
            }
        });
    });
}
