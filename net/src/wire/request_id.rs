//! Names a request of one connection: the client's choice, brought back with every answer.

use std::borrow::Cow;

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
            let text = super::field::parse_string(json)?;
            return (1..=ID_BYTES_MAX)
                .contains(&text.len())
                .then(|| RequestId::Text(Cow::into_owned(text).into_boxed_str()));
        }
        let number = super::field::parse_number(json)?;
        (number <= ID_MAX).then_some(RequestId::Number(number))
    }

    /// Appends it as the JSON value that it was.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            RequestId::Number(number) => write_number(out, *number),
            RequestId::Text(text) => write_text(out, text),
        }
    }
}
