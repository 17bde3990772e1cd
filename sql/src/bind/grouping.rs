//! Lets what stands above an aggregate refer to its output: keys, and values of aggregates. Nothing else is left to
//! refer to.

use crate::error::{Position, SqlError};
use crate::expr::Expr;
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
            let nullable = key.expr.is_nullable();
            *expr = Expr::made_column(0, index, key.ty.clone(), nullable, &key.name);
            expr.columns_mut(&mut |column| column.at = at);
            return Ok(());
        }
        match expr {
            Expr::Aggregate(index) => {
                let call = &self.calls[*index];
                let place = self.keys.len() + *index;
                let nullable = call.function != AggregateFunction::Count;
                let name = call.to_string();
                *expr = Expr::made_column(0, place, call.ty.clone(), nullable, &name);
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
