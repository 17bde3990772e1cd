//! The client's end of a WebSocket, over blocking I/O.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use cosmictron_net::ws::{
    self, CloseCode, Closing, Decoder, Deflater, Encoder, Inflater, MaskKey, Opening, Received,
    Role,
};
use cosmictron_net::{Limits, Method, ResponseDecoder};
use rustls::ClientConfig;
use ureq::http::Uri;

use super::super::client::{ANSWER_BYTES_MAX, refusal};
use super::super::output::CliError;
use super::stream::Stream;

/// Bytes of the largest refusal of a handshake that is read.
const REFUSAL_BYTES_MAX: usize = 64 << 10;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// The token has ended, or none was good (`docs/protocol.md`).
const TOKEN_ENDED: u16 = 4001;
const UNAUTHENTICATED: u16 = 4003;

/// Where a server's WebSocket is.
pub struct Target {
    url: String,
    host: String,
    port: u16,
    is_secure: bool,
    /// What `Host` says.
    authority: String,
    path: String,
}

/// Why there is nothing more on a connection.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the server has closed the connection: {reason} ({code})")]
    Closed { code: u16, reason: String },
    #[error("the connection has ended")]
    Ended,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Violation(#[from] ws::Violation),
}

/// An open connection.
pub struct Socket {
    stream: Stream,
    encoder: Encoder,
    decoder: Decoder,
    inflater: Inflater,
    deflater: Deflater,
    closing: Closing,
    read: Vec<u8>,
}

