//! Keeps the nodes of one tree in chunks and names each by a number.
//!
//! A chunk never moves once it is full, so growing costs one allocation and no copy of what is there.

/// Nodes of a chunk.
const CHUNK: usize = 64;
/// "No node".
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    /// Nodes that were taken out: 4 bytes each, not counted.
    free: Vec<u32>,
    bytes: u64,
}

impl<T: Copy> Arena<T> {
    /// Bytes of one chunk: what the arena grows by at once.
    pub(super) const CHUNK_BYTES: usize = CHUNK * size_of::<T>();

    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), bytes: 0 }
    }

    /// Memory of all chunks.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn add(&mut self, node: T) -> u32 {
        if let Some(id) = self.free.pop() {
            *self.at_mut(id) = node;
            return id;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows by doubling, so that small trees stay small.
            let capacity = if self.chunks.is_empty() { 1 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(capacity));
            self.bytes += (capacity * size_of::<T>()) as u64;
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        let capacity = chunk.capacity();
        chunk.push(node);
        self.bytes += ((chunk.capacity() - capacity) * size_of::<T>()) as u64;
        let id = last * CHUNK + chunk.len() - 1;
        u32::try_from(id).ok().filter(|&id| id != NONE).expect("2^31 rows fill fewer nodes")
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, id: u32) -> T {
        self.free.push(id);
        *self.at(id)
    }

    pub(super) fn at(&self, id: u32) -> &T {
        &self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut T {
        &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }
}
