//! Reads rows of one table by the path that the planner chose.

use core::ops::Bound;
use std::sync::Arc;

use cosmictron_storage::{Key, RowId, Store, Table, TableDef};

use super::{ENOUGH, Flow, MORE, Run, Sink};
use crate::error::SqlError;
use crate::expr::tuple::Part;
use crate::physical::Scan;
use crate::physical::access::Path;
use crate::physical::key;

impl Scan {
    pub(super) fn run<'e>(
        &'e self,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        let table = table(run.store, &self.table)?;
        let evaluate = |expr: &'e crate::expr::Expr| run.value(expr, &[]);
        match &self.path {
            Path::Whole => self.push(table, table.scan(), run, sink),
            Path::Lookup { index, key } => {
                let def = self.table.index(*index);
                match key::lookup(&self.table, def, key, &evaluate)? {
                    Some(key) => self.push(table, table.find(*index, &key), run, sink),
                    None => Ok(MORE),
                }
            }
            Path::Range(range) => {
                let Some(bounds) = key::bounds(&self.table, range, &evaluate)? else {
                    return Ok(MORE);
                };
                let rows = table.range(range.index, as_ref(&bounds.lower), as_ref(&bounds.upper));
                match range.descending {
                    false => self.push(table, rows, run, sink),
                    true => self.push(table, rows.rev(), run, sink),
                }
            }
        }
    }

    fn push<'e>(
        &'e self,
        table: &'e Table,
        rows: impl IntoIterator<Item = RowId>,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        for row in rows {
            run.budget.scan()?;
            let part = Part::Row { layout: &self.table.layout, bytes: table.row(row) };
            if sink(&[part])?.is_break() {
                return Ok(ENOUGH);
            }
        }
        Ok(MORE)
    }
}

fn as_ref(bound: &Bound<Key>) -> Bound<&Key> {
    bound.as_ref()
}

/// The table that a plan was made for, as it was then.
pub(crate) fn table<'e>(store: &'e Store, planned: &Arc<TableDef>) -> Result<&'e Table, SqlError> {
    let stale = || SqlError::StalePlan { table: planned.name.to_string() };
    let table = store.table(planned.id).ok_or_else(stale)?;
    let def = table.def();
    // Stores of one server share their definitions or at least their schemas; else the content decides.
    let same = Arc::ptr_eq(def, planned)
        || Arc::ptr_eq(&def.schema, &planned.schema)
        || def.schema == planned.schema;
    if same { Ok(table) } else { Err(stale()) }
}
