//! Finds the columns that names mean: of the SELECT at hand, or of one around it.

use sqlparser::ast::Ident;

use super::correlation::{outer_of, too_far};
use super::scope::{Scope, folded, unknown_column, unknown_relation};
use super::{Binder, Bound, Clause};
use crate::error::{Position, SqlError};
use crate::expr::Expr;
use crate::value::SqlType;

/// Looks a name up in the columns of one SELECT.
type Find<'f> = &'f dyn Fn(&Scope) -> Result<Option<(Expr, SqlType)>, SqlError>;

impl Binder<'_> {
    pub(super) fn bare_column(&mut self, name: &Ident, at: Position) -> Result<Bound, SqlError> {
        match self.found(at, &|scope| scope.find(name))? {
            Some(bound) => Ok(bound),
            None => Err(unknown_column(&folded(name), at)),
        }
    }

    pub(super) fn qualified_column(
        &mut self,
        names: &[Ident],
        at: Position,
    ) -> Result<Bound, SqlError> {
        let find = |scope: &Scope| {
            let column = scope.find_qualified(names)?;
            Ok(column.map(|column| {
                let ty = column.ty.clone();
                (Expr::Column(column), ty)
            }))
        };
        match self.found(at, &find)? {
            Some(bound) => Ok(bound),
            None => {
                let (_, qualifier) = names.split_last().unwrap_or((&names[0], &[]));
                let qualifier: Vec<&Ident> = qualifier.iter().collect();
                Err(unknown_relation(&qualifier, at))
            }
        }
    }

    /// What a name means in the innermost SELECT that knows it.
    fn found(&self, at: Position, find: Find<'_>) -> Result<Option<Bound>, SqlError> {
        if let Some((expr, ty)) = find(&self.level.scope)? {
            self.refuse_limit(at)?;
            return Ok(Some(Bound::new(expr, ty, at)));
        }
        for (distance, outer) in self.outer.iter().rev().enumerate() {
            if find(&outer.level.scope)?.is_none() {
                continue;
            }
            // EXPLAIN shows it beside the columns of the sub-query.
            let mut scope = outer.level.scope.clone();
            scope.qualify();
            let Some((expr, ty)) = find(&scope)? else { continue };
            if distance > 0 {
                return Err(too_far(at));
            }
            if !outer.is_visible {
                let what = "a sub-query in FROM that names columns beside it";
                return Err(SqlError::unsupported(what, at));
            }
            self.refuse_limit(at)?;
            return Ok(Some(Bound::new(outer_of(expr), ty, at)));
        }
        Ok(None)
    }

    fn refuse_limit(&self, at: Position) -> Result<(), SqlError> {
        match self.level.clause {
            Clause::Limit(clause) => {
                Err(SqlError::misplaced(format!("{clause} must not name columns"), at))
            }
            _ => Ok(()),
        }
    }
}
