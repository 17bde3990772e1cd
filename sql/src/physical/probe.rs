//! Finds the index by which the right tuples of a join are looked up, where that is cheaper than to read all of them.

use cosmictron_storage::IndexDef;
use cosmictron_types::IndexId;

use super::access::{KeyPart, KeyRange, Path};
use super::estimate::rows_a_key;
use super::join::{Conditions, JoinKey, Probe};
use super::{Operator, Scan};
use crate::expr::Expr;
use crate::logical::JoinKind;

/// Whether the right tuples of an inner join would be looked up.
pub(super) fn is_probed(left: &Operator, right: &Operator, conditions: &Conditions) -> bool {
    probe_of(JoinKind::Inner, left, right, 0, &conditions.keys, &[]).is_some()
}

/// What a lookup costs beyond reading a row, in rows.
const LOOKUP_COST: f64 = 3.0;
/// What a row costs that is found by an index, compared to one of a scan.
const FOUND_COST: f64 = 2.0;
/// What a row costs that is read and put into a hash table.
const BUILD_COST: f64 = 2.0;

/// The lookup that is cheaper than a hash table, if there is one.
pub(super) fn probe_of(
    kind: JoinKind,
    left: &Operator,
    right: &Operator,
    left_parts: usize,
    keys: &[JoinKey],
    residual: &[Expr],
) -> Option<Probe> {
    if matches!(kind, JoinKind::Full | JoinKind::Mark) || keys.is_empty() {
        return None;
    }
    let mut filters = Vec::new();
    let mut at = right;
    while let Operator::Filter { input, predicates } = at {
        filters.push(predicates.clone());
        at = input;
    }
    filters.reverse();
    let Operator::Scan(scan) = at else { return None };
    let found = best_index(scan, keys)?;
    let per_key = if found.is_unique { 1.0 } else { rows_a_key(scan.rows) };
    let rows = left.estimated_rows();
    let by_probe = rows * (LOOKUP_COST + FOUND_COST * per_key);
    let by_hash = right.estimated_reads() * BUILD_COST + rows;
    if by_probe >= by_hash {
        return None;
    }
    Some(found.into_probe(scan, filters, keys, residual, left_parts))
}

/// An index whose first columns are keys of a join.
struct Found {
    index: IndexId,
    /// For each of its first columns the key that gives it.
    keys: Vec<usize>,
    is_unique: bool,
}

fn best_index(scan: &Scan, keys: &[JoinKey]) -> Option<Found> {
    let mut best: Option<Found> = None;
    // A path of its own has taken predicates over that would be lost.
    if !matches!(scan.path, Path::Whole) {
        return None;
    }
    for (number, def) in (0..).zip(&scan.table.indexes) {
        let Some(found) = Found::of(IndexId::new(number), def, keys) else { continue };
        let better = best.as_ref().is_none_or(|best| {
            (best.is_unique, best.keys.len()) < (found.is_unique, found.keys.len())
        });
        if better {
            best = Some(found);
        }
    }
    best
}

impl Found {
    fn of(index: IndexId, def: &IndexDef, keys: &[JoinKey]) -> Option<Self> {
        let key_of = |column| {
            keys.iter().position(|key| {
                let is_it = matches!(&key.right, Expr::Column(named) if named.column == column);
                is_it && !key.nulls_equal
            })
        };
        let found: Vec<usize> = def.columns.iter().map_while(|&column| key_of(column)).collect();
        if found.is_empty() {
            return None;
        }
        let is_unique = def.unique && found.len() == def.columns.len();
        Some(Self { index, keys: found, is_unique })
    }

    fn into_probe(
        self,
        scan: &Scan,
        filters: Vec<Vec<Expr>>,
        keys: &[JoinKey],
        residual: &[Expr],
        left_parts: usize,
    ) -> Probe {
        let Found { index, keys: used, is_unique } = self;
        let equal = used.iter().map(|&key| KeyPart::Value(keys[key].left.clone())).collect();
        let path = if is_unique {
            Path::Lookup { index, key: equal }
        } else {
            let (lower, upper) = (None, None);
            Path::Range(KeyRange { index, equal, lower, upper, present: false, descending: false })
        };
        let others = keys.iter().enumerate().filter(|(at, _)| !used.contains(at));
        let mut left_over: Vec<Expr> = others.map(|(_, key)| key.condition(left_parts)).collect();
        left_over.extend_from_slice(residual);
        let (table, rows) = (scan.table.clone(), scan.rows);
        Probe { scan: Scan { table, path, order: Vec::new(), rows }, filters, residual: left_over }
    }
}