impl Target {
    /// The WebSocket of the server at a URL.
    pub fn parse(url: &str) -> Result<Target, CliError> {
        let url = url.trim_end_matches('/');
        let wrong = || CliError::Local(format!("{url} is no address of the form http://host:port"));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let is_secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let authority = authority.as_str();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned();
        let path = format!("{}/v1/ws", uri.path().trim_end_matches('/'));
        Ok(Target { url: url.to_owned(), host, port, is_secure, authority, path })
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Lost {
    /// What the server refuses for good by its closing.
    pub fn refusal(&self) -> Option<CliError> {
        match self {
            Lost::Closed { code: TOKEN_ENDED | UNAUTHENTICATED, reason } => {
                let code = "unauthenticated".to_owned();
                Some(CliError::Refused { status: 401, code, detail: reason.clone() })
            }
            _ => None,
        }
    }
}

impl Socket {
    /// Connects, and agrees with the server to speak WebSocket.
    pub fn open(target: &Target, tls: &Arc<ClientConfig>, token: &str) -> Result<Socket, CliError> {
        let unreachable = |error: io::Error| CliError::Unreachable {
            url: target.url.clone(),
            reason: error.to_string(),
        };
        let foreign = |reason: String| CliError::Foreign { url: target.url.clone(), reason };
        let tls = target.is_secure.then_some(tls);
        let connected = Stream::connect(&target.host, target.port, tls);
        let mut stream = connected.map_err(unreachable)?;
        let mut nonce = [0; 16];
        fill(&mut nonce).map_err(|lost| CliError::Local(lost.to_string()))?;
        let opening = Opening::new(nonce, &[ws::JSON_V1]);
        let mut request = Vec::new();
        opening.write(&target.path, &target.authority, Some(token), &mut request);
        stream.write_all(&request).and_then(|()| stream.flush()).map_err(unreachable)?;

        let mut answers = ResponseDecoder::new(Limits::default(), REFUSAL_BYTES_MAX);
        let mut read = vec![0; READ_BYTES];
        let agreement = loop {
            if let Some(answer) =
                answers.next(Method::Get).map_err(|error| foreign(error.to_string()))?
            {
                if answer.status != 101 {
                    return Err(refusal(&target.url, answer.status, answer.body));
                }
                break opening.check(&answer).map_err(|error| foreign(error.to_string()))?;
            }
            match stream.read(&mut read).map_err(unreachable)? {
                0 if answers.phase() == cosmictron_net::Phase::Closed => {
                    return Err(unreachable(ErrorKind::UnexpectedEof.into()));
                }
                0 => answers.end(),
                count => answers.input().extend_from_slice(&read[..count]),
            }
        };
        let bytes_max = usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        let limits = ws::Limits::with_message_bytes_max(bytes_max);
        let mut decoder = Decoder::new(Role::Client, agreement.receives_deflate, limits);
        decoder.input().extend_from_slice(&answers.take_unread());
        Ok(Socket {
            stream,
            encoder: Encoder::new(agreement.sends),
            decoder,
            inflater: Inflater::new(),
            deflater: Deflater::new(),
            closing: Closing::default(),
            read,
        })
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    pub fn send(&mut self, text: &str) -> Result<(), Lost> {
        let (encoder, mut out) = (masked(self.encoder)?, Vec::new());
        encoder.text(text, &mut self.deflater, &mut out);
        self.write(&out)
    }

    /// Asks whether the server is there.
    pub fn ping(&mut self) -> Result<(), Lost> {
        let mut out = Vec::new();
        masked(self.encoder)?.ping(b"", &mut out);
        self.write(&out)
    }

    /// Says goodbye; nobody waits for the answer.
    pub fn close(&mut self) {
        let mut out = Vec::new();
        if let Ok(encoder) = masked(self.encoder) {
            self.closing.start(CloseCode::NORMAL, "", &encoder, &mut out);
            // A server that is gone needs no goodbye.
            let _ = self.write(&out);
        }
    }

    /// The next message that has come whole.
    pub fn receive(&mut self) -> Result<Option<String>, Lost> {
        loop {
            let (encoder, mut out) = (masked(self.encoder)?, Vec::new());
            let lost = match self.decoder.next(&mut self.inflater) {
                Ok(Received::Text(text)) => return Ok(Some(text.to_owned())),
                Ok(Received::NeedMore) => match self.fill()? {
                    true => continue,
                    false => return Ok(None),
                },
                Ok(Received::Ping(payload)) => {
                    encoder.pong(payload, &mut out);
                    None
                }
                // Nobody has asked for those.
                Ok(Received::Pong(_) | Received::Binary(_)) => None,
                Ok(Received::Close(close)) => {
                    self.closing.receive(close, &encoder, &mut out);
                    Some(close.map_or(Lost::Ended, |close| Lost::Closed {
                        code: close.code.get(),
                        reason: close.reason.to_owned(),
                    }))
                }
                Ok(Received::Closed) => Some(Lost::Ended),
                Err(violation) => {
                    self.closing.fail(violation, &encoder, &mut out);
                    Some(violation.into())
                }
            };
            match (self.write(&out), lost) {
                // Why it has ended says more than that nothing can be written to it.
                (_, Some(lost)) => return Err(lost),
                (written, None) => written?,
            }
        }
    }

    /// Reads what there is; whether that is anything.
    fn fill(&mut self) -> Result<bool, Lost> {
        match self.stream.read_ready(&mut self.read) {
            Ok(0) => Err(Lost::Ended),
            Ok(count) => {
                self.decoder.input().extend_from_slice(&self.read[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }
}

/// With a key that nobody could foresee, as each frame of a client needs (RFC 6455 section 10.3).
fn masked(encoder: Encoder) -> Result<Encoder, Lost> {
    let mut key = [0; 4];
    fill(&mut key)?;
    Ok(encoder.masked(MaskKey::new(key)))
}

fn fill(bytes: &mut [u8]) -> Result<(), Lost> {
    getrandom::fill(bytes).map_err(|error| Lost::Io(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_be_anywhere() {
        let check = |url: &str, host: &str, port: u16, authority: &str, path: &str| {
            let target = Target::parse(url).unwrap();
            assert_eq!((&*target.host, target.port), (host, port), "{url}");
            assert_eq!((&*target.authority, &*target.path), (authority, path), "{url}");
            assert_eq!(target.is_secure, url.starts_with("https"));
        };
        check("http://a:3000/", "a", 3000, "a:3000", "/v1/ws");
        check("http://a.example", "a.example", 80, "a.example", "/v1/ws");
        check("https://a.example/db/", "a.example", 443, "a.example", "/db/v1/ws");
        check("http://[::1]:3000", "::1", 3000, "[::1]:3000", "/v1/ws");
        check("http://me:x@a:1", "a", 1, "a:1", "/v1/ws");
        for url in ["", "a:3000", "ftp://a", "http://", "http://a b"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
