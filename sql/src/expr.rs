//! Bound expressions and their values: the one set of semantics for one-off queries, and for whatever keeps answers up
//! to date.
//!
//! The binder resolved every name and every operator, so an expression neither knows the schema nor chooses by type
//! while it runs. Where nothing is null the value of an expression depends on nothing but the tuple and the parameters.
//!
//! Invariants:
//! 1. An expression nests at most `PlanLimits::depth_max` levels deep, so its functions may recurse.
//! 2. Conditions use three-valued logic: null is "unknown", and neither lets a row pass.
//! 3. Arguments are evaluated from left to right; CASE, COALESCE, AND and OR stop as soon as the value is known.
//!
//! Reading order: [`tuple`] with [`carried`], [`evaluate`], [`condition`]; [`arithmetic`], [`cast`], [`call`], [`like`]; [`display`].

pub(crate) mod arithmetic;
pub(crate) mod call;
pub(crate) mod carried;
pub(crate) mod cast;
pub(crate) mod condition;
pub(crate) mod display;
pub(crate) mod evaluate;
pub(crate) mod like;
pub(crate) mod tuple;
pub(crate) mod walk;

use core::cmp::Ordering;
use std::sync::Arc;

use cosmictron_types::{ColumnIndex, Type};

use crate::error::Position;
use crate::value::{Datum, SqlType};
use arithmetic::{Arithmetic, Domain};
use call::Function;
use cast::Cast;

/// An expression with every name and type resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Literal {
        value: Datum<'static>,
        ty: SqlType,
    },
    /// Counted from 0.
    Param(usize),
    Column(ColumnRef),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare {
        op: Comparison,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    /// IS TRUE, IS FALSE, IS UNKNOWN (`None`).
    IsTruth {
        expr: Box<Expr>,
        truth: Option<bool>,
        negated: bool,
    },
    IsDistinct {
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
    },
    InList {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    Like(Box<Like>),
    Case(Box<Case>),
    Coalesce(Vec<Expr>),
    NullIf {
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// GREATEST and LEAST: nulls do not count.
    Extreme {
        greatest: bool,
        list: Vec<Expr>,
    },
    Arithmetic {
        op: Arithmetic,
        domain: Domain,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Negate {
        domain: Domain,
        expr: Box<Expr>,
    },
    Concat {
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Call {
        function: Function,
        args: Vec<Expr>,
    },
    Cast {
        expr: Box<Expr>,
        cast: Cast,
    },
    /// The moment of the execution: the same at every tuple.
    Now,
    /// Who it is executed for: the same at every tuple. Policies alone name it.
    Identity,
    /// The n-th aggregate of the query, while it is being bound; a column of the aggregate's output afterwards.
    Aggregate(usize),
    /// The value or the truth of the n-th sub-query of the query, while it is being bound; a column of a join afterwards.
    SubQuery(usize),
    /// A column of the query around a sub-query, while that is being bound; one of a join's left input afterwards.
    Outer(ColumnRef),
}

/// LIKE or ILIKE.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Like {
    pub(crate) expr: Expr,
    pub(crate) pattern: Expr,
    /// `\` when absent; an empty one switches escapes off.
    pub(crate) escape: Option<Expr>,
    pub(crate) ignore_case: bool,
    pub(crate) negated: bool,
}

/// CASE, with an operand that is evaluated once or with a condition in each branch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) operand: Option<Expr>,
    /// What the operand is compared with, or a condition; and the value.
    pub(crate) branches: Vec<(Expr, Expr)>,
    pub(crate) otherwise: Option<Expr>,
}

/// A column of one of the parts of a tuple.
#[derive(Clone, Debug)]
pub(crate) struct ColumnRef {
    /// Which part of the tuple: see [`crate::logical`].
    pub(crate) part: usize,
    pub(crate) column: ColumnIndex,
    pub(crate) ty: SqlType,
    /// Whether it can be null.
    pub(crate) nullable: bool,
    /// Whether a table stores it as an option. An outer join makes columns nullable that are not.
    pub(crate) is_option: bool,
    /// As EXPLAIN shows it.
    pub(crate) name: Arc<str>,
    /// Where it was named, for messages; two references to one column are equal wherever they stand.
    pub(crate) at: Position,
}

impl PartialEq for ColumnRef {
    fn eq(&self, other: &Self) -> bool {
        (self.part, self.column) == (other.part, other.column)
    }
}

impl ColumnRef {
    /// A column of a table whose rows are the first part.
    pub(crate) fn stored(column: ColumnIndex, ty: &Type, name: Arc<str>, at: Position) -> Self {
        let (ty, is_option) = SqlType::of_column(ty);
        ColumnRef { part: 0, column, ty, nullable: is_option, is_option, name, at }
    }

    /// The type that a table's column is stored as.
    pub(crate) fn stored_type(&self) -> Type {
        let required = self.ty.to_column().unwrap_or(Type::Bool);
        if self.is_option { Type::Option(Box::new(required)) } else { required }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }

    /// The comparison that holds where this one does not.
    pub(crate) fn negated(self) -> Self {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }

    pub(crate) fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

impl Expr {
    /// A column of a part that an operator makes, not a table.
    pub(crate) fn made_column(
        part: usize,
        column: usize,
        ty: SqlType,
        nullable: bool,
        name: &str,
    ) -> Expr {
        let at = Position::START;
        let (column, name) = (column_index(column), name.into());
        Expr::Column(ColumnRef { part, column, ty, nullable, is_option: false, name, at })
    }

    pub(crate) fn equal(left: Expr, right: Expr) -> Expr {
        let (left, right) = (Box::new(left), Box::new(right));
        Expr::Compare { op: Comparison::Equal, left, right }
    }

    pub(crate) fn boolean(value: bool) -> Expr {
        Expr::Literal { value: Datum::Bool(value), ty: SqlType::Bool }
    }

    /// A literal's value.
    pub(crate) fn literal(&self) -> Option<&Datum<'static>> {
        match self {
            Expr::Literal { value, .. } => Some(value),
            _ => None,
        }
    }
}

/// A place in an operator's output. `PlanLimits` and the token count keep it far below 65,536.
pub(crate) fn column_index(index: usize) -> ColumnIndex {
    ColumnIndex::new(u16::try_from(index).expect("an output has fewer than 65536 columns"))
}
