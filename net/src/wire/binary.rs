//! The form of a message of `cosmictron.bin.v1`: a head, and fields that say how long they are.
//!
//! ```text
//!  ┌─────────────┬─────────┬──────────┬─────────────┬───────┬───────┬──────────┬──
//!  │ type    u32 │ 0   u32 │ tag  u32 │ length  u32 │ value │ zeros │ tag  u32 │ …
//!  └─────────────┴─────────┴──────────┴─────────────┴───────┴───────┴──────────┴──
//!  0                       8                                 to a multiple of 8
//! ```
//!
//! Numbers are little-endian. Every value begins at a multiple of 8 from the message's beginning, so that what is in it can be
//! read by typed arrays.

use super::refusal::MessageError;

/// Bytes of a message's head, of a field's, and what every value's place is a multiple of.
const UNIT: usize = 8;

/// The numbers of clients' messages, with their names.
pub(super) const CLIENT_MESSAGES: &[(u32, &str)] =
    &[(1, "authenticate"), (2, "call"), (3, "subscribe"), (4, "unsubscribe"), (5, "query")];

/// The numbers of the server's messages.
pub(super) mod kind {
    pub(in super::super) const WELCOME: u32 = 16;
    pub(in super::super) const CALLED: u32 = 17;
    pub(in super::super) const SUBSCRIBED: u32 = 18;
    pub(in super::super) const UPDATE: u32 = 19;
    pub(in super::super) const UNSUBSCRIBED: u32 = 20;
    pub(in super::super) const ROWS: u32 = 21;
    pub(in super::super) const ERROR: u32 = 22;
}

/// The numbers of fields.
pub(super) mod tag {
    pub(in super::super) const ID: u32 = 1;
    pub(in super::super) const ID_TEXT: u32 = 2;
    pub(in super::super) const TOKEN: u32 = 3;
    pub(in super::super) const REDUCER: u32 = 4;
    pub(in super::super) const MODULE: u32 = 5;
    pub(in super::super) const ARGS: u32 = 6;
    pub(in super::super) const IDEMPOTENCY_KEY: u32 = 7;
    pub(in super::super) const QUERY: u32 = 8;
    pub(in super::super) const PARAMS: u32 = 9;
    pub(in super::super) const SINCE: u32 = 10;
    pub(in super::super) const TX_ID: u32 = 11;
    pub(in super::super) const IDENTITY: u32 = 12;
    pub(in super::super) const CONNECTION_ID: u32 = 13;
    pub(in super::super) const EXPIRES_AT: u32 = 14;
    pub(in super::super) const STATUS: u32 = 15;
    pub(in super::super) const DURATION_MS: u32 = 16;
    pub(in super::super) const RESULT: u32 = 17;
    pub(in super::super) const COLUMNS: u32 = 18;
    pub(in super::super) const TYPES: u32 = 19;
    pub(in super::super) const ROWS: u32 = 20;
    pub(in super::super) const RESUMED: u32 = 21;
    pub(in super::super) const CHANGES: u32 = 22;
    pub(in super::super) const CODE: u32 = 23;
    pub(in super::super) const DETAIL: u32 = 24;
    pub(in super::super) const KEY: u32 = 25;
}

/// Reads the fields of a message, one after the other.
#[derive(Debug)]
pub(super) struct FieldReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> FieldReader<'a> {
    /// The type of a message, and its fields.
    pub(super) fn begin(bytes: &'a [u8]) -> Result<(u32, FieldReader<'a>), MessageError> {
        let mut reader = FieldReader { bytes, at: 0 };
        let (number, zero) = reader.pair()?;
        if zero != 0 {
            return Err(MessageError::NotZero { at: first_set(&bytes[4..UNIT], 4) });
        }
        Ok((number, reader))
    }

    /// The next field: its tag and its value.
    pub(super) fn next(&mut self) -> Result<Option<(u32, &'a [u8])>, MessageError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let at = self.at;
        let (tag, length) = self.pair()?;
        let rest = &self.bytes[self.at..];
        let value = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let value = value.ok_or(MessageError::Cut { at })?;
        let end = self.at + value.len();
        let padding = self.bytes.get(end..end.next_multiple_of(UNIT));
        let padding = padding.ok_or(MessageError::Cut { at })?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(MessageError::NotZero { at: first_set(padding, end) });
        }
        self.at = end + padding.len();
        Ok(Some((tag, value)))
    }

    /// Two numbers of 4 bytes.
    fn pair(&mut self) -> Result<(u32, u32), MessageError> {
        let head = self.bytes[self.at..].first_chunk::<UNIT>();
        let [a, b, c, d, e, f, g, h] = *head.ok_or(MessageError::Cut { at: self.at })?;
        self.at += UNIT;
        Ok((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
    }
}

/// Where the first byte stands that is not zero; `at` is where `bytes` do.
fn first_set(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().take_while(|byte| **byte == 0).count()
}

/// Appends the head of a message.
pub(super) fn begin(kind: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
}

/// Appends a field. Panics where its value is longer than 4 GiB: whoever gives it is bounded.
pub(super) fn write_field(tag: u32, value: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(value.len()).expect("a field has at most 4 GiB");
    out.reserve(UNIT + value.len() + UNIT);
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(value);
    let padding = value.len().next_multiple_of(UNIT) - value.len();
    out.extend_from_slice(&[0; UNIT][..padding]);
}

/// Appends a field that is a number.
pub(super) fn write_number(tag: u32, value: u64, out: &mut Vec<u8>) {
    write_field(tag, &value.to_le_bytes(), out);
}

/// Appends a field that is a text.
pub(super) fn write_text(tag: u32, value: &str, out: &mut Vec<u8>) {
    write_field(tag, value.as_bytes(), out);
}
