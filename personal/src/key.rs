//! The three kinds of keys, each made from the one before, none of which is ever printed.
//!
//! ```text
//! master key ──wraps──▶ context key ──HKDF-SHA256──▶ row key ──AES-256-GCM──▶ cell
//!  configured            random, in a slot            never kept
//! ```
//!
//! Invariants:
//! 1. What a key is used for is part of what is authenticated: a wrapped key opens in its own slot of its own data
//!    directory only, a row key is that of one row of one table of one module.
//! 2. Texts of variable length are hashed behind their length, so that no two different places have the same bytes.
//!
//! The context keys are overwritten in memory when they are dropped. The schedules that *ring* makes of keys are not.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use zeroize::{Zeroize as _, Zeroizing};

use crate::slot::SlotNumber;

/// Bytes of a master key and of a context key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = NONCE_LEN;
/// Bytes that authenticate what was encrypted.
pub const TAG_BYTES: usize = MAX_TAG_LEN;

const WRAP_LABEL: &[u8] = b"cosmictron personal key 1";
const CHECK_LABEL: &[u8] = b"cosmictron personal check 1";
const ROW_SALT: &[u8] = b"cosmictron personal row 1";

/// Random bytes, drawn by the caller anew for each use. Two uses of one value under one key would give both texts away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce(pub [u8; NONCE_BYTES]);

/// Wraps the context keys. It is configured, and kept nowhere by the server.
pub struct MasterKey(LessSafeKey);

/// The key of one context. Destroyed with its slot.
pub struct ContextKey(Zeroizing<[u8; KEY_BYTES]>);

/// The key of one row, and the row that it is for.
pub struct RowKey {
    pub(crate) key: LessSafeKey,
    /// Authenticated with each cell.
    pub(crate) row: Vec<u8>,
}

/// A context key as it lies in its slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrappedKey {
    pub(crate) nonce: [u8; NONCE_BYTES],
    pub(crate) key: [u8; KEY_BYTES],
    pub(crate) tag: [u8; TAG_BYTES],
}

/// What was wrapped does not open: another master key, another slot, or other bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the master key is not the one that wrapped this")]
pub struct WrongMasterKey;

impl MasterKey {
    /// Overwrites the bytes that it was made from.
    pub fn new(bytes: &mut [u8; KEY_BYTES]) -> Self {
        let key = cipher(bytes);
        bytes.zeroize();
        Self(key)
    }

    /// `data` is the random number of the data directory that the slot is in.
    pub fn wrap(&self, key: &ContextKey, data: u64, slot: SlotNumber, nonce: Nonce) -> WrappedKey {
        let mut wrapped = *key.0;
        let tag = self.0.seal_in_place_separate_tag(
            nonce.to_ring(),
            Aad::from(purpose(WRAP_LABEL, data, slot.get())),
            &mut wrapped,
        );
        let tag = tag.expect("a key is not too long to be encrypted");
        WrappedKey { nonce: nonce.0, key: wrapped, tag: tag_bytes(&tag) }
    }

    pub fn unwrap(
        &self,
        wrapped: &WrappedKey,
        data: u64,
        slot: SlotNumber,
    ) -> Result<ContextKey, WrongMasterKey> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES + TAG_BYTES]);
        bytes[..KEY_BYTES].copy_from_slice(&wrapped.key);
        bytes[KEY_BYTES..].copy_from_slice(&wrapped.tag);
        let aad = Aad::from(purpose(WRAP_LABEL, data, slot.get()));
        let nonce = Nonce(wrapped.nonce).to_ring();
        let opened = self.0.open_in_place(nonce, aad, &mut *bytes).map_err(|_| WrongMasterKey)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(opened);
        Ok(ContextKey(key))
    }

    /// Bytes by which a file knows its master key again, and which tell nothing about it.
    pub(crate) fn check(&self, data: u64, batch: u64, nonce: Nonce) -> [u8; TAG_BYTES] {
        let aad = Aad::from(purpose(CHECK_LABEL, data, batch));
        let tag = self.0.seal_in_place_separate_tag(nonce.to_ring(), aad, &mut []);
        tag_bytes(&tag.expect("nothing is not too long to be encrypted"))
    }

    pub(crate) fn verify(
        &self,
        data: u64,
        batch: u64,
        nonce: Nonce,
        mut check: [u8; TAG_BYTES],
    ) -> Result<(), WrongMasterKey> {
        let aad = Aad::from(purpose(CHECK_LABEL, data, batch));
        let opened = self.0.open_in_place(nonce.to_ring(), aad, &mut check);
        opened.map(|_| ()).map_err(|_| WrongMasterKey)
    }
}

