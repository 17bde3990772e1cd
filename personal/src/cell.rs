//! Encrypts one personal value for one place: a column of a row.
//!
//! ```text
//!  0  slot of the context key u64
//!  8  nonce, 12 random bytes
//! 20  the value, encrypted: as long as it was
//!     tag, 16 bytes
//! ```
//!
//! Invariants:
//! 1. A cell opens in its own module, table, row and column only, and with the slot that it names.
//! 2. A value is encrypted whole; its length is not hidden.
//!
//! What a value's bytes mean is the caller's. An absent value has no cell.

use ring::aead::Aad;
use zeroize::Zeroizing;

use crate::key::{NONCE_BYTES, Nonce, RowKey, TAG_BYTES, push_part};
use crate::slot::SlotNumber;

const HEAD_BYTES: usize = 8 + NONCE_BYTES;
/// Bytes that a cell is longer than its value.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + TAG_BYTES;

/// Why a cell gives no value. It says nothing about the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CellError {
    /// Damage, or bytes that never were a cell.
    #[error("a cell of {bytes} bytes is shorter than {OVERHEAD_BYTES}")]
    TooShort { bytes: usize },
    /// Damage, another key, or a cell that was made for another place.
    #[error("the cell does not open in this place")]
    Unauthentic,
}

/// Appends a cell to `out`. `slot` is where the context key lies that the row's key was derived from.
pub fn seal(
    key: &RowKey,
    slot: SlotNumber,
    column: &str,
    nonce: Nonce,
    value: &[u8],
    out: &mut Vec<u8>,
) {
    out.reserve(value.len() + OVERHEAD_BYTES);
    out.extend_from_slice(&slot.get().to_le_bytes());
    out.extend_from_slice(&nonce.0);
    let begin = out.len();
    out.extend_from_slice(value);
    let aad = Aad::from(place(key, slot, column));
    let tag = key.key.seal_in_place_separate_tag(nonce.to_ring(), aad, &mut out[begin..]);
    let tag = tag.expect("a value is shorter than the 64 GiB that one nonce serves");
    out.extend_from_slice(tag.as_ref());
}

/// The slot whose key opens a cell, if it is one.
pub fn slot_of(cell: &[u8]) -> Result<SlotNumber, CellError> {
    split(cell).map(|(slot, ..)| slot)
}

/// The value, which is overwritten in memory when it is dropped.
pub fn open(key: &RowKey, column: &str, cell: &[u8]) -> Result<Zeroizing<Vec<u8>>, CellError> {
    let (slot, nonce, sealed) = split(cell)?;
    let mut value = Zeroizing::new(sealed.to_vec());
    let aad = Aad::from(place(key, slot, column));
    let opened = key.key.open_in_place(nonce.to_ring(), aad, &mut value);
    let length = opened.map_err(|_| CellError::Unauthentic)?.len();
    value.truncate(length);
    Ok(value)
}

fn split(cell: &[u8]) -> Result<(SlotNumber, Nonce, &[u8]), CellError> {
    let too_short = CellError::TooShort { bytes: cell.len() };
    let (slot, rest) = cell.split_first_chunk().ok_or(too_short)?;
    let (nonce, sealed) = rest.split_first_chunk().ok_or(too_short)?;
    if sealed.len() < TAG_BYTES {
        return Err(too_short);
    }
    Ok((SlotNumber::new(u64::from_le_bytes(*slot)), Nonce(*nonce), sealed))
}

/// What is authenticated beside the value (I1).
fn place(key: &RowKey, slot: SlotNumber, column: &str) -> Vec<u8> {
    let mut place = key.row.clone();
    push_part(&mut place, column.as_bytes());
    place.extend_from_slice(&slot.get().to_le_bytes());
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::{ContextKey, KEY_BYTES};

    const NONCE: Nonce = Nonce([8; NONCE_BYTES]);
    const SLOT: SlotNumber = SlotNumber::new(3);

    fn row(context: u8, module: &str, table: &str, primary_key: &[u8]) -> RowKey {
        ContextKey::new(&mut [context; KEY_BYTES]).row(module, table, primary_key)
    }

    fn sealed(value: &[u8]) -> Vec<u8> {
        let mut cell = Vec::new();
        seal(&row(1, "clinic", "patient", b"7"), SLOT, "email", NONCE, value, &mut cell);
        cell
    }

    #[test]
    fn a_cell_opens_in_no_other_place() {
        let cell = sealed(b"ada@example.com");
        let own = row(1, "clinic", "patient", b"7");
        assert_eq!(**open(&own, "email", &cell).unwrap(), *b"ada@example.com");
        let elsewhere = [
            (row(2, "clinic", "patient", b"7"), "email"),
            (row(1, "other", "patient", b"7"), "email"),
            (row(1, "clinic", "doctor", b"7"), "email"),
            (row(1, "clinic", "patient", b"8"), "email"),
            (row(1, "clinicp", "atient", b"7"), "email"),
            (row(1, "clinic", "patient", b"7"), "phone"),
        ];
        for (key, column) in elsewhere {
            assert_eq!(open(&key, column, &cell), Err(CellError::Unauthentic));
        }
    }

    #[test]
    fn another_nonce_gives_other_bytes() {
        let key = row(1, "clinic", "patient", b"7");
        let mut other = Vec::new();
        seal(&key, SLOT, "email", Nonce([9; NONCE_BYTES]), b"ada", &mut other);
        let cell = sealed(b"ada");
        assert_ne!(other[HEAD_BYTES..], cell[HEAD_BYTES..]);
        assert_eq!(open(&key, "email", &other), open(&key, "email", &cell));
    }

    proptest! {
        #[test]
        fn a_value_comes_back_and_is_not_seen_in_its_cell(
            value in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let cell = sealed(&value);
            prop_assert_eq!(cell.len(), value.len() + OVERHEAD_BYTES);
            prop_assert_eq!(slot_of(&cell), Ok(SLOT));
            // Eight bytes do not come about by chance.
            prop_assert!(value.windows(8).all(|part| !cell.windows(8).any(|seen| seen == part)));
            let opened = open(&row(1, "clinic", "patient", b"7"), "email", &cell).unwrap();
            prop_assert_eq!(&*opened, &value);
        }

        #[test]
        fn a_cell_with_any_bit_flipped_is_refused(
            value in proptest::collection::vec(any::<u8>(), 0..40),
            at in any::<proptest::sample::Index>(),
            bit in 0..8u32,
        ) {
            let mut cell = sealed(&value);
            let at = at.index(cell.len());
            cell[at] ^= 1 << bit;
            let opened = open(&row(1, "clinic", "patient", b"7"), "email", &cell);
            prop_assert_eq!(opened, Err(CellError::Unauthentic));
        }

        #[test]
        fn a_cell_that_was_cut_is_refused(length in 0..OVERHEAD_BYTES + 4) {
            let cell = sealed(b"four.");
            let opened = open(&row(1, "clinic", "patient", b"7"), "email", &cell[..length]);
            prop_assert!(opened.is_err());
        }
    }
}
