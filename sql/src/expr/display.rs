//! Writes expressions as SQL, for EXPLAIN.

use core::fmt;

use super::{Case, Expr};
use crate::value::{Datum, SqlType, text};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Literal { value, ty } => write_literal(value, ty, f),
            Expr::Param(index) => write!(f, "${}", index + 1),
            Expr::Column(column) => f.write_str(&column.name),
            Expr::Not(expr) => write!(f, "NOT {}", Operand(expr)),
            Expr::And(list) => write_joined(list, " AND ", f),
            Expr::Or(list) => write_joined(list, " OR ", f),
            Expr::Compare { op, left, right } => {
                write!(f, "{} {} {}", Operand(left), op.sign(), Operand(right))
            }
            Expr::IsNull { expr, negated } => {
                write!(f, "{} IS {}NULL", Operand(expr), not(*negated))
            }
            Expr::IsTruth { expr, truth, negated } => {
                let truth = match truth {
                    Some(true) => "TRUE",
                    Some(false) => "FALSE",
                    None => "UNKNOWN",
                };
                write!(f, "{} IS {}{truth}", Operand(expr), not(*negated))
            }
            Expr::IsDistinct { left, right, negated } => {
                write!(f, "{} IS {}DISTINCT FROM {}", Operand(left), not(*negated), Operand(right))
            }
            Expr::InList { expr, list, negated } => {
                write!(f, "{} {}IN ({})", Operand(expr), not(*negated), Listed(list))
            }
            Expr::Between { expr, low, high, negated } => {
                let (expr, low, high) = (Operand(expr), Operand(low), Operand(high));
                write!(f, "{expr} {}BETWEEN {low} AND {high}", not(*negated))
            }
            Expr::Like(like) => {
                let word = if like.ignore_case { "ILIKE" } else { "LIKE" };
                let (expr, pattern) = (Operand(&like.expr), Operand(&like.pattern));
                write!(f, "{expr} {}{word} {pattern}", not(like.negated))?;
                like.escape.iter().try_for_each(|escape| write!(f, " ESCAPE {}", Operand(escape)))
            }
            Expr::Case(case) => case.fmt(f),
            Expr::Coalesce(list) => write!(f, "coalesce({})", Listed(list)),
            Expr::NullIf { left, right } => write!(f, "nullif({left}, {right})"),
            Expr::Extreme { greatest, list } => {
                write!(f, "{}({})", if *greatest { "greatest" } else { "least" }, Listed(list))
            }
            Expr::Arithmetic { op, left, right, .. } => {
                write!(f, "{} {} {}", Operand(left), op.sign(), Operand(right))
            }
            Expr::Negate { expr, .. } => write!(f, "-{}", Operand(expr)),
            Expr::Concat { left, right } => write!(f, "{} || {}", Operand(left), Operand(right)),
            Expr::Call { function, args } => write!(f, "{}({})", function.name(), Listed(args)),
            Expr::Cast { expr, cast } => write!(f, "{}::{}", Operand(expr), cast.target()),
            Expr::Now => f.write_str("now()"),
            Expr::Identity => f.write_str("$identity"),
            Expr::Aggregate(index) => write!(f, "aggregate {index}"),
            Expr::SubQuery(index) => write!(f, "sub-query {index}"),
            Expr::Outer(column) => f.write_str(&column.name),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CASE")?;
        self.operand.iter().try_for_each(|operand| write!(f, " {operand}"))?;
        for (when, then) in &self.branches {
            write!(f, " WHEN {when} THEN {then}")?;
        }
        self.otherwise.iter().try_for_each(|otherwise| write!(f, " ELSE {otherwise}"))?;
        f.write_str(" END")
    }
}

/// An expression inside another: in parentheses unless it is of one piece.
struct Operand<'e>(&'e Expr);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Literal { .. }
            | Expr::Param(_)
            | Expr::Column(_)
            | Expr::Case(_)
            | Expr::Coalesce(_)
            | Expr::NullIf { .. }
            | Expr::Extreme { .. }
            | Expr::Call { .. }
            | Expr::Cast { .. }
            | Expr::Now
            | Expr::Identity
            | Expr::Aggregate(_)
            | Expr::SubQuery(_)
            | Expr::Outer(_) => self.0.fmt(f),
            _ => write!(f, "({})", self.0),
        }
    }
}

struct Listed<'e>(&'e [Expr]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(self.0.iter(), f)
    }
}

/// Writes things with commas between them.
pub(crate) fn write_list<T: fmt::Display>(
    list: impl Iterator<Item = T>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, item) in list.enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

fn write_joined(list: &[Expr], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, expr) in list.iter().enumerate() {
        let word = if index == 0 { "" } else { word };
        write!(f, "{word}{}", Operand(expr))?;
    }
    Ok(())
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn write_literal(value: &Datum<'_>, ty: &SqlType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value.is_null() {
        return f.write_str("NULL");
    }
    let mut shown = String::new();
    text::format(ty, value, &mut shown);
    match ty {
        SqlType::Bool | SqlType::Int(_) | SqlType::Numeric => f.write_str(&shown),
        SqlType::String => write!(f, "'{}'", shown.replace('\'', "''")),
        _ => write!(f, "{ty} '{shown}'"),
    }
}
