//! Reads a message's body as its head framed it.

use std::ops::Range;

use super::chunked::Chunked;
use super::error::HttpError;
use super::framing::Framing;
use super::limits::Limits;
use crate::input::Input;

/// A body that is being read. Positions are octets from the start of its message.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Length { start: usize, end: usize },
    Chunked { start: usize, chunked: Chunked },
    UntilClose { start: usize, bytes_max: usize },
}

/// A body that was read: where it is, and where the next message begins, from the start of its
/// message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BodyEnd {
    pub(super) body: Range<usize>,
    pub(super) next: usize,
}

impl Body {
    /// The body that follows a head of `start` octets, refused when it must exceed `bytes_max`.
    pub(super) fn new(framing: Framing, start: usize, bytes_max: usize) -> Result<Body, HttpError> {
        match framing {
            Framing::Length(length) => {
                let length = usize::try_from(length).ok().filter(|&length| length <= bytes_max);
                let length = length.ok_or(HttpError::BodyTooLarge { bytes_max })?;
                let end = start.checked_add(length).ok_or(HttpError::BodyTooLarge { bytes_max })?;
                Ok(Body::Length { start, end })
            }
            Framing::Chunked => {
                Ok(Body::Chunked { start, chunked: Chunked::new(start, bytes_max) })
            }
            Framing::UntilClose => Ok(Body::UntilClose { start, bytes_max }),
        }
    }

    /// Reads on in the message that begins the unread `input`; `is_closed` when no more will come.
    pub(super) fn advance(
        &mut self,
        input: &mut Input,
        is_closed: bool,
        limits: &Limits,
    ) -> Result<Option<BodyEnd>, HttpError> {
        let length = input.unread().len();
        match self {
            Body::Length { start, end } if *end <= length => {
                Ok(Some(BodyEnd { body: *start..*end, next: *end }))
            }
            Body::Length { .. } => Ok(None),
            Body::Chunked { start, chunked } => {
                let end = chunked.advance(&mut input.bytes, input.start, limits)?;
                Ok(end.map(|end| BodyEnd { body: *start..end.body_end, next: end.next }))
            }
            Body::UntilClose { start, bytes_max } if *bytes_max < length - *start => {
                Err(HttpError::BodyTooLarge { bytes_max: *bytes_max })
            }
            Body::UntilClose { start, .. } if is_closed => {
                Ok(Some(BodyEnd { body: *start..length, next: length }))
            }
            Body::UntilClose { .. } => Ok(None),
        }
    }

    /// How many octets are surely still to come, as far as is known.
    pub(super) fn bytes_missing(&self, message_bytes: usize) -> usize {
        match self {
            Body::Length { end, .. } => end.saturating_sub(message_bytes),
            Body::Chunked { .. } | Body::UntilClose { .. } => 0,
        }
    }
}
