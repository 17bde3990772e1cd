//! Transactions at random: several rows of several tables, of which any may be refused.

use std::fmt;

use super::choice::Choices;
use super::schema::Schema;

#[derive(Clone)]
pub(crate) struct Transaction {
    pub(crate) writes: Vec<Write>,
    /// Whether one write that is refused undoes all; else it alone is not done.
    pub(crate) is_strict: bool,
    /// All is undone in the end.
    pub(crate) is_undone: bool,
}

#[derive(Clone)]
pub(crate) struct Write {
    pub(crate) kind: WriteKind,
    /// Its number among the schema's.
    pub(crate) table: usize,
    /// As JSON.
    pub(crate) row: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteKind {
    Insert,
    /// What has the row's primary key becomes the row; without, it is inserted.
    Put,
    /// What has the row's key in the index of this number goes.
    Delete(usize),
}

impl Transaction {
    pub(crate) fn random(schema: &Schema, choices: &mut Choices<'_>) -> Self {
        let is_strict = choices.once_in(4);
        let is_undone = choices.once_in(12);
        let count = choices.weighed(&[(4, 1), (3, 2), (3, 4), (2, 8)]);
        let writes = (0..count).map(|_| Write::random(schema, choices)).collect();
        Self { writes, is_strict, is_undone }
    }
}

impl Write {
    fn random(schema: &Schema, choices: &mut Choices<'_>) -> Self {
        let at = choices.below(schema.tables.len());
        let table = &schema.tables[at];
        let kind = match choices.weighed(&[(5, 0), (4, 1), (4, 2)]) {
            1 if table.has_primary() => WriteKind::Put,
            2 if !table.indexes.is_empty() => WriteKind::Delete(choices.below(table.indexes.len())),
            _ => WriteKind::Insert,
        };
        Self { kind, table: at, row: table.row(choices) }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writes: Vec<String> = self
            .writes
            .iter()
            .map(|write| {
                let Write { kind, table, row } = write;
                format!("{kind:?} t{table} {row}")
            })
            .collect();
        write!(f, "{}", writes.join("; "))?;
        match (self.is_undone, self.is_strict) {
            (true, _) => write!(f, "; undone"),
            (false, true) => write!(f, "; all or nothing"),
            (false, false) => Ok(()),
        }
    }
}
