//! `tables.ts`: queries of one table, with the types of their rows.

use cosmictron_types::ty::Type;

use super::{TypeScript, quoted, union};
use crate::code::Code;
use crate::name::{Names, camel};
use crate::outline::{Column, Relation};

/// What the helpers are made of: the same for every module.
const TABLE: &str = include_str!("table.ts");

pub(super) fn text(typescript: &TypeScript<'_>) -> String {
    let relations = &typescript.outline.relations;
    let mut code = Code::new("  ");
    code.lines(&typescript.head()).line("");
    if !relations.is_empty() {
        let mut rows: Vec<&str> = relations.iter().map(|relation| &*relation.row).collect();
        rows.sort_unstable();
        code.block("import type {", "} from \"./schema.js\";", |code| {
            for row in rows {
                code.line(&format!("{row},"));
            }
        });
        code.line("");
    }
    code.lines(TABLE).line("");
    code.line("/** All that can be queried, each as a query of all its rows. */");
    code.block("export const tables = {", "};", |code| {
        let mut members = Names::default();
        for relation in relations {
            member(relation, &members.take(&camel(relation.source.name())), code);
        }
    });
    code.into_text()
}

fn member(Relation { source, row }: &Relation<'_>, member: &str, code: &mut Code) {
    let columns = source.columns();
    let comparable = columns.iter().filter(|column| is_comparable(column.ty));
    let comparable = union(comparable.map(|column| column.name));
    let begin = format!("{member}: new Table<{row}, {comparable}>({}, [", quoted(source.name()));
    code.block(&begin, "]),", |code| {
        for Column { name, .. } in &columns {
            code.line(&format!("{},", quoted(name)));
        }
    });
}

/// Whether values of a type can stand in a condition and in an order.
fn is_comparable(ty: &Type) -> bool {
    !matches!(ty.required(), Type::Option(_) | Type::List(_) | Type::Struct(_) | Type::Enum(_))
}
