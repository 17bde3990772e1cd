//! Lays out where one wrapped key lies, and what is written over it when it is destroyed.
//!
//! ```text
//!   0  state u8: 1 whole, 2 destroyed
//!   1  zero
//!   8  number u64
//!  16  nonce, 12 bytes      ┐
//!  28  wrapped key, 32      │ zero once destroyed
//!  60  tag, 16              ┘
//!  76  zero
//! 124  checksum of bytes 0..124, CRC32C
//! ```
//!
//! Invariants:
//! 1. A slot lies in one sector of a disk: 128 divides 512, and slots lie at multiples of it.
//! 2. The state is one byte, which no crash tears. Once it says *destroyed*, the key is never used again, whatever
//!    became of the bytes behind it; destroying it once more completes what a crash left.
//! 3. A slot is whole or destroyed, else it is damaged: it is never taken for an unused one.

use std::fmt;

use crate::key::{KEY_BYTES, NONCE_BYTES, TAG_BYTES, WrappedKey};

/// Bytes of a slot.
pub const SLOT_BYTES: usize = 128;
/// Bytes in front of the checksum.
const CHECKED_BYTES: usize = SLOT_BYTES - 4;
const NUMBER_AT: usize = 8;
const NONCE_AT: usize = NUMBER_AT + 8;
const KEY_AT: usize = NONCE_AT + NONCE_BYTES;
const TAG_AT: usize = KEY_AT + KEY_BYTES;
const ZERO_AT: usize = TAG_AT + TAG_BYTES;

const WHOLE: u8 = 1;
const DESTROYED: u8 = 2;

const _: () = assert!(512 % SLOT_BYTES == 0 && ZERO_AT <= CHECKED_BYTES);

/// The bytes of a slot as they are in a file.
pub type SlotBytes = [u8; SLOT_BYTES];

/// Names a slot of a data directory. A slot keeps its number for ever, also once it is destroyed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotNumber(u64);

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    Whole(WrappedKey),
    Destroyed,
    /// A crash came while it was written over: destroyed, but some bytes of the wrapped key may still be there.
    HalfDestroyed,
}

/// Why a slot cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("slot {slot} of the personal keys is damaged: restore the file from a backup")]
pub struct SlotError {
    pub slot: SlotNumber,
}

impl Slot {
    /// Puts a wrapped key into its slot.
    pub fn encode(number: SlotNumber, key: &WrappedKey) -> SlotBytes {
        let mut bytes = begin(WHOLE, number);
        bytes[NONCE_AT..KEY_AT].copy_from_slice(&key.nonce);
        bytes[KEY_AT..TAG_AT].copy_from_slice(&key.key);
        bytes[TAG_AT..ZERO_AT].copy_from_slice(&key.tag);
        finish(bytes)
    }

    /// What is written over a slot to destroy its key.
    pub fn encode_destroyed(number: SlotNumber) -> SlotBytes {
        finish(begin(DESTROYED, number))
    }

    pub fn decode(number: SlotNumber, bytes: &SlotBytes) -> Result<Slot, SlotError> {
        match bytes[0] {
            // Nothing behind the state counts any more (I2), and a slot of another number gives nothing away either.
            DESTROYED if *bytes == Slot::encode_destroyed(number) => Ok(Slot::Destroyed),
            DESTROYED => Ok(Slot::HalfDestroyed),
            _ => {
                let key = WrappedKey {
                    nonce: chunk(bytes, NONCE_AT),
                    key: chunk(bytes, KEY_AT),
                    tag: chunk(bytes, TAG_AT),
                };
                // The only bytes that a whole slot of this number with this key has.
                let is_whole = *bytes == Slot::encode(number, &key);
                is_whole.then_some(Slot::Whole(key)).ok_or(SlotError { slot: number })
            }
        }
    }
}

impl SlotNumber {
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SlotNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for SlotNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotNumber({})", self.0)
    }
}

fn begin(state: u8, number: SlotNumber) -> SlotBytes {
    let mut bytes = [0; SLOT_BYTES];
    bytes[0] = state;
    bytes[NUMBER_AT..NONCE_AT].copy_from_slice(&number.get().to_le_bytes());
    bytes
}

/// Writes the checksum into the last four bytes.
pub(crate) fn finish(mut bytes: SlotBytes) -> SlotBytes {
    let checksum = crc32c::crc32c(&bytes[..CHECKED_BYTES]);
    bytes[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// `N` bytes from a place that the layout says is there.
pub(crate) fn chunk<const N: usize>(bytes: &SlotBytes, at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a range of N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: SlotNumber = SlotNumber::new(1030);
    const KEY: WrappedKey =
        WrappedKey { nonce: [5; NONCE_BYTES], key: [6; KEY_BYTES], tag: [7; TAG_BYTES] };

    #[test]
    fn a_slot_is_whole_until_it_is_destroyed() {
        let whole = Slot::encode(NUMBER, &KEY);
        assert_eq!(Slot::decode(NUMBER, &whole), Ok(Slot::Whole(KEY)));
        let destroyed = Slot::encode_destroyed(NUMBER);
        assert_eq!(Slot::decode(NUMBER, &destroyed), Ok(Slot::Destroyed));
        assert!(!destroyed.windows(4).any(|part| part == [6; 4]));
    }

    #[test]
    fn a_crash_after_any_byte_leaves_the_key_whole_or_destroyed() {
        let (whole, destroyed) = (Slot::encode(NUMBER, &KEY), Slot::encode_destroyed(NUMBER));
        for written in 0..=SLOT_BYTES {
            let mut torn = whole;
            torn[..written].copy_from_slice(&destroyed[..written]);
            let expected = match written {
                0 => Slot::Whole(KEY),
                _ if torn == destroyed => Slot::Destroyed,
                _ => Slot::HalfDestroyed,
            };
            assert_eq!(Slot::decode(NUMBER, &torn), Ok(expected), "{written} bytes were written");
        }
    }

    #[test]
    fn a_whole_slot_with_any_bit_flipped_gives_no_key() {
        let whole = Slot::encode(NUMBER, &KEY);
        for bit in 0..SLOT_BYTES * 8 {
            let mut damaged = whole;
            damaged[bit / 8] ^= 1 << (bit % 8);
            let decoded = Slot::decode(NUMBER, &damaged);
            assert!(!matches!(decoded, Ok(Slot::Whole(_))), "bit {bit}: {decoded:?}");
        }
    }

    #[test]
    fn a_slot_of_another_number_or_of_zeros_is_damaged() {
        let error = Slot::decode(SlotNumber::new(1031), &Slot::encode(NUMBER, &KEY)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "slot 1031 of the personal keys is damaged: restore the file from a backup"
        );
        Slot::decode(NUMBER, &[0; SLOT_BYTES]).unwrap_err();
    }
}
