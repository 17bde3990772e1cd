//! One client's TLS connection.
//!
//! What was received and is not a whole record waits here, for both directions: to encrypt, rustls wants to see it, too.

use std::sync::Arc;

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{Error, HandshakeKind, ServerConfig};

/// What a record may be larger by than what it holds: its head, a nonce, a type, a tag.
const RECORD_OVERHEAD_BYTES: usize = 64;
/// The most that a record holds.
const RECORD_BYTES_MAX: usize = 16 << 10;
/// Room for what rustls puts before our own records: an alert, a change of keys.
const PRELUDE_BYTES: usize = 256;

/// One connection's cryptography. It can be moved to another thread for a handshake that takes long.
pub struct Session {
    tls: UnbufferedServerConnection,
    /// Received, and no whole record yet.
    unread: Vec<u8>,
    /// Said by the client, and not yet taken.
    received: Vec<u8>,
    /// To be written before anything else.
    out: Vec<u8>,
    state: State,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Handshake,
    Open,
    /// The client says nothing more; we may.
    PeerClosed,
    Failed(Error),
}

/// Where a session has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More has to come before anything can be said.
    Handshake,
    /// Both sides may speak.
    Open,
    /// The client has said that it says nothing more; we may go on.
    PeerClosed,
}

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The other side's doing, nearly always; an alert that says so stands in the output.
    #[error("{0}")]
    Failed(Error),
    /// More records were written with one key than may be.
    #[error("the session's keys are used up")]
    Exhausted,
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Session, TlsError> {
        Ok(Session {
            tls: UnbufferedServerConnection::new(config)?,
            unread: Vec::new(),
            received: Vec::new(),
            out: Vec::new(),
            state: State::Handshake,
        })
    }

    /// Takes what a read has put into `records`, which is empty afterwards, and works on it: here a handshake's work is
    /// done. What the client says waits to be taken.
    pub fn receive(&mut self, records: &mut Vec<u8>) -> Result<Progress, TlsError> {
        if self.unread.is_empty() {
            // The rule: whole records, which are decrypted where they are.
            let consumed = self.advance(records);
            self.unread.extend_from_slice(&records[consumed..]);
        } else {
            let mut unread = std::mem::take(&mut self.unread);
            unread.extend_from_slice(records);
            let consumed = self.advance(&mut unread);
            unread.drain(..consumed);
            if !unread.is_empty() {
                self.unread = unread;
            }
        }
        records.clear();
        self.progress()
    }

    /// As [`Session::receive`], and appends what the client says to `plaintext`.
    pub fn read(
        &mut self,
        records: &mut Vec<u8>,
        plaintext: &mut Vec<u8>,
    ) -> Result<Progress, TlsError> {
        plaintext.append(&mut self.received);
        std::mem::swap(plaintext, &mut self.received);
        let progress = self.receive(records);
        std::mem::swap(plaintext, &mut self.received);
        progress
    }

    /// Where the session is.
    pub fn progress(&self) -> Result<Progress, TlsError> {
        match &self.state {
            State::Handshake => Ok(Progress::Handshake),
            State::Open => Ok(Progress::Open),
            State::PeerClosed => Ok(Progress::PeerClosed),
            State::Failed(error) => Err(TlsError::Failed(error.clone())),
        }
    }

    /// Moves what has to be written by itself to the end of `bytes`: the handshake, and alerts.
    pub fn take_out(&mut self, bytes: &mut Vec<u8>) {
        bytes.append(&mut self.out);
    }

    /// Appends `plaintext` to `out`, in records. Only once the handshake is over.
    pub fn encrypt(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        self.write(out, plaintext.len(), |traffic, room| traffic.encrypt(plaintext, room))
    }

    /// Appends the word that we say nothing more, or the alert of a session that has failed.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        // A session that has failed, or never came to be, ends without.
        let _ = self.write(out, 0, |traffic, room| traffic.queue_close_notify(room));
        self.take_out(out);
    }

    /// Whether the handshake is not over. It may be, and the client have said all that it has to say, in one read.
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether the handshake came to an end, and was one without a signature.
    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Works on records until there is nothing to do. How many bytes of them are done with.
    fn advance(&mut self, records: &mut [u8]) -> usize {
        if matches!(self.state, State::Failed(_)) {
            return records.len();
        }
        let mut consumed = 0;
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.tls.process_tls_records(&mut records[consumed..]);
            let goes_on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    let mut read = || -> Result<(), Error> {
                        while let Some(record) = traffic.next_record() {
                            let record = record?;
                            discard += record.discard;
                            self.received.extend_from_slice(record.payload);
                        }
                        Ok(())
                    };
                    read().map_err(|error| self.state = State::Failed(error)).is_ok()
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    // It is handed out once, so it cannot have been encoded before.
                    let _ = append(&mut self.out, PRELUDE_BYTES, |room| data.encode(room));
                    true
                }
                // Whatever is put out is written, in order.
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.state = State::PeerClosed;
                    true
                }
                Ok(ConnectionState::WriteTraffic(_)) => {
                    if self.state == State::Handshake {
                        self.state = State::Open;
                    }
                    false
                }
                // Nothing is offered that would bring data before the handshake is over.
                Ok(_) => false,
                Err(error) => {
                    self.state = State::Failed(error);
                    false
                }
            };
            consumed += discard;
            if !goes_on {
                break;
            }
        }
        if matches!(self.state, State::Failed(_)) {
            self.take_alert();
            return records.len();
        }
        consumed
    }

    /// Puts out the alert that rustls has for a session that has failed.
    fn take_alert(&mut self) {
        while let UnbufferedStatus { state: Ok(state), .. } = self.tls.process_tls_records(&mut [])
        {
            match state {
                ConnectionState::EncodeTlsData(mut data) => {
                    let _ = append(&mut self.out, PRELUDE_BYTES, |room| data.encode(room));
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                _ => return,
            }
        }
    }

    /// Appends what `write` writes for `plaintext_bytes` of ours.
    fn write(
        &mut self,
        out: &mut Vec<u8>,
        plaintext_bytes: usize,
        mut write: impl FnMut(
            &mut rustls::unbuffered::WriteTraffic<'_, ServerConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> Result<(), TlsError> {
        self.progress()?;
        let mut unread = std::mem::take(&mut self.unread);
        // Nothing is left to do but what has come up by our own writing, such as a change of keys.
        let consumed = self.advance(&mut unread);
        unread.drain(..consumed);
        let UnbufferedStatus { discard, state } = self.tls.process_tls_records(&mut unread);
        let records = plaintext_bytes / RECORD_BYTES_MAX + 1;
        let room = plaintext_bytes + records * RECORD_OVERHEAD_BYTES + PRELUDE_BYTES;
        out.append(&mut self.out);
        let written = match state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                append(out, room, |room| write(&mut traffic, room)).map_err(|error| match error {
                    EncryptError::EncryptExhausted => TlsError::Exhausted,
                    EncryptError::InsufficientSize(_) => unreachable!("`append` makes room"),
                })
            }
            Ok(_) => Err(TlsError::Failed(Error::HandshakeNotComplete)),
            Err(error) => {
                self.state = State::Failed(error.clone());
                Err(TlsError::Failed(error))
            }
        };
        unread.drain(..discard);
        self.unread = unread;
        written
    }
}

/// What says that there was too little room.
trait MayLackRoom {
    fn lacking(&self) -> Option<usize>;
}

impl MayLackRoom for EncodeError {
    fn lacking(&self) -> Option<usize> {
        match self {
            EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => {
                Some(*required_size)
            }
            EncodeError::AlreadyEncoded => None,
        }
    }
}

impl MayLackRoom for EncryptError {
    fn lacking(&self) -> Option<usize> {
        match self {
            EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => {
                Some(*required_size)
            }
            EncryptError::EncryptExhausted => None,
        }
    }
}

/// Appends what `write` puts into the room that it is given: at first `room` bytes, then as many as it asks for.
fn append<E: MayLackRoom>(
    out: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), E> {
    let start = out.len();
    out.resize(start + room, 0);
    let mut written = write(&mut out[start..]);
    if let Err(error) = &written
        && let Some(required) = error.lacking()
    {
        out.resize(start + required, 0);
        written = write(&mut out[start..]);
    }
    out.truncate(start + written.as_ref().map_or(0, |count| *count));
    written.map(|_| ())
}
