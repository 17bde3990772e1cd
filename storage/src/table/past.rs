//! A table's side of its history: what goes into it, and its figures.

use cosmictron_types::TxId;

use super::Table;
use crate::definition::TableDef;
use crate::history::{History, Version};

/// The old versions of a table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryFigures {
    /// Memory; [`TableBytes`](super::TableBytes) does not count it.
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

    /// Adds what a row was that is another or dead by now, if the store keeps history or somebody reads it; the link is
    /// filled in.
    pub(crate) fn archive(&mut self, ended: Version<'_>, is_kept: bool) {
        let Self { def, heap, history, .. } = self;
        if !history.takes(is_kept) {
            return history.skip(ended.until);
        }
        let link = heap.link(ended.id);
        let link = history.append(def, &Version { link, ..ended });
        heap.set_link(ended.id, link);
    }
}
