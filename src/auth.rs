//! Who is calling: passwords, tokens and the mail that carries links.
//!
//! Accounts and sessions are rows on the first shard (see [`crate::catalog`]); this folder holds what stands around
//! them. A token is an EdDSA-signed JWT that names an identity and a session. Its signature is checked once on each
//! core and remembered until it expires; whether its session was revoked is asked every time.

mod email;
mod key_ring;
mod mail;
mod password;
mod rights;
mod token;
mod token_cache;

pub use email::{EmailAddress, InvalidEmail};
pub use key_ring::{KeyRing, KeyRingError};
pub use mail::{Mail, MailError, Postbox};
pub use password::{Password, PasswordHash, PasswordRefused};
pub use rights::{READ_PERSONAL_DATA, Right, Rights};
pub use token::{Claims, InvalidToken, SignedToken};
pub use token_cache::TokenCache;

/// What an account is to the server: what it may do beyond calling reducers and reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Every account.
    User,
    /// Deploys and removes modules.
    Deployer,
    /// Everything, and sees the diagnostics.
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::User, Role::Deployer, Role::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Deployer => "deployer",
            Role::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}
