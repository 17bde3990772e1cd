//! Finds columns of an answer whose values, taken together, no two of its rows have: by them a client knows which row has become
//! which.
//!
//! It is found from what a query means, going down from what is shown to the tables:
//!
//! | node | its key |
//! |---|---|
//! | scan | the columns of a unique index that is never null |
//! | filter, sort, limit | its input's |
//! | join, left join | those of both inputs; of the right one without what the left tuple settles by `=` |
//! | inner join | or the other way round, where that takes fewer columns |
//! | full join | those of both inputs, if one of them is never null |
//! | semi, anti, mark and single join | the left input's |
//! | aggregate, distinct | its input's where it keeps that; else all columns by which it tells groups apart |
//! | unit, aggregate without keys | no columns: there is at most one tuple |
//! | union | none |
//!
//! **Invariants**
//! 1. No two tuples of a node are not distinct from one another in all columns of its key and in all that are
//!    [settled](Standing::Settled); nulls are not distinct from one another.
//! 2. Values that are equal and shown as different ones, such as `0` and `-0`, tell no rows apart: a table may have both, and
//!    clients may hold them for the same.
//!
//! Why a left join needs nothing else: tuples that are alike in the left key have the same left tuple, which either has found
//! right ones or has not. Of a full join a tuple without a right one and one without a left one may be alike in nulls.

use cosmictron_storage::TableDef;
use cosmictron_types::ColumnIndex;

use crate::expr::{Comparison, Expr, column_index};
use crate::logical::{Join, JoinKind, Node, Output, Query};
use crate::value::SqlType;

/// Nodes that are looked at: an inner join may look at its inputs twice. Where it is too little, less is known.
const STEPS_MAX: u32 = 2_048;

/// What is above knows of a column of a tuple.
#[derive(Clone, Copy)]
enum Standing {
    /// Nothing.
    Hidden,
    /// It is the column of the answer with this place.
    Shown(usize),
    /// Its value follows from that of what it is joined with.
    Settled,
}

/// How a column stands: by its part, and its place there.
type Look<'l> = &'l dyn Fn(usize, ColumnIndex) -> Standing;

/// See invariant 1.
struct Key {
    columns: Vec<usize>,
    /// Whether one of them is never null.
    has_present: bool,
}

/// The columns of a query's answer that are its key, in ascending order.
pub(crate) fn answer_key(query: &Query) -> Option<Vec<usize>> {
    let look = |part, column| shown(&query.output, part, column);
    let mut columns = Search { steps: STEPS_MAX }.key(&query.node, &look)?.columns;
    columns.sort_unstable();
    columns.dedup();
    Some(columns)
}

/// Where a column is shown as it is.
fn shown(output: &[Output], part: usize, column: ColumnIndex) -> Standing {
    let is_it = |output: &Output| is_column(&output.expr, part, column);
    output.iter().position(is_it).map_or(Standing::Hidden, Standing::Shown)
}

fn is_column(expr: &Expr, part: usize, column: ColumnIndex) -> bool {
    matches!(expr, Expr::Column(known) if (known.part, known.column) == (part, column))
}

struct Search {
    steps: u32,
}

impl Search {
    /// The key of a node whose columns stand as `look` says.
    fn key(&mut self, node: &Node, look: Look<'_>) -> Option<Key> {
        self.steps = self.steps.checked_sub(1)?;
        match node {
            Node::Unit => Some(Key { columns: Vec::new(), has_present: false }),
            Node::Scan(scan) => table_key(scan.table(), look),
            Node::Guarded { input }
            | Node::Filter { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. } => self.key(input, look),
            Node::Project { input, values } => self.key(input, &through(values, look)),
            Node::Join(join) => self.join_key(join, look),
            Node::Aggregate { input, keys: values, .. } | Node::Distinct { input, values } => {
                let kept = self.key(input, &through(values, look));
                kept.or_else(|| group_key(values, look))
            }
            Node::Union { .. } => None,
        }
    }

    fn join_key(&mut self, join: &Join, look: Look<'_>) -> Option<Key> {
        match join.kind {
            JoinKind::Semi | JoinKind::Anti | JoinKind::Mark | JoinKind::Single => {
                self.key(&join.left, look)
            }
            JoinKind::Left => self.left_first(join, look),
            JoinKind::Inner => {
                let key = self.left_first(join, look);
                if key.as_ref().is_some_and(|key| key.columns.len() <= 1) {
                    return key;
                }
                let other = self.right_first(join, look);
                [key, other].into_iter().flatten().min_by_key(|key| key.columns.len())
            }
            JoinKind::Full => {
                let left = self.key(&join.left, look)?;
                let right = self.key(&join.right, &of_right(join, look))?;
                let is_told_apart = left.has_present || right.has_present;
                is_told_apart.then(|| Key { has_present: false, ..left.with(right) })
            }
        }
    }

