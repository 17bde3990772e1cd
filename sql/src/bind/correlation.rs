//! What sub-queries say of the query around them: columns of it, and the keys that such conditions become below an aggregate.

use super::Binder;
use super::grouping::Grouping;
use super::subquery::{Form, made, subqueries_of};
use crate::error::{Position, SqlError};
use crate::expr::{ColumnRef, Comparison, Expr};
use crate::logical::Output;
use crate::value::SqlType;

impl Binder<'_> {
    /// Lets what the sub-queries of an expression say of the SELECT around them refer to the output of an aggregate.
    pub(super) fn lift_subqueries(
        &mut self,
        expr: &Expr,
        grouping: &Grouping<'_>,
    ) -> Result<(), SqlError> {
        for index in subqueries_of(expr) {
            let subquery = &mut self.level.subqueries[index];
            // An expression that stands twice has its sub-queries once.
            if core::mem::replace(&mut subquery.is_lifted, true) {
                continue;
            }
            subquery.on.iter_mut().try_for_each(|condition| lift_outer(condition, grouping))?;
            if let Form::In { value, .. } = &mut subquery.form {
                grouping.lift(value)?;
                let value = value.clone();
                self.lift_subqueries(&value, grouping)?;
            }
        }
        Ok(())
    }

    /// Makes keys of an aggregate of the inner sides of a correlation, and lets its conditions refer to them.
    pub(super) fn correlate_keys(
        &self,
        correlation: &mut [Expr],
        keys: &mut Vec<Output>,
    ) -> Result<(), SqlError> {
        for condition in correlation {
            let (inner, outer) = match &*condition {
                Expr::Compare { op: Comparison::Equal, left, right } => {
                    let sides = [(&**left, &**right), (&**right, &**left)];
                    sides.into_iter().find(|(inner, outer)| is_inner(inner) && !has_column(outer))
                }
                _ => None,
            }
            .ok_or_else(|| {
                let what = "a correlation that is no equality, of a sub-query that aggregates";
                SqlError::unsupported(what, place_of_outer(condition))
            })?;
            let (inner, outer) = (inner.clone(), outer.clone());
            let known = keys.iter().position(|key| key.expr == inner);
            let place = known.unwrap_or_else(|| {
                // Only equality is asked of it, so its exact type is nobody's concern.
                let ty = type_of_key(&inner);
                keys.push(Output { name: inner.to_string(), expr: inner, ty });
                keys.len() - 1
            });
            *condition = Expr::equal(made(place, &keys[place]), outer);
        }
        Ok(())
    }
}

fn lift_outer(expr: &mut Expr, grouping: &Grouping<'_>) -> Result<(), SqlError> {
    if let Expr::Outer(column) = expr {
        let mut lifted = Expr::Column(column.clone());
        grouping.lift(&mut lifted)?;
        *expr = outer_of(lifted);
        return Ok(());
    }
    expr.children_mut(&mut |child| lift_outer(child, grouping))
}

/// The same, seen from a sub-query.
pub(super) fn outer_of(mut expr: Expr) -> Expr {
    expr.replace(&mut |expr| match expr {
        Expr::Column(column) => Some(Expr::Outer(column.clone())),
        _ => None,
    });
    expr
}

pub(super) fn has_outer(expr: &Expr) -> bool {
    expr.any(&mut |expr| matches!(expr, Expr::Outer(_)))
}

fn has_column(expr: &Expr) -> bool {
    expr.any(&mut |expr| matches!(expr, Expr::Column(_)))
}

fn is_inner(expr: &Expr) -> bool {
    has_column(expr) && !has_outer(expr)
}

pub(super) fn too_far(at: Position) -> SqlError {
    SqlError::unsupported("a sub-query that names columns beyond the query around it", at)
}

/// Where the first column of the query around is named.
fn place_of_outer(expr: &Expr) -> Position {
    let mut place = None;
    let _ = expr.any(&mut |expr| match expr {
        Expr::Outer(ColumnRef { at, .. }) => {
            place = Some(*at);
            true
        }
        _ => false,
    });
    place.unwrap_or(Position::START)
}

fn type_of_key(expr: &Expr) -> SqlType {
    match expr {
        Expr::Column(column) => column.ty.clone(),
        Expr::Cast { cast, .. } => cast.target(),
        _ => SqlType::String,
    }
}
