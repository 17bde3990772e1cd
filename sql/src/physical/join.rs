//! Decides how two inputs are joined: by a hash table of the right one, by looking up its rows in an index, or in a loop.

use std::sync::Arc;

use super::access::Path;
use super::looks::{Parts, known_constants};
use super::order::{Order, of_parts};
use super::probe::probe_of;
use super::{Operator, Planned, Planner, Scan};
use crate::expr::{ColumnRef, Comparison, Expr};
use crate::logical::{Join, JoinKind, Node, Output, SortKey};
use crate::value::SqlType;

/// Joins two inputs. The left one's tuples are taken one by one, in their order.
#[derive(Debug)]
pub(crate) struct JoinOperator {
    pub(crate) kind: JoinKind,
    pub(crate) left: Arc<Operator>,
    pub(crate) right: Arc<Operator>,
    /// Parts of a tuple of each side.
    pub(crate) left_parts: usize,
    pub(crate) right_parts: usize,
    /// Equalities between the sides: by them the right tuples are found that come into question.
    pub(crate) keys: Vec<JoinKey>,
    /// An equality for which unknown is not false; then there is no residual.
    pub(crate) member: Option<Member>,
    /// What else has to hold, over the parts of both.
    pub(crate) residual: Vec<Expr>,
    /// Another way to the right tuples, which is taken over a store as it is.
    pub(crate) probe: Option<Probe>,
}

/// An equality between the two sides of a join: each expression is over the tuples of its side.
#[derive(Clone, Debug)]
pub(crate) struct JoinKey {
    pub(crate) left: Expr,
    pub(crate) right: Expr,
    /// IS NOT DISTINCT FROM: two nulls are equal.
    pub(crate) nulls_equal: bool,
}

/// `left = right` where unknown counts: of NOT IN, and of IN as a value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) left: Expr,
    pub(crate) right: Expr,
}

/// Looks up the right tuples of each left one.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Its key is made of a left tuple.
    pub(crate) scan: Scan,
    /// Over the row that was found, the innermost first.
    pub(crate) filters: Vec<Vec<Expr>>,
    /// What it does not decide, over the parts of both.
    pub(crate) residual: Vec<Expr>,
}

impl Probe {
    /// Whether it finds one row at most, by its primary key: that is as quick in the past.
    pub(crate) fn is_primary(&self) -> bool {
        let Path::Lookup { index, .. } = &self.scan.path else { return false };
        self.scan.table.index(*index).primary
    }
}

/// What a join asks for, sorted by how it can be met.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) keys: Vec<JoinKey>,
    pub(super) members: Vec<Member>,
    pub(super) residual: Vec<Expr>,
}

impl Planner<'_> {
    /// A join below these predicates.
    pub(super) fn join(
        &self,
        mut join: Join,
        predicates: Vec<Expr>,
        wanted: &[SortKey],
    ) -> Planned {
        let left_parts = join.left.parts();
        let rejects = |predicate: &Expr| rejects_absent(predicate, left_parts);
        if join.kind == JoinKind::Left && predicates.iter().any(rejects) {
            join.kind = JoinKind::Inner;
        }
        if join.kind == JoinKind::Inner {
            return self.region(Node::Join(Box::new(join)), predicates, wanted);
        }
        let is_of_left = |predicate: &Expr| Parts::of(predicate).is_below(left_parts);
        let (mut below, above): (Vec<Expr>, Vec<Expr>) = match join.kind {
            JoinKind::Full => (Vec::new(), predicates),
            _ => predicates.into_iter().partition(is_of_left),
        };
        let Join { kind, left, right, on } = join;
        let mut right_filter = Vec::new();
        let mut kept = Vec::new();
        for condition in on {
            let parts = Parts::of(&condition);
            let is_certain = kind != JoinKind::Mark || !condition.is_nullable();
            if kind != JoinKind::Full && parts.is_from(left_parts) && is_certain {
                right_filter.push(condition.map_parts(&|part| part - left_parts));
            } else if kind == JoinKind::Semi && parts.is_below(left_parts) {
                below.push(condition);
            } else {
                kept.push(condition);
            }
        }
        let right_parts = right.parts();
        let conditions = Conditions::of(kept, kind, left_parts);
        let left = left.filtered(below);
        if kind != JoinKind::Full {
            let known = known_constants(&left);
            right_filter.extend(conditions.keys.iter().filter_map(|key| key.constant(&known)));
        }
        let wanted = if kind == JoinKind::Full { &[] } else { wanted };
        let (wanted, at_best) = of_parts(wanted, 0, left_parts);
        let left = self.plan_ordered(left, &wanted);
        let right = self.plan(right.filtered(right_filter));
        let order = left.order.min(at_best);
        if kind == JoinKind::Semi
            && order == Order::None
            && looks_up_left(&left.operator, &right, left_parts, &conditions)
        {
            let operator = driven_by_right(left.operator, right, left_parts, conditions.keys);
            return Planned::unordered(super::filtered(operator, above));
        }
        let operator = joined(kind, left.operator, right, (left_parts, right_parts), conditions);
        Planned { operator: super::filtered(operator, above), order }
    }
}

