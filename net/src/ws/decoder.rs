//! Decodes messages from the bytes of one connection.
//!
//! ```text
//!           head complete                 payload complete
//!   Head ───────────────────▶ Payload ───────────────────────▶ Head
//!    │                           │    └── a close frame ─────▶ Closed
//!    └───────── violated ────────┴───────────────────────────▶ Failed
//! ```
//!
//! The bytes stand in one vector that the driver reads into. A payload is unmasked in place, piece
//! by piece as it arrives. An unfragmented message is handed out as a slice of that vector, a
//! compressed one as a slice of the [`Inflater`]'s output; only fragments are copied, once, to
//! where they add up.
//!
//! **Invariants**
//! 1. What is handed out, and the violation that ends it, depends on the bytes alone, never on how
//!    they were split between reads. (How early a violation is seen does.)
//! 2. Text is refused with the first frame, or piece of a frame, that can't be continued to UTF-8.
//! 3. Nothing is handed out after a close frame or a violation.
//! 4. Work is linear in the bytes that arrive and that are decompressed; memory is bounded by
//!    [`Limits`].

use std::ops::Range;

use super::agreement::Role;
use super::encoder::MessageKind;
use super::frame::{Expectation, FrameHead, Opcode};
use super::inflate::{InflateError, Inflater};
use super::limits::Limits;
use super::payload::Payload;
use super::received::{Received, read_close, read_message};
use super::utf8::{NotUtf8, Utf8Check};
use super::violation::Violation;
use crate::input::{Input, READ_BYTES_MAX};

/// Room for input and for fragments that a connection keeps between messages. Idle ones are many.
const BYTES_KEPT: usize = 1024;

/// The least room that is worth offering to one read.
const READ_BYTES_MIN: usize = 1024;

/// Decodes what one connection receives.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    role: Role,
    receives_deflate: bool,
    input: Input,
    state: State,
    /// The message that is being received, when it has more than one frame.
    message: Option<Fragmented>,
    /// The payloads of its frames so far. Kept until the next call when it was handed out.
    fragments: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Head,
    Payload(Payload),
    Closed,
    Failed(Violation),
}

/// A message of several frames.
#[derive(Debug)]
struct Fragmented {
    kind: MessageKind,
    is_deflated: bool,
    frames: u32,
    /// What the frames so far have, and the one that is being received.
    bytes: usize,
    utf8: Utf8Check,
}

/// What is complete, in positions.
enum Step {
    NeedMore,
    Closed,
    /// Within the input.
    Message(MessageKind, Range<usize>),
    /// All of the fragments.
    Fragments(MessageKind),
    /// All of the inflater's output.
    Inflated(MessageKind),
    Control(Opcode, Range<usize>),
}

impl Decoder {
    /// A decoder for a connection that has just been agreed on; it holds no memory until bytes
    /// arrive. Those that came behind the handshake go into [`Decoder::input`] first.
    pub fn new(role: Role, receives_deflate: bool, limits: Limits) -> Decoder {
        Decoder {
            limits,
            role,
            receives_deflate,
            input: Input::default(),
            state: State::Head,
            message: None,
            fragments: Vec::new(),
        }
    }

    /// The buffer to append received bytes to. A driver that reads by value may take it out and put
    /// it back longer. Call [`Decoder::next`] until it needs more before reading again.
    pub fn input(&mut self) -> &mut Vec<u8> {
        if matches!(self.state, State::Closed | State::Failed(_)) {
            self.input.discard();
        }
        self.input.reclaim(BYTES_KEPT)
    }

    /// How much room the next read should be given, in bytes.
    pub fn read_bytes(&self) -> usize {
        let missing = match &self.state {
            State::Payload(payload) => payload.bytes.saturating_sub(self.input.unread().len()),
            State::Head | State::Closed | State::Failed(_) => 0,
        };
        missing.clamp(READ_BYTES_MIN, READ_BYTES_MAX)
    }

    /// Whether a message or a frame has begun to arrive and is not complete: a driver may give the
    /// rest of it a deadline.
    pub fn is_within_message(&self) -> bool {
        match &self.state {
            State::Head => self.message.is_some() || !self.input.unread().is_empty(),
            State::Payload(_) => true,
            State::Closed | State::Failed(_) => false,
        }
    }

