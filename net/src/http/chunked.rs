//! Decodes a chunked body in place (RFC 9112 section 7.1).
//!
//! Decoded octets are moved down over the framing that stood before them, so that the body ends up
//! in one piece where it began, and the buffer never holds more than the decoded body and the bytes
//! of one read.
//!
//! ```text
//!   0        start         decoded        at                      len
//!   │ head   │ decoded body │ (stale)     │ framing, data, …       │
//! ```
//!
//! **Invariants**
//! 1. start ≤ decoded ≤ at ≤ len.
//! 2. Each octet of data is moved once when it arrives; what is moved again is at most one
//!    unfinished line a read.
//! 3. decoded − start never exceeds the limit.

use super::error::HttpError;
use super::limits::{CHUNK_EXTENSION_BYTES_MAX, CHUNK_LINE_BYTES_MAX, Limits};
use super::line::{LineSearch, find_line};
use crate::octet;

/// A chunked body that is being read. Positions are octets from the start of its message.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    start: usize,
    decoded: usize,
    at: usize,
    step: Step,
    extension_bytes: usize,
    bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Before a line with a chunk's size.
    Size { searched: usize },
    /// Within a chunk.
    Data { missing: usize },
    /// Before the line end that follows a chunk.
    End,
    /// Behind the last chunk.
    Trailers { searched: usize, fields: usize, bytes: usize },
}

/// Where a finished body stands and where the next message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkedEnd {
    pub(super) body_end: usize,
    pub(super) next: usize,
}

impl Chunked {
    /// A body that begins at `start` and may decode to at most `bytes_max` octets.
    pub(super) fn new(start: usize, bytes_max: usize) -> Chunked {
        let step = Step::Size { searched: 0 };
        Chunked { start, decoded: start, at: start, step, extension_bytes: 0, bytes_max }
    }

    /// Decodes what has arrived of the message that begins at `base` of `input`.
    pub(super) fn advance(
        &mut self,
        input: &mut Vec<u8>,
        base: usize,
        limits: &Limits,
    ) -> Result<Option<ChunkedEnd>, HttpError> {
        loop {
            let message = &mut input[base..];
            let is_further = match self.step {
                Step::Size { searched } => self.read_size(message, searched)?,
                Step::Data { missing } => self.read_data(message, missing),
                Step::End => self.read_end(message)?,
                Step::Trailers { searched, fields, bytes } => {
                    match self.read_trailer(message, searched, fields, bytes, limits)? {
                        Trailer::Missing => false,
                        Trailer::Field => true,
                        Trailer::End => {
                            return Ok(Some(ChunkedEnd { body_end: self.decoded, next: self.at }));
                        }
                    }
                }
            };
            if !is_further {
                self.close_gap(input, base);
                return Ok(None);
            }
        }
    }

    /// Reads a size line. Says whether there was one.
    fn read_size(&mut self, message: &[u8], searched: usize) -> Result<bool, HttpError> {
        let rest = &message[self.at..];
        let line = match find_line(rest, searched, CHUNK_LINE_BYTES_MAX)? {
            LineSearch::Found(length) => &rest[..length],
            LineSearch::Incomplete => {
                self.step = Step::Size { searched: rest.len() };
                return Ok(false);
            }
            LineSearch::TooLong => {
                return Err(HttpError::ChunkExtensionsTooLong { bytes_max: CHUNK_LINE_BYTES_MAX });
            }
        };
        let (size, extensions) = parse_size(line)?;
        self.count_extensions(extensions)?;
        self.at += line.len() + 2;
        let room = self.bytes_max - (self.decoded - self.start);
        let size = usize::try_from(size).ok().filter(|&size| size <= room);
        self.step = match size.ok_or(HttpError::BodyTooLarge { bytes_max: self.bytes_max })? {
            0 => Step::Trailers { searched: 0, fields: 0, bytes: 0 },
            missing => Step::Data { missing },
        };
        Ok(true)
    }

    fn count_extensions(&mut self, extensions: &[u8]) -> Result<(), HttpError> {
        if extensions.is_empty() {
            return Ok(());
        }
        check_extensions(extensions)?;
        self.extension_bytes += extensions.len();
        if self.extension_bytes <= CHUNK_EXTENSION_BYTES_MAX {
            return Ok(());
        }
        Err(HttpError::ChunkExtensionsTooLong { bytes_max: CHUNK_EXTENSION_BYTES_MAX })
    }

    /// Moves what has arrived of a chunk. Says whether the chunk is complete.
    fn read_data(&mut self, message: &mut [u8], missing: usize) -> bool {
        let count = missing.min(message.len() - self.at);
        message.copy_within(self.at..self.at + count, self.decoded);
        self.at += count;
        self.decoded += count;
        if count == missing {
            self.step = Step::End;
            return true;
        }
        self.step = Step::Data { missing: missing - count };
        false
    }

