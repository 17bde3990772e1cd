//! Joins: what each kind makes of two multisets of tuples.

use super::Node;
use crate::expr::Expr;

/// A join. `on` is a list of conditions over the parts of a left tuple followed by those of a right one: together they are
/// true when all are true, false when one is false, else unknown (null). An empty list is true.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) kind: JoinKind,
    pub(crate) left: Node,
    pub(crate) right: Node,
    pub(crate) on: Vec<Expr>,
}

/// What comes of a left tuple `l` and the right tuples `R` for which `on` is true with it, each as often as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    /// `l ++ r` for every `r` of `R`. With an empty `on` it is CROSS JOIN.
    Inner,
    /// As `Inner`; and where `R` is empty, `l` with as many absent parts as a right tuple has.
    Left,
    /// As `Left`; and for every right tuple that is in no `R`, absent parts in the place of a left tuple.
    Full,
    /// `l` alone, once, where `R` is not empty.
    Semi,
    /// `l` alone, once, where `R` is empty. Where `on` is unknown it is not true: NOT IN asks for
    /// `(x = y) IS NOT FALSE` and so lets pass only what differs from every `y` for certain.
    Anti,
    /// As `Left`, but a second tuple in `R` is the error
    /// [`SubQueryRows`](crate::EvalError::SubQueryRows): the value of a scalar sub-query.
    Single,
    /// `l` with one more part of one column of type bool: true where `on` is true with some right tuple; else null where it is
    /// unknown with one; else false. Only whether there are such tuples counts, not how often they come.
    Mark,
}

impl JoinKind {
    /// Whether a tuple that comes out has the parts of the right input.
    pub(crate) fn has_right(self) -> bool {
        matches!(self, JoinKind::Inner | JoinKind::Left | JoinKind::Full | JoinKind::Single)
    }

    /// As EXPLAIN shows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            JoinKind::Inner => "join",
            JoinKind::Left => "left join",
            JoinKind::Full => "full join",
            JoinKind::Semi => "semi join",
            JoinKind::Anti => "anti join",
            JoinKind::Single => "single join",
            JoinKind::Mark => "mark join",
        }
    }
}

impl Join {
    /// How many parts its tuples have.
    pub(crate) fn parts(&self) -> usize {
        let left = self.left.parts();
        match self.kind {
            JoinKind::Mark => left + 1,
            kind if kind.has_right() => left + self.right.parts(),
            _ => left,
        }
    }
}
