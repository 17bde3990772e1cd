//! Remembers on each core which tokens were found good, so that a signature is checked once and not at every call.

use ahash::RandomState;
use cosmictron_types::{Timestamp, Uuid};
use hashbrown::HashMap;

use super::{Claims, InvalidToken, KeyRing};

/// Tokens remembered on one core: about 4 MiB.
const TOKENS_MAX: usize = 8192;

/// One core's memory of good tokens. Bounded; when it is full it starts afresh, which costs one check a token.
pub struct TokenCache {
    // Keyed by text that clients choose, so the hash is seeded by chance. The order is never looked at.
    tokens: HashMap<Box<str>, Claims, RandomState>,
}

impl TokenCache {
    /// `seed` is chance, so that nobody outside can make keys collide.
    pub fn new(seed: [u64; 4]) -> Self {
        let hasher = RandomState::with_seeds(seed[0], seed[1], seed[2], seed[3]);
        Self { tokens: HashMap::with_hasher(hasher) }
    }

    /// What the token says, if it is good now. Revocation is not judged here.
    pub fn verify(
        &mut self,
        token: &str,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<Claims, InvalidToken> {
        if let Some(claims) = self.tokens.get(token) {
            return if now < claims.expires_at { Ok(*claims) } else { Err(InvalidToken::Expired) };
        }
        let claims = Claims::verify(token, keys, now)?;
        if self.tokens.len() >= TOKENS_MAX {
            self.tokens.clear();
        }
        self.tokens.insert(token.into(), claims);
        Ok(claims)
    }

    /// Forgets a session's tokens.
    pub fn forget(&mut self, session: Uuid) {
        self.tokens.retain(|_, claims| claims.session != session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmictron_types::{Duration, Identity};

    #[test]
    fn a_remembered_token_still_expires() {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::open(directory.path()).unwrap();
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let expires_at = now + Duration::from_secs(10);
        let claims = Claims { identity: Identity::SYSTEM, session: Uuid::from_u128(1), expires_at };
        let token = claims.sign(&keys, now);
        let mut cache = TokenCache::new([1, 2, 3, 4]);
        assert_eq!(cache.verify(token.as_str(), &keys, now), Ok(claims));
        assert_eq!(cache.verify(token.as_str(), &keys, now), Ok(claims));
        assert_eq!(cache.verify(token.as_str(), &keys, expires_at), Err(InvalidToken::Expired));
    }

    #[test]
    fn a_forged_token_is_never_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::open(directory.path()).unwrap();
        let mut cache = TokenCache::new([1, 2, 3, 4]);
        for _ in 0..2 {
            assert_eq!(cache.verify("a.b.c", &keys, Timestamp::EPOCH), Err(InvalidToken::Forged));
        }
        assert!(cache.tokens.is_empty());
    }
}
