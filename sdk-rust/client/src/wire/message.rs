//! Writes what a client says, and reads what the server does.

use bytes::Bytes;

use super::batch::Batch;
use crate::error::Error;
use crate::value::{ConnectionId, Identity};

/// Bytes of a message's head and of a field's.
const UNIT: usize = 8;

/// The numbers of fields.
mod tag {
    pub(super) const ID: u32 = 1;
    pub(super) const TOKEN: u32 = 3;
    pub(super) const REDUCER: u32 = 4;
    pub(super) const MODULE: u32 = 5;
    pub(super) const ARGS: u32 = 6;
    pub(super) const IDEMPOTENCY_KEY: u32 = 7;
    pub(super) const QUERY: u32 = 8;
    pub(super) const PARAMS: u32 = 9;
    pub(super) const SINCE: u32 = 10;
    pub(super) const TX_ID: u32 = 11;
    pub(super) const IDENTITY: u32 = 12;
    pub(super) const CONNECTION_ID: u32 = 13;
    pub(super) const RESULT: u32 = 17;
    pub(super) const COLUMNS: u32 = 18;
    pub(super) const TYPES: u32 = 19;
    pub(super) const ROWS: u32 = 20;
    pub(super) const RESUMED: u32 = 21;
    pub(super) const CHANGES: u32 = 22;
    pub(super) const CODE: u32 = 23;
    pub(super) const DETAIL: u32 = 24;
    pub(super) const KEY: u32 = 25;
}

/// A message of the server's.
#[derive(Debug)]
pub(crate) enum ServerMessage {
    Welcome {
        identity: Identity,
        connection_id: ConnectionId,
    },
    Called {
        id: u64,
        tx_id: u64,
        result: Option<String>,
    },
    Subscribed {
        id: u64,
        answer: Answer,
        resumed: bool,
    },
    Update {
        tx_id: u64,
        changes: Vec<(u64, Change)>,
    },
    Rows {
        id: u64,
        answer: Answer,
    },
    Error {
        id: Option<u64>,
        code: String,
        detail: String,
    },
    /// `unsubscribed`, which nobody waits for, or one that a later server may say.
    Other,
}

/// Rows with what their columns are.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) tx_id: u64,
    pub(crate) columns: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) key: Option<Vec<usize>>,
    pub(crate) rows: Batch,
}

/// What has changed in a subscription.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) inserts: Batch,
    pub(crate) deletes: Batch,
}

pub(crate) fn authenticate(token: &str) -> Bytes {
    let mut message = Writer::begin(1);
    message.text(tag::TOKEN, token);
    message.finish()
}

/// `reducer` is `name` or `module/name`.
pub(crate) fn call(id: u64, reducer: &str, args: &str, idempotency_key: &str) -> Bytes {
    let mut message = Writer::begin(2);
    message.number(tag::ID, id);
    let reducer = match reducer.split_once('/') {
        Some((module, name)) => {
            message.text(tag::MODULE, module);
            name
        }
        None => reducer,
    };
    message.text(tag::REDUCER, reducer);
    message.text(tag::ARGS, args);
    message.text(tag::IDEMPOTENCY_KEY, idempotency_key);
    message.finish()
}

pub(crate) fn subscribe(id: u64, sql: &str, params: Option<&str>, since: Option<u64>) -> Bytes {
    let mut message = Writer::begin(3);
    message.number(tag::ID, id);
    message.text(tag::QUERY, sql);
    params.iter().for_each(|params| message.text(tag::PARAMS, params));
    since.iter().for_each(|since| message.number(tag::SINCE, *since));
    message.finish()
}

pub(crate) fn unsubscribe(id: u64) -> Bytes {
    let mut message = Writer::begin(4);
    message.number(tag::ID, id);
    message.finish()
}

pub(crate) fn query(id: u64, sql: &str, params: Option<&str>) -> Bytes {
    let mut message = Writer::begin(5);
    message.number(tag::ID, id);
    message.text(tag::QUERY, sql);
    params.iter().for_each(|params| message.text(tag::PARAMS, params));
    message.finish()
}