    /// The next message or control frame, if all of it has arrived. `inflater` is the thread's; it
    /// holds a compressed message while that is borrowed.
    pub fn next<'a>(&'a mut self, inflater: &'a mut Inflater) -> Result<Received<'a>, Violation> {
        if self.message.is_none() {
            self.release_fragments();
        }
        let step = match self.advance(inflater) {
            Ok(step) => step,
            Err(violation) => return Err(fail(&mut self.state, violation)),
        };
        let Decoder { input, state, fragments, .. } = self;
        let received = match step {
            Step::NeedMore => Ok(Received::NeedMore),
            Step::Closed => Ok(Received::Closed),
            Step::Message(kind, range) => read_message(kind, &input.bytes[range]),
            Step::Fragments(kind) => read_message(kind, fragments),
            Step::Inflated(kind) => read_message(kind, inflater.output()),
            Step::Control(Opcode::Close, range) => {
                *state = State::Closed;
                read_close(&input.bytes[range]).map(Received::Close)
            }
            Step::Control(Opcode::Ping, range) => Ok(Received::Ping(&input.bytes[range])),
            Step::Control(_, range) => Ok(Received::Pong(&input.bytes[range])),
        };
        received.map_err(|violation| fail(state, violation))
    }

    fn release_fragments(&mut self) {
        match BYTES_KEPT < self.fragments.capacity() {
            true => self.fragments = Vec::new(),
            false => self.fragments.clear(),
        }
    }

    fn advance(&mut self, inflater: &mut Inflater) -> Result<Step, Violation> {
        loop {
            match &mut self.state {
                State::Head => {
                    if !self.read_head()? {
                        return Ok(Step::NeedMore);
                    }
                }
                State::Payload(payload) if payload.head.opcode.is_control() => {
                    return Ok(self.read_control());
                }
                State::Payload(_) if self.message.is_some() => {
                    if let Some(step) = self.read_fragment(inflater)? {
                        return Ok(step);
                    }
                }
                State::Payload(_) => return self.read_whole(inflater),
                State::Closed => return Ok(Step::Closed),
                State::Failed(violation) => return Err(*violation),
            }
        }
    }

    /// Says whether a head is complete; then the state is its payload's.
    fn read_head(&mut self) -> Result<bool, Violation> {
        let expectation = Expectation {
            role: self.role,
            receives_deflate: self.receives_deflate,
            is_within_message: self.message.is_some(),
        };
        let Some((head, head_bytes)) = FrameHead::parse(self.input.unread(), &expectation)? else {
            return Ok(false);
        };
        let bytes = match head.opcode.is_control() {
            true => usize::try_from(head.payload_bytes).expect("a control frame is short"),
            false => self.admit(&head)?,
        };
        self.input.start += head_bytes;
        self.state = State::Payload(Payload::new(head, bytes));
        Ok(true)
    }

    /// Holds a data frame to the limits, and notes that its message has several where it has.
    fn admit(&mut self, head: &FrameHead) -> Result<usize, Violation> {
        let bytes_max = self.limits.frame_bytes_max;
        let bytes = usize::try_from(head.payload_bytes).ok().filter(|&bytes| bytes <= bytes_max);
        let too_large = Violation::FrameTooLarge { bytes: head.payload_bytes, bytes_max };
        let bytes = bytes.ok_or(too_large)?;
        let (is_deflated, before) = match &self.message {
            Some(message) => (message.is_deflated, message.bytes),
            None => (head.is_deflated, 0),
        };
        if self.limits.wire_bytes_max(is_deflated) - before < bytes {
            let bytes_max = self.limits.message_bytes_max;
            return Err(Violation::MessageTooLarge { bytes_max });
        }
        if let Some(message) = &mut self.message {
            if self.limits.fragments_max <= message.frames {
                let fragments_max = self.limits.fragments_max;
                return Err(Violation::TooManyFragments { fragments_max });
            }
            message.frames += 1;
            message.bytes += bytes;
        } else if !head.is_final {
            let kind = kind_of(head.opcode);
            let utf8 = Utf8Check::default();
            self.message = Some(Fragmented { kind, is_deflated, frames: 1, bytes, utf8 });
        }
        Ok(bytes)
    }

