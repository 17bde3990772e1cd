//! Turns a table into one of another schema.

use std::sync::Arc;

use core::ops::Bound;

use cosmictron_types::{RowLayout, TableId, TxId, Type};

use crate::definition::{IndexDef, TableDef, column_at, index_at};
use crate::heap::{Heap, RowId};
use crate::store::sequence::number;
use crate::table::{Parts, Table, keys};
use crate::tree::{Probe, Tree};

/// One table's change, looked at and prepared.
pub(super) struct Alteration {
    def: TableDef,
    /// The rows with their new columns, where there are any.
    heap: Option<Heap>,
    trees: Vec<TreeSource>,
    sequences: Vec<u128>,
    /// More memory than all this takes.
    bytes: u64,
}

/// Where an index of the changed table comes from.
enum TreeSource {
    /// The index that is at this place now.
    Kept(usize),
    Built(Tree),
}

impl Alteration {
    /// Columns and foreign keys have been looked at. `room` is the memory that may be taken.
    pub(super) fn new(table: &Table, def: TableDef, room: u64) -> Result<Self, Obstacle> {
        let bytes = memory_needed(table, &def);
        if bytes > room {
            return Err(Obstacle::Memory);
        }
        let heap = match table.def().layout == def.layout {
            true => None,
            false => Some(append_columns(table, &def.layout).ok_or(Obstacle::Memory)?),
        };
        let mut kept = vec![false; table.def().indexes.len()];
        let tree = |index| match &heap {
            Some(heap) => build(index, &def.layout, heap),
            None => keep_or_build(index, table, &mut kept),
        };
        let trees = def.indexes.iter().map(tree).collect::<Result<_, _>>()?;
        let sequences = (0..def.sequences.len()).map(|at| last_number(table, &def, at)).collect();
        Ok(Self { def, heap, trees, sequences, bytes })
    }