struct Writer(Vec<u8>);

impl Writer {
    fn begin(kind: u32) -> Writer {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.resize(UNIT, 0);
        Writer(bytes)
    }

    /// A value of more than 4 GiB cannot be told; the server refuses far shorter ones.
    fn field(&mut self, tag: u32, value: &[u8]) {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&tag.to_le_bytes());
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(UNIT), 0);
    }

    fn number(&mut self, tag: u32, value: u64) {
        self.field(tag, &value.to_le_bytes());
    }

    fn text(&mut self, tag: u32, value: &str) {
        self.field(tag, value.as_bytes());
    }

    fn finish(self) -> Bytes {
        self.0.into()
    }
}

/// What a message's fields have said so far.
#[derive(Default)]
struct Fields {
    id: Option<u64>,
    tx_id: u64,
    identity: Option<Identity>,
    connection_id: Option<ConnectionId>,
    result: Option<String>,
    columns: Vec<String>,
    types: Vec<String>,
    key: Option<Vec<usize>>,
    rows: Option<Batch>,
    resumed: bool,
    changes: Vec<(u64, Change)>,
    code: String,
    detail: String,
}

impl ServerMessage {
    /// Reads a message. Fields that are not known are passed over.
    pub(crate) fn read(bytes: &Bytes) -> Result<ServerMessage, Error> {
        let (kind, _) = pair(bytes, 0)?;
        let mut fields = Fields::default();
        let mut at = UNIT;
        while at < bytes.len() {
            let (tag, length) = pair(bytes, at)?;
            let end = at + UNIT + length as usize;
            let value = bytes.get(at + UNIT..end).ok_or_else(cut)?;
            fields.read(tag, &bytes.slice_ref(value))?;
            at = end.next_multiple_of(UNIT);
        }
        fields.into_message(kind)
    }
}

impl Fields {
    fn read(&mut self, tag: u32, value: &Bytes) -> Result<(), Error> {
        match tag {
            tag::ID => self.id = Some(number(value)?),
            tag::TX_ID => self.tx_id = number(value)?,
            tag::IDENTITY => self.identity = Some(Identity::from_bytes(fixed(value)?)),
            tag::CONNECTION_ID => {
                self.connection_id = Some(ConnectionId::from_bytes(fixed(value)?));
            }
            tag::RESULT => self.result = Some(text(value)?.to_owned()),
            tag::COLUMNS => self.columns = json(value)?,
            tag::TYPES => self.types = json(value)?,
            tag::KEY => self.key = Some(json(value)?),
            tag::ROWS => self.rows = Some(Batch::read(value)?.0),
            tag::RESUMED => self.resumed = number(value)? == 1,
            tag::CHANGES => {
                let (inserts, behind) = Batch::read(value)?;
                let (deletes, _) = Batch::read(&behind)?;
                let id = self.id.take().ok_or_else(|| lacks("changes", "id"))?;
                self.changes.push((id, Change { inserts, deletes }));
            }
            tag::CODE => self.code = text(value)?.to_owned(),
            tag::DETAIL => self.detail = text(value)?.to_owned(),
            _ => {}
        }
        Ok(())
    }

    fn into_message(self, kind: u32) -> Result<ServerMessage, Error> {
        let id = |message| self.id.ok_or_else(|| lacks(message, "id"));
        Ok(match kind {
            16 => ServerMessage::Welcome {
                identity: self.identity.ok_or_else(|| lacks("welcome", "identity"))?,
                connection_id: self
                    .connection_id
                    .ok_or_else(|| lacks("welcome", "connection_id"))?,
            },
            17 => {
                ServerMessage::Called { id: id("called")?, tx_id: self.tx_id, result: self.result }
            }
            18 => ServerMessage::Subscribed {
                id: id("subscribed")?,
                resumed: self.resumed,
                answer: self.into_answer("subscribed")?,
            },
            19 => ServerMessage::Update { tx_id: self.tx_id, changes: self.changes },
            21 => ServerMessage::Rows { id: id("rows")?, answer: self.into_answer("rows")? },
            22 => ServerMessage::Error { id: self.id, code: self.code, detail: self.detail },
            _ => ServerMessage::Other,
        })
    }

