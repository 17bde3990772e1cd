//! Turns a table into one of another schema.

use std::sync::Arc;

use core::ops::Bound;

use cosmictron_types::{RowLayout, TableId, Type};

use super::Difference;
use crate::definition::{IndexDef, TableDef, column_at, index_at};
use crate::heap::{Heap, RowId};
use crate::store::Store;
use crate::store::sequence::number;
use crate::table::{Parts, Table, keys};
use crate::tree::{Probe, Tree};

/// One table's change, looked at and prepared.
pub(super) struct Alteration {
    def: TableDef,
    trees: Vec<TreeSource>,
    sequences: Vec<u128>,
}

/// Where an index of the changed table comes from.
enum TreeSource {
    /// The index that is at this place now.
    Kept(usize),
    Built(Tree),
    /// It has columns that are new: it is built when the rows have them.
    Later,
}

impl Alteration {
    /// Columns and foreign keys have been looked at; `store` says what memory there is.
    pub(super) fn new(store: &Store, table: &Table, def: TableDef) -> Result<Self, Difference> {
        let sequences = (0..def.sequences.len()).map(|at| last_number(table, &def, at)).collect();
        if table.is_empty() {
            let trees = def.indexes.iter().map(|_| TreeSource::Built(Tree::new())).collect();
            return Ok(Self { def, trees, sequences });
        }
        let bytes_max = store.limits.bytes_max;
        let is_too_much = store.bytes.saturating_add(memory_needed(table, &def)) > bytes_max;
        if is_too_much || !table.heap().can_be_rewritten() {
            return Err(Difference::StoreFull { bytes_max });
        }
        let mut kept = vec![false; table.def().indexes.len()];
        let trees = def.indexes.iter().map(|index| tree_source(table, index, &mut kept));
        let trees = trees.collect::<Result<_, _>>()?;
        Ok(Self { def, trees, sequences })
    }

    pub(super) fn id(&self) -> TableId {
        self.def.id
    }

    pub(super) fn carry_out(self, table: Table) -> Table {
        let Self { def, trees, sequences } = self;
        let Parts { def: old, mut heap, trees: mut old_trees, .. } = table.into_parts();
        if heap.len() == 0 {
            // Whatever the columns were, no row has them.
            heap = Heap::new();
        } else if old.layout != def.layout {
            append_columns(&mut heap, &old.layout, &def.layout);
        }
        let trees = trees.into_iter().zip(&def.indexes).map(|(source, index)| match source {
            TreeSource::Kept(at) => std::mem::replace(&mut old_trees[at], Tree::new()),
            TreeSource::Built(tree) => tree,
            TreeSource::Later => build(index, &def.layout, &heap).0,
        });
        let trees = trees.collect();
        Table::from_parts(Parts { def: Arc::new(def), heap, trees, sequences })
    }
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

/// More memory than the table takes in addition while it is changed.
fn memory_needed(table: &Table, def: &TableDef) -> u64 {
    let old = table.def();
    let rows = table.len() as u64;
    let is_new = |index: &&IndexDef| !old.indexes.iter().any(|i| i.columns == index.columns);
    // Half full nodes, and the entries to sort.
    let indexes = def.indexes.iter().filter(is_new).count() as u64 * rows * (2 * 13 + 24);
    if old.layout == def.layout {
        return indexes;
    }
    let added = def.schema.columns.len() - old.schema.columns.len();
    let bytes = (def.layout.fixed_bytes() - old.layout.fixed_bytes() + added) as u64;
    // All rows could lie in two slots' sizes at once for a while.
    indexes + table.bytes().rows * 9 / 8 + rows * (bytes * 9 / 8 + 8)
}

fn tree_source(
    table: &Table,
    index: &IndexDef,
    kept: &mut [bool],
) -> Result<TreeSource, Difference> {
    let old = table.def();
    let columns = old.schema.columns.len();
    if index.columns.iter().any(|column| column.index() >= columns) {
        return Ok(TreeSource::Later); // Absent in all rows, so it cannot be violated either.
    }
    let same =
        old.indexes.iter().zip(&*kept).position(|(i, kept)| !kept && i.columns == index.columns);
    let not_unique = || Difference::NotUnique { index: index.name.to_string() };
    if let Some(at) = same {
        kept[at] = true;
        let rows = table.range(index_at(at), Bound::Unbounded, Bound::Unbounded);
        if index.unique && !old.indexes[at].unique && has_duplicate(index, table, rows) {
            return Err(not_unique());
        }
        return Ok(TreeSource::Kept(at));
    }
    let (tree, rows) = build(index, &old.layout, table.heap());
    if index.unique && has_duplicate(index, table, rows.into_iter()) {
        return Err(not_unique());
    }
    Ok(TreeSource::Built(tree))
}

/// Whether two rows, which come in the order of an index, have the same values there, none of them absent.
fn has_duplicate(index: &IndexDef, table: &Table, rows: impl Iterator<Item = RowId>) -> bool {
    let layout = &table.def().layout;
    let mut previous: Option<RowId> = None;
    for row in rows {
        let is_same = |other| index.is_same_key(layout, table.row(other), table.row(row));
        if previous.is_some_and(is_same) && !index.is_absent_in(layout, table.row(row)) {
            return true;
        }
        previous = Some(row);
    }
    false
}

/// Builds an index of all rows; they come back in its order.
fn build(index: &IndexDef, layout: &RowLayout, heap: &Heap) -> (Tree, Vec<RowId>) {
    let key_of = |row| index.key_of(layout, heap.row(row));
    let mut entries: Vec<(u64, RowId)> = Vec::with_capacity(heap.len());
    entries.extend(heap.rows().map(|row| (Probe::new(key_of(row).as_bytes()).head(), row)));
    entries.sort_unstable_by(|(head, row), (other_head, other)| {
        let by_key = || key_of(*row).cmp(&key_of(*other));
        head.cmp(other_head).then_with(by_key).then(row.cmp(other))
    });
    let mut tree = Tree::new();
    let rows: Vec<RowId> = entries.into_iter().map(|(_, row)| row).collect();
    for &row in &rows {
        tree.insert(key_of(row).as_bytes(), row, &keys(index, layout, heap));
    }
    (tree, rows)
}

/// Gives every row the columns that `new` has in addition, absent.
fn append_columns(heap: &mut Heap, old: &RowLayout, new: &RowLayout) {
    let count = old.types().len();
    let absent: Vec<Vec<u8>> = new.types()[count..].iter().map(absent_tail).collect();
    let rows: Vec<RowId> = heap.rows().collect();
    let mut longer = Vec::new();
    for row in rows {
        longer.clear();
        let bytes = heap.row(row);
        let columns = (0..count).map(|at| old.column(bytes, column_at(at)));
        new.assemble(columns.chain(absent.iter().map(Vec::as_slice)), &mut longer);
        heap.replace(row, &longer).expect("the heap can be rewritten");
    }
}

/// What an absent value of an optional type looks like: a tag of 0, and zeros in place of a value of a fixed width.
fn absent_tail(ty: &Type) -> Vec<u8> {
    vec![0; ty.width().unwrap_or(1)]
}