    pub(super) fn id(&self) -> TableId {
        self.def.id
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `committed` is the newest transaction.
    pub(super) fn carry_out(self, table: Table, committed: TxId) -> Table {
        let has_past = self.heap.is_none() && has_same_unique_indexes(table.def(), &self.def);
        let Parts { heap, trees: mut old, mut history, .. } = table.into_parts();
        if !has_past {
            history = history.restarted(committed);
        }
        let trees = self.trees.into_iter().map(|source| match source {
            TreeSource::Kept(at) => std::mem::replace(&mut old[at], Tree::new()),
            TreeSource::Built(tree) => tree,
        });
        Table::from_parts(Parts {
            heap: self.heap.unwrap_or(heap),
            trees: trees.collect(),
            def: Arc::new(self.def),
            sequences: self.sequences,
            history,
        })
    }
}

/// Whether old versions are found as they were, and are as different as the rows of the new definition are.
fn has_same_unique_indexes(old: &TableDef, new: &TableDef) -> bool {
    let unique = |def: &TableDef| {
        let indexes = def.indexes.iter().filter(|index| index.unique);
        indexes.map(|index| (index.primary, index.columns.clone())).collect::<Vec<_>>()
    };
    unique(old) == unique(new)
}

/// Why a table cannot follow.
pub(super) enum Obstacle {
    /// Its rows, as they will be, have no room.
    Memory,
    /// Rows have the same values in an index that is to be unique.
    NotUnique(Arc<str>),
}

/// Where a sequence stands: where it stood, or at the greatest number that is there.
fn last_number(table: &Table, def: &TableDef, at: usize) -> u128 {
    let sequence = &def.sequences[at];
    let name = &def.schema.columns[sequence.column.index()].name;
    let old = table.def();
    let place = old.sequences.iter().position(|s| old.column_name(s.column) == *name);
    match place {
        Some(place) => table.sequence(place).min(sequence.max),
        // An integer is never an option, so the column is not new if there are rows.
        None => table.scan().map(|row| number(sequence, table.row(row))).max().unwrap_or(0),
    }
}

/// More memory than what is prepared for a change takes.
fn memory_needed(table: &Table, def: &TableDef) -> u64 {
    let old = table.def();
    let rows = table.len() as u64;
    let is_rewritten = old.layout != def.layout;
    let is_built =
        |index: &&IndexDef| is_rewritten || !old.indexes.iter().any(|i| i.columns == index.columns);
    // 13 bytes an entry in full nodes, and 16 while they are sorted.
    let indexes = def.indexes.iter().filter(is_built).count() as u64 * rows * (14 + 16);
    if !is_rewritten || rows == 0 {
        return indexes;
    }
    let added = def.schema.columns.len() - old.schema.columns.len();
    let bytes = (def.layout.fixed_bytes() - old.layout.fixed_bytes() + added) as u64;
    // The next larger slots, and a page of each size.
    indexes + (table.bytes().rows + rows * bytes) * 9 / 8 + rows * 8
}

/// The index as it is now, if there is one over the same columns, or a new one.
fn keep_or_build(
    index: &IndexDef,
    table: &Table,
    kept: &mut [bool],
) -> Result<TreeSource, Obstacle> {
    let (old, heap) = (table.def(), table.heap());
    let mut places = old.indexes.iter().zip(&*kept);
    let same = places.position(|(other, kept)| !kept && other.columns == index.columns);
    let Some(at) = same else { return build(index, &old.layout, heap) };
    kept[at] = true;
    let rows = table.range(index_at(at), Bound::Unbounded, Bound::Unbounded);
    if !old.indexes[at].unique {
        check_unique(index, &old.layout, heap, rows)?;
    }
    Ok(TreeSource::Kept(at))
}

fn build(index: &IndexDef, layout: &RowLayout, heap: &Heap) -> Result<TreeSource, Obstacle> {
    let key_of = |row| index.key_of(layout, heap.row(row));
    let mut entries: Vec<(u64, RowId)> = Vec::with_capacity(heap.len());
    entries.extend(heap.rows().map(|row| (Probe::new(key_of(row).as_bytes()).head(), row)));
    entries.sort_unstable_by(|(head, row), (other_head, other)| {
        let by_key = || key_of(*row).cmp(&key_of(*other));
        head.cmp(other_head).then_with(by_key).then(row.cmp(other))
    });
    check_unique(index, layout, heap, entries.iter().map(|(_, row)| *row))?;
    let mut tree = Tree::new();
    for (_, row) in entries {
        tree.insert(key_of(row).as_bytes(), row, &keys(index, layout, heap));
    }
    Ok(TreeSource::Built(tree))
}

/// Whether rows, which come in the order of an index, may all be in it.
fn check_unique(
    index: &IndexDef,
    layout: &RowLayout,
    heap: &Heap,
    rows: impl Iterator<Item = RowId>,
) -> Result<(), Obstacle> {
    if !index.unique {
        return Ok(());
    }
    let mut previous: Option<RowId> = None;
    for row in rows {
        let is_same = |other| index.is_same_key(layout, heap.row(other), heap.row(row));
        if previous.is_some_and(is_same) && !index.is_absent_in(layout, heap.row(row)) {
            return Err(Obstacle::NotUnique(index.name.clone()));
        }
        previous = Some(row);
    }
    Ok(())
}

/// The rows of a table with the columns that `new` has in addition, absent. `None` when they are too many.
fn append_columns(table: &Table, new: &RowLayout) -> Option<Heap> {
    let (old, heap) = (&table.def().layout, table.heap());
    let count = old.types().len();
    // A table without rows may lose columns, too.
    let added = new.types().get(count..).unwrap_or_default();
    let absent: Vec<Vec<u8>> = added.iter().map(absent_tail).collect();
    let (mut longer, mut row) = (Heap::new(), Vec::new());
    for id in heap.rows() {
        row.clear();
        let columns = (0..count).map(|at| old.column(heap.row(id), column_at(at)));
        new.assemble(columns.chain(absent.iter().map(Vec::as_slice)), &mut row);
        longer.insert(&row, heap.stamp(id))?;
    }
    Some(longer)
}

/// What an absent value of an optional type looks like: a tag of 0, and zeros in place of a value of a fixed width.
fn absent_tail(ty: &Type) -> Vec<u8> {
    vec![0; ty.width().unwrap_or(1)]
}
