//! Says how a peer broke the protocol, and with which code it is told.

use super::close_code::CloseCode;

/// Why a connection can't go on. All of them are the peer's doing: it is sent a close frame with
/// [`Violation::close_code`], and nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A reserved bit that no agreed extension gives a meaning.
    #[error("reserved bit is set")]
    ReservedBit,
    /// An opcode without a meaning.
    #[error("opcode {0} is reserved")]
    ReservedOpcode(u8),
    /// A client's frame without a mask.
    #[error("frame of a client is not masked")]
    NotMasked,
    /// A server's frame with a mask.
    #[error("frame of a server is masked")]
    Masked,
    /// A length that would have had a shorter form.
    #[error("payload length is not in its shortest form")]
    LongLength,
    /// A length of more than 63 bits.
    #[error("payload length exceeds 63 bits")]
    LengthOverflow,
    /// A control frame that is not final.
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A control frame that says more than 125 bytes.
    #[error("control frame exceeds 125 bytes")]
    LongControl,
    /// A continuation of nothing.
    #[error("continuation without a message")]
    NothingToContinue,
    /// A new message before the last fragment of the one before.
    #[error("message within a fragmented message")]
    MessageWithinMessage,
    /// A close frame with half of a code.
    #[error("close frame of one byte")]
    HalfCloseCode,
    /// A close code that must not be sent.
    #[error("close code {0} must not be sent")]
    BadCloseCode(u16),
    /// Text, or the reason in a close frame, that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A compressed message that is not DEFLATE.
    #[error("compressed message is malformed")]
    BadDeflate,
    /// A frame of more payload than is taken.
    #[error("frame of {bytes} bytes exceeds the limit of {bytes_max}")]
    FrameTooLarge {
        /// What the frame's head says.
        bytes: u64,
        /// The limit.
        bytes_max: usize,
    },
    /// A message, decompressed where it was compressed, of more bytes than are taken.
    #[error("message exceeds the limit of {bytes_max} bytes")]
    MessageTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A message in more fragments than are taken.
    #[error("message has more than {fragments_max} fragments")]
    TooManyFragments {
        /// The limit.
        fragments_max: u32,
    },
}

impl Violation {
    /// What the peer is told.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Violation::NotUtf8 | Violation::BadDeflate => CloseCode::INVALID_PAYLOAD,
            Violation::FrameTooLarge { .. }
            | Violation::MessageTooLarge { .. }
            | Violation::TooManyFragments { .. } => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}
