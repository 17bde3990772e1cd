//! A connection within TLS, once its handshake is over.
//!
//! **Invariants**
//! 1. The session is never borrowed across an await.
//! 2. While nothing is said, a connection holds no buffer but the one that it reads into.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use cosmictron_net::tls::{Progress, Session, TlsError};
use cosmictron_runtime::real::{Deadline, ReadHalf, TcpStream, WriteHalf};

/// What a read is given for records beyond what it is given for what they hold: a few small ones.
const OVERHEAD_BYTES: usize = 128;
/// Plaintext that is encrypted before it is written: 20 µs of work, and four records.
const PIECE_BYTES: usize = 64 << 10;
/// Output that is kept from one write to the next.
const OUT_BYTES_KEPT: usize = 256;

/// Both directions.
pub struct TlsStream {
    reader: TlsReader,
    writer: TlsWriter,
    peer: SocketAddr,
}

/// The direction from the client.
pub struct TlsReader {
    half: ReadHalf,
    session: Rc<RefCell<Session>>,
    /// What a read puts records into; empty between two.
    records: Vec<u8>,
}

/// The direction to the client.
pub struct TlsWriter {
    half: WriteHalf,
    session: Rc<RefCell<Session>>,
    records: Vec<u8>,
}

impl TlsStream {
    /// A connection whose handshake is over.
    pub fn new(stream: TcpStream, session: Session) -> TlsStream {
        let peer = stream.peer();
        let (read, write) = stream.split();
        let session = Rc::new(RefCell::new(session));
        TlsStream {
            reader: TlsReader { half: read, session: session.clone(), records: Vec::new() },
            writer: TlsWriter { half: write, session, records: Vec::new() },
            peer,
        }
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub fn split(self) -> (TlsReader, TlsWriter) {
        (self.reader, self.writer)
    }

    pub fn set_deadline(&self, deadline: Deadline) {
        self.reader.half.set_deadline(deadline);
    }

    pub fn is_expired(&self) -> bool {
        self.reader.half.is_expired()
    }

    pub async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        self.reader.read(buffer).await
    }

    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.writer.write_all(buffer).await
    }

    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }
}

impl TlsReader {
    pub fn set_deadline(&self, deadline: Deadline) {
        self.half.set_deadline(deadline);
    }

    /// As [`TcpStream::read`]; `UnexpectedEof` when the connection was cut. It may append more than `buffer` had room for:
    /// the rest of a record.
    pub async fn read(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        let (start, room) = (buffer.len(), buffer.capacity() - buffer.len());
        loop {
            let progress = self.session.borrow_mut().read(&mut self.records, &mut buffer);
            // What was said before it went wrong counts.
            if start < buffer.len() {
                return (Ok(buffer.len() - start), buffer);
            }
            match progress {
                Ok(Progress::Open | Progress::Handshake) => {}
                Ok(Progress::PeerClosed) => return (Ok(0), buffer),
                Err(error) => return (Err(invalid(error)), buffer),
            }
            let mut records = std::mem::take(&mut self.records);
            records.reserve(room + OVERHEAD_BYTES);
            let (read, records) = self.half.read(records).await;
            self.records = records;
            match read {
                Ok(0) => return (Err(io::ErrorKind::UnexpectedEof.into()), buffer),
                Ok(_) => {}
                Err(error) => return (Err(error), buffer),
            }
        }
    }
}

impl TlsWriter {
    pub fn set_deadline(&self, deadline: Deadline) {
        self.half.set_deadline(deadline);
    }

    /// As [`TcpStream::write_all`].
    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        for piece in buffer.chunks(PIECE_BYTES) {
            let encrypted = self.session.borrow_mut().encrypt(piece, &mut self.records);
            let written = self.flush().await;
            if let Err(error) = encrypted.map_err(invalid).and(written) {
                return (Err(error), buffer);
            }
        }
        (Ok(()), buffer)
    }

    /// Says that nothing more is said, or why, and ends our side.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.session.borrow_mut().close(&mut self.records);
        self.flush().await?;
        self.half.shutdown()
    }

    async fn flush(&mut self) -> io::Result<()> {
        let (written, mut records) = self.half.write_all(std::mem::take(&mut self.records)).await;
        if records.capacity() <= OUT_BYTES_KEPT {
            records.clear();
            self.records = records;
        }
        written
    }
}

fn invalid(error: TlsError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
