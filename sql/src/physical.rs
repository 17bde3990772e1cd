//! Decides how a bound query is executed: which index is read, what is still filtered, where sorting is needless.
//!
//! There are no statistics yet, so paths are compared by shape: a unique key beats a prefix of equalities, more
//! equalities beat fewer, a range beats none, and of two equal ones the path wins whose order is the wanted one.
//!
//! Invariants:
//! 1. The rows that a path leaves out make one of the filter's predicates other than true; a predicate that a path takes
//!    over entirely is filtered no more, all others are: of one filter, those that cannot fail first.
//! 2. A sort is left out only where the path's order implies the wanted one.
//!
//! Reading order: [`access`], [`order`]; [`key`] is used at execution; [`split`] and [`fixed`] are for queries over several
//! stores.

pub(crate) mod access;
pub(crate) mod fixed;
pub(crate) mod key;
pub(crate) mod order;
pub(crate) mod split;

use std::sync::Arc;

use cosmictron_storage::TableDef;

use crate::expr::{Comparison, Expr};
use crate::logical::{AggregateCall, AggregateFunction, Node, Output, SortKey};
use crate::value::Datum;
use access::Path;

/// A step of an execution, above the steps that it draws on.
#[derive(Debug)]
pub(crate) enum Operator {
    /// One tuple without parts.
    Unit,
    /// No tuple: a condition is never true.
    Nothing,
    Scan(Scan),
    /// `count(*)` of a whole table, `calls` times: the table knows.
    CountRows {
        table: Arc<TableDef>,
        calls: usize,
    },
    Filter {
        input: Arc<Operator>,
        predicates: Vec<Expr>,
    },
    Aggregate {
        input: Arc<Operator>,
        keys: Vec<Output>,
        calls: Vec<AggregateCall>,
        phase: Phase,
    },
    Distinct {
        input: Arc<Operator>,
        values: Vec<Output>,
    },
    Sort {
        input: Arc<Operator>,
        keys: Vec<SortKey>,
    },
    /// The first of a sort, held in no more room than they need.
    Top {
        input: Arc<Operator>,
        keys: Vec<SortKey>,
        limit: Expr,
        offset: Option<Expr>,
    },
    Limit {
        input: Arc<Operator>,
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
    /// What a merge may need of a part: as many of its first as LIMIT and OFFSET are together. Without keys they come as
    /// they are.
    Head {
        input: Arc<Operator>,
        keys: Vec<SortKey>,
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
    /// The rows of all parts: in the order of the keys, in which each part is; without keys, one part after the other.
    Gather {
        keys: Vec<SortKey>,
    },
}

/// How much of an aggregate's work an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Whole,
    /// From tuples to the states of their groups.
    Partial,
    /// From states to values.
    Final,
}

/// Reads rows of one table.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) table: Arc<TableDef>,
    pub(crate) path: Path,
    /// The order that was wanted and that the path gives, as far as it needs comparing; empty where none was.
    pub(crate) order: Vec<SortKey>,
}

pub(crate) fn plan(node: Node) -> Operator {
    plan_ordered(node, &[]).operator
}

struct Planned {
    operator: Operator,
    /// Whether the tuples come in the wanted order.
    ordered: bool,
}

fn plan_ordered(node: Node, wanted: &[SortKey]) -> Planned {
    let unordered = |operator| Planned { operator, ordered: false };
    match node {
        Node::Unit => Planned { operator: Operator::Unit, ordered: true },
        Node::Scan(table) => scan(table, Vec::new(), wanted),
        Node::Filter { input, predicates } => filter(*input, vec![predicates], wanted),
        Node::Aggregate { input, keys, calls } => unordered(aggregate(*input, keys, calls)),
        Node::Distinct { input, values } => {
            unordered(Operator::Distinct { input: Arc::new(plan(*input)), values })
        }
        Node::Sort { input, keys } => unordered(sort(*input, keys)),
        Node::Limit { input, limit, offset } => unordered(self::limit(*input, limit, offset)),
    }
}

fn sort(input: Node, keys: Vec<SortKey>) -> Operator {
    let planned = plan_ordered(input, &keys);
    match (planned.ordered, planned.operator) {
        (true, operator) | (_, operator @ Operator::Nothing) => operator,
        (false, operator) => Operator::Sort { input: Arc::new(operator), keys },
    }
}

fn limit(input: Node, limit: Option<Expr>, offset: Option<Expr>) -> Operator {
    let operator = match input {
        Node::Sort { input, keys } => sort(*input, keys),
        other => plan(other),
    };
    match (operator, limit) {
        (Operator::Sort { input, keys }, Some(limit)) => {
            Operator::Top { input, keys, limit, offset }
        }
        (operator, limit) => Operator::Limit { input: Arc::new(operator), limit, offset },
    }
}

fn aggregate(input: Node, keys: Vec<Output>, calls: Vec<AggregateCall>) -> Operator {
    let counts_rows =
        |call: &AggregateCall| call.function == AggregateFunction::Count && call.argument.is_none();
    match plan(input) {
        Operator::Scan(Scan { table, path: Path::Whole, .. })
            if keys.is_empty() && calls.iter().all(counts_rows) =>
        {
            Operator::CountRows { table, calls: calls.len() }
        }
        input => Operator::Aggregate { input: Arc::new(input), keys, calls, phase: Phase::Whole },
    }
}