    fn into_answer(self, message: &'static str) -> Result<Answer, Error> {
        let Fields { tx_id, columns, types, key, rows, .. } = self;
        let rows = rows.ok_or_else(|| lacks(message, "rows"))?;
        let is_one_each = columns.len() == types.len()
            && (rows.is_empty() || rows.width() == columns.len())
            && key.iter().flatten().all(|column| *column < columns.len());
        match is_one_each {
            true => Ok(Answer { tx_id, columns, types, key, rows }),
            false => Err(Error::Protocol(format!("{message} has columns that do not agree"))),
        }
    }
}

/// Two numbers of 4 bytes.
fn pair(bytes: &[u8], at: usize) -> Result<(u32, u32), Error> {
    let unit = bytes.get(at..).and_then(|rest| rest.first_chunk::<UNIT>()).ok_or_else(cut)?;
    let [a, b, c, d, e, f, g, h] = *unit;
    Ok((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
}

fn number(value: &[u8]) -> Result<u64, Error> {
    Ok(u64::from_le_bytes(fixed(value)?))
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Error> {
    value.try_into().map_err(|_| Error::Protocol(format!("a field has not {N} bytes")))
}

fn text(value: &[u8]) -> Result<&str, Error> {
    str::from_utf8(value).map_err(|_| Error::Protocol("a text is not UTF-8".to_owned()))
}

fn json<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|error| Error::Protocol(error.to_string()))
}

fn cut() -> Error {
    Error::Protocol("a message is cut short".to_owned())
}

fn lacks(message: &'static str, field: &'static str) -> Error {
    Error::Protocol(format!("{message} lacks {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Bytes {
        let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect::<Vec<_>>().into()
    }

    #[test]
    fn the_example_of_the_document_is_written() {
        let expected = "03000000 00000000 01000000 08000000 0700000000000000
            08000000 08000000 53454c4543542031";
        assert_eq!(subscribe(7, "SELECT 1", None, None), bytes(expected));
    }

    #[test]
    fn the_example_of_the_document_is_read() {
        let update = "13000000 00000000 0b000000 08000000 0c00000000000000
            01000000 08000000 0700000000000000 16000000 48000000
            38000000 03000000 09000000 03000000 03020000 05010100 01010100
            0100 2c01 ffff 04 03 03 00 01 00 01 00 616461 c3a9 f09f9880 0000000000
            10000000 00000000 00000000 00000000";
        let message = ServerMessage::read(&bytes(update)).unwrap();
        let ServerMessage::Update { tx_id: 12, changes } = message else { panic!("{message:?}") };
        let [(7, Change { inserts, deletes })] = &changes[..] else { panic!("{changes:?}") };
        assert!(deletes.is_empty());
        let cells: Vec<Vec<String>> = (0..inserts.len())
            .map(|row| (0..3).map(|column| format!("{:?}", inserts.cell(row, column))).collect())
            .collect();
        assert_eq!(
            cells,
            [
                ["Int(1)", "Text(\"ada\")", "Null"],
                ["Int(300)", "Text(\"é😀\")", "Bool(true)"],
                ["Int(-1)", "Null", "Bool(false)"],
            ]
        );
    }

    proptest::proptest! {
        /// A server that is none cannot break a client.
        #[test]
        fn any_bytes_are_refused_or_are_a_message(
            kind in 15u8..24,
            fields in proptest::collection::vec((1u8..26, proptest::collection::vec(0u8..20, 0..40)), 0..4),
            noise in proptest::collection::vec(proptest::num::u8::ANY, 0..20),
        ) {
            let mut message = Writer::begin(kind.into());
            fields.iter().for_each(|(tag, value)| message.field((*tag).into(), value));
            message.0.extend(noise);
            drop(ServerMessage::read(&message.finish()));
        }
    }
}
