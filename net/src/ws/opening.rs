//! The client's side of the opening handshake (RFC 6455 section 4.1): what the command line, the
//! load generator and the tests connect with.

use super::agreement::{Agreement, Compression};
use super::extension::{self, Extension};
use super::handshake::VERSION;
use super::key;
use crate::http::{Answer, HeaderName, Method, RequestEncoder};

/// Why a server's answer is no agreement. All of them are the server's doing and end the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// Not 101. The answer says why.
    #[error("server answered {0} instead of 101")]
    Refused(u16),
    /// 101 without `Upgrade: websocket` and `Connection: upgrade`.
    #[error("server did not change to websocket")]
    NotUpgraded,
    /// `Sec-WebSocket-Accept` is not the answer to our key.
    #[error("server did not prove that it read the key")]
    BadAccept,
    /// A subprotocol that was not offered.
    #[error("server chose a subprotocol that was not offered")]
    BadProtocol,
    /// An extension, or a parameter, that was not offered.
    #[error("server agreed to an extension that was not offered")]
    BadExtensions,
}

/// A handshake that a client has begun.
#[derive(Clone, Debug)]
pub struct Opening<'p> {
    key: String,
    protocols: &'p [&'p str],
    offers_deflate: bool,
}

impl<'p> Opening<'p> {
    /// A handshake with 16 bytes of the caller's chance, which names `protocols` in the order in
    /// which they are wanted and offers compression.
    pub fn new(nonce: [u8; 16], protocols: &'p [&'p str]) -> Opening<'p> {
        Opening { key: key::encode(nonce), protocols, offers_deflate: true }
    }

    /// Without offering compression.
    #[must_use]
    pub fn without_deflate(self) -> Opening<'p> {
        Opening { offers_deflate: false, ..self }
    }

    /// Appends the request. `target` is a path and query; a token makes an `Authorization` field.
    pub fn write(&self, target: &str, host: &str, token: Option<&str>, out: &mut Vec<u8>) {
        let protocols = (!self.protocols.is_empty()).then(|| self.protocols.join(", "));
        let authorization = token.map(|token| format!("Bearer {token}"));
        RequestEncoder::begin(out, Method::Get, target, host)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Version", VERSION)
            .header("Sec-WebSocket-Key", &self.key)
            .header_if("Sec-WebSocket-Protocol", protocols.as_deref())
            .header_if("Sec-WebSocket-Extensions", self.offers_deflate.then_some(extension::OFFER))
            .header_if("Authorization", authorization.as_deref())
            .empty();
    }

    /// Checks the answer. What follows it is frames: they go into the
    /// [`Decoder`](super::Decoder)'s input first.
    pub fn check(&self, answer: &Answer<'_>) -> Result<Agreement<'p>, OpeningError> {
        if answer.status != 101 {
            return Err(OpeningError::Refused(answer.status));
        }
        let headers = &answer.headers;
        if !headers.lists(HeaderName::Upgrade, "websocket")
            || !headers.lists(HeaderName::Connection, "upgrade")
        {
            return Err(OpeningError::NotUpgraded);
        }
        let accept = key::accept(self.key.as_bytes());
        if headers.get("sec-websocket-accept") != Some(accept.as_bytes()) {
            return Err(OpeningError::BadAccept);
        }
        let mut protocols = headers.find_all(HeaderName::SecWebSocketProtocol);
        let protocol = match (protocols.next(), protocols.next()) {
            (None, _) => None,
            (Some(chosen), None) => {
                let chosen = self.protocols.iter().find(|known| known.as_bytes() == chosen);
                Some(*chosen.ok_or(OpeningError::BadProtocol)?)
            }
            (Some(_), Some(_)) => return Err(OpeningError::BadProtocol),
        };
        let fields = headers.find_all(HeaderName::SecWebSocketExtensions);
        let agreed = Extension::parse_list(fields)
            .and_then(|extensions| extension::confirm(&extensions))
            .map_err(|extension::Malformed| OpeningError::BadExtensions)?;
        if agreed.is_some() && !self.offers_deflate {
            return Err(OpeningError::BadExtensions);
        }
        let sends = agreed.unwrap_or(Compression::Off);
        Ok(Agreement { protocol, receives_deflate: agreed.is_some(), sends })
    }
}
