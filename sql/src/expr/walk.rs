//! Walks the expressions inside an expression, for those who look for something or replace something.

use core::convert::Infallible;

use super::{Case, ColumnRef, Expr, Like};

impl Expr {
    /// Calls `visit` with every expression directly inside this one.
    pub(crate) fn children<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Expr::Literal { .. }
            | Expr::Param(_)
            | Expr::Column(_)
            | Expr::Now
            | Expr::Identity
            | Expr::Aggregate(_)
            | Expr::SubQuery(_)
            | Expr::Outer(_) => {}
            Expr::Not(expr)
            | Expr::IsNull { expr, .. }
            | Expr::IsTruth { expr, .. }
            | Expr::Negate { expr, .. }
            | Expr::Cast { expr, .. } => visit(expr),
            Expr::And(list)
            | Expr::Or(list)
            | Expr::Coalesce(list)
            | Expr::Extreme { list, .. }
            | Expr::Call { args: list, .. } => list.iter().for_each(visit),
            Expr::Compare { left, right, .. }
            | Expr::IsDistinct { left, right, .. }
            | Expr::NullIf { left, right }
            | Expr::Arithmetic { left, right, .. }
            | Expr::Concat { left, right } => {
                visit(left);
                visit(right);
            }
            Expr::InList { expr, list, .. } => {
                visit(expr);
                list.iter().for_each(visit);
            }
            Expr::Between { expr, low, high, .. } => {
                visit(expr);
                visit(low);
                visit(high);
            }
            Expr::Like(like) => {
                let Like { expr, pattern, escape, .. } = &**like;
                visit(expr);
                visit(pattern);
                escape.iter().for_each(visit);
            }
            Expr::Case(case) => {
                let Case { operand, branches, otherwise } = &**case;
                operand.iter().for_each(&mut *visit);
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                otherwise.iter().for_each(visit);
            }
        }
    }

    /// As [`Expr::children`], to change them; stops at the first error.
    pub(crate) fn children_mut<E>(
        &mut self,
        visit: &mut dyn FnMut(&mut Expr) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Expr::Literal { .. }
            | Expr::Param(_)
            | Expr::Column(_)
            | Expr::Now
            | Expr::Identity
            | Expr::Aggregate(_)
            | Expr::SubQuery(_)
            | Expr::Outer(_) => Ok(()),
            Expr::Not(expr)
            | Expr::IsNull { expr, .. }
            | Expr::IsTruth { expr, .. }
            | Expr::Negate { expr, .. }
            | Expr::Cast { expr, .. } => visit(expr),
            Expr::And(list)
            | Expr::Or(list)
            | Expr::Coalesce(list)
            | Expr::Extreme { list, .. }
            | Expr::Call { args: list, .. } => list.iter_mut().try_for_each(visit),
            Expr::Compare { left, right, .. }
            | Expr::IsDistinct { left, right, .. }
            | Expr::NullIf { left, right }
            | Expr::Arithmetic { left, right, .. }
            | Expr::Concat { left, right } => {
                visit(left)?;
                visit(right)
            }
            Expr::InList { expr, list, .. } => {
                visit(expr)?;
                list.iter_mut().try_for_each(visit)
            }
            Expr::Between { expr, low, high, .. } => {
                visit(expr)?;
                visit(low)?;
                visit(high)
            }
            Expr::Like(like) => {
                let Like { expr, pattern, escape, .. } = &mut **like;
                visit(expr)?;
                visit(pattern)?;
                escape.iter_mut().try_for_each(visit)
            }
            Expr::Case(case) => {
                let Case { operand, branches, otherwise } = &mut **case;
                operand.iter_mut().try_for_each(&mut *visit)?;
                for (when, then) in branches {
                    visit(when)?;
                    visit(then)?;
                }
                otherwise.iter_mut().try_for_each(visit)
            }
        }
    }

    /// Calls `visit` with every column that is named, to change it.
    pub(crate) fn columns_mut(&mut self, visit: &mut dyn FnMut(&mut ColumnRef)) {
        if let Expr::Column(column) = self {
            return visit(column);
        }
        let Ok(()) = self.children_mut(&mut |child| {
            child.columns_mut(visit);
            Ok::<(), Infallible>(())
        });
    }

    /// Calls `visit` with every column that is named.
    pub(crate) fn columns<'e>(&'e self, visit: &mut dyn FnMut(&'e ColumnRef)) {
        match self {
            Expr::Column(column) => visit(column),
            other => other.children(&mut |child| child.columns(visit)),
        }
    }

    /// The same over tuples whose parts stand elsewhere: `place` tells where.
    pub(crate) fn map_parts(mut self, place: &dyn Fn(usize) -> usize) -> Expr {
        self.columns_mut(&mut |column| column.part = place(column.part));
        self
    }

    /// Calls `replace` with this expression and those inside it, from the outside; where it has one for another, that
    /// takes its place and is not looked into.
    pub(crate) fn replace(&mut self, replacement: &mut dyn FnMut(&Expr) -> Option<Expr>) {
        if let Some(other) = replacement(self) {
            *self = other;
            return;
        }
        let Ok(()) = self.children_mut(&mut |child| {
            child.replace(replacement);
            Ok::<(), Infallible>(())
        });
    }

    /// Whether `found` holds for this expression or any inside it.
    pub(crate) fn any(&self, found: &mut dyn FnMut(&Expr) -> bool) -> bool {
        if found(self) {
            return true;
        }
        let mut any = false;
        self.children(&mut |child| any = any || child.any(found));
        any
    }

    /// Whether it computes, and so may end in an error, instead of only looking at values.
    pub(crate) fn can_fail(&self) -> bool {
        self.any(&mut |expr| {
            matches!(
                expr,
                Expr::Arithmetic { .. }
                    | Expr::Negate { .. }
                    | Expr::Concat { .. }
                    | Expr::Call { .. }
                    | Expr::Cast { .. }
                    | Expr::Like(_)
            )
        })
    }

    /// Whether the value is the same for every tuple of one execution.
    pub(crate) fn is_constant(&self) -> bool {
        !self.any(&mut |expr| {
            matches!(
                expr,
                Expr::Column(_) | Expr::Aggregate(_) | Expr::SubQuery(_) | Expr::Outer(_)
            )
        })
    }

    /// Whether the value can be null; rather too often than too rarely.
    pub(crate) fn is_nullable(&self) -> bool {
        match self {
            Expr::Literal { value, .. } => value.is_null(),
            Expr::Param(_) | Expr::NullIf { .. } | Expr::Aggregate(_) | Expr::SubQuery(_) => true,
            Expr::Column(column) | Expr::Outer(column) => column.nullable,
            Expr::Now | Expr::Identity => false,
            Expr::IsNull { .. } | Expr::IsTruth { .. } | Expr::IsDistinct { .. } => false,
            Expr::Coalesce(list) | Expr::Extreme { list, .. } => list.iter().all(Expr::is_nullable),
            Expr::Case(case) => {
                let values = case.branches.iter().map(|(_, value)| value).chain(&case.otherwise);
                case.otherwise.is_none() || values.into_iter().any(Expr::is_nullable)
            }
            other => {
                let mut nullable = false;
                other.children(&mut |child| nullable = nullable || child.is_nullable());
                nullable
            }
        }
    }
}