    fn left_first(&mut self, join: &Join, look: Look<'_>) -> Option<Key> {
        let left = self.key(&join.left, look)?;
        let parts = join.left.parts();
        let settled = |part, column| match look(part + parts, column) {
            Standing::Settled => Standing::Settled,
            _ if is_settled(join, part + parts, column) => Standing::Settled,
            other => other,
        };
        let right = self.key(&join.right, &settled)?;
        let has_present = left.has_present || right.has_present && join.kind == JoinKind::Inner;
        Some(Key { has_present, ..left.with(right) })
    }

    /// Of an inner join alone: of others there are tuples for which its conditions do not hold.
    fn right_first(&mut self, join: &Join, look: Look<'_>) -> Option<Key> {
        let right = self.key(&join.right, &of_right(join, look))?;
        let settled = |part, column| match look(part, column) {
            Standing::Settled => Standing::Settled,
            _ if is_settled(join, part, column) => Standing::Settled,
            other => other,
        };
        let left = self.key(&join.left, &settled)?;
        Some(Key { has_present: left.has_present || right.has_present, ..right.with(left) })
    }
}

impl Key {
    fn with(mut self, other: Key) -> Key {
        self.columns.extend(other.columns);
        self
    }
}

/// How the columns of a join's right input stand.
fn of_right<'l>(join: &Join, look: Look<'l>) -> impl Fn(usize, ColumnIndex) -> Standing + 'l {
    let parts = join.left.parts();
    move |part, column| look(part + parts, column)
}

/// How columns stand below a node that shows each as one of its own, where it does.
fn through<'l>(
    values: &'l [Output],
    look: Look<'l>,
) -> impl Fn(usize, ColumnIndex) -> Standing + 'l {
    move |part, column| {
        let mut found = Standing::Hidden;
        for (at, value) in values.iter().enumerate() {
            if !is_column(&value.expr, part, column) {
                continue;
            }
            match look(0, column_index(at)) {
                Standing::Settled => return Standing::Settled,
                Standing::Shown(at) if matches!(found, Standing::Hidden) => {
                    found = Standing::Shown(at);
                }
                _ => {}
            }
        }
        found
    }
}

/// Whether a join's conditions say that a column equals what follows from the other input.
fn is_settled(join: &Join, part: usize, column: ColumnIndex) -> bool {
    let parts = join.left.parts();
    let is_of_other = |expr: &Expr| {
        let mut is_of_other = true;
        expr.columns(&mut |named| is_of_other &= (named.part < parts) != (part < parts));
        is_of_other
    };
    let is_it = |expr: &Expr| match expr {
        Expr::Column(named) => is_column(expr, part, column) && !named.ty.has_equal_forms(),
        _ => false,
    };
    join.on.iter().any(|condition| match condition {
        Expr::Compare { op: Comparison::Equal, left, right } => {
            is_it(left) && is_of_other(right) || is_it(right) && is_of_other(left)
        }
        _ => false,
    })
}

/// Of the unique indexes of a table whose columns are all known the one that needs the fewest.
fn table_key(table: &TableDef, look: Look<'_>) -> Option<Key> {
    let types = table.layout.types();
    let keys = table.indexes.iter().filter(|index| index.unique).filter_map(|index| {
        let columns = index.columns.iter().map(|column| {
            let (ty, is_option) = SqlType::of_column(&types[column.index()]);
            (!is_option && !ty.has_equal_forms()).then_some((*column, false))
        });
        key_of(columns.collect::<Option<Vec<_>>>()?.into_iter(), look)
    });
    keys.min_by_key(|key| key.columns.len())
}

/// All columns that tell groups apart. Lists, structs and enums are no keys: what is within them may be the same in several forms.
fn group_key(values: &[Output], look: Look<'_>) -> Option<Key> {
    if values.iter().any(|value| matches!(value.ty, SqlType::Composite(_))) {
        return None;
    }
    let column = |(at, value): (usize, &Output)| (column_index(at), value.expr.is_nullable());
    key_of(values.iter().enumerate().map(column), look)
}

/// The columns of the first part that are a key, where all are known. Each comes with whether it may be null.
fn key_of(columns: impl Iterator<Item = (ColumnIndex, bool)>, look: Look<'_>) -> Option<Key> {
    let mut key = Key { columns: Vec::new(), has_present: false };
    for (column, is_nullable) in columns {
        match look(0, column) {
            Standing::Hidden => return None,
            Standing::Settled => {}
            Standing::Shown(at) => {
                key.columns.push(at);
                key.has_present |= !is_nullable;
            }
        }
    }
    Some(key)
}
