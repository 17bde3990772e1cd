//! Finds the one value that a plan's conditions leave to a column, so that a query can go where the rows with it are.
//!
//! Only what is below aggregates counts, that is WHERE: the columns of HAVING are others. As for a path, a bare column is
//! compared exactly, because the binder put a cast around every other.

use cosmictron_storage::{Key, TableDef};
use cosmictron_types::{ColumnIndex, TableId, Type};

use super::access::{KeyPart, Path};
use super::{Operator, Scan};
use crate::error::EvalError;
use crate::expr::{Comparison, Expr};
use crate::value::Datum;
use crate::value::column::{Place, place};

/// Which rows a query can show, by the value of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixedKey {
    /// Rows of any value.
    Any,
    /// Rows of the value with this key alone: see [`Key::of_value`].
    One(Key),
    /// No row, whatever its value.
    Never,
}

impl FixedKey {
    /// What both leave.
    fn and(self, other: FixedKey) -> FixedKey {
        match (self, other) {
            (FixedKey::Any, other) | (other, FixedKey::Any) => other,
            (FixedKey::One(key), FixedKey::One(other)) if key == other => FixedKey::One(key),
            _ => FixedKey::Never,
        }
    }
}

impl FixedKey {
    /// What either leaves.
    fn or(self, other: FixedKey) -> FixedKey {
        match (self, other) {
            (FixedKey::Never, other) | (other, FixedKey::Never) => other,
            (FixedKey::One(key), FixedKey::One(other)) if key == other => FixedKey::One(key),
            _ => FixedKey::Any,
        }
    }
}

/// Evaluates a constant.
type Evaluate<'f> = &'f dyn Fn(&Expr) -> Result<Datum<'static>, EvalError>;

pub(crate) fn fixed_key(
    operator: &Operator,
    of: (TableId, ColumnIndex),
    evaluate: Evaluate<'_>,
) -> FixedKey {
    let mut found = FixedKey::Never;
    collect(operator, &mut Vec::new(), of, evaluate, &mut found);
    found
}

/// Every place where the table is read has its say.
fn collect<'o>(
    operator: &'o Operator,
    filters: &mut Vec<&'o Expr>,
    of: (TableId, ColumnIndex),
    evaluate: Evaluate<'_>,
    found: &mut FixedKey,
) {
    let mut see = |key: FixedKey| {
        let known = core::mem::replace(found, FixedKey::Any);
        *found = known.or(key);
    };
    match operator {
        Operator::Scan(scan) if scan.table.id == of.0 => {
            see(of_scan(scan, filters, of.1, evaluate));
        }
        Operator::CountRows { table, .. } if table.id == of.0 => see(FixedKey::Any),
        Operator::Filter { input, predicates } => {
            filters.extend(predicates);
            collect(input, filters, of, evaluate, found);
        }
        other => {
            // What was above is about other columns.
            for input in other.inputs() {
                collect(input, &mut Vec::new(), of, evaluate, found);
            }
        }
    }
}

fn of_scan(
    scan: &Scan,
    filters: &[&Expr],
    column: ColumnIndex,
    evaluate: Evaluate<'_>,
) -> FixedKey {
    let Scan { table, path, .. } = scan;
    let of = |wanted: Wanted<'_>| wanted.key(table, column, evaluate);
    let filters = filters.iter().filter_map(|filter| Wanted::of_predicate(filter, column));
    let (index, equal) = match path {
        Path::Whole => (None, &[][..]),
        Path::Lookup { index, key } => (Some(*index), key.as_slice()),
        Path::Range(range) => (Some(range.index), range.equal.as_slice()),
    };
    let columns = index.map_or(&[][..], |index| table.index(index).columns.as_slice());
    let parts = columns.iter().zip(equal).filter(|(named, _)| **named == column);
    let parts = parts.map(|(_, part)| Wanted::of_part(part));
    filters.chain(parts).map(of).fold(FixedKey::Any, FixedKey::and)
}

/// What an equality asks of a column.
enum Wanted<'p> {
    Value(&'p Expr),
    Truth(bool),
    Absent,
}

impl<'p> Wanted<'p> {
    fn of_part(part: &'p KeyPart) -> Self {
        match part {
            KeyPart::Value(value) => Wanted::Value(value),
            KeyPart::Absent => Wanted::Absent,
        }
    }

    fn of_predicate(predicate: &'p Expr, column: ColumnIndex) -> Option<Self> {
        let is_column = |expr: &Expr| matches!(expr, Expr::Column(named) if named.column == column);
        match predicate {
            Expr::Compare { op: Comparison::Equal, left, right } => {
                let value = match (is_column(left), is_column(right)) {
                    (true, false) => right,
                    (false, true) => left,
                    _ => return None,
                };
                value.is_constant().then_some(Wanted::Value(value))
            }
            Expr::IsNull { expr, negated: false } if is_column(expr) => Some(Wanted::Absent),
            Expr::Not(expr) if is_column(expr) => Some(Wanted::Truth(false)),
            Expr::Column(_) if is_column(predicate) => Some(Wanted::Truth(true)),
            _ => None,
        }
    }

    fn key(self, table: &TableDef, column: ColumnIndex, evaluate: Evaluate<'_>) -> FixedKey {
        let ty = &table.layout.types()[column.index()];
        let value = match self {
            Wanted::Absent => return absent(ty),
            Wanted::Truth(truth) => Datum::Bool(truth),
            Wanted::Value(value) => match evaluate(value) {
                Ok(value) => value,
                // Whether it is ever evaluated is for the execution to find out.
                Err(_) => return FixedKey::Any,
            },
        };
        if value.is_null() {
            return FixedKey::Never;
        }
        if !ty.required().is_key() {
            return FixedKey::Any;
        }
        match place(ty.required(), &value) {
            Place::At(tail) => {
                let mut own = if ty.is_option() { vec![1] } else { Vec::new() };
                own.extend_from_slice(tail.as_bytes());
                Key::of_value(ty, &own).map_or(FixedKey::Any, FixedKey::One)
            }
            Place::After(_) | Place::Below | Place::Above => FixedKey::Never,
        }
    }
}

fn absent(ty: &Type) -> FixedKey {
    if !ty.is_option() {
        return FixedKey::Never;
    }
    let tail = vec![0; ty.width().unwrap_or(1)];
    Key::of_value(ty, &tail).map_or(FixedKey::Any, FixedKey::One)
}
