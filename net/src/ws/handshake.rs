//! The server's side of the opening handshake (RFC 6455 section 4.2).

use super::agreement::{Agreement, Compression};
use super::extension::{self, Accepted, Extension};
use super::key;
use crate::http::{Head, HeaderName, Method, Reply, Response, Status, Version};
use crate::octet;
use crate::problem::{PROBLEM_JSON, Problem, ProblemCode};

/// The only version there is.
pub(super) const VERSION: &str = "13";

/// Why a request is no handshake, or not one that is agreed to. It is answered by
/// [`HandshakeError::write`], and the connection goes on with HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Another method than GET.
    #[error("a WebSocket is asked for with GET")]
    NotGet,
    /// HTTP/1.0 knows no upgrades.
    #[error("a WebSocket needs HTTP/1.1")]
    OldHttp,
    /// No `Upgrade: websocket` with `Connection: upgrade`.
    #[error("a WebSocket is asked for with upgrade: websocket and connection: upgrade")]
    NotAsked,
    /// No `Sec-WebSocket-Version`, or another one than 13.
    #[error("sec-websocket-version must be 13")]
    BadVersion,
    /// No `Sec-WebSocket-Key`, or one that is not 16 bytes in base64.
    #[error("sec-websocket-key must be 16 bytes in base64")]
    BadKey,
    /// A `Sec-WebSocket-Protocol` that is no list of tokens.
    #[error("malformed sec-websocket-protocol")]
    BadProtocol,
    /// A `Sec-WebSocket-Extensions` that is no list of extensions.
    #[error("malformed sec-websocket-extensions")]
    BadExtensions,
}

impl HandshakeError {
    /// The problem that answers it.
    pub const fn code(self) -> ProblemCode {
        match self {
            HandshakeError::NotGet => ProblemCode::MethodNotAllowed,
            HandshakeError::NotAsked | HandshakeError::BadVersion => ProblemCode::UpgradeRequired,
            _ => ProblemCode::InvalidRequest,
        }
    }

    /// Appends the answer.
    pub fn write(self, out: &mut Vec<u8>, reply: &Reply) {
        let problem = Problem::new(self.code(), self.to_string());
        let mut response = problem.begin(out, reply);
        if self == HandshakeError::NotGet {
            response = response.header("Allow", "GET");
        }
        if self.code() == ProblemCode::UpgradeRequired {
            response = response.header("Upgrade", "websocket");
            // With `Connection: close` the upgrade is for the next connection.
            if reply.keep_alive {
                response = response.header("Connection", "Upgrade");
            }
            response = response.header("Sec-WebSocket-Version", VERSION);
        }
        response.body_with(PROBLEM_JSON, |out| problem.write_body(out));
    }
}

/// A handshake that can be agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake<'p> {
    accept: String,
    protocol: Option<&'p str>,
    deflate: Option<Accepted>,
}

impl<'p> Handshake<'p> {
    /// Checks a request. Of the subprotocols that the client names, the first that is in
    /// `protocols` is chosen; whether to go on without one is the caller's decision. So is whether
    /// the path, the `Origin` and the token are good.
    pub fn check(head: &Head<'_>, protocols: &[&'p str]) -> Result<Handshake<'p>, HandshakeError> {
        if head.method != Method::Get {
            return Err(HandshakeError::NotGet);
        }
        if head.version < Version::Http11 {
            return Err(HandshakeError::OldHttp);
        }
        let headers = &head.headers;
        if !headers.lists(HeaderName::Upgrade, "websocket")
            || !headers.lists(HeaderName::Connection, "upgrade")
        {
            return Err(HandshakeError::NotAsked);
        }
        if headers.find(HeaderName::SecWebSocketVersion) != Some(VERSION.as_bytes()) {
            return Err(HandshakeError::BadVersion);
        }
        let key = headers.find(HeaderName::SecWebSocketKey).filter(|key| key::is_key(key));
        let key = key.ok_or(HandshakeError::BadKey)?;
        let protocol = choose_protocol(head, protocols)?;
        let offers = Extension::parse_list(headers.find_all(HeaderName::SecWebSocketExtensions))
            .map_err(|extension::Malformed| HandshakeError::BadExtensions)?;
        let deflate = extension::accept(&offers);
        Ok(Handshake { accept: key::accept(key), protocol, deflate })
    }

    /// What holds once the answer is out.
    pub fn agreement(&self) -> Agreement<'p> {
        let sends = self.deflate.map_or(Compression::Off, |it| Compression::Deflate(it.window));
        Agreement { protocol: self.protocol, receives_deflate: self.deflate.is_some(), sends }
    }

    /// Without compression, whatever the client offered.
    #[must_use]
    pub fn without_deflate(self) -> Handshake<'p> {
        Handshake { deflate: None, ..self }
    }

    /// Appends the answer 101. Frames follow it on this connection.
    pub fn write(&self, out: &mut Vec<u8>, reply: &Reply) {
        let mut reply = *reply;
        reply.keep_alive = true;
        let extensions = self.deflate.map(Accepted::to_field);
        Response::begin(out, &reply, Status::SwitchingProtocols)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Accept", &self.accept)
            .header_if("Sec-WebSocket-Protocol", self.protocol)
            .header_if("Sec-WebSocket-Extensions", extensions.as_deref())
            .empty();
    }
}

/// The client's first choice that is known. The order is the client's (RFC 6455 section 1.9).
fn choose_protocol<'p>(
    head: &Head<'_>,
    protocols: &[&'p str],
) -> Result<Option<&'p str>, HandshakeError> {
    let mut chosen = None;
    let fields = head.headers.find_all(HeaderName::SecWebSocketProtocol);
    for offered in fields.flat_map(octet::list) {
        if !octet::is_token_all(offered) {
            return Err(HandshakeError::BadProtocol);
        }
        let known = || protocols.iter().copied().find(|known| known.as_bytes() == offered);
        chosen = chosen.or_else(known);
    }
    Ok(chosen)
}