impl ContextKey {
    /// Of random bytes, which it overwrites.
    pub fn new(bytes: &mut [u8; KEY_BYTES]) -> Self {
        let key = Self(Zeroizing::new(*bytes));
        bytes.zeroize();
        key
    }

    /// The key of the row with this primary key (its tail form).
    pub fn row(&self, module: &str, table: &str, primary_key: &[u8]) -> RowKey {
        let mut row = Vec::new();
        for part in [module.as_bytes(), table.as_bytes(), primary_key] {
            push_part(&mut row, part);
        }
        let seed = Salt::new(HKDF_SHA256, ROW_SALT).extract(&*self.0);
        let place = [row.as_slice()];
        let derived = seed.expand(&place, &AES_256_GCM).expect("a key is not too long to derive");
        RowKey { key: LessSafeKey::new(UnboundKey::from(derived)), row }
    }
}

impl Nonce {
    pub(crate) fn to_ring(self) -> ring::aead::Nonce {
        ring::aead::Nonce::assume_unique_for_key(self.0)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl fmt::Debug for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextKey")
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowKey")
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedKey")
    }
}

/// Appends a text behind its length (I2).
pub(crate) fn push_part(out: &mut Vec<u8>, part: &[u8]) {
    let length = u64::try_from(part.len()).expect("no text is longer than 64 bits can count");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(part);
}

fn cipher(bytes: &[u8; KEY_BYTES]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, bytes).expect("a key of AES-256 has 32 bytes");
    LessSafeKey::new(key)
}

/// Labels differ, and neither begins with the other, so two purposes never have the same bytes (I1).
fn purpose(label: &[u8], data: u64, number: u64) -> Vec<u8> {
    [label, &data.to_le_bytes(), &number.to_le_bytes()].concat()
}

fn tag_bytes(tag: &ring::aead::Tag) -> [u8; TAG_BYTES] {
    tag.as_ref().try_into().expect("a tag of AES-GCM has 16 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u64 = 7;
    const NONCE: Nonce = Nonce([3; NONCE_BYTES]);

    #[test]
    fn a_wrapped_key_opens_in_its_own_slot_by_its_own_master_key() {
        let master = MasterKey::new(&mut [1; KEY_BYTES]);
        let slot = SlotNumber::new(5);
        let wrapped = master.wrap(&ContextKey::new(&mut [2; KEY_BYTES]), DATA, slot, NONCE);
        assert_ne!(wrapped.key, [2; KEY_BYTES]);
        assert_eq!(*master.unwrap(&wrapped, DATA, slot).unwrap().0, [2; KEY_BYTES]);
        master.unwrap(&wrapped, DATA, SlotNumber::new(6)).unwrap_err();
        master.unwrap(&wrapped, DATA + 1, slot).unwrap_err();
        let other = MasterKey::new(&mut [9; KEY_BYTES]);
        other.unwrap(&wrapped, DATA, slot).unwrap_err();
        let mut changed = wrapped;
        changed.key[0] ^= 1;
        master.unwrap(&changed, DATA, slot).unwrap_err();
    }

    #[test]
    fn keys_overwrite_what_they_are_made_from() {
        let mut bytes = [4; KEY_BYTES];
        let master = MasterKey::new(&mut bytes);
        assert_eq!(bytes, [0; KEY_BYTES]);
        bytes = [5; KEY_BYTES];
        let key = ContextKey::new(&mut bytes);
        assert_eq!(bytes, [0; KEY_BYTES]);
        assert_eq!(format!("{master:?} {key:?}"), "MasterKey ContextKey");
    }

    #[test]
    fn a_check_knows_its_master_key_again() {
        let master = MasterKey::new(&mut [1; KEY_BYTES]);
        let check = master.check(DATA, 0, NONCE);
        assert_eq!(master.verify(DATA, 0, NONCE, check), Ok(()));
        assert_eq!(master.verify(DATA, 1, NONCE, check), Err(WrongMasterKey));
        let other = MasterKey::new(&mut [9; KEY_BYTES]);
        assert_eq!(other.verify(DATA, 0, NONCE, check), Err(WrongMasterKey));
    }
}
