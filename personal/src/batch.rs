//! Lays out a file of slots: made whole before any of its keys is used, and never longer or shorter afterwards.
//!
//! ```text
//!   0  magic "COSMKEYS"                 then 1024 slots of 128 bytes
//!   8  format version u32
//!  12  slots u32
//!  16  batch number u64
//!  24  data directory u64
//!  32  nonce of the check, 12 bytes
//!  44  check of the master key, 16
//!  60  zero
//! 124  checksum of bytes 0..124, CRC32C
//! ```
//!
//! Invariants:
//! 1. Batch *b* holds the slots from *b* × 1024 on, in order.
//! 2. The head is judged first: a wrong master key is told from a damaged file, and both from a file of another directory.

use crate::key::{ContextKey, MasterKey, NONCE_BYTES, Nonce, TAG_BYTES};
use crate::slot::{SLOT_BYTES, Slot, SlotBytes, SlotError, SlotNumber, chunk, finish};

/// Keys that are made at a time.
pub const SLOTS_PER_BATCH: usize = 1024;
/// Bytes of a batch's file: its head takes as many as a slot.
pub const BATCH_BYTES: usize = (1 + SLOTS_PER_BATCH) * SLOT_BYTES;

const MAGIC: [u8; 8] = *b"COSMKEYS";
const FORMAT_VERSION: u32 = 1;
/// `SLOTS_PER_BATCH` in the width that the head and slot numbers have.
const SLOTS: u32 = 1024;
const CHECK_NONCE_AT: usize = 32;
const CHECK_AT: usize = CHECK_NONCE_AT + NONCE_BYTES;

const _: () = assert!(SLOTS as usize == SLOTS_PER_BATCH);

/// The slots of one file.
#[derive(Debug)]
pub struct Batch {
    pub number: u64,
    /// As many as [`SLOTS_PER_BATCH`].
    pub slots: Vec<Slot>,
}

/// What a batch's file is expected to be.
#[derive(Debug)]
pub struct Expected<'a> {
    pub number: u64,
    /// The data directory's random number.
    pub data: u64,
    pub master: &'a MasterKey,
}

/// Why a file of keys cannot be used. Nothing was taken from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BatchError {
    #[error(
        "{bytes} bytes instead of {BATCH_BYTES}: it is cut or damaged, restore it from a backup"
    )]
    Length { bytes: usize },
    #[error("it does not begin as a file of personal keys: restore it from a backup")]
    Magic,
    #[error("its head is damaged: restore it from a backup")]
    Head,
    #[error(
        "its format {version} is not known to this version of cosmictron, which reads {FORMAT_VERSION}"
    )]
    Version { version: u32 },
    #[error("it belongs to another data directory or has another name: put the right file back")]
    Foreign,
    #[error("its keys were wrapped by another master key: configure the one that it was made with")]
    WrongMasterKey,
    #[error(transparent)]
    Slot(#[from] SlotError),
}

/// The batch that a slot is in, and where it begins in that batch's file.
pub fn place_of(slot: SlotNumber) -> (u64, u64) {
    let within = slot.get() % u64::from(SLOTS);
    // At most 1024 × 128.
    (slot.get() / u64::from(SLOTS), (1 + within) * SLOT_BYTES as u64)
}

impl Batch {
    /// The bytes of a file of new keys. `random` fills what it is given, for this use alone.
    pub fn encode_new<E>(
        expected: &Expected<'_>,
        mut random: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Vec<u8>, E> {
        let mut nonce = Nonce([0; NONCE_BYTES]);
        random(&mut nonce.0)?;
        let mut bytes = Vec::with_capacity(BATCH_BYTES);
        bytes.extend_from_slice(&head(expected, nonce));
        for slot in slots_of(expected.number) {
            let mut key = [0; 32];
            random(&mut key)?;
            random(&mut nonce.0)?;
            let key = ContextKey::new(&mut key);
            let wrapped = expected.master.wrap(&key, expected.data, slot, nonce);
            bytes.extend_from_slice(&Slot::encode(slot, &wrapped));
        }
        Ok(bytes)
    }

    pub fn decode(expected: &Expected<'_>, bytes: &[u8]) -> Result<Batch, BatchError> {
        if bytes.len() != BATCH_BYTES {
            return Err(BatchError::Length { bytes: bytes.len() });
        }
        let (parts, _) = bytes.as_chunks::<SLOT_BYTES>();
        let (head, slots) = parts.split_first().expect("the length was checked");
        check_head(expected, head)?;
        let slots = slots_of(expected.number).zip(slots);
        let slots = slots.map(|(number, slot)| Slot::decode(number, slot));
        Ok(Batch { number: expected.number, slots: slots.collect::<Result<_, _>>()? })
    }

    /// The slots that a crash kept from being destroyed to the last byte.
    pub fn half_destroyed(&self) -> impl Iterator<Item = SlotNumber> {
        let slots = slots_of(self.number).zip(&self.slots);
        slots.filter(|(_, slot)| **slot == Slot::HalfDestroyed).map(|(number, _)| number)
    }
}

fn slots_of(batch: u64) -> impl Iterator<Item = SlotNumber> {
    let first = batch.checked_mul(u64::from(SLOTS)).expect("fewer keys than 64 bits can count");
    (0..u64::from(SLOTS)).map(move |within| SlotNumber::new(first + within))
}

fn head(expected: &Expected<'_>, nonce: Nonce) -> SlotBytes {
    let Expected { number, data, master } = expected;
    let check = master.check(*data, *number, nonce);
    encode_head(*number, *data, nonce, check)
}

fn encode_head(number: u64, data: u64, nonce: Nonce, check: [u8; TAG_BYTES]) -> SlotBytes {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&SLOTS.to_le_bytes());
    bytes[16..24].copy_from_slice(&number.to_le_bytes());
    bytes[24..32].copy_from_slice(&data.to_le_bytes());
    bytes[CHECK_NONCE_AT..CHECK_AT].copy_from_slice(&nonce.0);
    bytes[CHECK_AT..CHECK_AT + TAG_BYTES].copy_from_slice(&check);
    finish(bytes)
}

