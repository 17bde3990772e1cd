//! Decides how a bound query is executed: which index is read, what is still filtered, in which order and by which way tables
//! are joined, where sorting is needless.
//!
//! Paths into one table are compared by shape: a unique key beats a prefix of equalities, more equalities beat fewer, a range
//! beats none, and of two equal ones the path wins whose order is the wanted one. Joins are compared by what they are
//! estimated to cost ([`estimate`]), from the numbers of rows that the catalog knows and from which indexes are unique.
//!
//! Invariants:
//! 1. The rows that a path leaves out make one of the filter's predicates other than true; a predicate that a path takes
//!    over entirely is filtered no more, all others are: of one filter, those that cannot fail first.
//! 2. A sort is left out only where the path's order implies the wanted one; where it does but for ties, only those are sorted.
//! 3. Nothing that may fail goes below what guards a table's rows, and no filter is merged with one below: see [`crate::logical`].
//!
//! Reading order: [`access`], [`order`]; [`pushdown`], [`join`] with [`looks`], [`probe`], [`region`] and [`estimate`]; [`key`] is used at execution;
//! [`split`] with [`cut`], and [`fixed`] are for queries over several stores.

pub(crate) mod access;
pub(crate) mod cut;
pub(crate) mod estimate;
pub(crate) mod fixed;
pub(crate) mod join;
pub(crate) mod key;
mod looks;
pub(crate) mod order;
mod probe;
mod pushdown;
mod region;
pub(crate) mod split;

use std::sync::Arc;

use cosmictron_storage::TableDef;

