//! Lets what stands above an aggregate refer to its output: keys, and values of aggregates. Nothing else is left to
//! refer to.

use cosmictron_types::ColumnIndex;

use crate::error::{Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::logical::{AggregateCall, AggregateFunction, Output};

/// The output of an aggregate: a column for each key, then one for each call.
pub(super) struct Grouping<'g> {
    pub(super) keys: &'g [Output],
    pub(super) calls: &'g [AggregateCall],
}

impl Grouping<'_> {
    /// Replaces keys and aggregates in `expr`, the largest first.
    pub(super) fn lift(&self, expr: &mut Expr) -> Result<(), SqlError> {
        if let Some(index) = self.keys.iter().position(|key| key.expr == *expr) {
            let key = &self.keys[index];
            let at = match &key.expr {
                Expr::Column(column) => column.at,
                _ => Position::START,
            };
            *expr = Expr::Column(ColumnRef {
                part: 0,
                column: column_index(index),
                ty: key.ty.clone(),
                nullable: key.expr.is_nullable(),
                name: key.name.as_str().into(),
                at,
            });
            return Ok(());
        }
        match expr {
            Expr::Aggregate(index) => {
                let call = &self.calls[*index];
                *expr = Expr::Column(ColumnRef {
                    part: 0,
                    column: column_index(self.keys.len() + *index),
                    ty: call.ty.clone(),
                    nullable: call.function != AggregateFunction::Count,
                    name: call.to_string().into(),
                    at: Position::START,
                });
                Ok(())
            }
            Expr::Column(column) => Err(SqlError::misplaced(
                format!("column {} must stand in GROUP BY or in an aggregate", column.name),
                column.at,
            )),
            other => other.children_mut(&mut |child| self.lift(child)),
        }
    }
}

/// A place in an operator's output. `PlanLimits` and the token count keep it far below 65,536.
pub(super) fn column_index(index: usize) -> ColumnIndex {
    ColumnIndex::new(u16::try_from(index).expect("an output has fewer than 65536 columns"))
}
