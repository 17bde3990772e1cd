//! Tokens: what they say, how they are signed and how they are judged.

use std::fmt;

use cosmictron_types::{Identity, Timestamp, Uuid};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::KeyRing;

/// Bytes of the longest token that is looked at. Ours have about 330.
pub const TOKEN_BYTES_MAX: usize = 2048;
/// Who issued a token.
const ISSUER: &str = "cosmictron";

/// What a token says, once its signature was found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    pub identity: Identity,
    /// The session, by which the token can be revoked.
    pub session: Uuid,
    /// From this second on it is refused; whole seconds.
    pub expires_at: Timestamp,
}

/// A token to give to a client. Not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedToken(String);

/// Why a token is refused. Deliberately says little: it goes to whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    #[error("the token is not one of this server's")]
    Forged,
    #[error("the token has expired")]
    Expired,
}

/// The payload on the wire.
#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    jti: String,
    iat: u64,
    exp: u64,
}

impl Claims {
    /// Signs with the ring's newest key.
    pub fn sign(&self, keys: &KeyRing, now: Timestamp) -> SignedToken {
        let (kid, key) = keys.signing();
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let payload = Payload {
            iss: ISSUER.to_owned(),
            sub: self.identity.to_string(),
            jti: self.session.to_string(),
            iat: seconds(now),
            exp: seconds(self.expires_at),
        };
        let token = jsonwebtoken::encode(&header, &payload, key);
        SignedToken(token.expect("the ring's key is an Ed25519 key and the payload plain"))
    }

    /// Checks algorithm, key, signature, issuer and time. Takes about 60 µs; see [`super::TokenCache`].
    pub fn verify(token: &str, keys: &KeyRing, now: Timestamp) -> Result<Claims, InvalidToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::Forged);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::Forged)?;
        let key = header.kid.as_deref().and_then(|kid| keys.verifying(kid));
        let key = key.ok_or(InvalidToken::Forged)?;
        let decoded = jsonwebtoken::decode::<Payload>(token, key, &validation())
            .map_err(|_| InvalidToken::Forged)?;
        let claims = decoded.claims.claims().ok_or(InvalidToken::Forged)?;
        if claims.expires_at <= now { Err(InvalidToken::Expired) } else { Ok(claims) }
    }
}

/// Only our algorithm and issuer. Expiry is judged by us, on the clock of the runtime.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    validation
}

impl Payload {
    fn claims(&self) -> Option<Claims> {
        let micros = i64::try_from(self.exp).ok()?.checked_mul(1_000_000)?;
        Some(Claims {
            identity: self.sub.parse().ok()?,
            session: Uuid::parse_str(&self.jti).ok()?,
            expires_at: Timestamp::from_micros(micros),
        })
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_secs()).unwrap_or(0)
}

impl SignedToken {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn ring() -> (tempfile::TempDir, KeyRing) {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::open(directory.path()).unwrap();
        (directory, keys)
    }

    fn claims() -> Claims {
        Claims {
            identity: Identity::from_bytes([7; 32]),
            session: Uuid::from_u128(9),
            expires_at: Timestamp::from_micros(1_700_000_100_000_000),
        }
    }

    fn encode(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn a_signed_token_says_what_was_signed_until_it_expires() {
        let (_directory, keys) = ring();
        let token = claims().sign(&keys, NOW);
        assert_eq!(Claims::verify(token.as_str(), &keys, NOW), Ok(claims()));
        let later = claims().expires_at;
        assert_eq!(Claims::verify(token.as_str(), &keys, later), Err(InvalidToken::Expired));
    }

    #[test]
    fn another_servers_token_is_refused() {
        let ((_a, ours), (_b, theirs)) = (ring(), ring());
        let token = claims().sign(&theirs, NOW);
        assert_eq!(Claims::verify(token.as_str(), &ours, NOW), Err(InvalidToken::Forged));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (_directory, keys) = ring();
        let token = claims().sign(&keys, NOW);
        // The last character of the signature carries unused bits, which the decoder refuses when set.
        for at in 0..token.as_str().len() {
            let mut bytes = token.as_str().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).unwrap();
            let verdict = Claims::verify(&text, &keys, NOW);
            assert_eq!(verdict, Err(InvalidToken::Forged), "byte {at}");
        }
    }

    #[test]
    fn algorithms_other_than_ours_are_refused() {
        let (_directory, keys) = ring();
        let token = claims().sign(&keys, NOW);
        let payload = token.as_str().split('.').nth(1).unwrap().to_owned();
        let kid = keys.signing().0;
        for algorithm in ["none", "None", "nOnE", "HS256", "RS256", "EdDSA", ""] {
            let header = encode(&format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"JWT"}}"#));
            for signature in ["", "AAAA"] {
                let forged = format!("{header}.{payload}.{signature}");
                assert_eq!(Claims::verify(&forged, &keys, NOW), Err(InvalidToken::Forged));
            }
        }
    }

    #[test]
    fn a_key_in_the_header_is_not_used() {
        let ((_a, ours), (_b, theirs)) = (ring(), ring());
        let token = claims().sign(&theirs, NOW);
        let kid = ours.signing().0;
        for extra in [r#""jwk":{"kty":"OKP"}"#, r#""jku":"http://127.0.0.1/""#, r#""crit":["x"]"#] {
            let header = encode(&format!(r#"{{"alg":"EdDSA","kid":"{kid}",{extra}}}"#));
            let rest = token.as_str().split_once('.').unwrap().1;
            let forged = format!("{header}.{rest}");
            assert_eq!(Claims::verify(&forged, &ours, NOW), Err(InvalidToken::Forged));
        }
    }
}
