//! Takes encoded bytes apart, trusting none of them.

/// Why bytes are not the encoding of the type they were read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the value ends after {available} bytes where {needed} more are needed")]
    UnexpectedEnd { needed: usize, available: usize },
    #[error("{bytes} bytes are left over after the value")]
    TrailingBytes { bytes: usize },
    #[error("a bool is 0 or 1, not {0}")]
    InvalidBool(u8),
    #[error("a string is not UTF-8")]
    InvalidUtf8,
    #[error("an enum of {variants} variants has no variant {tag}")]
    InvalidTag { tag: u8, variants: u16 },
    /// The ends of a row's variable columns descend, or do not match the row's length.
    #[error("column ends at {end} outside of {start}..={limit}")]
    InvalidEnd { start: usize, end: usize, limit: usize },
    /// The unused bytes of an absent optional value are zero, so that equal rows have equal bytes.
    #[error("an absent value has bytes other than zero")]
    NonZeroPadding,
}

/// A cursor over encoded bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(DecodeError::UnexpectedEnd { needed: count, available: self.rest.len() });
        };
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(DecodeError::UnexpectedEnd { needed: N, available: self.rest.len() });
        };
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// A count or length: four bytes, little-endian.
    pub fn length(&mut self) -> Result<usize, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A length, then as many bytes.
    pub fn prefixed(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.length()?;
        self.take(length)
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(DecodeError::TrailingBytes { bytes }),
        }
    }
}

/// The bytes of a string column as text.
pub fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    core::str::from_utf8(bytes).map_err(|_| DecodeError::InvalidUtf8)
}
