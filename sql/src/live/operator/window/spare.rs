//! How much a window keeps of what can be read again.

use crate::expr::arithmetic::{Arithmetic, Domain};
use crate::expr::{Case, Expr};
use crate::value::{Datum, Integer, SqlType};

/// How many tuples a window keeps beyond those that it needs, if they can be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spare {
    /// Where it needs fewer; else as many as it needs.
    pub(crate) min: u64,
}

impl Spare {
    /// How many it keeps in all.
    pub(super) fn kept(self, limit: u64, offset: u64) -> u64 {
        let needed = limit.saturating_add(offset);
        needed.saturating_add(needed.max(self.min)).min(KEPT_MAX)
    }

    /// The same as the limit of a query, which is null where there is none.
    pub(in crate::live) fn kept_expr(self, limit: &Expr, offset: Option<&Expr>) -> Expr {
        let ty = || SqlType::Int(Integer::I64);
        let number = |value: u64| Expr::Literal { value: Datum::Int(value.into()), ty: ty() };
        let sum = |left: Expr, right: Expr| Expr::Arithmetic {
            op: Arithmetic::Add,
            domain: Domain::Exact,
            left: Box::new(left),
            right: Box::new(right),
        };
        let needed = match offset {
            Some(offset) => sum(limit.clone(), Expr::Coalesce(vec![offset.clone(), number(0)])),
            None => limit.clone(),
        };
        let most = Expr::Extreme { greatest: true, list: vec![needed.clone(), number(self.min)] };
        let kept = sum(needed.clone(), most);
        let bounded = Expr::Extreme { greatest: false, list: vec![kept, number(KEPT_MAX)] };
        let is_null = Expr::IsNull { expr: Box::new(needed), negated: false };
        Expr::Case(Box::new(Case {
            operand: None,
            branches: vec![(is_null, Expr::Literal { value: Datum::Null, ty: ty() })],
            otherwise: Some(bounded),
        }))
    }
}

/// More than can be.
pub(super) const KEPT_MAX: u64 = i64::MAX.cast_unsigned();
