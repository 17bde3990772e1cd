//! Takes form bodies apart (multipart/form-data: RFC 7578, RFC 2046).
//!
//! ```text
//!   preamble (ignored)                      nothing, as a rule
//!   --boundary CRLF
//!   Content-Disposition: form-data; name="module"; filename="a.wasm" CRLF
//!   Content-Type: application/wasm CRLF
//!   CRLF
//!   the part's bytes
//!   CRLF --boundary-- CRLF
//!   epilogue (ignored)
//! ```
//!
//! The body is there as a whole and parts are slices of it. It is searched once, front to back.
//!
//! **Invariants**
//! 1. A line that begins with the boundary is a delimiter or an error, never a part's bytes.
//! 2. Nothing is yielded after an error.

use std::borrow::Cow;

use memchr::memmem::Finder;

use crate::media::{MediaType, find_parameter};
use crate::octet;

/// The most octets of a boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Bounds on a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultipartLimits {
    /// Parts of a form.
    pub parts_max: usize,
    /// Octets of the header fields of one part.
    pub part_head_bytes_max: usize,
}

impl Default for MultipartLimits {
    /// 16 parts, 4 KiB of header fields each.
    fn default() -> MultipartLimits {
        MultipartLimits { parts_max: 16, part_head_bytes_max: 4096 }
    }
}

/// Why a form was refused. All of them are the client's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The content type is not `multipart/form-data`.
    #[error("content type is not multipart/form-data")]
    NotMultipart,
    /// The content type names no boundary, or one that RFC 2046 forbids.
    #[error("malformed or missing boundary")]
    BadBoundary,
    /// The body ends before its closing delimiter.
    #[error("form ends before its closing delimiter")]
    Truncated,
    /// Something other than a line end behind a boundary.
    #[error("malformed delimiter")]
    BadDelimiter,
    /// The header fields of a part are malformed.
    #[error("malformed header of a part")]
    BadPartHead,
    /// The header fields of a part are too large.
    #[error("header of a part exceeds the limit of {bytes_max} bytes")]
    PartHeadTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A part has no `Content-Disposition: form-data` with a name, or two of them.
    #[error("part without a name")]
    BadDisposition,
    /// A part is encoded in a way that RFC 7578 section 4.7 deprecates.
    #[error("content-transfer-encoding is not supported")]
    EncodedPart,
    /// More parts than are allowed.
    #[error("more than {parts_max} parts")]
    TooManyParts {
        /// The limit.
        parts_max: usize,
    },
}

/// A part of a form, borrowed from the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The field's name.
    pub name: Cow<'a, str>,
    /// The name that the file had at the client. Not to be trusted as a path.
    pub filename: Option<Cow<'a, str>>,
    /// The part's media type, as it was given.
    pub content_type: Option<&'a [u8]>,
    /// The part's bytes.
    pub body: &'a [u8],
}

/// Iterates over the parts of a form.
#[derive(Clone, Debug)]
pub struct Multipart<'a> {
    body: &'a [u8],
    /// Finds a line end and the boundary behind it.
    delimiter: Finder<'static>,
    limits: MultipartLimits,
    parts: usize,
    /// Just behind the boundary that comes before the next part; `None` at the end or after an
    /// error.
    at: Option<usize>,
}

impl<'a> Multipart<'a> {
    /// The parts of `body`, whose boundary stands in the field value `content_type`.
    pub fn new(
        content_type: &[u8],
        body: &'a [u8],
        limits: MultipartLimits,
    ) -> Result<Multipart<'a>, MultipartError> {
        let media = MediaType::parse(content_type).ok_or(MultipartError::NotMultipart)?;
        if !media.is("multipart/form-data") {
            return Err(MultipartError::NotMultipart);
        }
        let boundary = media.parameter("boundary").ok_or(MultipartError::BadBoundary)?;
        if !is_boundary(&boundary) {
            return Err(MultipartError::BadBoundary);
        }
        let delimiter = [b"\r\n--", &*boundary].concat();
        let delimiter = Finder::new(&delimiter).into_owned();
        let at = match body.starts_with(&delimiter.needle()[2..]) {
            true => delimiter.needle().len() - 2,
            false => {
                let found = delimiter.find(body).ok_or(MultipartError::Truncated)?;
                found + delimiter.needle().len()
            }
        };
        Ok(Multipart { body, delimiter, limits, parts: 0, at: Some(at) })
    }

    /// Reads the part behind the boundary that ends at `at`, or the end of the form.
    fn read(&mut self, at: usize) -> Result<Option<Part<'a>>, MultipartError> {
        let behind = &self.body[at..];
        if let Some(epilogue) = behind.strip_prefix(b"--") {
            return match octet::trim_start(epilogue) {
                [] | [b'\r', b'\n', ..] => Ok(None),
                _ => Err(MultipartError::BadDelimiter),
            };
        }
        let part = octet::trim_start(behind);
        let part = part.strip_prefix(b"\r\n").ok_or(match part {
            [] | [b'\r'] => MultipartError::Truncated,
            _ => MultipartError::BadDelimiter,
        })?;
        if self.parts == self.limits.parts_max {
            return Err(MultipartError::TooManyParts { parts_max: self.limits.parts_max });
        }
        let head_bytes = self.head_bytes(part)?;
        let head = PartHead::parse(&part[..head_bytes])?;
        // The empty line's own line end may be the delimiter's: then the part has no bytes.
        let from = head_bytes - 2;
        let found = self.delimiter.find(&part[from..]).ok_or(MultipartError::Truncated)?;
        let body = &part[head_bytes..head_bytes.max(from + found)];
        let part_at = self.body.len() - part.len();
        self.at = Some(part_at + from + found + self.delimiter.needle().len());
        self.parts += 1;
        Ok(Some(head.with(body)))
    }

    /// The length of the header fields at the start of `part`, their empty line included.
    fn head_bytes(&self, part: &[u8]) -> Result<usize, MultipartError> {
        if part.starts_with(b"\r\n") {
            return Err(MultipartError::BadDisposition);
        }
        let bytes_max = self.limits.part_head_bytes_max;
        let window = &part[..part.len().min(bytes_max)];
        match memchr::memmem::find(window, b"\r\n\r\n") {
            Some(length) => Ok(length + 4),
            None if window.len() < bytes_max => Err(MultipartError::Truncated),
            None => Err(MultipartError::PartHeadTooLarge { bytes_max }),
        }
    }
}

