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
    free: Vec<u32>,
}

impl<T: Copy> Arena<T> {
    /// Bytes of one chunk: what the arena grows by at once.
    pub(super) const CHUNK_BYTES: usize = CHUNK * size_of::<T>();

    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }

    /// Memory, free nodes included.
    pub(super) fn bytes(&self) -> u64 {
        let first = self.chunks.first().map_or(0, Vec::capacity);
        let others = self.chunks.len().saturating_sub(1) * CHUNK;
        ((first + others) * size_of::<T>() + self.free.capacity() * size_of::<u32>()) as u64
    }

    pub(super) fn add(&mut self, node: T) -> u32 {
        if let Some(id) = self.free.pop() {
            *self.at_mut(id) = node;
            return id;
        }
        // The first chunk grows by doubling, so that small trees stay small.
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(node),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(node);
                self.chunks.push(chunk);
            }
            None => self.chunks.push(vec![node]),
        }
        let last = self.chunks.len() - 1;
        let id = last * CHUNK + self.chunks[last].len() - 1;
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
