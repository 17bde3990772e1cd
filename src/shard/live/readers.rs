//! Finds the live queries whose views have read what a transaction touches.
//!
//! A core that has live queries with views is told all that transactions change in the tables of their modules, and looks up
//! here whom it concerns. It does so in the order of the transactions, with the reads of the run before: so no change falls
//! between two runs, and a change costs what it touches, however many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use cosmictron_storage::{IndexDef, Key, TableDef, is_between};
use cosmictron_types::{IndexId, TableId};
use smallvec::SmallVec;

use super::FlowId;
use crate::shard::reads::{Parts, RangeRead, Reads, TableReads};

/// A row that has come or gone.
#[derive(Debug)]
pub struct Touched {
    pub table: TableId,
    /// As it is stored; `None` where it is not of the form in which the views know the table.
    pub row: Option<Box<[u8]>>,
}

impl Touched {
    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.row.as_ref().map_or(0, |row| row.len())
    }
}

/// The reads of a core's live queries.
#[derive(Debug, Default)]
pub struct Readers {
    reads: BTreeMap<FlowId, Reads>,
    tables: BTreeMap<TableId, TableReaders>,
}

/// Those who read rows whose keys begin so.
type ByKey = BTreeMap<Key, SmallVec<[FlowId; 1]>>;

/// Those who read one table.
#[derive(Debug)]
struct TableReaders {
    def: Arc<TableDef>,
    /// All of it.
    whole: BTreeSet<FlowId>,
    /// Rows whose keys begin so, by the number of columns that are given.
    keyed: BTreeMap<(IndexId, usize), ByKey>,
    ranges: BTreeMap<IndexId, Vec<(FlowId, RangeRead)>>,
}

impl Readers {
    /// A live query depends on these reads from now on, and no more on others. `tables` are those that it can read.
    pub fn set(&mut self, flow: FlowId, reads: Reads, tables: &[Arc<TableDef>]) {
        if self.reads.get(&flow) == Some(&reads) {
            return;
        }
        self.remove(flow);
        for (table, read) in reads.tables() {
            let Some(def) = tables.iter().find(|def| def.id == table) else { continue };
            let readers =
                self.tables.entry(table).or_insert_with(|| TableReaders::new(def.clone()));
            readers.add(flow, read);
        }
        self.reads.insert(flow, reads);
    }

    /// A live query is over.
    pub fn remove(&mut self, flow: FlowId) {
        let Some(reads) = self.reads.remove(&flow) else { return };
        for (table, read) in reads.tables() {
            let Some(readers) = self.tables.get_mut(&table) else { continue };
            readers.remove(flow, read);
            if readers.is_empty() {
                self.tables.remove(&table);
            }
        }
    }

    /// The live queries whose views have read a row, or would have.
    pub fn of(&self, touched: &[Touched]) -> BTreeSet<FlowId> {
        let mut flows = BTreeSet::new();
        for Touched { table, row } in touched {
            match (self.tables.get(table), row) {
                (None, _) => {}
                (Some(readers), Some(row)) => readers.find(row, &mut flows),
                (Some(_), None) => {
                    let reads = self.reads.iter();
                    let readers =
                        reads.filter(|(_, reads)| reads.tables().any(|(of, _)| of == *table));
                    flows.extend(readers.map(|(flow, _)| *flow));
                }
            }
        }
        flows
    }
}

impl TableReaders {
    fn new(def: Arc<TableDef>) -> Self {
        Self { def, whole: BTreeSet::new(), keyed: BTreeMap::new(), ranges: BTreeMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.keyed.is_empty() && self.ranges.is_empty()
    }

    fn add(&mut self, flow: FlowId, read: &TableReads) {
        let Parts { keys, ranges } = match read {
            TableReads::Whole => {
                self.whole.insert(flow);
                return;
            }
            TableReads::Parts(parts) => parts,
        };
        for (index, key) in keys {
            let by_key = self.keyed.entry(self.place(*index, key)).or_default();
            by_key.entry(key.clone()).or_default().push(flow);
        }
        for range in ranges {
            self.ranges.entry(range.index).or_default().push((flow, range.clone()));
        }
    }

    fn remove(&mut self, flow: FlowId, read: &TableReads) {
        let Parts { keys, ranges } = match read {
            TableReads::Whole => {
                self.whole.remove(&flow);
                return;
            }
            TableReads::Parts(parts) => parts,
        };
        for (index, key) in keys {
            let place = self.place(*index, key);
            let Some(by_key) = self.keyed.get_mut(&place) else { continue };
            if let Some(flows) = by_key.get_mut(key) {
                flows.retain(|other| *other != flow);
                if flows.is_empty() {
                    by_key.remove(key);
                }
            }
            if by_key.is_empty() {
                self.keyed.remove(&place);
            }
        }
        for RangeRead { index, .. } in ranges {
            let Some(readers) = self.ranges.get_mut(index) else { continue };
            readers.retain(|(other, _)| *other != flow);
            if readers.is_empty() {
                self.ranges.remove(index);
            }
        }
    }

    /// Where the readers of a key are: at its index, and how many columns it gives.
    fn place(&self, index: IndexId, key: &Key) -> (IndexId, usize) {
        (index, self.def.index(index).columns_of(key).count())
    }

    fn find(&self, row: &[u8], flows: &mut BTreeSet<FlowId>) {
        flows.extend(&self.whole);
        for ((index, columns), by_key) in &self.keyed {
            let key = beginning(self.def.index(*index), &self.def.key_of(*index, row), *columns);
            flows.extend(by_key.get(&key).into_iter().flatten());
        }
        for (index, ranges) in &self.ranges {
            let key = self.def.key_of(*index, row);
            let is_within = |range: &RangeRead| {
                let RangeRead { lower, upper, .. } = range;
                is_between(&key, Bound::as_ref(lower), Bound::as_ref(upper))
            };
            flows.extend(ranges.iter().filter(|(_, range)| is_within(range)).map(|(flow, _)| flow));
        }
    }
}

/// The first columns of a key.
fn beginning(index: &IndexDef, key: &Key, columns: usize) -> Key {
    let bytes: usize = index.columns_of(key).take(columns).map(<[u8]>::len).sum();
    key.beginning(bytes)
}

#[cfg(test)]
mod tests {
    use cosmictron_storage::{KeyBuilder, SchemaChange, Store, StoreLimits};

