//! Keeps the nodes of one tree in chunks and names each by a number.
//!
//! A chunk never moves once it is full, so growing costs one allocation and no copy of what is there. A chunk without
//! nodes gives its memory back.
//!
//! Invariants:
//! 1. `roomy` holds exactly the chunks that have room for a node, and memory.
//! 2. `vacant` holds exactly the numbers of chunks without memory.

use std::collections::BTreeSet;

/// Nodes of a chunk: as many as a word has bits.
const CHUNK: u32 = u64::BITS;
/// "No node".
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Arena<T> {
    chunks: Vec<Chunk<T>>,
    roomy: BTreeSet<u32>,
    vacant: BTreeSet<u32>,
    bytes: u64,
}

#[derive(Debug)]
struct Chunk<T> {
    /// Up to [`CHUNK`] nodes.
    nodes: Vec<T>,
    /// One bit for each of `nodes` that was taken out.
    free: u64,
}

impl<T: Copy> Arena<T> {
    /// Bytes of one chunk: what the arena grows by at once.
    pub(super) const CHUNK_BYTES: usize = CHUNK as usize * size_of::<T>();

    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), roomy: BTreeSet::new(), vacant: BTreeSet::new(), bytes: 0 }
    }

    /// Memory of all chunks.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn add(&mut self, node: T) -> u32 {
        let number = self.roomy.first().copied().unwrap_or_else(|| self.add_chunk());
        let chunk = &mut self.chunks[number as usize];
        let before = chunk.bytes();
        let at = chunk.add(node);
        self.bytes += chunk.bytes() - before;
        if chunk.is_full() {
            self.roomy.remove(&number);
        }
        number * CHUNK + at
    }

    fn add_chunk(&mut self) -> u32 {
        let number = self.vacant.pop_first().unwrap_or_else(|| {
            self.chunks.push(Chunk { nodes: Vec::new(), free: 0 });
            let number = u32::try_from(self.chunks.len() - 1).ok();
            let fits = number.filter(|&number| number < NONE / CHUNK);
            fits.expect("2^31 rows fill fewer nodes")
        });
        // The first chunk grows by doubling, so that small trees stay small.
        if number > 0 {
            self.chunks[number as usize].nodes.reserve_exact(CHUNK as usize);
            self.bytes += Self::CHUNK_BYTES as u64;
        }
        self.roomy.insert(number);
        number
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, id: u32) -> T {
        let node = *self.at(id);
        let number = id / CHUNK;
        let chunk = &mut self.chunks[number as usize];
        chunk.free |= 1 << (id % CHUNK);
        self.roomy.insert(number);
        if chunk.is_empty() {
            self.bytes -= chunk.bytes();
            *chunk = Chunk { nodes: Vec::new(), free: 0 };
            self.roomy.remove(&number);
            self.vacant.insert(number);
        }
        node
    }

    pub(super) fn at(&self, id: u32) -> &T {
        &self.chunks[(id / CHUNK) as usize].nodes[(id % CHUNK) as usize]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut T {
        &mut self.chunks[(id / CHUNK) as usize].nodes[(id % CHUNK) as usize]
    }
}

impl<T: Copy> Chunk<T> {
    fn bytes(&self) -> u64 {
        (self.nodes.capacity() * size_of::<T>()) as u64
    }

    fn is_full(&self) -> bool {
        self.nodes.len() == CHUNK as usize && self.free == 0
    }

    fn is_empty(&self) -> bool {
        self.free.count_ones() as usize == self.nodes.len()
    }

    /// Where the node lies now.
    fn add(&mut self, node: T) -> u32 {
        let at = self.free.trailing_zeros();
        if let Some(place) = self.nodes.get_mut(at as usize) {
            *place = node;
            self.free &= self.free - 1;
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("a chunk has 64 nodes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_were_taken_out_are_given_out_again() {
        let mut arena = Arena::<u64>::new();
        let ids: Vec<u32> = (0..200).map(|node| arena.add(node)).collect();
        let bytes = arena.bytes();
        for id in ids.iter().step_by(3) {
            assert_eq!(arena.remove(*id), u64::from(*id));
        }
        let again: Vec<u32> = ids.iter().step_by(3).map(|id| arena.add(u64::from(*id))).collect();
        assert_eq!(again, ids.iter().copied().step_by(3).collect::<Vec<_>>());
        assert_eq!(arena.bytes(), bytes);
        ids.iter().for_each(|id| assert_eq!(arena.remove(*id), u64::from(*id)));
        assert_eq!(arena.bytes(), 0);
    }
}
