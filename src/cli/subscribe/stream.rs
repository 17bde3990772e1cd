//! A TCP connection to a server, within TLS where its address says `https`. Certificates are held to the
//! [authorities](super::super::authorities) that count for the other commands.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// For the server to take a connection, and to take or say something while one is opened.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes in both directions.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects to the first address of a host that takes it. `host` is a name, or an address without brackets.
    pub fn connect(host: &str, port: u16, tls: Option<&Arc<ClientConfig>>) -> io::Result<Stream> {
        let mut refused = io::Error::new(ErrorKind::NotFound, "the name has no address");
        let connected = (host, port).to_socket_addrs()?.find_map(|address| {
            TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| refused = error).ok()
        });
        let Some(stream) = connected else { return Err(refused) };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let Some(tls) = tls else { return Ok(Stream::Plain(stream)) };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let session = ClientConnection::new(tls.clone(), name).map_err(io::Error::other)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(session, stream))))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    /// Reads what is there already; [`ErrorKind::WouldBlock`] when that is nothing.
    pub fn read_ready(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.tcp().set_nonblocking(true)?;
        let read = self.read(bytes);
        self.tcp().set_nonblocking(false)?;
        read
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp().as_fd()
    }
}
