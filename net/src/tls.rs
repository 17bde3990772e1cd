//! The server's side of TLS 1.2 and 1.3, as a state machine over bytes: rustls, told how we use it.
//!
//! ```text
//!  socket ──records──▶ Session ──▶ received: what the client says
//!  socket ◀──records── Session ◀── what we say
//! ```
//!
//! rustls is used without buffers of its own (its *unbuffered* interface): records are decrypted where they arrived and
//! encrypted to where they are written from. The cryptography is *ring*'s: it needs a C compiler and nothing else, is
//! what the command line speaks TLS by already, and with it a key on P-256 signs in a few tens of microseconds.
//!
//! **Invariants**
//! 1. What comes out depends on the bytes alone, never on how they were split between reads.
//! 2. The end of a stream counts only when the client has said it (`close_notify`): a connection that was cut is told
//!    apart from one that has ended.
//! 3. A session that has failed stays failed; the alert that says why stands in its output.
//! 4. No certificate is used whose key is another's, or whose time is over or has not come, as of its reading.
//!
//! Reading order: [`certificate`] is what a server shows, [`acceptor`] what all its sessions share, [`session`] one
//! connection.

mod acceptor;
mod certificate;
mod session;

pub use acceptor::Acceptor;
pub use certificate::{Certificate, CertificateError, SigningCost};
pub use session::{Progress, Session, TlsError};

/// The first byte of every TLS connection: a record of type *handshake*. No method of HTTP begins with it.
pub const FIRST_BYTE: u8 = 0x16;
