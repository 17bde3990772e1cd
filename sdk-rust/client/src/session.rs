//! Who a client is: accounts and their tokens.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::http;
use crate::transport::Transport;
use crate::value::Identity;

/// An account that has signed in.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// What proves it. Whoever has it is the account: keep it as a password is kept.
    pub token: String,
    /// The account.
    pub identity: Identity,
    /// When the token ends, in seconds since the Unix epoch.
    pub expires_at: u64,
}

/// Without the token.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("identity", &self.identity)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

pub(crate) async fn sign_up(
    transport: &Transport,
    email: &str,
    password: &str,
) -> Result<Session, Error> {
    let body = json!({"email": email, "password": password});
    read(http::post(transport, "/v1/auth/sign-up", None, &body).await?)
}

pub(crate) async fn sign_in(
    transport: &Transport,
    email: &str,
    password: &str,
) -> Result<Session, Error> {
    let body = json!({"email": email, "password": password});
    read(http::post(transport, "/v1/auth/sign-in", None, &body).await?)
}

pub(crate) async fn request_magic_link(transport: &Transport, email: &str) -> Result<(), Error> {
    let body = json!({"email": email});
    http::post(transport, "/v1/auth/magic-link/request", None, &body).await.map(drop)
}

pub(crate) async fn verify_magic_link(
    transport: &Transport,
    token: &str,
) -> Result<Session, Error> {
    let body = json!({"token": token});
    read(http::post(transport, "/v1/auth/magic-link/verify", None, &body).await?)
}

pub(crate) async fn refresh(transport: &Transport, token: &str) -> Result<Session, Error> {
    read(http::post(transport, "/v1/auth/refresh", Some(token), &json!({})).await?)
}

pub(crate) async fn sign_out(transport: &Transport, token: &str) -> Result<(), Error> {
    http::post(transport, "/v1/auth/sign-out", Some(token), &json!({})).await.map(drop)
}

fn read(answer: Value) -> Result<Session, Error> {
    serde_json::from_value(answer).map_err(|error| Error::Protocol(error.to_string()))
}
