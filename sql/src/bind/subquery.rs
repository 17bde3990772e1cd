//! Binds sub-queries in expressions, and takes apart what they say of the query around them.
//!
//! A sub-query names columns of the query around it as [`Expr::Outer`]. Conditions of its WHERE that do are not part of its
//! node: they become what it is joined on ([`SubQuery::on`]), so the node stands for itself. Below an aggregate such a
//! condition has to be an equality: its inner side becomes one more key of the aggregate, and the join is on that.
//!
//! The row of an aggregate without GROUP BY is there even where the correlation leaves no tuple. By keys there is no such
//! group, and the join finds nothing: so its aggregates are null, save a `count`, which is 0 there, and HAVING is asked above the
//! join.

use sqlparser::ast::{Expr as Ast, Query};

use super::correlation::{has_outer, too_far};
use super::select::Selected;
use super::tail::Limits;
use super::{Binder, Bound, Clause};
use crate::error::{Position, SqlError};
use crate::expr::{Case, Comparison, Expr};
use crate::logical::{AggregateFunction, JoinKind, Node, Output};
use crate::value::{Datum, Integer, SqlType};

/// A sub-query that an expression of the SELECT at hand has.
#[derive(Clone)]
pub(super) struct SubQuery {
    pub(super) form: Form,
    pub(super) node: Node,
    /// Conditions over its tuples and columns of the SELECT at hand.
    pub(super) on: Vec<Expr>,
    /// Whether it stands above an aggregate, and refers to its output.
    pub(super) is_lifted: bool,
    /// What stands for it, once it is joined.
    pub(super) attached: Option<Expr>,
}

/// What is asked of a sub-query.
#[derive(Clone)]
pub(super) enum Form {
    Exists,
    /// Whether a value is among those of it.
    In {
        /// Over the tuples of the SELECT at hand.
        value: Expr,
        /// Over its own.
        among: Expr,
    },
    /// Its value.
    Scalar {
        /// Over its tuples, or absent parts.
        value: Expr,
        kind: JoinKind,
    },
}

impl Binder<'_> {
    pub(super) fn exists(&mut self, query: &Query, at: Position) -> Result<Bound, SqlError> {
        let selected = self.inner(query, at)?;
        if !selected.is_correlated() {
            let node = selected.finish()?.node;
            return Ok(self.keep(Form::Exists, node, Vec::new(), SqlType::Bool, at));
        }
        self.refuse_limits(&selected, true)?;
        match &selected.lone_group {
            None => {}
            Some(having) if having.is_empty() => {
                return Ok(Bound::new(Expr::boolean(true), SqlType::Bool, at));
            }
            Some(_) => {
                let what = "HAVING without GROUP BY in a correlated EXISTS";
                return Err(SqlError::unsupported(what, selected.at));
            }
        }
        Ok(self.keep(Form::Exists, selected.node, selected.correlation, SqlType::Bool, at))
    }

    /// `value IN (query)`.
    pub(super) fn in_query(
        &mut self,
        value: &Ast,
        query: &Query,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let value = self.expression(value)?;
        let selected = self.inner(query, at)?;
        let item = only_item(&selected)?;
        if selected.lone_group.is_some() && selected.is_correlated() {
            let scalar = self.correlated_scalar(selected, item, at)?;
            let (operands, _) = self.comparable(vec![value, scalar], false)?;
            let [left, right] = super::expression::boxed(operands);
            let op = Comparison::Equal;
            return Ok(self.typed(Expr::Compare { op, left, right }, SqlType::Bool, at));
        }
        let (node, on, among) = if !selected.is_correlated() {
            let mut query = selected.finish()?;
            let output = query.output.remove(0);
            (query.node, Vec::new(), Bound::new(output.expr, output.ty, item.at))
        } else {
            self.refuse_limits(&selected, true)?;
            (selected.node, selected.correlation, item)
        };
        let (operands, _) = self.comparable(vec![value, among], false)?;
        let mut operands = operands.into_iter().map(|operand| operand.expr);
        let (Some(value), Some(among)) = (operands.next(), operands.next()) else {
            unreachable!("two operands")
        };
        if has_outer(&value) {
            return Err(too_far(at));
        }
        Ok(self.keep(Form::In { value, among }, node, on, SqlType::Bool, at))
    }

    /// `(SELECT …)` as a value.
    pub(super) fn scalar_query(&mut self, query: &Query, at: Position) -> Result<Bound, SqlError> {
        let selected = self.inner(query, at)?;
        let item = only_item(&selected)?;
        if selected.is_correlated() {
            return self.correlated_scalar(selected, item, at);
        }
        let mut query = selected.finish()?;
        let output = query.output.remove(0);
        // Where there is no row the value is null, so it must be one of a part.
        let (node, value) = match output.expr {
            Expr::Column(_) => (query.node, output.expr),
            _ => {
                let value = made(0, &output);
                (Node::Project { input: Box::new(query.node), values: vec![output.clone()] }, value)
            }
        };
        let form = Form::Scalar { value, kind: JoinKind::Single };
        Ok(self.keep(form, node, Vec::new(), output.ty, at))
    }

    /// A query inside the expression at hand.
    fn inner(&mut self, query: &Query, at: Position) -> Result<Selected, SqlError> {
        if let Clause::Limit(clause) = self.level.clause {
            return Err(SqlError::unsupported(format!("a sub-query in {clause}"), at));
        }
        self.count_relations(1, at)?;
        self.enclosed(true, at, |binder| binder.query(query))
    }

    /// LIMIT and OFFSET of a correlated query are refused; where only whether there is a row matters, LIMIT 1 and more say
    /// nothing.
    fn refuse_limits(&self, selected: &Selected, is_of_existence: bool) -> Result<(), SqlError> {
        let Limits { limit, offset } = &selected.limits;
        let says_nothing = match limit {
            None => true,
            Some(limit) => {
                is_of_existence && matches!(limit.literal(), Some(Datum::Int(1..) | Datum::Null))
            }
        };
        if says_nothing && offset.is_none() {
            return Ok(());
        }
        Err(SqlError::unsupported("LIMIT in a correlated sub-query", selected.at))
    }

    fn correlated_scalar(
        &mut self,
        selected: Selected,
        item: Bound,
        at: Position,
    ) -> Result<Bound, SqlError> {
        let ty = item.ty.clone().unwrap_or(SqlType::String);
        self.refuse_limits(&selected, selected.lone_group.is_some())?;
        let Selected { node, distinct, correlation, lone_group, .. } = selected;
        if let Some(having) = lone_group {
            let value = lone_value(item.expr, having, &node);
            let form = Form::Scalar { value, kind: JoinKind::Left };
            return Ok(self.keep(form, node, correlation, ty, at));
        }
        if has_outer(&item.expr) {
            let what = "a column of the query around a sub-query in its select list";
            return Err(SqlError::unsupported(what, at));
        }
        // The value, and what of the tuple the conditions look at.
        let first = Output { name: item.expr.to_string(), expr: item.expr, ty: ty.clone() };
        let mut values = vec![first];
        let mut on = correlation;
        for condition in &mut on {
            condition.columns_mut(&mut |column| {
                let known = values[1..].iter().position(
                    |value| matches!(&value.expr, Expr::Column(known) if known == column),
                );
                let place = known.unwrap_or_else(|| {
                    let (name, ty) = (column.name.to_string(), column.ty.clone());
                    values.push(Output { name, expr: Expr::Column(column.clone()), ty });
                    values.len() - 2
                });
                let Expr::Column(made) = made(place + 1, &values[place + 1]) else {
                    unreachable!("a column")
                };
                *column = made;
            });
        }
        let value = made(0, &values[0]);
        let input = Box::new(node);
        let node = match distinct {
            true => Node::Distinct { input, values },
            false => Node::Project { input, values },
        };
        let form = Form::Scalar { value, kind: JoinKind::Single };
        Ok(self.keep(form, node, on, ty, at))
    }

    fn keep(&mut self, form: Form, node: Node, on: Vec<Expr>, ty: SqlType, at: Position) -> Bound {
        self.level.subqueries.push(SubQuery { form, node, on, is_lifted: false, attached: None });
        Bound::new(Expr::SubQuery(self.level.subqueries.len() - 1), ty, at)
    }
}

