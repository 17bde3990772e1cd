//! Reads and writes the heads of frames (RFC 6455 section 5.2).
//!
//! ```text
//!   byte 0                byte 1                then            then
//!  ┌───┬─────┬────────┐  ┌──────┬────────────┐  ┌────────────┐  ┌──────────────┐
//!  │FIN│RSV 3│opcode 4│  │MASK 1│ length 7   │  │0, 2 or 8 B │  │0 or 4 B key  │  payload
//!  └───┴─────┴────────┘  └──────┴────────────┘  └────────────┘  └──────────────┘
//! ```
//!
//! **Invariants**
//! 1. Heads are judged byte by byte in this order, so the verdict does not depend on how many of
//!    them have arrived.

use super::agreement::Role;
use super::mask::MaskKey;
use super::violation::Violation;

/// The most payload that a control frame can have.
pub(super) const CONTROL_BYTES_MAX: usize = 125;

/// The longest head: two bytes, a length of eight, a key.
const HEAD_BYTES_MAX: usize = 14;

const FINAL: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn parse(nibble: u8) -> Result<Opcode, Violation> {
        match nibble {
            0 => Ok(Opcode::Continuation),
            1 => Ok(Opcode::Text),
            2 => Ok(Opcode::Binary),
            8 => Ok(Opcode::Close),
            9 => Ok(Opcode::Ping),
            10 => Ok(Opcode::Pong),
            _ => Err(Violation::ReservedOpcode(nibble)),
        }
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) is_final: bool,
    /// RSV1: this frame begins a compressed message.
    pub(super) is_deflated: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Option<MaskKey>,
    pub(super) payload_bytes: u64,
}

/// What a head must heed beside its own form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expectation {
    pub(super) role: Role,
    pub(super) receives_deflate: bool,
    pub(super) is_within_message: bool,
}

impl FrameHead {
    /// Reads the head that `bytes` begins with; also says how many bytes it takes. `None` when it
    /// is not complete and nothing is wrong with it yet.
    pub(super) fn parse(
        bytes: &[u8],
        expected: &Expectation,
    ) -> Result<Option<(FrameHead, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = parse_first(first, expected)?;
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let is_masked = second & MASKED != 0;
        match expected.role {
            Role::Server if !is_masked => return Err(Violation::NotMasked),
            Role::Client if is_masked => return Err(Violation::Masked),
            Role::Server | Role::Client => {}
        }
        let length = second & !MASKED;
        if opcode.is_control() && CONTROL_BYTES_MAX < usize::from(length) {
            return Err(Violation::LongControl);
        }
        let Some((payload_bytes, length_bytes)) = parse_length(length, &bytes[2..])? else {
            return Ok(None);
        };
        let mut head_bytes = 2 + length_bytes;
        let mut mask = None;
        if is_masked {
            let Some((key, _)) = bytes[head_bytes..].split_first_chunk::<4>() else {
                return Ok(None);
            };
            mask = Some(MaskKey::new(*key));
            head_bytes += 4;
        }
        let (is_final, is_deflated) = (first & FINAL != 0, first & RSV1 != 0);
        Ok(Some((FrameHead { is_final, is_deflated, opcode, mask, payload_bytes }, head_bytes)))
    }

    /// The head's bytes; only as many as the second value says.
    pub(super) fn render(&self) -> ([u8; HEAD_BYTES_MAX], usize) {
        let mut bytes = [0; HEAD_BYTES_MAX];
        bytes[0] = self.opcode as u8;
        bytes[0] |= if self.is_final { FINAL } else { 0 };
        bytes[0] |= if self.is_deflated { RSV1 } else { 0 };
        let mut at = 2;
        if let Ok(length) = u16::try_from(self.payload_bytes) {
            match u8::try_from(length) {
                Ok(length) if length < LENGTH_16 => bytes[1] = length,
                _ => {
                    bytes[1] = LENGTH_16;
                    bytes[2..4].copy_from_slice(&length.to_be_bytes());
                    at = 4;
                }
            }
        } else {
            bytes[1] = LENGTH_64;
            bytes[2..10].copy_from_slice(&self.payload_bytes.to_be_bytes());
            at = 10;
        }
        if let Some(key) = self.mask {
            bytes[1] |= MASKED;
            bytes[at..at + 4].copy_from_slice(&key.bytes());
            at += 4;
        }
        (bytes, at)
    }
}

fn parse_first(first: u8, expected: &Expectation) -> Result<Opcode, Violation> {
    if first & RSV2_RSV3 != 0 {
        return Err(Violation::ReservedBit);
    }
    let opcode = Opcode::parse(first & 0x0f)?;
    let begins_message = matches!(opcode, Opcode::Text | Opcode::Binary);
    // RFC 7692 section 6.1: the bit stands on the first frame of a message only.
    if first & RSV1 != 0 && !(expected.receives_deflate && begins_message) {
        return Err(Violation::ReservedBit);
    }
    if opcode.is_control() && first & FINAL == 0 {
        return Err(Violation::FragmentedControl);
    }
    match opcode {
        Opcode::Continuation if !expected.is_within_message => Err(Violation::NothingToContinue),
        Opcode::Text | Opcode::Binary if expected.is_within_message => {
            Err(Violation::MessageWithinMessage)
        }
        opcode => Ok(opcode),
    }
}

/// Reads a length whose first seven bits are `length` and whose others `bytes` begins with; also
/// says how many of those it took.
fn parse_length(length: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Violation> {
    match length {
        LENGTH_16 => {
            let Some((length, _)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
            let length = u16::from_be_bytes(*length);
            if length < u16::from(LENGTH_16) {
                return Err(Violation::LongLength);
            }
            Ok(Some((u64::from(length), 2)))
        }
        LENGTH_64 => {
            let Some((length, _)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
            let length = u64::from_be_bytes(*length);
            if length <= u64::from(u16::MAX) {
                return Err(Violation::LongLength);
            }
            if length >> 63 != 0 {
                return Err(Violation::LengthOverflow);
            }
            Ok(Some((length, 8)))
        }
        length => Ok(Some((u64::from(length), 0))),
    }
}
