//! TLS on the port of the API: handshakes that keep no core, and connections that go on within.
//!
//! ```text
//!  TcpStream ──▶ first byte ──┬─ 0x16 ─▶ handshake ─▶ TlsStream ─▶ HTTP, WebSocket, events
//!                             └─ else ─▶ plain: refused, or sent to https
//! ```
//!
//! Reading order: [`front`] is what a core does with a connection; [`handshake`] one handshake; [`stream`] what comes after; [`plain`] what is answered to those who speak HTTP; [`files`]
//! where certificates come from.

mod files;
mod front;
mod handshake;
mod plain;
mod stream;

pub use files::{CertificateFiles, CertificateFilesError};
pub use front::Front;
pub use stream::{TlsReader, TlsStream, TlsWriter};