    fn read_control(&mut self) -> Step {
        let Some((payload, range)) = self.complete_payload() else { return Step::NeedMore };
        Step::Control(payload.head.opcode, range)
    }

    /// Reads on in a message of one frame.
    fn read_whole(&mut self, inflater: &mut Inflater) -> Result<Step, Violation> {
        let State::Payload(payload) = &mut self.state else {
            unreachable!("only called while a payload is read");
        };
        let (is_deflated, kind) = (payload.head.is_deflated, kind_of(payload.head.opcode));
        let is_whole = payload.unmasked == 0 && payload.bytes <= self.input.unread().len();
        let piece = payload.unmask(&mut self.input);
        // A text that is here at once is looked at once, as it is handed out.
        if kind == MessageKind::Text && !is_deflated && !is_whole {
            payload.utf8.feed(&self.input.bytes[piece])?;
        }
        let Some((_, range)) = self.complete_payload() else { return Ok(Step::NeedMore) };
        if is_deflated {
            return inflate(inflater, &self.input.bytes[range], kind, &self.limits);
        }
        Ok(Step::Message(kind, range))
    }

    /// Reads on in a frame of a message that has several. `None` when it is complete and the
    /// message is not.
    fn read_fragment(&mut self, inflater: &mut Inflater) -> Result<Option<Step>, Violation> {
        let (State::Payload(payload), Some(message)) = (&mut self.state, &mut self.message) else {
            unreachable!("only called while a fragment is read");
        };
        let piece = payload.unmask(&mut self.input);
        let piece_bytes = piece.len();
        let bytes = &self.input.bytes[piece];
        if message.kind == MessageKind::Text && !message.is_deflated {
            message.utf8.feed(bytes)?;
        }
        self.fragments.extend_from_slice(bytes);
        self.input.start += piece_bytes;
        payload.move_away(piece_bytes);
        if 0 < payload.bytes {
            return Ok(Some(Step::NeedMore));
        }
        let is_final = payload.head.is_final;
        self.state = State::Head;
        if !is_final {
            return Ok(None);
        }
        let (kind, is_deflated) = (message.kind, message.is_deflated);
        self.message = None;
        if is_deflated {
            return inflate(inflater, &self.fragments, kind, &self.limits).map(Some);
        }
        Ok(Some(Step::Fragments(kind)))
    }

    /// The payload and where it is, when all of it is there; then it counts as read.
    fn complete_payload(&mut self) -> Option<(Payload, Range<usize>)> {
        let State::Payload(payload) = &mut self.state else {
            unreachable!("only called while a payload is read");
        };
        payload.unmask(&mut self.input);
        if payload.unmasked < payload.bytes {
            return None;
        }
        let range = self.input.start..self.input.start + payload.bytes;
        self.input.start = range.end;
        match std::mem::replace(&mut self.state, State::Head) {
            State::Payload(payload) => Some((payload, range)),
            _ => unreachable!("the state was a payload's"),
        }
    }
}

fn inflate(
    inflater: &mut Inflater,
    payload: &[u8],
    kind: MessageKind,
    limits: &Limits,
) -> Result<Step, Violation> {
    match inflater.inflate(payload, limits.message_bytes_max) {
        Ok(_) => Ok(Step::Inflated(kind)),
        Err(InflateError::Malformed) => Err(Violation::BadDeflate),
        Err(InflateError::TooLarge { bytes_max }) => Err(Violation::MessageTooLarge { bytes_max }),
    }
}

fn kind_of(opcode: Opcode) -> MessageKind {
    match opcode {
        Opcode::Text => MessageKind::Text,
        Opcode::Binary => MessageKind::Binary,
        _ => unreachable!("a message begins with text or binary"),
    }
}

/// Nothing that follows is read.
fn fail(state: &mut State, violation: Violation) -> Violation {
    *state = State::Failed(violation);
    violation
}

impl From<NotUtf8> for Violation {
    fn from(NotUtf8: NotUtf8) -> Violation {
        Violation::NotUtf8
    }
}
