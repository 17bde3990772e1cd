//! One client's connection as HTTP and WebSocket see it: the bytes that both sides say, within TLS or without.
//!
//! The methods are those of the runtime's [`TcpStream`], and so is what they promise. A connection within TLS ends with
//! both sides' word that they say nothing more; one that was cut ends its reader with an error.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use cosmictron_runtime::real::{Deadline, ReadHalf, TcpStream, WriteHalf};
use cosmictron_types::Duration;

use super::tls::{TlsReader, TlsStream, TlsWriter};

/// For a client that was refused to take its answer and go.
pub const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are read from it meanwhile.
const LINGER_BYTES_MAX: usize = 1 << 20;

/// Both directions.
pub enum Stream {
    Plain(TcpStream),
    Tls(TlsStream),
}

/// The direction from the client.
pub enum Reader {
    Plain(ReadHalf),
    Tls(TlsReader),
}

/// The direction to the client.
pub enum Writer {
    Plain(WriteHalf),
    Tls(TlsWriter),
}

impl Stream {
    /// The address of the other side.
    pub fn peer(&self) -> SocketAddr {
        match self {
            Stream::Plain(stream) => stream.peer(),
            Stream::Tls(stream) => stream.peer(),
        }
    }

    pub fn split(self) -> (Reader, Writer) {
        match self {
            Stream::Plain(stream) => {
                let (read, write) = stream.split();
                (Reader::Plain(read), Writer::Plain(write))
            }
            Stream::Tls(stream) => {
                let (read, write) = stream.split();
                (Reader::Tls(read), Writer::Tls(write))
            }
        }
    }

    pub fn set_deadline(&self, deadline: Deadline) {
        match self {
            Stream::Plain(stream) => stream.set_deadline(deadline),
            Stream::Tls(stream) => stream.set_deadline(deadline),
        }
    }

    pub fn is_expired(&self) -> bool {
        match self {
            Stream::Plain(stream) => stream.is_expired(),
            Stream::Tls(stream) => stream.is_expired(),
        }
    }

    pub async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        match self {
            Stream::Plain(stream) => stream.read(buffer).await,
            Stream::Tls(stream) => apart(stream.read(buffer)).await,
        }
    }

    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        match self {
            Stream::Plain(stream) => stream.write_all(buffer).await,
            Stream::Tls(stream) => apart(stream.write_all(buffer)).await,
        }
    }

    /// Ends our side.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.shutdown(),
            Stream::Tls(stream) => apart(stream.shutdown()).await,
        }
    }

    /// Says that nothing more is said, where that is told from a connection that was cut. It may have been said before.
    pub async fn end(&mut self) {
        if let Stream::Tls(stream) = self {
            // The client has gone already where this fails.
            let _ = apart(stream.shutdown()).await;
        }
    }

    /// Ends our side and reads on for a moment: to close with unread bytes would reset the connection and could destroy
    /// the answer on its way.
    pub async fn linger(&mut self) {
        if self.shutdown().await.is_err() {
            return;
        }
        self.set_deadline(Deadline::Due(LINGER));
        let mut read_bytes = 0;
        let mut buffer = Vec::with_capacity(4096);
        while read_bytes < LINGER_BYTES_MAX {
            buffer.clear();
            let (read, back) = self.read(buffer).await;
            buffer = back;
            match read {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read_bytes += bytes,
            }
        }
    }
}

/// Keeps what waits within TLS out of the task's own memory: a plain connection, of which there may be many that say nothing,
/// would take as much. Beside what TLS does, the allocation is nothing.
fn apart<F: Future>(waits: F) -> Pin<Box<F>> {
    Box::pin(waits)
}

impl Reader {
    pub fn set_deadline(&self, deadline: Deadline) {
        match self {
            Reader::Plain(half) => half.set_deadline(deadline),
            Reader::Tls(half) => half.set_deadline(deadline),
        }
    }

    pub async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        match self {
            Reader::Plain(half) => half.read(buffer).await,
            Reader::Tls(half) => apart(half.read(buffer)).await,
        }
    }
}

impl Writer {
    pub fn set_deadline(&self, deadline: Deadline) {
        match self {
            Writer::Plain(half) => half.set_deadline(deadline),
            Writer::Tls(half) => half.set_deadline(deadline),
        }
    }

    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        match self {
            Writer::Plain(half) => half.write_all(buffer).await,
            Writer::Tls(half) => apart(half.write_all(buffer)).await,
        }
    }

    /// Ends our side.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Writer::Plain(half) => half.shutdown(),
            Writer::Tls(half) => apart(half.shutdown()).await,
        }
    }
}
