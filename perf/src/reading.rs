//! Reads what a socket has, for whichever decoder it is. What the bytes mean is not known here.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use anyhow::{Result, bail};

const READ_BYTES: usize = 16 << 10;

/// Appends what is there to `input`; nothing where a socket that does not block has nothing.
pub fn read_some(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<()> {
    let start = input.len();
    input.resize(start + READ_BYTES, 0);
    let read = stream.read(&mut input[start..]);
    input.truncate(start + read.as_ref().map_or(0, |count| *count));
    match read {
        Ok(0) => bail!("the server has closed a connection"),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}