    use super::*;

    const TABLE: TableId = TableId::new(7);
    /// By `room`, then by `n`.
    const INDEX: IndexId = IndexId::new(0);

    fn table() -> Arc<TableDef> {
        let schema = r#"{"name":"t","columns":[{"name":"room","type":"u64"},{"name":"n","type":"u64"}],
            "indexes":[{"name":"room","columns":["room","n"]}]}"#;
        let schema = Arc::new(serde_json::from_str(schema).unwrap());
        let create = [(TABLE, schema)].into();
        let mut store = Store::new(StoreLimits::default());
        let change = SchemaChange { create, ..SchemaChange::default() };
        store.change_schema(&change, &|_| None).unwrap();
        store.table(TABLE).unwrap().def().clone()
    }

    fn key(def: &TableDef, values: &[u64]) -> Key {
        let mut key = KeyBuilder::new(def.index(INDEX));
        values.iter().for_each(|value| key.value(value).unwrap());
        key.finish()
    }

    fn touched(room: u64, n: u64) -> Touched {
        let row = [room.to_le_bytes(), n.to_le_bytes()].concat();
        Touched { table: TABLE, row: Some(row.into()) }
    }

    fn found(readers: &Readers, touched: &[Touched]) -> Vec<u64> {
        readers.of(touched).into_iter().map(|flow| flow.0).collect()
    }

    #[test]
    fn who_has_read_a_row_or_would_have_is_found_by_it() {
        let def = table();
        let tables = [def.clone()];
        let mut readers = Readers::default();
        let set = |readers: &mut Readers, flow, note: &dyn Fn(&mut Reads)| {
            let mut reads = Reads::default();
            note(&mut reads);
            readers.set(FlowId(flow), reads, &tables);
        };
        let of = |values: &[u64]| key(&def, values);
        set(&mut readers, 1, &|reads| reads.note_key(TABLE, INDEX, of(&[3])));
        set(&mut readers, 2, &|reads| reads.note_key(TABLE, INDEX, of(&[3, 5])));
        set(&mut readers, 3, &|reads| {
            reads.note_range(TABLE, INDEX, Bound::Excluded(of(&[3, 5])), Bound::Included(of(&[4])));
        });
        set(&mut readers, 4, &|reads| reads.note_all(TABLE));
        assert_eq!(found(&readers, &[touched(3, 4)]), [1, 4]);
        assert_eq!(found(&readers, &[touched(3, 5)]), [1, 2, 4]);
        assert_eq!(found(&readers, &[touched(3, 6)]), [1, 3, 4]);
        assert_eq!(found(&readers, &[touched(4, 9)]), [3, 4]);
        assert_eq!(found(&readers, &[touched(5, 0), touched(3, 5)]), [1, 2, 4]);
        assert_eq!(found(&readers, &[Touched { table: TABLE, row: None }]), [1, 2, 3, 4]);
        assert!(found(&readers, &[Touched { table: TableId::new(8), row: None }]).is_empty());
        // Other reads take the place of those before.
        set(&mut readers, 1, &|reads| reads.note_key(TABLE, INDEX, of(&[9])));
        assert_eq!(found(&readers, &[touched(3, 4)]), [4]);
        assert_eq!(found(&readers, &[touched(9, 0)]), [1, 4]);
        (1..=4).for_each(|flow| readers.remove(FlowId(flow)));
        assert!(readers.tables.is_empty() && readers.reads.is_empty());
    }
}
