//! Decodes requests from the bytes of one connection.
//!
//! ```text
//!            head complete              body complete
//!   Head ───────────────────▶ Body ───────────────────▶ Head     (keep-alive, pipelining)
//!    │                         │                   └───▶ Closed   (Connection: close, HTTP/1.0)
//!    └──────── refused ────────┴───────────────────────▶ Failed
//! ```
//!
//! The bytes stand in one vector that the driver reads into. Requests are slices of it; what was
//! handed out is given back when the driver next asks for [`Decoder::input`], all at once, so a
//! batch of pipelined requests costs at most one move of the unfinished rest.
//!
//! **Invariants**
//! 1. A refused connection stays refused: every later call returns the same error.
//! 2. No request is handed out after one that ends the connection.

use std::ops::Range;

use super::body::{Body, BodyEnd};
use super::error::HttpError;
use super::framing::Framing;
use super::head::{Head, RequestRecord};
use super::limits::{BYTES_KEPT, Limits, read_bytes};
use super::line::HeadSearch;
use crate::input::Input;

/// A request, borrowed from the decoder's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Everything but the body.
    pub head: Head<'a>,
    /// The whole body, without its framing.
    pub body: &'a [u8],
}

/// What [`Decoder::next`] found.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Nothing is complete: read more.
    NeedMore {
        /// The client waits for [`Response::interim`](super::Response::interim) before it sends the
        /// body. Said once a request.
        expects_continue: bool,
    },
    /// A complete request.
    Request(Request<'a>),
    /// A complete request that asks for a WebSocket. Agreed to, the bytes behind it are the new
    /// protocol's: [`Decoder::take_unread`]. Refused, it is a request like any other and the
    /// connection goes on.
    Upgrade(Request<'a>),
    /// The last request was handed out: whatever still arrives is not for us.
    Closed,
}

/// What a connection waits for, and so which deadline applies to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests: the client may take its time.
    Idle,
    /// Within a head.
    ReadingHead,
    /// Within a body.
    ReadingBody,
    /// Refused or finished: nothing more is read.
    Closed,
}

/// Decodes the requests of one connection.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    input: Input,
    record: RequestRecord,
    state: State,
}

#[derive(Debug)]
enum State {
    Head(HeadSearch),
    Body { head_bytes: usize, body: Body, asks_to_continue: bool },
    Closed,
    Failed(HttpError),
}

/// A request that is complete, in positions from the start of its message.
struct Complete {
    head_bytes: usize,
    body: Range<usize>,
    /// Where the message begins in the input.
    start: usize,
}

enum Step {
    NeedMore { expects_continue: bool },
    Complete(Complete),
    Closed,
}

impl Decoder {
    /// A decoder for a new connection; it holds no memory until bytes arrive.
    pub fn new(limits: Limits) -> Decoder {
        Decoder {
            limits,
            input: Input::default(),
            record: RequestRecord::new(),
            state: State::Head(HeadSearch::default()),
        }
    }

    /// The buffer to append received bytes to. It holds exactly what was not yet decoded, so a
    /// driver that reads by value may take it out and put it back longer. Call [`Decoder::next`]
    /// until it needs more before reading again.
    pub fn input(&mut self) -> &mut Vec<u8> {
        if matches!(self.state, State::Closed | State::Failed(_)) {
            self.input.discard();
        }
        self.input.reclaim(BYTES_KEPT)
    }

    /// How much room the next read should be given, in bytes.
    pub fn read_bytes(&self) -> usize {
        let missing = match &self.state {
            State::Body { body, .. } => body.bytes_missing(self.input.unread().len()),
            State::Head(_) | State::Closed | State::Failed(_) => 0,
        };
        read_bytes(missing)
    }

    /// What the connection waits for. A connection that ends in [`Phase::Idle`] or
    /// [`Phase::Closed`] ended well; in any other phase the client left in the middle of a request.
    pub fn phase(&self) -> Phase {
        match &self.state {
            // An empty line behind a body is an old client's habit, not the start of a request.
            State::Head(_) => match self.input.unread() {
                [] | [b'\r'] | [b'\r', b'\n'] => Phase::Idle,
                _ => Phase::ReadingHead,
            },
            State::Body { .. } => Phase::ReadingBody,
            State::Closed | State::Failed(_) => Phase::Closed,
        }
    }

    /// The bytes that follow the last request, for the protocol that the connection changes to.
    #[must_use]
    pub fn take_unread(&mut self) -> Vec<u8> {
        self.input.take_unread()
    }

    /// The next request, if all of it has arrived. `body_limit` says how many bytes its body may
    /// have; it is asked once for a request that has one, when the head is known and before any of
    /// the body counts.
    pub fn next(
        &mut self,
        body_limit: impl FnOnce(&Head<'_>) -> usize,
    ) -> Result<Progress<'_>, HttpError> {
        match self.advance(body_limit) {
            Ok(Step::NeedMore { expects_continue }) => Ok(Progress::NeedMore { expects_continue }),
            Ok(Step::Complete(complete)) => Ok(self.view(&complete)),
            Ok(Step::Closed) => Ok(Progress::Closed),
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    fn advance(&mut self, body_limit: impl FnOnce(&Head<'_>) -> usize) -> Result<Step, HttpError> {
        match &mut self.state {
            State::Head(search) => {
                let message = self.input.unread();
                let Some(head_bytes) = search.advance(message, &self.limits)? else {
                    return Ok(Step::NeedMore { expects_continue: false });
                };
                self.record.parse(&message[..head_bytes], &self.limits)?;
                let bytes_max = match self.record.framing {
                    Framing::Length(0) => 0,
                    _ => body_limit(&self.record.view(&message[..head_bytes])),
                };
                let body = Body::new(self.record.framing, head_bytes, bytes_max)?;
                let asks_to_continue = self.record.expects_continue;
                self.state = State::Body { head_bytes, body, asks_to_continue };
                self.read_body()
            }
            State::Body { .. } => self.read_body(),
            State::Closed => Ok(Step::Closed),
            State::Failed(error) => Err(*error),
        }
    }

    fn read_body(&mut self) -> Result<Step, HttpError> {
        let State::Body { head_bytes, body, asks_to_continue } = &mut self.state else {
            unreachable!("only called while a body is read");
        };
        let head_bytes = *head_bytes;
        // A client that has begun to send does not wait any more.
        let has_begun = head_bytes < self.input.unread().len();
        match body.advance(&mut self.input, false, &self.limits)? {
            Some(BodyEnd { body, next }) => {
                let start = self.input.start;
                self.input.start += next;
                self.state = match self.record.keep_alive {
                    true => State::Head(HeadSearch::default()),
                    false => State::Closed,
                };
                Ok(Step::Complete(Complete { head_bytes, body, start }))
            }
            None => {
                let expects_continue = *asks_to_continue && !has_begun;
                *asks_to_continue = false;
                Ok(Step::NeedMore { expects_continue })
            }
        }
    }

    fn view(&self, complete: &Complete) -> Progress<'_> {
        let message = &self.input.bytes[complete.start..];
        let head = self.record.view(&message[..complete.head_bytes]);
        let request = Request { head, body: &message[complete.body.clone()] };
        if self.record.wants_websocket {
            return Progress::Upgrade(request);
        }
        Progress::Request(request)
    }
}
