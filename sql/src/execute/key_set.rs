//! Strings of bytes, each once, by the number of its coming.
//!
//! Most of a hash map of boxes is spent where a slice of an execution has no end: when it grows it reads every key, when it
//! is dropped it gives back each for itself. Here the keys lie one behind the other in chunks, and an entry of the table has
//! its hash, so growing moves entries and dropping gives back chunks.

use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Bytes of a chunk, but for one that holds a single longer key.
const CHUNK_BYTES: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct KeySet {
    hasher: DefaultHashBuilder,
    entries: HashTable<Entry>,
    chunks: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    number: u32,
    chunk: u32,
    start: u32,
    length: u32,
}

/// Where a key is, or would be.
pub(super) enum Place {
    /// The number of the key.
    Known(usize),
    /// The hash of one that is not there.
    New(u64),
}

impl KeySet {
    /// What a key takes beyond its bytes, roughly: its place in a table that has just been moved to one of twice the size.
    pub(super) const ENTRY_BYTES: usize = 3 * size_of::<Entry>();

    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Place {
        let hash = self.hasher.hash_one(key);
        let is_it = |entry: &Entry| entry.hash == hash && self.key(entry) == key;
        match self.entries.find(hash, is_it) {
            Some(entry) => Place::Known(entry.number as usize),
            None => Place::New(hash),
        }
    }

    /// Adds a key that was found not to be there. Returns its number.
    pub(super) fn add(&mut self, hash: u64, key: &[u8]) -> usize {
        let number = self.entries.len();
        let has_room = |chunk: &Vec<u8>| chunk.len() + key.len() <= chunk.capacity();
        if !self.chunks.last().is_some_and(has_room) {
            // The first chunk is small, as most sets are.
            let wanted = if self.chunks.is_empty() { 0 } else { CHUNK_BYTES };
            self.chunks.push(Vec::with_capacity(wanted.max(key.len())));
        }
        let chunk = self.chunks.len() - 1;
        let bytes = &mut self.chunks[chunk];
        let start = bytes.len();
        bytes.extend_from_slice(key);
        let small = |number: usize| u32::try_from(number).expect("keys take memory, and have less");
        let entry = Entry {
            hash,
            number: small(number),
            chunk: small(chunk),
            start: small(start),
            length: small(key.len()),
        };
        self.entries.insert_unique(hash, entry, |entry| entry.hash);
        number
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.chunks[entry.chunk as usize][entry.start as usize..][..entry.length as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_number_of_its_coming() {
        let mut set = KeySet::default();
        let key = |number: usize| match number % 7 {
            0 => vec![7; number % 90_000],
            _ => number.to_le_bytes()[..(number % 8).max(3)].to_vec(),
        };
        let mut known = std::collections::BTreeMap::new();
        for number in 0..30_000usize {
            let key = key(number * 13 % 20_000);
            match set.find(&key) {
                Place::Known(found) => assert_eq!(known.get(&key), Some(&found)),
                Place::New(hash) => {
                    assert_eq!(known.insert(key.clone(), known.len()), None);
                    assert_eq!(set.add(hash, &key), known.len() - 1);
                }
            }
        }
    }
}
