//! Passwords and their hashes: argon2id, 19 MiB, 2 passes, as OWASP advises.
//!
//! Hashing takes 20 ms of a core, so it runs on the helper pool and never on a shard.

use std::fmt;
use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};

use crate::config::PASSWORD_BYTES_MAX;

/// A password as a client sent it. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has {bytes_min} to {PASSWORD_BYTES_MAX} bytes")]
pub struct PasswordRefused {
    pub bytes_min: u16,
}

impl Password {
    /// A new password, which has to be long enough.
    pub fn choose(text: String, bytes_min: u16) -> Result<Self, PasswordRefused> {
        let fits = (usize::from(bytes_min)..=PASSWORD_BYTES_MAX).contains(&text.len());
        if fits { Ok(Self(text)) } else { Err(PasswordRefused { bytes_min }) }
    }

    /// An existing one, to be compared. `None` when it is longer than any can be.
    pub fn offer(text: String) -> Option<Self> {
        (text.len() <= PASSWORD_BYTES_MAX).then_some(Self(text))
    }

    /// Hashes with a random salt. Takes 20 ms.
    pub fn hash(&self) -> PasswordHash {
        let hash = Argon2::default()
            .hash_password(self.0.as_bytes())
            .expect("argon2's default parameters and salt length are valid");
        PasswordHash(hash.to_string())
    }

    /// Whether this is the password that was hashed. Takes 20 ms either way, also when there is no hash: who asks
    /// does not learn from the time whether an account exists.
    pub fn matches(&self, hash: Option<&PasswordHash>) -> bool {
        let decoy = || decoy_hash().0.as_str();
        let text = hash.map_or_else(decoy, |hash| hash.0.as_str());
        let Ok(parsed) = phc::PasswordHash::new(text) else { return false };
        let equal = Argon2::default().verify_password(self.0.as_bytes(), &parsed).is_ok();
        equal && hash.is_some()
    }
}

/// A hash that no account has.
fn decoy_hash() -> &'static PasswordHash {
    static DECOY: OnceLock<PasswordHash> = OnceLock::new();
    DECOY.get_or_init(|| Password("decoy".to_owned()).hash())
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// An argon2id hash in PHC form: parameters, salt and hash in one text.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// As the account's row keeps it.
    pub fn from_row(text: String) -> Self {
        Self(text)
    }

    pub fn into_row(self) -> String {
        self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hashed_password_matches() {
        let secret = Password::choose("secret".to_owned(), 6).unwrap();
        let other = Password::offer("Secret".to_owned()).unwrap();
        let hash = secret.hash();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(secret.matches(Some(&hash)));
        assert!(!other.matches(Some(&hash)));
        assert!(!secret.matches(None));
        assert!(!Password::offer("decoy".to_owned()).unwrap().matches(None));
    }

    #[test]
    fn length_is_bounded_on_both_sides() {
        assert!(Password::choose("12345".to_owned(), 6).is_err());
        assert!(Password::choose("x".repeat(1024), 6).is_ok());
        assert!(Password::choose("x".repeat(1025), 6).is_err());
        assert!(Password::offer("x".repeat(1025)).is_none());
    }
}
