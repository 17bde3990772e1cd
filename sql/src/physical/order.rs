//! Whether an index gives the order that a query wants.

use cosmictron_storage::{IndexDef, TableDef};
use cosmictron_types::ColumnIndex;

use crate::expr::Expr;
use crate::logical::SortKey;

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
    /// How the index has to be read to give the wanted order: `Some(true)` is backwards. `None` when it cannot, and when
    /// no order is wanted.
    pub(crate) fn direction(&self, wanted: &[SortKey]) -> Option<bool> {
        let mut direction = None;
        let mut at = self.equal;
        for key in wanted {
            let Expr::Column(column) = &key.expr else { return None };
            if self.def.columns[..self.equal].contains(&column.column) {
                continue; // It has one value.
            }
            let Some(&next) = self.def.columns.get(at) else {
                // All columns of a unique index are compared: no two rows are left that are equal.
                let decided = self.def.unique && !self.has_absent();
                return if decided { direction } else { None };
            };
            let forward = *direction.get_or_insert(key.descending) == key.descending;
            if next != column.column || !forward || !self.agrees_on_nulls(at, next, key) {
                return None;
            }
            at += 1;
        }
        // With every wanted column held fast there is nothing to order.
        if wanted.is_empty() { None } else { Some(direction.unwrap_or(false)) }
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
