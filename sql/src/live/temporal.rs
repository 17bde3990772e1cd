//! Conditions on `now()` that can be kept up to date: *temporal filters*.
//!
//! `now()` grows, so a comparison of it with something that depends on the tuple alone holds for one span of time, which is
//! known as soon as the tuple is. What is compared may be sums and differences, and `now()` may stand in any of them, once:
//! all terms but it are brought to the other side.
//!
//! ```text
//!   created_at > now() - INTERVAL '5 minutes'   ─▶   now() < created_at + INTERVAL '5 minutes'   ─▶   until
//!   now() - due_at >= $1                        ─▶   now() >= $1 + due_at                        ─▶   from
//! ```
//!
//! Materialize calls them so, too, for its `mz_now()`; there the terms have to be moved by whoever writes the query.

use std::fmt;

use crate::error::{EvalError, SqlError};
use crate::expr::arithmetic::{Arithmetic, Domain};
use crate::expr::evaluate::Inputs;
use crate::expr::{Comparison, Expr};
use crate::value::Datum;

use super::compile::refused;

/// When something passes: from an instant, up to another one and without that. In microseconds, as `now()` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Span {
    pub(crate) const ALWAYS: Span = Span { from: i64::MIN, until: Span::FOREVER };
    /// The end of what does not end.
    pub(crate) const FOREVER: i64 = i64::MAX;
    const NEVER: Span = Span { from: i64::MAX, until: i64::MIN };

    /// When both pass.
    pub(crate) fn and(self, other: Span) -> Span {
        Span { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

/// `now()` compared with a sum.
#[derive(Debug)]
pub(crate) struct Bound {
    op: Comparison,
    terms: Vec<Term>,
}

/// An instant or a span of time that is added, or taken away.
#[derive(Debug)]
struct Term {
    is_negative: bool,
    expr: Expr,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "now() {} ", self.op.sign())?;
        for (at, Term { is_negative, expr }) in self.terms.iter().enumerate() {
            f.write_str(match (at, is_negative) {
                (0, false) => "",
                (0, true) => "- ",
                (_, false) => " + ",
                (_, true) => " - ",
            })?;
            write!(f, "{expr}")?;
        }
        Ok(())
    }
}

/// A WHERE, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Conjuncts {
    /// Those that do not depend on the time; of them that stand behind one that does, those that cannot fail.
    pub(super) steady: Vec<Expr>,
    pub(super) bounds: Vec<Bound>,
    /// The rest: they may rely on not being asked of a tuple that does not pass at the time.
    pub(super) after: Vec<Expr>,
    /// Comparisons among the bounds that, once false of a tuple, stay so.
    pub(super) expiring: Vec<Expr>,
}

impl Conjuncts {
    /// # Errors
    ///
    /// Says by which name a condition on `now()` is refused.
    pub(super) fn of(filters: Vec<Expr>) -> Result<Conjuncts, SqlError> {
        let mut conjuncts = Conjuncts::default();
        filters.into_iter().try_for_each(|filter| conjuncts.push(filter))?;
        Ok(conjuncts)
    }

    fn push(&mut self, filter: Expr) -> Result<(), SqlError> {
        match filter {
            filter if !has_now(&filter) => {
                match self.bounds.is_empty() || !filter.can_fail() {
                    true => self.steady.push(filter),
                    false => self.after.push(filter),
                }
                Ok(())
            }
            Expr::And(list) => list.into_iter().try_for_each(|filter| self.push(filter)),
            Expr::Between { expr, low, high, negated: false } => {
                self.push_comparison(Comparison::GreaterOrEqual, &expr, &low)?;
                self.push_comparison(Comparison::LessOrEqual, &expr, &high)
            }
            Expr::Compare { op, left, right } => self.push_comparison(op, &left, &right),
            Expr::Not(expr) => match *expr {
                Expr::Compare { op, left, right } => {
                    self.push_comparison(op.negated(), &left, &right)
                }
                _ => Err(refused("a subscription to now() in NOT")),
            },
            Expr::Or(_) => Err(refused("a subscription to now() in OR")),
            Expr::Between { .. } => Err(refused("a subscription to now() in NOT BETWEEN")),
            _ => Err(refused("a subscription to now() in a condition other than a comparison")),
        }
    }