use crate::catalog::Catalog;
use crate::expr::{Comparison, Expr};
use crate::logical::{AggregateCall, Node, Output, SortKey};
use crate::value::Datum;
use access::Path;
pub(crate) use join::{JoinKey, JoinOperator, Member, Probe};
use order::{Order, asked_for};

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
    Project {
        input: Arc<Operator>,
        values: Vec<Output>,
    },
    Join(Box<JoinOperator>),
    /// The parts of a tuple in another order: which part comes to each place.
    Arrange {
        input: Arc<Operator>,
        parts: Vec<usize>,
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
    /// All tuples of one input after the other.
    Union {
        inputs: Vec<Arc<Operator>>,
    },
    Sort {
        input: Arc<Operator>,
        keys: Vec<SortKey>,
        /// In the order of how many of the keys, the first ones, the tuples come already.
        presorted: usize,
    },
    /// The first of a sort, held in no more room than they need.
    Top {
        input: Arc<Operator>,
        keys: Vec<SortKey>,
        presorted: usize,
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
        presorted: usize,
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
    /// The rows of one stream of all parts: in the order of the keys, in which each part is; without keys, one part after the
    /// other.
    Gather {
        stream: usize,
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
    /// How many rows the table was taken to have.
    pub(crate) rows: f64,
}

impl Operator {
    /// The operators that this one draws on.
    pub(crate) fn inputs(&self) -> Vec<&Arc<Operator>> {
        match self {
            Operator::Unit
            | Operator::Nothing
            | Operator::Scan(_)
            | Operator::CountRows { .. }
            | Operator::Gather { .. } => Vec::new(),
            Operator::Filter { input, .. }
            | Operator::Project { input, .. }
            | Operator::Arrange { input, .. }
            | Operator::Aggregate { input, .. }
            | Operator::Distinct { input, .. }
            | Operator::Sort { input, .. }
            | Operator::Top { input, .. }
            | Operator::Limit { input, .. }
            | Operator::Head { input, .. } => vec![input],
            Operator::Union { inputs } => inputs.iter().collect(),
            Operator::Join(join) => vec![&join.left, &join.right],
        }
    }

    /// The one that this one draws on, where it is one.
    pub(crate) fn input(&self) -> Option<&Arc<Operator>> {
        match self.inputs().as_slice() {
            [input] => Some(input),
            _ => None,
        }
    }
}

pub(crate) fn plan(node: Node, catalog: &dyn Catalog) -> Operator {
    Planner { catalog }.plan(node)
}

struct Planner<'c> {
    catalog: &'c dyn Catalog,
}

struct Planned {
    operator: Operator,
    /// How far the tuples come in the wanted order.
    order: Order,
}

impl Planned {
    fn unordered(operator: Operator) -> Self {
        Self { operator, order: Order::None }
    }
}

impl Planner<'_> {
    fn plan(&self, node: Node) -> Operator {
        self.plan_ordered(node, &[]).operator
    }

    fn plan_ordered(&self, node: Node, wanted: &[SortKey]) -> Planned {
        match node {
            Node::Unit => Planned { operator: Operator::Unit, order: Order::All },
            Node::Scan(scan) => self.scan(scan.table().clone(), Vec::new(), wanted),
            Node::Guarded { input } => self.plan_ordered(*input, wanted),
            Node::Filter { input, predicates } => self.filter(*input, vec![predicates], wanted),
            Node::Project { input, values } => {
                let input = Arc::new(self.plan(*input));
                Planned::unordered(Operator::Project { input, values })
            }
            Node::Join(join) => self.join(*join, Vec::new(), wanted),
            Node::Aggregate { input, keys, calls } => {
                Planned::unordered(self.aggregate(*input, keys, calls))
            }
            Node::Distinct { input, values } => {
                let input = Arc::new(self.plan(*input));
                Planned::unordered(Operator::Distinct { input, values })
            }
            Node::Union { inputs } => {
                let inputs = inputs.into_iter().map(|input| Arc::new(self.plan(input)));
                Planned::unordered(Operator::Union { inputs: inputs.collect() })
            }
            Node::Sort { input, keys } => Planned::unordered(self.sort(*input, keys)),
            Node::Limit { input, limit, offset } => {
                Planned::unordered(self.limit(*input, limit, offset))
            }
        }
    }

    fn sort(&self, input: Node, keys: Vec<SortKey>) -> Operator {
        let planned = self.plan_ordered(input, &keys);
        match (planned.order, planned.operator) {
            (Order::All, operator) | (_, operator @ Operator::Nothing) => operator,
            (order, operator) => {
                let presorted = if order == Order::None { 0 } else { asked_for(&keys) };
                Operator::Sort { input: Arc::new(operator), keys, presorted }
            }
        }
    }

    fn limit(&self, input: Node, limit: Option<Expr>, offset: Option<Expr>) -> Operator {
        let operator = match input {
            Node::Sort { input, keys } => self.sort(*input, keys),
            other => self.plan(other),
        };
        match (operator, limit) {
            (Operator::Sort { input, keys, presorted }, Some(limit)) => {
                Operator::Top { input, keys, presorted, limit, offset }
            }
            (operator, limit) => Operator::Limit { input: Arc::new(operator), limit, offset },
        }
    }

    fn aggregate(&self, input: Node, keys: Vec<Output>, calls: Vec<AggregateCall>) -> Operator {
        match self.plan(input) {
            Operator::Scan(Scan { table, path: Path::Whole, .. })
                if keys.is_empty() && calls.iter().all(AggregateCall::counts_tuples) =>
            {
                Operator::CountRows { table, calls: calls.len() }
            }
            input => {
                Operator::Aggregate { input: Arc::new(input), keys, calls, phase: Phase::Whole }
            }
        }
    }

    /// `levels` are filters above the scan, the innermost first. Each stays a filter of its own: see [`crate::logical`].
    fn scan(&self, table: Arc<TableDef>, levels: Vec<Vec<Expr>>, wanted: &[SortKey]) -> Planned {
        let mut levels: Vec<Vec<Expr>> = levels.into_iter().map(split_betweens).collect();
        let (path, given) = access::choose(&table, &mut levels, wanted);
        let compared = given.map_or(&[][..], |given| &wanted[..given.compared]).to_vec();
        let rows = estimate::table_rows(self.catalog.row_count(&table));
        let mut operator = Operator::Scan(Scan { table, path, order: compared, rows });
        for predicates in levels {
            operator = filtered(operator, predicates);
        }
        Planned { operator, order: given.map_or(Order::None, |given| given.order) }
    }
}

fn filtered(input: Operator, mut predicates: Vec<Expr>) -> Operator {
    predicates.retain(|predicate| predicate.literal() != Some(&Datum::Bool(true)));
    if predicates.is_empty() {
        return input;
    }
    if let Operator::Nothing = input {
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
    use crate::catalog::NameError;
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

    struct NoTables;

    impl Catalog for NoTables {
        fn table(&self, _: Option<&str>, _: &str) -> Result<Arc<TableDef>, NameError> {
            Err(NameError::Unknown)
        }
    }

    fn equals(table: &TableDef, column: &str, value: i128) -> Expr {
        let column = ColumnRef {
            part: 0,
            column: table.schema.column(column).unwrap(),
            ty: SqlType::Int(Integer::I32),
            nullable: false,
            is_option: false,
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
        let outer = Node::all_rows(table).filtered(policy).guarded().filtered(users);
        assert_eq!(
            explain(&plan(outer, &NoTables), &[]),
            "project \n  filter owner = 2\n    filter owner = 1\n      lookup note.id = 3"
        );
    }
}
