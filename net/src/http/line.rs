//! Finds line ends and the end of a head in bytes that arrive piece by piece.
//!
//! **Invariants**
//! 1. No octet is looked at twice, however the bytes are split: each search resumes where the last
//!    one stopped.
//! 2. Errors are found in the order of the octets, so that they do not depend on the split.

use memchr::memchr;

use super::error::HttpError;
use super::limits::Limits;
use crate::octet;

/// How far the search for the end of a head got, in octets from its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadSearch {
    line_start: usize,
    searched: usize,
}

impl HeadSearch {
    /// The length of the head at the start of `bytes`, its empty line included; `None` when it is
    /// not all there. One empty line before it is taken as part of it (RFC 9112 section 2.2: old
    /// clients send one after a body).
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, HttpError> {
        match bytes.first() {
            None => return Ok(None),
            Some(&first) if first == b'\r' || first == b'\n' || octet::is_token(first) => {}
            // Refused at once: what speaks another protocol (TLS, say) may wait for us to answer.
            Some(_) => return Err(HttpError::BadRequestLine),
        }
        let window = &bytes[..bytes.len().min(limits.head_bytes_max())];
        while let Some(distance) = memchr(b'\n', &window[self.searched..]) {
            let line_feed = self.searched + distance;
            if line_feed == self.line_start || window[line_feed - 1] != b'\r' {
                return Err(HttpError::BareLineFeed);
            }
            let is_empty = line_feed - 1 == self.line_start;
            match (is_empty, self.line_start) {
                (false, _) | (true, 0) => {}
                (true, 2) => return Err(HttpError::BadRequestLine), // The second empty line.
                (true, _) => return Ok(Some(line_feed + 1)),
            }
            self.line_start = line_feed + 1;
            self.searched = line_feed + 1;
        }
        self.searched = window.len();
        if window.len() < limits.head_bytes_max() {
            return Ok(None);
        }
        Err(self.too_large(limits))
    }

    fn too_large(&self, limits: &Limits) -> HttpError {
        if self.line_start <= 2 {
            return HttpError::TargetTooLong { bytes_max: limits.target_bytes_max() };
        }
        HttpError::HeadTooLarge { bytes_max: limits.head_bytes_max() }
    }
}

/// What a search for one line found.
pub(super) enum LineSearch {
    /// The line's length without its end, which is the two octets that follow.
    Found(usize),
    /// No line end yet: everything was searched.
    Incomplete,
    /// No line end within the bound.
    TooLong,
}

/// Searches the line at the start of `bytes`, of which the first `searched` octets are known to
/// hold no line feed. A line has at most `bytes_max` octets, its end included.
pub(super) fn find_line(
    bytes: &[u8],
    searched: usize,
    bytes_max: usize,
) -> Result<LineSearch, HttpError> {
    let window = &bytes[..bytes.len().min(bytes_max)];
    match memchr(b'\n', &window[searched..]) {
        Some(distance) => match (searched + distance).checked_sub(1) {
            Some(end) if window[end] == b'\r' => Ok(LineSearch::Found(end)),
            _ => Err(HttpError::BareLineFeed),
        },
        None if window.len() < bytes_max => Ok(LineSearch::Incomplete),
        None => Ok(LineSearch::TooLong),
    }
}
