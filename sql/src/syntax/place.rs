//! Finds where an expression begins in the text, without walking more than its left edge.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Query, SetExpr,
};

use super::token::position;
use crate::error::Position;

/// Where an expression begins. The parser's own spans walk the whole tree, which may be too deep for the stack.
pub(crate) fn place(expr: &Expr) -> Position {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::BinaryOp { left, .. } | Expr::AnyOp { left, .. } | Expr::AllOp { left, .. } => {
                left
            }
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::IsDistinctFrom(inner, _)
            | Expr::IsNotDistinctFrom(inner, _)
            | Expr::Nested(inner)
            | Expr::IsJson { expr: inner, .. }
            | Expr::IsNormalized { expr: inner, .. }
            | Expr::In { expr: inner, .. }
            | Expr::Between { expr: inner, .. }
            | Expr::Like { expr: inner, .. }
            | Expr::ILike { expr: inner, .. }
            | Expr::SimilarTo { expr: inner, .. }
            | Expr::RLike { expr: inner, .. }
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::Cast { expr: inner, .. }
            | Expr::AtTimeZone { timestamp: inner, .. }
            | Expr::Collate { expr: inner, .. }
            | Expr::CompoundFieldAccess { root: inner, .. }
            | Expr::JsonAccess { value: inner, .. }
            | Expr::Extract { expr: inner, .. }
            | Expr::Ceil { expr: inner, .. }
            | Expr::Floor { expr: inner, .. }
            | Expr::Position { expr: inner, .. }
            | Expr::Substring { expr: inner, .. }
            | Expr::Trim { expr: inner, .. }
            | Expr::Overlay { expr: inner, .. }
            | Expr::OuterJoin(inner)
            | Expr::Prior(inner)
            | Expr::Named { expr: inner, .. }
            | Expr::Convert { expr: inner, .. } => inner,
            Expr::Interval(interval) => &interval.value,
            Expr::Tuple(items) if !items.is_empty() => &items[0],
            leaf => return place_of_leaf(leaf),
        };
    }
}

fn place_of_leaf(expr: &Expr) -> Position {
    match expr {
        Expr::Identifier(name) => place_of_name(name),
        Expr::CompoundIdentifier(names) => names.first().map_or(Position::START, place_of_name),
        Expr::Value(value) => position(value.span.start),
        Expr::TypedString(string) => position(string.value.span.start),
        Expr::Function(function) => place_of_object(&function.name),
        Expr::Case { case_token, .. } => position(case_token.0.span.start),
        Expr::Wildcard(token) | Expr::QualifiedWildcard(_, token) => position(token.0.span.start),
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
            sets.iter().flatten().next().map_or(Position::START, place)
        }
        Expr::Array(array) => array.elem.first().map_or(Position::START, place),
        Expr::Exists { subquery, .. } | Expr::Subquery(subquery) => place_of_query(subquery),
        _ => Position::START,
    }
}

/// Where the SELECT of a sub-query begins.
pub(crate) fn place_of_query(query: &Query) -> Position {
    match &*query.body {
        SetExpr::Select(select) => position(select.select_token.0.span.start),
        _ => Position::START,
    }
}

pub(crate) fn place_of_name(name: &Ident) -> Position {
    position(name.span.start)
}

pub(crate) fn place_of_object(name: &ObjectName) -> Position {
    match name.0.first() {
        Some(ObjectNamePart::Identifier(name)) => place_of_name(name),
        _ => Position::START,
    }
}

pub(crate) fn place_of_argument(argument: &FunctionArg) -> Position {
    match argument {
        FunctionArg::Named { name, .. } => place_of_name(name),
        FunctionArg::ExprNamed { name, .. } => place(name),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => place(expr),
        FunctionArg::Unnamed(_) => Position::START,
    }
}