/// Whether the rows of a semi-join's left side are better looked up for each distinct key of the right one.
fn looks_up_left(
    left: &Operator,
    right: &Operator,
    left_parts: usize,
    conditions: &Conditions,
) -> bool {
    let Conditions { keys, members, residual } = conditions;
    if left_parts != 1 || !members.is_empty() || !residual.is_empty() {
        return false;
    }
    let keys: Vec<JoinKey> = keys.iter().map(JoinKey::turned).collect();
    probe_of(JoinKind::Inner, right, left, 1, &keys, &[]).is_some()
}

/// A semi-join as an inner one: with the distinct keys of the right side no left tuple comes twice.
fn driven_by_right(
    left: Operator,
    right: Operator,
    left_parts: usize,
    keys: Vec<JoinKey>,
) -> Operator {
    let value = |key: &JoinKey| {
        // Only equality is asked of it.
        let ty = match &key.right {
            Expr::Column(column) => column.ty.clone(),
            _ => SqlType::String,
        };
        Output { name: key.right.to_string(), expr: key.right.clone(), ty }
    };
    let values: Vec<Output> = keys.iter().map(value).collect();
    let of_values = keys.iter().zip(&values).enumerate().map(|(at, (key, value))| JoinKey {
        left: Expr::made_column(0, at, value.ty.clone(), true, &value.name),
        right: key.left.clone(),
        nulls_equal: key.nulls_equal,
    });
    let keys = of_values.collect();
    let distinct = Operator::Distinct { input: Arc::new(right), values };
    let conditions = Conditions { keys, ..Conditions::default() };
    let join = joined(JoinKind::Inner, distinct, left, (1, left_parts), conditions);
    Operator::Arrange { input: Arc::new(join), parts: (1..=left_parts).collect() }
}

/// Joins two operators by the cheapest way.
pub(super) fn joined(
    kind: JoinKind,
    left: Operator,
    right: Operator,
    (left_parts, right_parts): (usize, usize),
    conditions: Conditions,
) -> Operator {
    let Conditions { keys, mut members, mut residual } = conditions;
    let can_be_member = matches!(kind, JoinKind::Anti | JoinKind::Mark)
        && members.len() == 1
        && residual.is_empty();
    let member = if can_be_member { members.pop() } else { None };
    residual.extend(members.into_iter().map(|member| member.into_condition(kind, left_parts)));
    let probe = match member {
        None => probe_of(kind, &left, &right, left_parts, &keys, &residual),
        Some(_) => None,
    };
    let (left, right) = (Arc::new(left), Arc::new(right));
    let join =
        JoinOperator { kind, left, right, left_parts, right_parts, keys, member, residual, probe };
    Operator::Join(Box::new(join))
}

impl Member {
    fn into_condition(self, kind: JoinKind, left_parts: usize) -> Expr {
        let right = self.right.map_parts(&|part| part + left_parts);
        let equal = Expr::equal(self.left, right);
        match kind {
            JoinKind::Anti => {
                Expr::IsTruth { expr: Box::new(equal), truth: Some(false), negated: true }
            }
            _ => equal,
        }
    }
}

