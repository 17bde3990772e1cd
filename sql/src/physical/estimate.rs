//! Guesses how many tuples an operator gives, to compare ways of joining. Nothing depends on a guess but time.
//!
//! The only figures are the numbers of rows that the catalog knows and which indexes are unique; the rest are the customary
//! shares. A table is taken to have at least [`ROWS_MIN`] rows: plans are kept while tables grow, and a plan for an empty table
//! must do for a full one.

use super::access::{KeyRange, Path};
use super::{Operator, Scan};
use crate::expr::{Comparison, Expr};
use crate::logical::JoinKind;
use crate::value::Datum;

/// What a table is taken to have at least.
const ROWS_MIN: f64 = 1_000.0;
/// What a table is taken to have of which nothing is known: to read all of it should not be the first choice.
const ROWS_UNKNOWN: f64 = 100_000.0;

/// Which share of the rows passes an equality, and any other predicate.
const EQUAL_SHARE: f64 = 0.1;
const OTHER_SHARE: f64 = 0.33;

pub(super) fn table_rows(known: Option<u64>) -> f64 {
    known.map_or(ROWS_UNKNOWN, |rows| (rows as f64).max(ROWS_MIN))
}

/// How many rows have one key of an index that is not unique.
pub(super) fn rows_a_key(rows: f64) -> f64 {
    rows.sqrt()
}

impl Scan {
    /// How many rows it reads.
    pub(super) fn estimated_rows(&self) -> f64 {
        match &self.path {
            Path::Whole => self.rows,
            Path::Lookup { .. } => 1.0,
            Path::Range(KeyRange { equal, lower, upper, .. }) => {
                let rows = if equal.is_empty() { self.rows } else { rows_a_key(self.rows) };
                let bounds = i32::from(lower.is_some()) + i32::from(upper.is_some());
                rows * OTHER_SHARE.powi(bounds)
            }
        }
    }
}

impl Operator {
    /// How many tuples it gives.
    pub(super) fn estimated_rows(&self) -> f64 {
        let rows = match self {
            Operator::Unit | Operator::CountRows { .. } => 1.0,
            Operator::Nothing => 0.0,
            Operator::Scan(scan) => scan.estimated_rows(),
            Operator::Filter { input, predicates } => {
                let share: f64 = predicates.iter().map(share).product();
                input.estimated_rows() * share
            }
            Operator::Project { input, .. }
            | Operator::Arrange { input, .. }
            | Operator::Sort { input, .. } => input.estimated_rows(),
            Operator::Aggregate { keys, .. } if keys.is_empty() => 1.0,
            Operator::Aggregate { input, .. } | Operator::Distinct { input, .. } => {
                input.estimated_rows() / 2.0
            }
            Operator::Union { inputs } => inputs.iter().map(|input| input.estimated_rows()).sum(),
            Operator::Top { input, limit, .. }
            | Operator::Limit { input, limit: Some(limit), .. }
            | Operator::Head { input, limit: Some(limit), .. } => match limit.literal() {
                Some(Datum::Int(limit)) => input.estimated_rows().min(*limit as f64),
                _ => input.estimated_rows(),
            },
            Operator::Limit { input, .. } | Operator::Head { input, .. } => input.estimated_rows(),
            Operator::Join(join) => {
                let (left, right) = (join.left.estimated_rows(), join.right.estimated_rows());
                let inner = if join.keys.is_empty() { left * right } else { left.max(right) };
                match join.kind {
                    JoinKind::Inner => inner,
                    JoinKind::Left => inner.max(left),
                    JoinKind::Full => inner.max(left + right),
                    JoinKind::Semi | JoinKind::Anti => left / 2.0,
                    JoinKind::Single | JoinKind::Mark => left,
                }
            }
            Operator::Gather { .. } => ROWS_MIN,
        };
        rows.max(1.0)
    }

    /// How many rows of tables it reads.
    pub(super) fn estimated_reads(&self) -> f64 {
        match self {
            Operator::Scan(scan) => scan.estimated_rows(),
            other => other.inputs().iter().map(|input| input.estimated_reads()).sum(),
        }
    }
}

fn share(predicate: &Expr) -> f64 {
    match predicate {
        Expr::Compare { op: Comparison::Equal, .. } => EQUAL_SHARE,
        _ => OTHER_SHARE,
    }
}
