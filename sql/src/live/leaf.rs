//! The tables of a live query: which of their rows it is about, and what it uses of them.

use std::sync::Arc;

use cosmictron_storage::TableDef;
use cosmictron_types::{ColumnIndex, TableId};

use super::tuple::KeptPart;
use crate::error::{Resource, SqlError};
use crate::execute::scan::is_same;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::{Cell, Part};
use crate::expr::{ColumnRef, Comparison, Expr};
use crate::params::Params;
use crate::value::Datum;
use crate::value::compare::encode_key;

/// One occurrence of a table in a query. It works on one row at a time, so it belongs where the rows are.
#[derive(Debug)]
pub struct Leaf {
    pub(super) table: Arc<TableDef>,
    /// In the order in which they are to be asked: the policy's come first.
    pub(super) predicates: Vec<Expr>,
    /// Comparisons with `now()` above that, once false of a row, stay so: when a query begins, such rows need not be read.
    pub(super) expiring: Vec<Expr>,
    /// Which columns are used above.
    pub(super) used: Vec<bool>,
}

/// A column that has to have one value for a row to be of interest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafKey {
    pub column: ColumnIndex,
    /// As [`Leaf::value_of`] gives it.
    pub value: Box<[u8]>,
}

/// What a query uses of one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafRow(pub(super) KeptPart);

impl Leaf {
    pub fn table(&self) -> TableId {
        self.table.id
    }

    /// Whether its rows are what a view yields, which are in no store.
    pub fn is_view(&self) -> bool {
        self.table.id.is_view()
    }

    /// Whether a table is the one that the query was planned for: rows of another form would be misread.
    pub fn is_of(&self, def: &Arc<TableDef>) -> bool {
        self.table.id == def.id && is_same(def, &self.table)
    }

    /// Why a leaf cannot be kept up to date when it is not.
    pub fn stale(&self) -> SqlError {
        SqlError::StalePlan { table: self.table.name.to_string() }
    }

    /// A column and the only value in it with which a row can pass, if the query names one. So leaves can be found by the
    /// values of a row that changes, however many there are.
    pub fn key(&self, params: &Params) -> Result<Option<LeafKey>, SqlError> {
        let Some((column, constant)) = self.equality() else { return Ok(None) };
        let value = constant.evaluate(Inputs { tuple: &[], params })?;
        let mut key = Vec::new();
        encode_key(&value, &mut key);
        Ok(Some(LeafKey { column: column.column, value: key.into() }))
    }

    /// The column of its key, and what that is compared with.
    pub(super) fn equality(&self) -> Option<(&ColumnRef, &Expr)> {
        self.predicates.iter().find_map(equality)
    }

    /// The value that a row has in the column of this leaf's key.
    pub fn value_of(&self, column: ColumnIndex, row: &[u8]) -> Box<[u8]> {
        let named = |found: &&Expr| matches!(equality(found), Some((at, _)) if at.column == column);
        let predicate = self.predicates.iter().find(named).expect("the column of the key");
        let (column, _) = equality(predicate).expect("it was found as one");
        let part = Part::Row { layout: &self.table.layout, bytes: row };
        let mut value = Vec::new();
        encode_key(&part.column(column), &mut value);
        value.into()
    }

    /// What the query uses of a row; `None` when it does not pass.
    pub fn read(&self, params: &Params, row: &[u8]) -> Result<Option<LeafRow>, SqlError> {
        let tuple = [Part::Row { layout: &self.table.layout, bytes: row }];
        for predicate in &self.predicates {
            if predicate.truth(Inputs { tuple: &tuple, params })? != Some(true) {
                return Ok(None);
            }
        }
        // Unused columns keep their places.
        let slots = self.used.iter().enumerate().map(|(at, used)| match used {
            true => Cell::Encoded(self.table.layout.column(row, index(at))),
            false => Cell::Value(Datum::Null),
        });
        KeptPart::of(slots).map(|part| Some(LeafRow(part)))
    }

    /// Whether rows come and go by themselves.
    pub(super) fn depends_on_now(&self) -> bool {
        let mut is_now = |expr: &Expr| matches!(expr, Expr::Now);
        self.predicates.iter().any(|predicate| predicate.any(&mut is_now))
    }

    /// Notes that a column is used.
    pub(super) fn note_use(&mut self, column: ColumnIndex) {
        let at = column.index();
        if self.used.len() <= at {
            self.used.resize(at + 1, false);
        }
        self.used[at] = true;
    }
}

impl LeafRow {
    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            KeptPart::Absent => 0,
            KeptPart::Row { bytes, .. } => bytes.len() + size_of::<Self>(),
        }
    }
}

/// A predicate that compares a column with a constant by `=`.
fn equality(predicate: &Expr) -> Option<(&ColumnRef, &Expr)> {
    let Expr::Compare { op: Comparison::Equal, left, right } = predicate else { return None };
    match (&**left, &**right) {
        (Expr::Column(column), constant) if is_fixed(constant) => Some((column, constant)),
        (constant, Expr::Column(column)) if is_fixed(constant) => Some((column, constant)),
        _ => None,
    }
}

/// Constants that cannot fail.
fn is_fixed(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal { .. } | Expr::Param(_) | Expr::Identity)
}

pub(super) fn index(at: usize) -> ColumnIndex {
    ColumnIndex::new(u16::try_from(at).expect("a table has fewer columns than 2^16"))
}

/// A row that is longer than a tuple can carry.
pub(super) fn too_long() -> SqlError {
    SqlError::Exhausted { what: Resource::Memory, max: u32::MAX.into() }
}