/// `levels` are the predicates of filters, the outermost filter's first, `input` what is below them.
fn filter(input: Node, mut levels: Vec<Vec<Expr>>, wanted: &[SortKey]) -> Planned {
    if levels.iter().flatten().any(is_never_true) {
        return Planned { operator: Operator::Nothing, ordered: true };
    }
    match input {
        Node::Filter { input, predicates } => {
            levels.push(predicates);
            filter(*input, levels, wanted)
        }
        Node::Scan(table) => {
            levels.reverse();
            scan(table, levels, wanted)
        }
        other => {
            let Planned { mut operator, ordered } = plan_ordered(other, wanted);
            levels.reverse();
            for predicates in levels {
                operator = filtered(operator, predicates);
            }
            Planned { operator, ordered }
        }
    }
}

/// `levels` are filters above the scan, the innermost first. Each stays a filter of its own: see [`crate::logical`].
fn scan(table: Arc<TableDef>, levels: Vec<Vec<Expr>>, wanted: &[SortKey]) -> Planned {
    let mut levels: Vec<Vec<Expr>> = levels.into_iter().map(split_betweens).collect();
    let (path, ordered) = access::choose(&table, &mut levels, wanted);
    // What comes after the last column of an index is decided by it, and a lookup has one row at most.
    let is_column = |key: &&SortKey| matches!(key.expr, Expr::Column(_));
    let order = match path {
        Path::Range(_) if ordered => wanted.iter().take_while(is_column).cloned().collect(),
        _ => Vec::new(),
    };
    let mut operator = Operator::Scan(Scan { table, path, order });
    for predicates in levels {
        operator = filtered(operator, predicates);
    }
    Planned { operator, ordered }
}

fn filtered(input: Operator, mut predicates: Vec<Expr>) -> Operator {
    predicates.retain(|predicate| predicate.literal() != Some(&Datum::Bool(true)));
    if predicates.is_empty() {
        return input;
    }
    // What the others let pass is less to compute with, and less to divide by.
    predicates.sort_by_key(Expr::can_fail);
    Operator::Filter { input: Arc::new(input), predicates }
}

fn is_never_true(predicate: &Expr) -> bool {
    matches!(predicate.literal(), Some(Datum::Bool(false) | Datum::Null))
}

/// `column BETWEEN a AND b` is two bounds. Only of a column: anything else would be evaluated twice.
fn split_betweens(predicates: Vec<Expr>) -> Vec<Expr> {
    let mut split = Vec::with_capacity(predicates.len());
    for predicate in predicates {
        match predicate {
            Expr::Between { expr, low, high, negated: false }
                if matches!(*expr, Expr::Column(_)) =>
            {
                let bound = |op, left: &Expr, right| Expr::Compare {
                    op,
                    left: Box::new(left.clone()),
                    right,
                };
                split.push(bound(Comparison::GreaterOrEqual, &expr, low));
                split.push(bound(Comparison::LessOrEqual, &expr, high));
            }
            other => split.push(other),
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use cosmictron_storage::{Store, StoreLimits};
    use cosmictron_types::TableId;
    use cosmictron_types::schema::ModuleSchema;

    use super::*;
    use crate::error::Position;
    use crate::explain::explain;
    use crate::expr::ColumnRef;
    use crate::value::{Integer, SqlType};

    const NOTE: &str = r#"{"table": {"name": "note",
        "columns": [{"name": "id", "type": "i32"}, {"name": "owner", "type": "i32"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#;

    fn table() -> Arc<TableDef> {
        let schema = ModuleSchema::parse_items([NOTE]).unwrap();
        let mut store = Store::new(StoreLimits::default());
        let id = TableId::new(1);
        store.create_table(id, Arc::new(schema.tables[0].clone()), &|_| None).unwrap();
        store.table(id).unwrap().def().clone()
    }

    fn equals(table: &TableDef, column: &str, value: i128) -> Expr {
        let column = ColumnRef {
            part: 0,
            column: table.schema.column(column).unwrap(),
            ty: SqlType::Int(Integer::I32),
            nullable: false,
            name: column.into(),
            at: Position::START,
        };
        let ty = SqlType::Int(Integer::I32);
        Expr::Compare {
            op: Comparison::Equal,
            left: Box::new(Expr::Column(column)),
            right: Box::new(Expr::Literal { value: Datum::Int(value), ty }),
        }
    }

    /// A policy is a filter directly above its scan. What the caller wrote stays above it, and may only narrow the scan.
    #[test]
    fn a_filter_below_is_never_merged_with_one_above() {
        let table = table();
        let policy = vec![equals(&table, "owner", 1)];
        let users = vec![equals(&table, "owner", 2), equals(&table, "id", 3)];
        let scan = Node::Scan(table);
        let inner = Node::Filter { input: Box::new(scan), predicates: policy };
        let outer = Node::Filter { input: Box::new(inner), predicates: users };
        assert_eq!(
            explain(&plan(outer), &[]),
            "project \n  filter owner = 2\n    filter owner = 1\n      lookup note.id = 3"
        );
    }
}