impl<'a> Iterator for Multipart<'a> {
    type Item = Result<Part<'a>, MultipartError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.take()?;
        self.read(at).transpose()
    }
}

/// What the header fields of a part say.
struct PartHead<'a> {
    name: Cow<'a, str>,
    filename: Option<Cow<'a, str>>,
    content_type: Option<&'a [u8]>,
}

impl<'a> PartHead<'a> {
    /// Reads `head`, which ends with its empty line.
    fn parse(head: &'a [u8]) -> Result<PartHead<'a>, MultipartError> {
        let mut names = None;
        let mut content_type = None;
        let mut rest = head;
        while let Some((line, behind)) = split_line(rest).filter(|(line, _)| !line.is_empty()) {
            let (name, value) = split_field(line).ok_or(MultipartError::BadPartHead)?;
            if name.eq_ignore_ascii_case(b"content-disposition") {
                if names.replace(parse_disposition(value)?).is_some() {
                    return Err(MultipartError::BadDisposition);
                }
            } else if name.eq_ignore_ascii_case(b"content-type") {
                if content_type.replace(value).is_some() {
                    return Err(MultipartError::BadPartHead);
                }
            } else if name.eq_ignore_ascii_case(b"content-transfer-encoding")
                && !is_plain_encoding(value)
            {
                return Err(MultipartError::EncodedPart);
            }
            rest = behind;
        }
        let (name, filename) = names.ok_or(MultipartError::BadDisposition)?;
        Ok(PartHead { name, filename, content_type })
    }

    fn with(self, body: &'a [u8]) -> Part<'a> {
        let PartHead { name, filename, content_type } = self;
        Part { name, filename, content_type, body }
    }
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = memchr::memmem::find(bytes, b"\r\n")?;
    Some((&bytes[..length], &bytes[length + 2..]))
}

fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (&line[..colon], octet::trim(&line[colon + 1..]));
    let is_good = octet::is_token_all(name) && value.iter().all(|&octet| octet::is_field(octet));
    is_good.then_some((name, value))
}

type Names<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// Takes `form-data; name="…"; filename="…"` apart.
fn parse_disposition(value: &[u8]) -> Result<Names<'_>, MultipartError> {
    let length = memchr::memchr(b';', value).unwrap_or(value.len());
    let (kind, parameters) = value.split_at(length);
    if !octet::trim(kind).eq_ignore_ascii_case(b"form-data") {
        return Err(MultipartError::BadDisposition);
    }
    let find = |name| match find_parameter(parameters, name) {
        Ok(value) => value.map(to_text).transpose(),
        Err(_) => Err(MultipartError::BadDisposition),
    };
    let name = find("name")?.ok_or(MultipartError::BadDisposition)?;
    Ok((name, find("filename")?))
}

fn to_text(value: Cow<'_, [u8]>) -> Result<Cow<'_, str>, MultipartError> {
    let text = match value {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    text.ok_or(MultipartError::BadDisposition)
}

fn is_plain_encoding(value: &[u8]) -> bool {
    [&b"7bit"[..], b"8bit", b"binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain))
}

/// Whether RFC 2046 allows the boundary: one to seventy of its characters, the last one no space.
fn is_boundary(boundary: &[u8]) -> bool {
    let is_character =
        |octet: &u8| octet.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(octet);
    (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.iter().all(is_character)
        && boundary.last() != Some(&b' ')
}

/// Appends a part to a form; [`write_end`] ends it. `boundary` must not occur in `body`.
pub fn write_part(out: &mut Vec<u8>, boundary: &str, part: &Part<'_>) {
    debug_assert!(is_boundary(boundary.as_bytes()));
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary.as_bytes());
    out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=");
    push_quoted(out, &part.name);
    if let Some(filename) = &part.filename {
        out.extend_from_slice(b"; filename=");
        push_quoted(out, filename);
    }
    if let Some(content_type) = part.content_type {
        out.extend_from_slice(b"\r\nContent-Type: ");
        out.extend(content_type.iter().filter(|&&octet| octet::is_field(octet)));
    }
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(part.body);
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a form.
pub fn write_end(out: &mut Vec<u8>, boundary: &str) {
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary.as_bytes());
    out.extend_from_slice(b"--\r\n");
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &octet in text.as_bytes() {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', octet]),
            _ if octet::is_field(octet) => out.push(octet),
            _ => crate::uri::push_escape(out, octet),
        }
    }
    out.push(b'"');
}
