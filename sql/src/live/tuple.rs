//! Tuples that are kept from one change to the next.
//!
//! A part is kept as the bytes that carry rows between threads, so keeping a stored row decodes nothing, and two tuples are
//! the same exactly when their bytes are: what comes and goes again leaves nothing behind.

use std::sync::Arc;

use crate::error::SqlError;
use crate::expr::carried::{CarriedRow, RowWriter};
use crate::expr::tuple::{Cell, Part};
use crate::value::Datum;

use super::leaf::too_long;

/// One part of a tuple.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum KeptPart {
    /// What an outer join did not find.
    Absent,
    Row {
        slots: u16,
        bytes: Arc<[u8]>,
    },
}

/// A tuple that borrows from nothing. The order has no meaning beyond being one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tuple(Arc<[KeptPart]>);

impl KeptPart {
    /// A part of these cells.
    pub(crate) fn of<'c>(cells: impl ExactSizeIterator<Item = Cell<'c>>) -> Result<Self, SqlError> {
        let slots = u16::try_from(cells.len()).expect("a part has fewer columns than 2^16");
        let mut bytes = Vec::new();
        let mut row = RowWriter::begin(usize::from(slots), &mut bytes);
        for cell in cells {
            row.push(&cell).map_err(|_| too_long())?;
        }
        Ok(KeptPart::Row { slots, bytes: bytes.into() })
    }

    /// A part of these values.
    pub(crate) fn of_values(values: &[Datum<'_>]) -> Result<Self, SqlError> {
        Self::of(values.iter().map(|value| Cell::Value(value.clone())))
    }

    fn part(&self) -> Part<'_> {
        match self {
            KeptPart::Absent => Part::Absent,
            KeptPart::Row { slots, bytes } => {
                Part::Carried(CarriedRow::split_first(usize::from(*slots), bytes).0)
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            KeptPart::Absent => 0,
            KeptPart::Row { bytes, .. } => bytes.len() + 2 * size_of::<usize>(),
        }
    }
}

impl Tuple {
    pub(crate) fn none() -> Self {
        Self(Arc::new([]))
    }

    pub(crate) fn of(part: KeptPart) -> Self {
        Self(Arc::new([part]))
    }

    /// This one's parts, then the others.
    pub(crate) fn with(&self, others: &[KeptPart]) -> Self {
        Self(self.0.iter().chain(others).cloned().collect())
    }

    /// As [`Tuple::with`], with the parts of another tuple.
    pub(crate) fn joined(&self, other: &Tuple) -> Self {
        self.with(&other.0)
    }

    /// So many absent parts, then this one's.
    pub(crate) fn behind_absent(&self, parts: usize) -> Self {
        let absent = std::iter::repeat_n(KeptPart::Absent, parts);
        Self(absent.chain(self.0.iter().cloned()).collect())
    }

    /// This one's parts, then so many absent ones.
    pub(crate) fn before_absent(&self, parts: usize) -> Self {
        let absent = std::iter::repeat_n(KeptPart::Absent, parts);
        Self(self.0.iter().cloned().chain(absent).collect())
    }

    /// As expressions read it.
    pub(crate) fn parts(&self) -> Vec<Part<'_>> {
        self.0.iter().map(KeptPart::part).collect()
    }

    /// Bytes that are held by keeping it, counted as if it shared none of them.
    pub(crate) fn bytes(&self) -> usize {
        let parts = self.0.iter().map(|part| size_of::<KeptPart>() + part.bytes());
        2 * size_of::<usize>() + parts.sum::<usize>()
    }
}
