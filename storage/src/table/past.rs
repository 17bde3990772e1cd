//! A table's side of its history: what goes into it, and its figures.

use cosmictron_types::TxId;

use super::Table;
use crate::definition::TableDef;
use crate::heap::RowId;
use crate::history::{History, Version};

/// The old versions of a table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryFigures {
    /// Memory; [`TableBytes`] does not count it.
    pub bytes: u64,
    /// How many there are.
    pub versions: u64,
    /// The oldest transaction as of which the table can be read.
    pub oldest: TxId,
}

impl Table {
    /// What is kept of rows as they were before.
    pub fn history(&self) -> HistoryFigures {
        HistoryFigures {
            bytes: self.history.bytes(),
            versions: self.history.versions(),
            oldest: self.history.oldest(),
        }
    }

    pub(crate) fn past(&self) -> &History {
        &self.history
    }

    /// The old versions, to be forgotten, and what forgetting takes.
    pub(crate) fn past_mut(&mut self) -> (&mut History, &TableDef) {
        (&mut self.history, &self.def)
    }

    /// Keeps what a row, which is another or dead by now, was from `created` to `until`.
    pub(crate) fn archive(
        &mut self,
        row: RowId,
        old: &[u8],
        created: TxId,
        until: TxId,
        is_deleted: bool,
    ) {
        let Self { def, heap, history, .. } = self;
        if !history.is_kept() {
            return history.skip(until);
        }
        let link = heap.link(row);
        let link = history.append(def, &Version { created, until, is_deleted, link, row: old });
        heap.set_link(row, link);
    }
}
