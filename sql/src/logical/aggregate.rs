//! Aggregates: what is made of the tuples of a group.

use core::fmt;

use crate::expr::Expr;
use crate::value::SqlType;

/// One aggregate over the tuples of a group: those for which `filter` is true, and whose argument is not null; with `distinct`
/// one of those whose arguments are equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AggregateCall {
    pub(crate) function: AggregateFunction,
    /// `None` for `count(*)`.
    pub(crate) argument: Option<Expr>,
    /// What stands between the arguments of `string_agg`. Constant.
    pub(crate) separator: Option<Expr>,
    pub(crate) distinct: bool,
    /// Which tuples count.
    pub(crate) filter: Option<Expr>,
    pub(crate) ty: SqlType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateFunction {
    /// How many there are.
    Count,
    /// All others are null where there is nothing to aggregate.
    Sum,
    Avg,
    Min,
    Max,
    /// Whether all are true.
    BoolAnd,
    /// Whether one is true.
    BoolOr,
    /// The arguments, in the order of their bytes, one behind the other with the separator between them. (PostgreSQL leaves
    /// the order open.)
    StringAgg,
}

impl AggregateFunction {
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "count" => AggregateFunction::Count,
            "sum" => AggregateFunction::Sum,
            "avg" => AggregateFunction::Avg,
            "min" => AggregateFunction::Min,
            "max" => AggregateFunction::Max,
            "bool_and" | "every" => AggregateFunction::BoolAnd,
            "bool_or" => AggregateFunction::BoolOr,
            "string_agg" => AggregateFunction::StringAgg,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            AggregateFunction::Count => "count",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Avg => "avg",
            AggregateFunction::Min => "min",
            AggregateFunction::Max => "max",
            AggregateFunction::BoolAnd => "bool_and",
            AggregateFunction::BoolOr => "bool_or",
            AggregateFunction::StringAgg => "string_agg",
        }
    }
}

impl AggregateCall {
    /// `count(*)` of all tuples.
    pub(crate) fn counts_tuples(&self) -> bool {
        self.function == AggregateFunction::Count
            && self.argument.is_none()
            && self.filter.is_none()
    }
}

impl fmt::Display for AggregateCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        match &self.argument {
            Some(argument) => write!(f, "{}({distinct}{argument}", self.function.name())?,
            None => write!(f, "{}(*", self.function.name())?,
        }
        self.separator.iter().try_for_each(|separator| write!(f, ", {separator}"))?;
        f.write_str(")")?;
        self.filter.iter().try_for_each(|filter| write!(f, " FILTER (WHERE {filter})"))
    }
}