/// Length and checksum first, then structure, then meaning.
fn check_head(expected: &Expected<'_>, head: &SlotBytes) -> Result<(), BatchError> {
    if head[..8] != MAGIC {
        return Err(BatchError::Magic);
    }
    if finish(*head) != *head {
        return Err(BatchError::Head);
    }
    let version = u32::from_le_bytes(chunk(head, 8));
    if version != FORMAT_VERSION {
        return Err(BatchError::Version { version });
    }
    let (nonce, check) = (Nonce(chunk(head, CHECK_NONCE_AT)), chunk(head, CHECK_AT));
    let (number, data) = (u64::from_le_bytes(chunk(head, 16)), u64::from_le_bytes(chunk(head, 24)));
    if encode_head(number, data, nonce, check) != *head {
        return Err(BatchError::Head);
    }
    if (number, data) != (expected.number, expected.data) {
        return Err(BatchError::Foreign);
    }
    let verified = expected.master.verify(data, number, nonce, check);
    verified.map_err(|_| BatchError::WrongMasterKey)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const DATA: u64 = 0xfeed;

    fn master(byte: u8) -> MasterKey {
        MasterKey::new(&mut [byte; 32])
    }

    fn made(number: u64, master: &MasterKey) -> Vec<u8> {
        let mut count = 0u8;
        let random = |bytes: &mut [u8]| {
            count = count.wrapping_add(1);
            bytes.fill(count);
            Ok::<(), Infallible>(())
        };
        Batch::encode_new(&Expected { number, data: DATA, master }, random).unwrap()
    }

    #[track_caller]
    fn refuses(bytes: &[u8], expected: BatchError) {
        let master = master(1);
        let decoded = Batch::decode(&Expected { number: 2, data: DATA, master: &master }, bytes);
        assert_eq!(decoded.unwrap_err(), expected);
    }

    #[test]
    fn every_key_of_a_new_batch_opens() {
        let master = master(1);
        let bytes = made(2, &master);
        let batch = Batch::decode(&Expected { number: 2, data: DATA, master: &master }, &bytes);
        let batch = batch.unwrap();
        assert_eq!(batch.slots.len(), SLOTS_PER_BATCH);
        for (number, slot) in slots_of(2).zip(&batch.slots) {
            let Slot::Whole(key) = slot else { panic!("{number}: {slot:?}") };
            master.unwrap(key, DATA, number).unwrap();
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let bytes = made(2, &master(1));
        refuses(&bytes[..BATCH_BYTES - 1], BatchError::Length { bytes: BATCH_BYTES - 1 });
        refuses(&[], BatchError::Length { bytes: 0 });
        refuses(&vec![0; BATCH_BYTES], BatchError::Magic);
        refuses(&made(3, &master(1)), BatchError::Foreign);
        refuses(&made(2, &master(9)), BatchError::WrongMasterKey);
        let flipped = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            bytes
        };
        refuses(&flipped(70), BatchError::Head);
        let slot = SlotNumber::new(2 * 1024);
        refuses(&flipped(SLOT_BYTES + 30), BatchError::Slot(SlotError { slot }));
    }

    #[test]
    fn a_file_of_a_later_format_is_told_from_a_damaged_one() {
        let mut bytes = made(2, &master(1));
        bytes[8] = 2;
        let head: SlotBytes = bytes[..SLOT_BYTES].try_into().unwrap();
        bytes[..SLOT_BYTES].copy_from_slice(&finish(head));
        refuses(&bytes, BatchError::Version { version: 2 });
    }

    #[test]
    fn a_slot_is_found_where_it_was_put() {
        let master = master(1);
        let mut bytes = made(2, &master);
        let slot = SlotNumber::new(2 * 1024 + 17);
        let (batch, at) = place_of(slot);
        assert_eq!(batch, 2);
        let at = usize::try_from(at).unwrap();
        bytes[at] = Slot::encode_destroyed(slot)[0];
        let batch = Batch::decode(&Expected { number: 2, data: DATA, master: &master }, &bytes);
        assert_eq!(batch.unwrap().half_destroyed().collect::<Vec<_>>(), [slot]);
    }
}
