//! Whether an index gives the order that a query wants, and how far.

use cosmictron_storage::{IndexDef, TableDef};
use cosmictron_types::ColumnIndex;

use super::looks::Parts;
use crate::expr::{ColumnRef, Expr};
use crate::logical::SortKey;

/// How far tuples come in the order that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    None,
    /// In that of the keys that were asked for: tuples that are equal in it come in any.
    ButForTies,
    All,
}

/// How an index has to be read, and what that gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) descending: bool,
    pub(crate) order: Order,
    /// How many of the wanted keys, the first ones, have to be compared to find that order again.
    pub(crate) compared: usize,
}

impl Given {
    /// Of one row at most.
    pub(crate) const ONE_ROW: Given = Given { descending: false, order: Order::All, compared: 0 };
}

/// How many of the keys were asked for.
pub(crate) fn asked_for(keys: &[SortKey]) -> usize {
    keys.iter().take_while(|key| !key.breaks_ties).count()
}

/// The wanted order as far as it is one of the parts from `first` to `end`, over those alone; and what of the whole it can be
/// at best.
pub(super) fn of_parts(wanted: &[SortKey], first: usize, end: usize) -> (Vec<SortKey>, Order) {
    let (asked, ties) = wanted.split_at(asked_for(wanted));
    let is_local = |key: &&SortKey| Parts::of(&key.expr).is_within(first, end);
    if asked.is_empty() || !asked.iter().all(|key| is_local(&key)) {
        return (Vec::new(), Order::None);
    }
    let local: Vec<&SortKey> = asked.iter().chain(ties.iter().take_while(is_local)).collect();
    let order = if local.len() == wanted.len() { Order::All } else { Order::ButForTies };
    let moved = |key: &SortKey| {
        let expr = key.expr.clone().map_parts(&|part| part - first);
        SortKey { expr, ..key.clone() }
    };
    (local.into_iter().map(moved).collect(), order)
}

/// The order of an index whose first columns are held fast.
pub(crate) struct IndexOrder<'d> {
    pub(crate) def: &'d IndexDef,
    pub(crate) table: &'d TableDef,
    /// How many of its first columns have one value.
    pub(crate) equal: usize,
    /// Whether rows in which the column after those is absent are left out.
    pub(crate) next_is_present: bool,
}

impl IndexOrder<'_> {
    /// How the index has to be read to give the wanted order. `None` when it cannot, and when no order is wanted.
    pub(crate) fn given(&self, wanted: &[SortKey]) -> Option<Given> {
        let mut direction = None;
        let mut at = self.equal;
        for (compared, key) in wanted.iter().enumerate() {
            if at == self.def.columns.len() && self.def.unique && !self.has_absent() {
                // All its columns are compared: no two rows are left that are equal.
                return direction.map(|descending| Given {
                    descending,
                    order: Order::All,
                    compared,
                });
            }
            if self.has_one_value(key) {
                continue;
            }
            if self.goes_on(at, key) && *direction.get_or_insert(key.descending) == key.descending {
                at += 1;
            } else if key.breaks_ties {
                let (descending, order) = (direction.unwrap_or(false), Order::ButForTies);
                return Some(Given { descending, order, compared });
            } else {
                return None;
            }
        }
        // With every wanted column held fast there is nothing to order.
        let (descending, compared) = (direction.unwrap_or(false), wanted.len());
        (!wanted.is_empty()).then_some(Given { descending, order: Order::All, compared })
    }

    /// Whether a key is of a column that is held fast.
    fn has_one_value(&self, key: &SortKey) -> bool {
        let fast = &self.def.columns[..self.equal];
        column_of(key).is_some_and(|column| fast.contains(&column.column))
    }

    /// Whether a key is the column of the index at this place.
    fn goes_on(&self, at: usize, key: &SortKey) -> bool {
        let (Some(&next), Some(column)) = (self.def.columns.get(at), column_of(key)) else {
            return false;
        };
        next == column.column && self.agrees_on_nulls(at, next, key)
    }

    /// Absent comes first in an index, so last when it is read backwards.
    fn agrees_on_nulls(&self, at: usize, column: ColumnIndex, key: &SortKey) -> bool {
        let never_null = !self.table.layout.types()[column.index()].is_option()
            || (at == self.equal && self.next_is_present);
        never_null || key.nulls_first != key.descending
    }

    fn has_absent(&self) -> bool {
        let types = self.table.layout.types();
        self.def.columns.iter().any(|column| types[column.index()].is_option())
    }
}

/// The column that a key is, as an index orders it: of two zeros neither comes first there.
fn column_of(key: &SortKey) -> Option<&ColumnRef> {
    match &key.expr {
        Expr::Column(column) if !(key.tells_forms && column.ty.has_equal_forms()) => Some(column),
        _ => None,
    }
}