impl Conditions {
    /// Sorts conditions over the parts of both sides.
    pub(super) fn of(conditions: Vec<Expr>, kind: JoinKind, left_parts: usize) -> Self {
        let mut sorted = Self::default();
        for condition in conditions {
            sorted.add(condition, kind, left_parts);
        }
        sorted
    }

    fn add(&mut self, condition: Expr, kind: JoinKind, left_parts: usize) {
        let is_nullable = condition.is_nullable();
        let (equality, form) = match &condition {
            Expr::Compare { op: Comparison::Equal, left, right } => {
                let form = match kind {
                    JoinKind::Mark if is_nullable => Form::Member,
                    _ => Form::Strict,
                };
                (Some((&**left, &**right)), form)
            }
            Expr::IsDistinct { left, right, negated: true } => {
                (Some((&**left, &**right)), Form::NullsEqual)
            }
            Expr::IsTruth { expr, truth, negated } => match (&**expr, truth, negated) {
                (Expr::Compare { op: Comparison::Equal, left, right }, Some(true), false) => {
                    (Some((&**left, &**right)), Form::Strict)
                }
                (Expr::Compare { op: Comparison::Equal, left, right }, Some(false), true)
                    if kind == JoinKind::Anti =>
                {
                    (Some((&**left, &**right)), Form::Member)
                }
                _ => (None, Form::Strict),
            },
            _ => (None, Form::Strict),
        };
        let sides = equality.and_then(|(left, right)| split_sides(left, right, left_parts));
        match (sides, form) {
            (None, _) => self.residual.push(condition),
            (Some((left, right)), Form::Member) => self.members.push(Member { left, right }),
            (Some((left, right)), form) => {
                let nulls_equal = form == Form::NullsEqual;
                self.keys.push(JoinKey { left, right, nulls_equal });
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Strict,
    NullsEqual,
    Member,
}

/// The sides of an equality, each over the tuples of one side; `None` where one of them is not.
fn split_sides(first: &Expr, second: &Expr, left_parts: usize) -> Option<(Expr, Expr)> {
    let (one, other) = (Parts::of(first), Parts::of(second));
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let (left, right) = if one.is_below(left_parts) && other.is_from(left_parts) {
        (first, second)
    } else if other.is_below(left_parts) && one.is_from(left_parts) {
        (second, first)
    } else {
        return None;
    };
    Some((left.clone(), right.clone().map_parts(&|part| part - left_parts)))
}

impl JoinKey {
    /// With its sides exchanged.
    fn turned(&self) -> JoinKey {
        let JoinKey { left, right, nulls_equal } = self.clone();
        JoinKey { left: right, right: left, nulls_equal }
    }

    /// As a condition over the parts of both.
    pub(super) fn condition(&self, left_parts: usize) -> Expr {
        let left = self.left.clone();
        let right = self.right.clone().map_parts(&|part| part + left_parts);
        match self.nulls_equal {
            false => Expr::equal(left, right),
            true => {
                Expr::IsDistinct { left: Box::new(left), right: Box::new(right), negated: true }
            }
        }
    }

    /// A condition of the right side that follows from what is known of the left one.
    fn constant(&self, known: &[(ColumnRef, Expr)]) -> Option<Expr> {
        let (Expr::Column(left), Expr::Column(right)) = (&self.left, &self.right) else {
            return None;
        };
        if left.ty != right.ty || left.ty.is_float() || self.nulls_equal {
            return None;
        }
        let (_, value) = known.iter().find(|(column, _)| column == left)?;
        Some(Expr::equal(self.right.clone(), value.clone()))
    }
}

/// Whether a predicate is not true where the parts from `first` on are absent.
fn rejects_absent(predicate: &Expr, first: usize) -> bool {
    let is_absent = |expr: &Expr| matches!(expr, Expr::Column(column) if column.part >= first);
    match predicate {
        Expr::Compare { left, right, .. } => is_absent(left) || is_absent(right),
        Expr::Between { expr, negated: false, .. } | Expr::InList { expr, negated: false, .. } => {
            is_absent(expr)
        }
        Expr::IsNull { expr, negated: true } => is_absent(expr),
        Expr::Like(like) => is_absent(&like.expr),
        Expr::Not(expr) => is_absent(expr),
        other => is_absent(other),
    }
}
