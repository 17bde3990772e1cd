//! The order in which each list got its values, as reads have shown it.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;
use super::{Fate, Operation, Step};

/// Operations are told by their places.
pub(super) struct Versions {
    /// Who has appended which value to which list.
    writers: BTreeMap<(u64, u64), usize>,
    /// The longest that was read of each list, and who read it.
    orders: BTreeMap<u64, (Vec<u64>, usize)>,
    /// Values that nobody has read, of operations that have happened; by list.
    unread: BTreeMap<u64, Vec<u64>>,
}

impl Versions {
    /// Fails on reads that no order of the operations explains.
    pub(super) fn infer(operations: &[Operation]) -> Result<Self, Box<Anomaly>> {
        let mut versions =
            Self { writers: BTreeMap::new(), orders: BTreeMap::new(), unread: BTreeMap::new() };
        for (at, operation) in operations.iter().enumerate() {
            for append in operation.appends() {
                let other = versions.writers.insert(append, at);
                assert_eq!(other, None, "{append:?} is appended twice: nothing can be inferred");
            }
        }
        for (at, operation) in operations.iter().enumerate() {
            check_itself(at, operation)?;
            for (list, values) in operation.reads() {
                versions.check_read(operations, at, list, values)?;
                versions.take_in(at, list, values)?;
            }
        }
        versions.find_unread(operations);
        Ok(versions)
    }

    /// The operation that has appended a value.
    pub(super) fn writer(&self, list: u64, value: u64) -> usize {
        self.writers[&(list, value)]
    }

    /// The values of a list in their order.
    pub(super) fn order(&self, list: u64) -> &[u64] {
        self.orders.get(&list).map_or(&[], |(order, _)| order)
    }

    /// Values that came after all of those, in an order that is not known.
    pub(super) fn unread(&self, list: u64) -> &[u64] {
        self.unread.get(&list).map_or(&[], Vec::as_slice)
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = u64> {
        self.orders.keys().copied()
    }

    fn check_read(
        &self,
        operations: &[Operation],
        reader: usize,
        list: u64,
        values: &[u64],
    ) -> Result<(), Box<Anomaly>> {
        for (at, &value) in values.iter().enumerate() {
            if values[..at].contains(&value) {
                return Err(Box::new(Anomaly::Repeated { reader, list, value }));
            }
            let Some(&writer) = self.writers.get(&(list, value)) else {
                return Err(Box::new(Anomaly::Invented { reader, list, value }));
            };
            if operations[writer].fate == Fate::Refused {
                return Err(Box::new(Anomaly::AbortedRead { reader, writer, list, value }));
            }
        }
        let Some(&last) = values.last() else { return Ok(()) };
        let writer = self.writer(list, last);
        let of_list = |(other, value): (u64, u64)| (other == list).then_some(value);
        let final_value = operations[writer].appends().filter_map(of_list).last();
        if writer != reader && final_value != Some(last) {
            let value = last;
            return Err(Box::new(Anomaly::IntermediateRead { reader, writer, list, value }));
        }
        Ok(())
    }

    /// Of two reads of a list the shorter one is how the longer one begins.
    fn take_in(&mut self, reader: usize, list: u64, values: &[u64]) -> Result<(), Box<Anomaly>> {
        let (order, other) = self.orders.entry(list).or_insert_with(|| (Vec::new(), reader));
        let shared = order.len().min(values.len());
        if order[..shared] != values[..shared] {
            return Err(Box::new(Anomaly::Incompatible { reader, other: *other, list }));
        }
        if order.len() < values.len() {
            (*order, *other) = (values.to_vec(), reader);
        }
        Ok(())
    }

    fn find_unread(&mut self, operations: &[Operation]) {
        for (&(list, value), &writer) in &self.writers {
            let has_happened = matches!(operations[writer].fate, Fate::Transaction(_) | Fate::Done);
            let is_read = self.order(list).contains(&value);
            if has_happened && !is_read {
                self.unread.entry(list).or_default().push(value);
            }
        }
    }

    /// A value that was answered and that no read shows, not even one that was asked for later.
    pub(super) fn check_none_is_lost(&self, operations: &[Operation]) -> Result<(), Box<Anomaly>> {
        for (&list, values) in &self.unread {
            for &value in values {
                let writer = self.writer(list, value);
                let Some(answered) = operations[writer].answered else { continue };
                let is_later = |operation: &Operation| {
                    let is_present = !matches!(operation.fate, Fate::AsOf(_));
                    let mut reads = operation.reads();
                    is_present
                        && answered < operation.asked
                        && reads.any(|(other, _)| other == list)
                };
                if let Some(reader) = operations.iter().position(is_later) {
                    return Err(Box::new(Anomaly::LostAppend { reader, writer, list, value }));
                }
            }
        }
        Ok(())
    }
}

/// What an operation reads of a list ends with what it has appended to it itself, and two of its reads differ by no more.
fn check_itself(at: usize, operation: &Operation) -> Result<(), Box<Anomaly>> {
    // By list: what has to follow whatever was there before; and that, once it was read.
    let mut own: BTreeMap<u64, (Option<&[u64]>, Vec<u64>)> = BTreeMap::new();
    for step in &operation.steps {
        match step {
            Step::Append { list, value } => own.entry(*list).or_default().1.push(*value),
            Step::Read { list, values } => {
                let (before, appended) = own.entry(*list).or_default();
                let rest = values.strip_suffix(&appended[..]);
                let is_right = rest.is_some() && before.is_none_or(|known| Some(known) == rest);
                if !is_right {
                    return Err(Box::new(Anomaly::Internal { reader: at, list: *list }));
                }
                *before = rest;
            }
        }
    }
    Ok(())
}
