//! Proves that a server has understood a WebSocket handshake (RFC 6455 section 4.2.2).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

/// Characters of a key: 16 bytes in base64.
const KEY_CHARACTERS: usize = 24;

/// What no server says that does not know the protocol.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key is only echoed, so bits that its last character has and 16 bytes do not are no harm.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// `Sec-WebSocket-Key` for a client's 16 random bytes.
pub(super) fn encode(nonce: [u8; 16]) -> String {
    BASE64.encode(nonce)
}

/// Whether `key` is 16 bytes in base64.
pub(super) fn is_key(key: &[u8]) -> bool {
    let mut nonce = [0; KEY_CHARACTERS];
    key.len() == KEY_CHARACTERS && BASE64.decode_slice(key, &mut nonce) == Ok(16)
}

/// `Sec-WebSocket-Accept`, the answer to `key`.
pub(super) fn accept(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    BASE64.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_holds() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_key(encode([0xff; 16]).as_bytes()));
        for key in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZ===",
            b"dGhlIHNhbXBsZSBub25jZQAA",
            b"dGhlIHNhbXBsZSBub25jZQAAAA==",
            b"dGhlIHNhbXBsZSBub25j*Q==",
        ] {
            assert!(!is_key(key), "{}", key.escape_ascii());
        }
    }
}
