//! Binds queries: a SELECT or a set operation with WITH, ORDER BY and LIMIT around it; the levels of queries in queries.

use sqlparser::ast::{Query as Ast, SetExpr};

use super::select::Selected;
use super::tail::Limits;
use super::{Binder, Clause, Level, OuterLevel};
use crate::error::{Position, SqlError};
use crate::syntax::shape;
use crate::value::{Integer, SqlType};

/// Levels of queries within queries. Binding one takes a few kilobytes of stack.
const QUERY_DEPTH_MAX: usize = 16;

impl Binder<'_> {
    /// A query inside the SELECT at hand, which it sees or not.
    pub(super) fn enclosed<T>(
        &mut self,
        is_visible: bool,
        at: Position,
        bind: impl FnOnce(&mut Self) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        if self.outer.len() >= QUERY_DEPTH_MAX {
            let (what, count_max) = ("levels of sub-queries", QUERY_DEPTH_MAX);
            return Err(SqlError::TooComplex { what, count_max, at });
        }
        let level = core::mem::take(&mut self.level);
        self.outer.push(OuterLevel { level, is_visible });
        let bound = bind(self);
        self.level = self.outer.pop().expect("it was pushed").level;
        bound
    }

    /// A SELECT beside the one at hand.
    pub(super) fn beside<T>(
        &mut self,
        bind: impl FnOnce(&mut Self) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let level = core::mem::take(&mut self.level);
        let bound = bind(self);
        self.level = level;
        bound
    }

    /// A query in a level of its own.
    pub(super) fn query(&mut self, ast: &Ast) -> Result<Selected, SqlError> {
        shape::refuse_query_clauses(ast, self.keywords)?;
        let known = self.with(ast.with.as_ref())?;
        let selected = self.query_body(ast);
        self.forget_with(known);
        selected
    }

    fn query_body(&mut self, ast: &Ast) -> Result<Selected, SqlError> {
        let tail = shape::tail(ast, self.keywords)?;
        match &*ast.body {
            SetExpr::Select(select) => self.select(select, &tail, true),
            SetExpr::Query(inner) if tail.is_empty() => self.query(inner),
            SetExpr::Query(_) | SetExpr::SetOperation { .. } => {
                self.set_operation(&ast.body, &tail)
            }
            other => Err(shape::refused_body(other, self.keywords)),
        }
    }

    pub(super) fn limits_of(&mut self, tail: &shape::TailParts<'_>) -> Result<Limits, SqlError> {
        let mut count = |ast, clause| {
            let Some(ast) = ast else { return Ok(None) };
            self.level.clause = Clause::Limit(clause);
            let bound = self.expression(ast)?;
            let big = SqlType::Int(Integer::I64);
            self.coerce(bound, &big, clause).map(|bound| Some(bound.expr))
        };
        Ok(Limits { limit: count(tail.limit, "LIMIT")?, offset: count(tail.offset, "OFFSET")? })
    }
}

impl Level {
    /// Whether nothing was bound in it yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.scope.is_empty() && self.subqueries.is_empty() && self.aggregates.is_empty()
    }
}
