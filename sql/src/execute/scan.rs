//! Reads rows of one table by the path that the planner chose.

use core::ops::Bound;
use std::sync::Arc;

use cosmictron_storage::{Key, RowId, Snapshot, TableDef, TableSnapshot};
use cosmictron_types::IndexId;

use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::tuple::Part;
use crate::physical::Scan;
use crate::physical::access::Path;
use crate::physical::key::{self, Bounds};
use crate::time_travel::AsOf;

impl Scan {
    pub(super) fn run<'e>(
        &'e self,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        self.run_for(&[], run, sink)
    }

    /// Whether its rows can be looked up one key after the other. In the past that takes long: what has ended since would
    /// be looked through for each key.
    pub(super) fn can_be_probed(&self, run: &Run<'_>, is_primary: bool) -> Result<bool, SqlError> {
        Ok(is_primary || table(run.store_of(self.table.id), &self.table)?.is_present())
    }

    /// As [`Scan::run`], with a path whose keys are made of another tuple.
    pub(super) fn run_for<'e>(
        &'e self,
        tuple: &[Part<'e>],
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        let table = table(run.store_of(self.table.id), &self.table)?;
        let evaluate = |expr: &'e crate::expr::Expr| run.value(expr, tuple);
        match &self.path {
            Path::Whole => self.push_all(table, run, sink),
            Path::Lookup { index, key } => {
                let def = self.table.index(*index);
                match key::lookup(&self.table, def, key, &evaluate)? {
                    Some(key) => self.push_one(table, *index, key, run, sink),
                    None => Ok(MORE),
                }
            }
            Path::Range(range) => match key::bounds(&self.table, range, &evaluate)? {
                Some(bounds) => {
                    self.push_range(table, range.index, &bounds, range.descending, run, sink)
                }
                None => Ok(MORE),
            },
        }
    }

    fn push_all<'e>(
        &'e self,
        table: TableSnapshot<'e>,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        let flow = self.push(table, table.table().scan(), run, sink)?;
        if flow.is_break() || table.is_present() {
            return Ok(flow);
        }
        for row in table.ended() {
            run.budget.scan()?;
            if let Some(row) = row
                && sink(&[self.part(row)])?.is_break()
            {
                return Ok(ENOUGH);
            }
        }
        Ok(MORE)
    }

    /// The row with a key in a unique index.
    fn push_one<'e>(
        &'e self,
        table: TableSnapshot<'e>,
        index: IndexId,
        key: Key,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        if table.is_present() {
            return self.push(table, table.table().find(index, &key), run, sink);
        }
        if !self.table.index(index).primary {
            let bounds =
                Bounds { lower: Bound::Included(key.clone()), upper: Bound::Included(key) };
            return self.push_range(table, index, &bounds, false, run, sink);
        }
        let found = table.find(&key);
        run.budget.scan_many(found.read)?;
        found.row.map_or(Ok(MORE), |row| sink(&[self.part(row)]))
    }

    fn push_range<'e>(
        &'e self,
        table: TableSnapshot<'e>,
        index: IndexId,
        bounds: &Bounds,
        descending: bool,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        let (lower, upper) = (bounds.lower.as_ref(), bounds.upper.as_ref());
        let rows = table.table().range(index, lower, upper);
        match (table.is_present(), descending) {
            (true, false) => self.push(table, rows, run, sink),
            (true, true) => self.push(table, rows.rev(), run, sink),
            (false, _) => self.push_past(table, index, bounds, descending, run, sink),
        }
    }

    fn push<'e>(
        &'e self,
        table: TableSnapshot<'e>,
        rows: impl IntoIterator<Item = RowId>,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        for row in rows {
            run.budget.scan()?;
            if let Some(row) = table.row(row)
                && sink(&[self.part(row)])?.is_break()
            {
                return Ok(ENOUGH);
            }
        }
        Ok(MORE)
    }

    pub(super) fn part<'e>(&'e self, row: &'e [u8]) -> Part<'e> {
        Part::Row { layout: &self.table.layout, bytes: row }
    }
}

/// How many rows a table has.
pub(super) fn count(run: &Run<'_>, planned: &Arc<TableDef>) -> Result<u64, SqlError> {
    let table = table(run.store_of(planned.id), planned)?;
    if table.is_present() {
        return Ok(table.table().len() as u64);
    }
    let mut rows = 0;
    for row in table.table().scan() {
        run.budget.scan()?;
        rows += u64::from(table.row(row).is_some());
    }
    for row in table.ended() {
        run.budget.scan()?;
        rows += u64::from(row.is_some());
    }
    Ok(rows)
}

/// The table that a plan was made for, as it was then.
pub(crate) fn table<'e>(
    store: Snapshot<'e>,
    planned: &Arc<TableDef>,
) -> Result<TableSnapshot<'e>, SqlError> {
    let stale = || SqlError::StalePlan { table: planned.name.to_string() };
    let table = store.table(planned.id).ok_or_else(stale)?;
    let table = table.map_err(|forgotten| SqlError::HistoryExpired {
        asked: AsOf::Tx(store.tx().unwrap_or(store.store().committed())),
        oldest: forgotten.oldest,
    })?;
    let def = table.table().def();
    if is_same(def, planned) { Ok(table) } else { Err(stale()) }
}

/// Whether rows of one table are read as those of the other.
pub(crate) fn is_same(def: &Arc<TableDef>, planned: &Arc<TableDef>) -> bool {
    // Stores of one server share their definitions or at least their schemas; else the content decides.
    Arc::ptr_eq(def, planned)
        || Arc::ptr_eq(&def.schema, &planned.schema)
        || def.schema == planned.schema
}
