//! Numbers out of arbitrary bytes; zeros when there are no more.

/// What is left of an input.
pub struct Program<'a>(pub &'a [u8]);

impl<'a> Program<'a> {
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes, as many of them as there are.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let bytes = self.bytes(N);
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// Below `limit`, which is at most 65536.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::from_le_bytes(self.array())) % limit
    }
}