/// The sub-queries that an expression has.
pub(super) fn subqueries_of(expr: &Expr) -> Vec<usize> {
    let mut indexes = Vec::new();
    let _ = expr.any(&mut |expr| {
        if let Expr::SubQuery(index) = expr {
            indexes.push(*index);
        }
        false
    });
    indexes
}

/// A column of a part that holds these values.
pub(super) fn made(place: usize, output: &Output) -> Expr {
    Expr::made_column(0, place, output.ty.clone(), true, &output.name)
}

fn only_item(selected: &Selected) -> Result<Bound, SqlError> {
    match selected.items.as_slice() {
        [item] => Ok(item.bound.clone()),
        items => {
            let detail = format!("a sub-query with {} columns is no value", items.len());
            Err(SqlError::misplaced(detail, selected.at))
        }
    }
}

/// The value of a lone group, over its row or over none.
fn lone_value(mut value: Expr, having: Vec<Expr>, node: &Node) -> Expr {
    let calls = match node {
        Node::Aggregate { keys, calls, .. } => (keys.len(), calls.as_slice()),
        _ => (0, &[][..]),
    };
    let zero = || Expr::Literal { value: Datum::Int(0), ty: SqlType::Int(Integer::I64) };
    let mut counts = |expr: &Expr| match expr {
        Expr::Column(column) => {
            let call = column.column.index().checked_sub(calls.0).and_then(|at| calls.1.get(at));
            match call {
                Some(call) if call.function == AggregateFunction::Count => {
                    Some(Expr::Coalesce(vec![expr.clone(), zero()]))
                }
                _ => None,
            }
        }
        _ => None,
    };
    value.replace(&mut counts);
    if having.is_empty() {
        return value;
    }
    let mut conditions = having;
    conditions.iter_mut().for_each(|condition| condition.replace(&mut counts));
    let condition =
        if conditions.len() == 1 { conditions.remove(0) } else { Expr::And(conditions) };
    Expr::Case(Box::new(Case {
        operand: None,
        branches: vec![(condition, value)],
        otherwise: None,
    }))
}