    fn read_end(&mut self, message: &[u8]) -> Result<bool, HttpError> {
        match &message[self.at..] {
            [b'\r', b'\n', ..] => {
                self.at += 2;
                self.step = Step::Size { searched: 0 };
                Ok(true)
            }
            [] | [b'\r'] => Ok(false),
            _ => Err(HttpError::BadChunkEnd),
        }
    }

    /// Reads one line of the trailers and drops it: nobody may merge it into the head that was
    /// already acted upon.
    fn read_trailer(
        &mut self,
        message: &[u8],
        searched: usize,
        fields: usize,
        bytes: usize,
        limits: &Limits,
    ) -> Result<Trailer, HttpError> {
        let rest = &message[self.at..];
        let length = match find_line(rest, searched, limits.head_bytes_max() - bytes)? {
            LineSearch::Found(length) => length,
            LineSearch::Incomplete => {
                self.step = Step::Trailers { searched: rest.len(), fields, bytes };
                return Ok(Trailer::Missing);
            }
            LineSearch::TooLong => {
                return Err(HttpError::HeadTooLarge { bytes_max: limits.head_bytes_max() });
            }
        };
        self.at += length + 2;
        if length == 0 {
            return Ok(Trailer::End);
        }
        if fields == limits.headers_max() {
            return Err(HttpError::TooManyHeaders { headers_max: limits.headers_max() });
        }
        check_trailer(&rest[..length])?;
        self.step = Step::Trailers { searched: 0, fields: fields + 1, bytes: bytes + length + 2 };
        Ok(Trailer::Field)
    }

    /// Moves an unfinished line down to the decoded body, so that framing does not pile up.
    fn close_gap(&mut self, input: &mut Vec<u8>, base: usize) {
        if self.decoded == self.at {
            return;
        }
        input.copy_within(base + self.at.., base + self.decoded);
        input.truncate(input.len() - (self.at - self.decoded));
        self.at = self.decoded;
    }
}

enum Trailer {
    Missing,
    Field,
    End,
}

/// Takes a size line apart into the size and the extensions behind it.
fn parse_size(line: &[u8]) -> Result<(u64, &[u8]), HttpError> {
    let digits = line.iter().take_while(|octet| octet.is_ascii_hexdigit()).count();
    // Sixteen digits are all that fit into 64 bits; more would only be zeros in front.
    if digits == 0 || 16 < digits {
        return Err(HttpError::BadChunkSize);
    }
    let (digits, extensions) = line.split_at(digits);
    let mut size = 0;
    for &digit in digits {
        let value = char::from(digit).to_digit(16).expect("it was counted as a digit");
        size = size << 4 | u64::from(value);
    }
    Ok((size, extensions))
}

/// Checks `*( BWS ";" BWS name [ BWS "=" BWS value ] )`.
fn check_extensions(mut rest: &[u8]) -> Result<(), HttpError> {
    while !rest.is_empty() {
        let [b';', behind @ ..] = octet::trim_start(rest) else {
            // White space, or anything else, straight behind the size.
            return Err(HttpError::BadChunkSize);
        };
        let (name, behind) = split_token(octet::trim_start(behind));
        if name.is_empty() {
            return Err(HttpError::BadChunkExtension);
        }
        rest = match octet::trim_start(behind) {
            [b'=', value @ ..] => skip_value(octet::trim_start(value))?,
            _ => behind,
        };
    }
    Ok(())
}

fn skip_value(value: &[u8]) -> Result<&[u8], HttpError> {
    if value.first() == Some(&b'"') {
        let length = octet::quoted_length(value).ok_or(HttpError::BadChunkExtension)?;
        return Ok(&value[length..]);
    }
    match split_token(value) {
        ([], _) => Err(HttpError::BadChunkExtension),
        (_, behind) => Ok(behind),
    }
}

fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|&&octet| octet::is_token(octet)).count())
}

fn check_trailer(line: &[u8]) -> Result<(), HttpError> {
    let (name, behind) = split_token(line);
    let [b':', value @ ..] = behind else { return Err(HttpError::BadTrailer) };
    if name.is_empty() || !value.iter().all(|&octet| octet::is_field(octet)) {
        return Err(HttpError::BadTrailer);
    }
    Ok(())
}

/// Appends one chunk of a chunked body. Empty `bytes` are left out: they would end it.
pub fn write_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut size = [b'0'; 16];
    let mut rest = bytes.len();
    for digit in size.iter_mut().rev() {
        *digit = DIGITS[rest & 0xf];
        rest >>= 4;
    }
    let zeros = size.iter().take_while(|&&digit| digit == b'0').count();
    out.extend_from_slice(&size[zeros..]);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a chunked body.
pub fn write_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}
