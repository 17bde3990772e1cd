//! Checks text as it arrives, in pieces that may end within a character, so that it is refused as
//! early as can be. Whether it ends within one shows when all of it is read.
//!
//! **Invariants**
//! 1. A sequence is refused with the first piece after which no further bytes could make it valid.
//! 2. `pending[..pending_bytes]` is the beginning of one character, or empty.

/// Text that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// Checks one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Check {
    pending: [u8; 4],
    pending_bytes: usize,
}

impl Utf8Check {
    /// Looks at the next piece.
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while 0 < self.pending_bytes {
            let [octet, rest @ ..] = piece else { return Ok(()) };
            self.pending[self.pending_bytes] = *octet;
            self.pending_bytes += 1;
            piece = rest;
            match str::from_utf8(&self.pending[..self.pending_bytes]) {
                Ok(_) => self.pending_bytes = 0,
                Err(error) if error.error_len().is_some() => return Err(NotUtf8),
                Err(_) => {}
            }
        }
        let Err(error) = str::from_utf8(piece) else { return Ok(()) };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        let rest = &piece[error.valid_up_to()..];
        self.pending[..rest.len()].copy_from_slice(rest);
        self.pending_bytes = rest.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where a text is refused that comes byte by byte.
    fn refused_at(text: &[u8]) -> Option<usize> {
        let mut check = Utf8Check::default();
        text.chunks(1).position(|octet| check.feed(octet).is_err())
    }

    #[test]
    fn what_cannot_become_valid_is_refused_at_once() {
        assert_eq!(refused_at("κόσμε\u{10ffff}".as_bytes()), None);
        assert_eq!(refused_at(b"a\xf4\x90\x80\x80"), Some(2));
        assert_eq!(refused_at(b"\xed\xa0\x80"), Some(1));
        assert_eq!(refused_at(b"\xc0\xaf"), Some(0));
        assert_eq!(refused_at(b"ab\xce"), None);
    }

    proptest! {
        #[test]
        fn pieces_are_judged_as_the_whole(
            text in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..12),
                any::<String>().prop_map(String::into_bytes),
            ],
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            let mut check = Utf8Check::default();
            let mut from = 0;
            let mut verdict = Ok(());
            for cut in cuts.into_iter().chain([text.len()]) {
                verdict = verdict.and_then(|()| check.feed(&text[from..cut]));
                from = cut;
            }
            let is_hopeless =
                str::from_utf8(&text).is_err_and(|error| error.error_len().is_some());
            prop_assert_eq!(verdict.is_err(), is_hopeless);
        }
    }
}
