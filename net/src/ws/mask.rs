//! Masks and unmasks payloads: the same operation, in place.

/// The key of one masked frame. A client draws a new one for each (RFC 6455 section 10.3), so that
/// no page can choose the bytes that a proxy sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskKey([u8; 4]);

impl MaskKey {
    /// A key from the caller's chance.
    pub const fn new(bytes: [u8; 4]) -> MaskKey {
        MaskKey(bytes)
    }

    pub(super) const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// Masks a part of a payload that begins `offset` bytes behind the payload's start.
    pub(super) fn apply(self, part: &mut [u8], offset: usize) {
        let MaskKey([a, b, c, d]) = self;
        let key = match offset % 4 {
            0 => [a, b, c, d],
            1 => [b, c, d, a],
            2 => [c, d, a, b],
            _ => [d, a, b, c],
        };
        let [a, b, c, d] = key;
        let wide = u64::from_le_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = part.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_le_bytes(*word) ^ wide).to_le_bytes();
        }
        for (octet, key) in rest.iter_mut().zip(key.iter().cycle()) {
            *octet ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_are_masked_as_the_whole(
            key in any::<[u8; 4]>(),
            payload in proptest::collection::vec(any::<u8>(), 0..100),
            cut in any::<proptest::sample::Index>(),
        ) {
            let expected: Vec<u8> =
                payload.iter().enumerate().map(|(at, octet)| octet ^ key[at % 4]).collect();
            let mut parts = payload.clone();
            let cut = cut.index(payload.len() + 1);
            MaskKey::new(key).apply(&mut parts[..cut], 0);
            MaskKey::new(key).apply(&mut parts[cut..], cut);
            prop_assert_eq!(&parts, &expected);
        }
    }
}
