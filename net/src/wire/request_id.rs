//! Names a request of one connection: the client's choice, brought back with every answer.

use crate::json::{write_number, write_text};

/// The greatest number that is an id: 2^53, up to which every language's floating-point numbers are
/// exact.
pub const ID_MAX: u64 = 1 << 53;

/// Bytes of the longest string that is an id, escapes undone.
pub const ID_BYTES_MAX: usize = 64;

/// What a client calls a request, a call or a subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestId {
    /// From 0 to [`ID_MAX`], sent without sign, fraction or exponent.
    Number(u64),
    /// 1 to [`ID_BYTES_MAX`] bytes.
    Text(Box<str>),
}

impl RequestId {
    /// Reads a JSON value.
    pub(super) fn parse(json: &str) -> Option<RequestId> {
        if json.starts_with('"') {
            return RequestId::of_text(&super::json_fields::parse_string(json)?);
        }
        RequestId::of_number(super::json_fields::parse_number(json)?)
    }

    pub(super) fn of_number(number: u64) -> Option<RequestId> {
        (number <= ID_MAX).then_some(RequestId::Number(number))
    }

    pub(super) fn of_text(text: &str) -> Option<RequestId> {
        (1..=ID_BYTES_MAX).contains(&text.len()).then(|| RequestId::Text(text.into()))
    }

    /// Appends it as the JSON value that it was.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            RequestId::Number(number) => write_number(out, *number),
            RequestId::Text(text) => write_text(out, text),
        }
    }
}
