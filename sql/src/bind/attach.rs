//! Joins sub-queries to the tuples that expressions are evaluated over, and lets the expressions refer to what they add.

use super::Binder;
use super::correlation::{has_outer, outer_of, too_far};
use super::subquery::{Form, SubQuery, subqueries_of};
use crate::error::{Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::logical::{JoinKind, Node};
use crate::value::SqlType;

impl Binder<'_> {
    /// The tuples that conditions let pass: those without sub-queries first, then semi- and anti-joins, then what is left.
    /// Conditions that name columns of the query around are put aside.
    pub(super) fn filtered(
        &mut self,
        node: Node,
        predicates: Vec<Expr>,
        correlation: &mut Vec<Expr>,
    ) -> Result<Node, SqlError> {
        let has_query = |expr: &Expr| !subqueries_of(expr).is_empty();
        let (asking, plain): (Vec<Expr>, Vec<Expr>) =
            predicates.into_iter().partition(|predicate| has_query(predicate));
        let (outer, plain): (Vec<Expr>, Vec<Expr>) = plain.into_iter().partition(has_outer);
        correlation.extend(outer);
        let mut node = node.filtered(plain);
        let mut others = Vec::new();
        for predicate in asking {
            match member(&predicate) {
                Some((index, negated)) if self.can_filter(index) => {
                    node = self.filtered_by(node, index, negated)?;
                }
                _ => others.push(predicate),
            }
        }
        let mut last = Vec::new();
        for mut predicate in others {
            node = self.attached(node, &mut predicate)?;
            if has_outer(&predicate) { correlation.push(predicate) } else { last.push(predicate) }
        }
        Ok(node.filtered(last))
    }

    fn can_filter(&self, index: usize) -> bool {
        let SubQuery { form, attached, .. } = &self.level.subqueries[index];
        attached.is_none() && !matches!(form, Form::Scalar { .. })
    }

    /// A semi- or an anti-join.
    fn filtered_by(
        &mut self,
        mut node: Node,
        index: usize,
        negated: bool,
    ) -> Result<Node, SqlError> {
        let SubQuery { form, node: right, mut on, .. } = self.level.subqueries[index].clone();
        // Nothing else refers to it.
        self.level.subqueries[index].attached = Some(Expr::boolean(true));
        if let Form::In { mut value, among } = form {
            node = self.attached(node, &mut value)?;
            let unknown = value.is_nullable() || among.is_nullable();
            let equal = Expr::equal(outer_of(value), among);
            on.push(match negated && unknown {
                true => Expr::IsTruth { expr: Box::new(equal), truth: Some(false), negated: true },
                false => equal,
            });
        }
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        let parts = node.parts();
        Ok(node.joined(kind, right, placed(on, parts)))
    }

    /// Joins the sub-queries of an expression, and puts their values in their places.
    pub(super) fn attached(&mut self, mut node: Node, expr: &mut Expr) -> Result<Node, SqlError> {
        for index in subqueries_of(expr) {
            if self.level.subqueries[index].attached.is_none() {
                node = self.attach(node, index)?;
            }
        }
        self.replace_attached(expr);
        Ok(node)
    }

    /// Puts the values of sub-queries that were joined in their places.
    pub(super) fn replace_attached(&self, expr: &mut Expr) {
        expr.replace(&mut |expr| match expr {
            Expr::SubQuery(index) => self.level.subqueries[*index].attached.clone(),
            _ => None,
        });
    }

    fn attach(&mut self, mut node: Node, index: usize) -> Result<Node, SqlError> {
        // What it is compared with may have sub-queries of its own.
        if let Form::In { mut value, among } = self.level.subqueries[index].form.clone() {
            node = self.attached(node, &mut value)?;
            self.level.subqueries[index].form = Form::In { value, among };
        }
        let parts = node.parts();
        let SubQuery { form, node: right, on, .. } = self.level.subqueries[index].clone();
        let mark = || Expr::made_column(parts, 0, SqlType::Bool, true, "found");
        let (kind, on, value) = match form {
            Form::Exists => (JoinKind::Mark, on.into_iter().map(certain).collect(), mark()),
            Form::In { value, among } => {
                if has_outer(&value) {
                    return Err(too_far(Position::START));
                }
                let mut on: Vec<Expr> = on.into_iter().map(certain).collect();
                on.push(Expr::equal(outer_of(value), among));
                (JoinKind::Mark, on, mark())
            }
            Form::Scalar { value, kind } => {
                // A column of the query around is one of the left side.
                let value = shifted(value, parts);
                let value = nullable(value);
                (kind, on, value)
            }
        };
        self.level.subqueries[index].attached = Some(value);
        Ok(node.joined(kind, right, placed(on, parts)))
    }
}

/// A sub-query that is a condition of its own, or one that must not hold.
fn member(predicate: &Expr) -> Option<(usize, bool)> {
    match predicate {
        Expr::SubQuery(index) => Some((*index, false)),
        Expr::Not(inner) => match **inner {
            Expr::SubQuery(index) => Some((index, true)),
            _ => None,
        },
        _ => None,
    }
}

/// A condition that is never unknown: a row that a sub-query's WHERE does not let pass is not there.
fn certain(condition: Expr) -> Expr {
    if !condition.is_nullable() {
        return condition;
    }
    Expr::IsTruth { expr: Box::new(condition), truth: Some(true), negated: false }
}

/// Conditions of a sub-query over the tuples of a join, where so many parts are on the left.
fn placed(on: Vec<Expr>, parts: usize) -> Vec<Expr> {
    let on = on.into_iter().map(|condition| shifted(condition, parts));
    on.filter(|condition| *condition != Expr::boolean(true)).collect()
}

fn shifted(mut expr: Expr, parts: usize) -> Expr {
    expr.replace(&mut |expr| match expr {
        Expr::Column(column) => {
            Some(Expr::Column(ColumnRef { part: column.part + parts, ..column.clone() }))
        }
        Expr::Outer(column) => Some(Expr::Column(column.clone())),
        _ => None,
    });
    expr
}

/// A value of a part that may be absent.
fn nullable(mut expr: Expr) -> Expr {
    expr.columns_mut(&mut |column| column.nullable = true);
    expr
}