    fn push_comparison(
        &mut self,
        op: Comparison,
        left: &Expr,
        right: &Expr,
    ) -> Result<(), SqlError> {
        if !has_now(left) && !has_now(right) {
            // One half of a BETWEEN.
            return self.push(compare(op, left, right));
        }
        let bound = Bound::of(op, left, right)?;
        if matches!(bound.op, Comparison::Less | Comparison::LessOrEqual) {
            self.expiring.push(compare(op, left, right));
        }
        self.bounds.push(bound);
        Ok(())
    }
}

fn compare(op: Comparison, left: &Expr, right: &Expr) -> Expr {
    Expr::Compare { op, left: Box::new(left.clone()), right: Box::new(right.clone()) }
}

/// Whether an expression reads the time.
pub(super) fn has_now(expr: &Expr) -> bool {
    expr.any(&mut |expr| matches!(expr, Expr::Now))
}

impl Bound {
    /// Solves a comparison for `now()`.
    fn of(op: Comparison, left: &Expr, right: &Expr) -> Result<Bound, SqlError> {
        if op == Comparison::NotEqual {
            return Err(refused("a subscription to now() compared by <>"));
        }
        // What is on the left minus what is on the right, compared with nothing.
        let mut sum = Sum::default();
        sum.add(left, false)?;
        sum.add(right, true)?;
        let (op, is_moved) = match sum.now {
            1 => (op, true),
            -1 => (op.mirrored(), false),
            _ => return Err(refused("a subscription to now() compared with another now()")),
        };
        let flip = |term: Term| Term { is_negative: term.is_negative != is_moved, ..term };
        Ok(Bound { op, terms: sum.terms.into_iter().map(flip).collect() })
    }

    /// The expressions that it reads.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.terms.iter().map(|term| &term.expr)
    }

    /// When a tuple passes. A comparison with NULL is never true.
    pub(crate) fn span(&self, inputs: Inputs<'_, '_>) -> Result<Span, EvalError> {
        let mut sum: i128 = 0;
        for Term { is_negative, expr } in &self.terms {
            match expr.evaluate(inputs)? {
                // Of 64 bits each, and fewer of them than a query has words.
                Datum::Int(micros) => sum += if *is_negative { -micros } else { micros },
                _ => return Ok(Span::NEVER),
            }
        }
        let clamped = |micros: i128| micros.clamp(i64::MIN.into(), i64::MAX.into());
        let instant = |micros| i64::try_from(clamped(micros)).expect("it was clamped");
        let (at, behind) = (instant(sum), instant(sum + 1));
        Ok(match self.op {
            Comparison::Less => Span { until: at, ..Span::ALWAYS },
            Comparison::LessOrEqual => Span { until: behind, ..Span::ALWAYS },
            Comparison::Greater => Span { from: behind, ..Span::ALWAYS },
            Comparison::GreaterOrEqual => Span { from: at, ..Span::ALWAYS },
            Comparison::Equal => Span { from: at, until: behind },
            Comparison::NotEqual => unreachable!("it was refused"),
        })
    }
}

/// Terms that are added up, and how often `now()` is one of them.
#[derive(Default)]
struct Sum {
    now: i32,
    terms: Vec<Term>,
}

impl Sum {
    fn add(&mut self, expr: &Expr, is_negative: bool) -> Result<(), SqlError> {
        match expr {
            Expr::Now => self.now += if is_negative { -1 } else { 1 },
            expr if !has_now(expr) => self.terms.push(Term { is_negative, expr: expr.clone() }),
            Expr::Arithmetic { op, domain: Domain::Micros(_), left, right } => {
                let is_difference = *op == Arithmetic::Subtract;
                self.add(left, is_negative)?;
                self.add(right, is_negative != is_difference)?;
            }
            Expr::Negate { domain: Domain::Micros(_), expr } => self.add(expr, !is_negative)?,
            _ => {
                let what = "a subscription to now() in a comparison of more than sums of times";
                return Err(refused(what));
            }
        }
        Ok(())
    }
}
