//! Tokens: what they say, how they are signed and how they are judged.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// The header on the wire: that of every token of ours, and of no other. Parameters that have to be understood (`crit`), or that
/// say where a key is (`jwk`, `jku`, `x5c`), are in none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnHeader {
    typ: String,
    alg: String,
    kid: String,
}

/// The payload on the wire.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
        let header = OwnHeader::of(token).ok_or(InvalidToken::Forged)?;
        let key = keys.verifying(&header.kid).ok_or(InvalidToken::Forged)?;
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

impl OwnHeader {
    fn of(token: &str) -> Option<OwnHeader> {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
        let header: OwnHeader = serde_json::from_slice(&header).ok()?;
        (header.typ == "JWT" && header.alg == "EdDSA").then_some(header)
    }
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

    /// A token of any content, with a good signature of the ring's key.
    fn signed(keys: &KeyRing, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), keys.signing().1, Algorithm::EdDSA);
        format!("{message}.{}", signature.unwrap())
    }

    /// Even where the signature is good: what we do not write ourselves is not taken for ours.
    #[test]
    fn only_tokens_of_our_own_form_are_taken() {
        let (_directory, keys) = ring();
        let kid = keys.signing().0;
        let header = format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#);
        let (sub, jti) = (claims().identity, claims().session);
        let payload = |iss: &str, exp: &str, more: &str| {
            format!(r#"{{"iss":{iss},"sub":"{sub}","jti":"{jti}","iat":0,"exp":{exp}{more}}}"#)
        };
        let (ours, exp) = (r#""cosmictron""#, "1700000100");
        let good = payload(ours, exp, "");
        assert_eq!(Claims::verify(&signed(&keys, &header, &good), &keys, NOW), Ok(claims()));
        for header in [
            format!(r#"{{"typ":"JWT","alg":"none","alg":"EdDSA","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","crit":["exp"]}}"#),
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","b64":false,"crit":["b64"]}}"#),
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","zip":"DEF"}}"#),
            format!(r#"{{"typ":"JWT","alg":"eddsa","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"JWT","alg":["EdDSA"],"kid":"{kid}"}}"#),
            format!(r#"{{"typ":"JWT","cty":"JWT","alg":"EdDSA","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"../../{kid}"}}"#),
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}' OR '1'='1"}}"#),
            r#"{"typ":"JWT","alg":"EdDSA","kid":""}"#.to_owned(),
            r#"{"typ":"JWT","alg":"EdDSA","kid":7}"#.to_owned(),
            r#"{"typ":"JWT","alg":"EdDSA"}"#.to_owned(),
            format!("{header}{header}"),
            "[".repeat(1000),
            "null".to_owned(),
            String::new(),
        ] {
            let token = signed(&keys, &header, &good);
            assert_eq!(Claims::verify(&token, &keys, NOW), Err(InvalidToken::Forged), "{header}");
        }
        for payload in [
            payload(r#""somebody""#, exp, ""),
            payload(r#"["cosmictron"]"#, exp, ""),
            payload("null", exp, ""),
            payload(ours, "-1", ""),
            payload(ours, "1700000100.5", ""),
            payload(ours, "1e300", ""),
            payload(ours, r#""1700000100""#, ""),
            payload(ours, "null", ""),
            payload(ours, "18446744073709551615", ""),
            payload(ours, "18446744073709551616", ""),
            payload(ours, "9223372036855", ""),
            payload(ours, exp, r#","exp":1700000100"#),
            payload(ours, exp, r#","sub":"0""#),
            payload(ours, exp, r#","nbf":1700000100"#),
            payload(ours, exp, r#","aud":"another""#),
            payload(ours, exp, r#","roles":["admin"]"#),
            good.replace(&sub.to_string(), "me"),
            good.replace(&jti.to_string(), ""),
            format!("\"{}\"", signed(&keys, &header, &good)),
            signed(&keys, &header, &good),
            "[".repeat(1000),
            "null".to_owned(),
            String::new(),
        ] {
            let token = signed(&keys, &header, &payload);
            assert_eq!(Claims::verify(&token, &keys, NOW), Err(InvalidToken::Forged), "{payload}");
        }
        for exp in ["0", "1700000000"] {
            let token = signed(&keys, &header, &payload(ours, exp, ""));
            assert_eq!(Claims::verify(&token, &keys, NOW), Err(InvalidToken::Expired), "{exp}");
        }
    }

    /// The order of the group that Ed25519 signs in, 2^252 + 27742317777372353535851937790883648493, from the lowest byte on.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    #[test]
    fn a_signature_has_one_form() {
        let (_directory, keys) = ring();
        let token = claims().sign(&keys, NOW);
        let (message, signature) = token.as_str().rsplit_once('.').unwrap();
        let good = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut added = good.clone();
        let mut carry = 0;
        for (byte, more) in added[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        let (cut, longer) = (good[..63].to_vec(), [&*good, &[0]].concat());
        for forged in
            [added, cut, longer, vec![0; 64], [&good[..32], &[0; 32]].concat(), Vec::new()]
        {
            let text = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&forged));
            assert_eq!(Claims::verify(&text, &keys, NOW), Err(InvalidToken::Forged), "{forged:?}");
        }
        let standard = base64::engine::general_purpose::STANDARD.encode(&good);
        for other in
            [format!("{signature}="), format!("{signature}=="), standard, format!(" {signature}")]
        {
            let text = format!("{message}.{other}");
            assert_eq!(Claims::verify(&text, &keys, NOW), Err(InvalidToken::Forged), "{other}");
        }
        for text in [
            "",
            ".",
            "..",
            "...",
            "a",
            "\0.\0.\0",
            "é.é.é",
            &"a.".repeat(1024),
            &"A".repeat(100_000),
        ] {
            assert_eq!(Claims::verify(text, &keys, NOW), Err(InvalidToken::Forged));
        }
        assert_eq!(
            Claims::verify(&format!("{}.", token.as_str()), &keys, NOW),
            Err(InvalidToken::Forged)
        );
    }

    /// A key that everybody has, taken for a secret.
    #[test]
    fn a_token_that_is_signed_by_a_secret_is_refused_whatever_the_secret_is() {
        let (_directory, keys) = ring();
        let payload = Payload {
            iss: ISSUER.to_owned(),
            sub: claims().identity.to_string(),
            jti: claims().session.to_string(),
            iat: 0,
            exp: seconds(claims().expires_at),
        };
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for secret in ["", keys.signing().0] {
                let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
                let header =
                    Header { kid: Some(keys.signing().0.to_owned()), ..Header::new(algorithm) };
                let token = jsonwebtoken::encode(&header, &payload, &key).unwrap();
                assert_eq!(Claims::verify(&token, &keys, NOW), Err(InvalidToken::Forged));
                let (_, rest) = token.split_once('.').unwrap();
                let ours = Header { kid: header.kid, ..Header::new(Algorithm::EdDSA) };
                let ours = encode(&serde_json::to_string(&ours).unwrap());
                let token = format!("{ours}.{rest}");
                assert_eq!(Claims::verify(&token, &keys, NOW), Err(InvalidToken::Forged));
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
