//! One old version of a row, as bytes.
//!
//! ```text
//! version  │ flags and length u32 │ link u32 │ created u64 │ until u64 │ id u32 │ row │ unused │   28 bytes, the row, up to 8 bytes
//! ```

use cosmictron_types::TxId;

use crate::heap::RowId;

/// Bytes before the row.
pub(super) const HEADER_BYTES: usize = 28;
/// Versions begin at multiples of this.
pub(super) const UNIT_BYTES: usize = 8;
/// Above the length: the version was ended by a delete.
const DELETED: u32 = 1 << 31;
const LENGTH: u32 = DELETED - 1;

/// Where an old version of a row lies, as the row and its newer versions name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(pub(crate) u32);

impl Link {
    /// No version has this one.
    pub(crate) const NONE: Link = Link(0);
}

/// A row as it was from one transaction to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version<'h> {
    /// The transaction that wrote it.
    pub(crate) created: TxId,
    /// The transaction that ended it: from there on the row was another, or gone.
    pub(crate) until: TxId,
    pub(crate) is_deleted: bool,
    /// The number that the row had. It may have gone to another since.
    pub(crate) id: RowId,
    /// The version before this one. Good only while nothing that ended at `created` is forgotten.
    pub(crate) link: Link,
    pub(crate) row: &'h [u8],
}

impl<'h> Version<'h> {
    /// Bytes of a version with a row of this length.
    pub(super) fn bytes(row_bytes: usize) -> usize {
        (HEADER_BYTES + row_bytes).next_multiple_of(UNIT_BYTES)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + Self::bytes(self.row.len());
        let length = u32::try_from(self.row.len()).ok().filter(|&length| length <= LENGTH);
        let length = length.expect("a row has fewer than 2^28 bytes");
        let flags = if self.is_deleted { DELETED } else { 0 };
        out.extend_from_slice(&(flags | length).to_le_bytes());
        out.extend_from_slice(&self.link.0.to_le_bytes());
        out.extend_from_slice(&self.created.get().to_le_bytes());
        out.extend_from_slice(&self.until.get().to_le_bytes());
        out.extend_from_slice(&self.id.0.to_le_bytes());
        out.extend_from_slice(self.row);
        out.resize(end, 0);
    }

    /// Reads the version at the beginning of `bytes`.
    pub(super) fn read(bytes: &'h [u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect(WHOLE));
        let number = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().expect(WHOLE));
        let length = (word(0) & LENGTH) as usize;
        Self {
            created: TxId::new(number(8)),
            until: TxId::new(number(16)),
            is_deleted: word(0) & DELETED != 0,
            link: Link(word(4)),
            id: RowId(word(24)),
            row: &bytes[HEADER_BYTES..][..length],
        }
    }
}

const WHOLE: &str = "versions are written whole";
