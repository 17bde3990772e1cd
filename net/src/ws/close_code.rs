//! Names the reasons for which a connection is closed.

/// A status code of a close frame that may be sent: 1000 to 1014 as far as they are registered and
/// not reserved, and 3000 to 4999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// All is said.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server stops, or the page was left.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer broke the rules of the framing.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// A kind of message that this end does not take.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// Text that is not UTF-8, or compressed bytes that are none.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// The peer may not do this.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// A message or frame beyond the limits.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// A bug of this end.
    pub const INTERNAL: CloseCode = CloseCode(1011);
    /// Reads too slowly, or the server has too much to do: come again.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);

    /// The code, unless it is one that must not stand in a frame (RFC 6455 section 7.4).
    pub const fn new(code: u16) -> Option<CloseCode> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(CloseCode(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
