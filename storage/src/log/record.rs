//! Says what a log record's payload is: a kind byte, then what that kind holds.
//!
//! ```text
//! transaction                                 mark                 seal
//!  0  kind 1                                   0  kind 2            0  kind 3
//!  1  tx id u64                                                     1  hash, 32 bytes
//!  9  timestamp i64, microseconds
//! 17  participants: count u16, then a u16 each
//!     of several: complete u64
//!     changes, up to the payload's end
//! ```
//!
//! A payload whose kind is unknown was written by a newer server and is an error, never skipped. What `changes` holds
//! is the store's business.
//!
//! Invariants:
//! 1. Every payload that decodes has exactly one encoding.
//! 2. Participants ascend and are at least one.

use cosmictron_types::{DecodeError, Reader, ShardId, Timestamp, TxId};

const KIND_TRANSACTION: u8 = 1;
const KIND_MARK: u8 = 2;
const KIND_SEAL: u8 = 3;

/// What one record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    Transaction(TransactionRecord<'a>),
    /// Nothing: its record is evidence that the records before it were durable. Appended when a log goes idle or is
    /// closed.
    Mark,
    /// The hash of the chain up to the record before. What a chain is, is its maker's business.
    Seal {
        hash: [u8; 32],
    },
}

/// One shard's part of a committed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionRecord<'a> {
    pub tx: TxId,
    /// When it was committed.
    pub timestamp: Timestamp,
    pub participants: Participants<'a>,
    /// Transactions of several shards up to here whose records in this log were known to be in all of their
    /// participants' logs when this one, of several shards itself, was appended.
    pub complete: TxId,
    /// As the store encodes them.
    pub changes: &'a [u8],
}

/// The numbers of the shards whose logs hold a part of the transaction, ascending. Not [`ShardId`]s: the server may
/// have fewer shards now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participants<'a> {
    /// Two bytes each.
    numbers: &'a [u8],
}

/// Why a payload means nothing. Its checksum held, so another version of the server has written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("record kind {0} is unknown")]
    UnknownKind(u8),
    #[error("a transaction's participants are not ascending shard numbers")]
    Participants,
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl<'a> Payload<'a> {
    /// Reads the payload of one record, all of it.
    pub fn decode(payload: &'a [u8]) -> Result<Payload<'a>, PayloadError> {
        let mut reader = Reader::new(payload);
        match reader.byte()? {
            KIND_TRANSACTION => TransactionRecord::decode(reader).map(Payload::Transaction),
            KIND_MARK => {
                reader.finish()?;
                Ok(Payload::Mark)
            }
            KIND_SEAL => {
                let hash = reader.array()?;
                reader.finish()?;
                Ok(Payload::Seal { hash })
            }
            other => Err(PayloadError::UnknownKind(other)),
        }
    }

    /// Appends the payload's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Payload::Transaction(record) => {
                let TransactionRecord { tx, timestamp, participants, complete, changes } = record;
                encode_head(*tx, *timestamp, participants.iter(), *complete, out);
                out.extend_from_slice(changes);
            }
            Payload::Mark => out.push(KIND_MARK),
            Payload::Seal { hash } => {
                out.push(KIND_SEAL);
                out.extend_from_slice(hash);
            }
        }
    }
}

impl<'a> TransactionRecord<'a> {
    /// Appends a transaction's payload but for the changes, which the caller appends next. `complete` is of no account
    /// where there is one participant.
    ///
    /// Panics unless `participants` ascend and are at least one.
    pub fn begin(
        tx: TxId,
        timestamp: Timestamp,
        participants: &[ShardId],
        complete: TxId,
        out: &mut Vec<u8>,
    ) {
        assert!(!participants.is_empty() && participants.is_sorted_by(|a, b| a < b));
        encode_head(tx, timestamp, participants.iter().map(|shard| shard.get()), complete, out);
    }

    fn decode(mut reader: Reader<'a>) -> Result<TransactionRecord<'a>, PayloadError> {
        let tx = TxId::new(u64::from_le_bytes(reader.array()?));
        let timestamp = Timestamp::from_micros(i64::from_le_bytes(reader.array()?));
        let count = u16::from_le_bytes(reader.array()?);
        let participants = Participants { numbers: reader.take(2 * usize::from(count))? };
        if count == 0 || !participants.iter().is_sorted_by(|a, b| a < b) {
            return Err(PayloadError::Participants);
        }
        let complete = match count {
            1 => TxId::ZERO,
            _ => TxId::new(u64::from_le_bytes(reader.array()?)),
        };
        Ok(TransactionRecord { tx, timestamp, participants, complete, changes: reader.rest() })
    }
}

impl<'a> Participants<'a> {
    pub fn iter(self) -> impl ExactSizeIterator<Item = u16> + 'a {
        let (numbers, _) = self.numbers.as_chunks::<2>();
        numbers.iter().map(|number| u16::from_le_bytes(*number))
    }
}

fn encode_head(
    tx: TxId,
    timestamp: Timestamp,
    participants: impl ExactSizeIterator<Item = u16>,
    complete: TxId,
    out: &mut Vec<u8>,
) {
    let count = u16::try_from(participants.len()).expect("there are at most 1024 shards");
    out.push(KIND_TRANSACTION);
    out.extend_from_slice(&tx.get().to_le_bytes());
    out.extend_from_slice(&timestamp.as_micros().to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    participants.for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    if count > 1 {
        out.extend_from_slice(&complete.get().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use cosmictron_types::ShardCount;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(payload: &[u8], error: &str) {
        assert_eq!(Payload::decode(payload).unwrap_err().to_string(), error);
    }

    #[test]
    fn a_transaction_is_laid_out_as_the_format_says() {
        let shards: Vec<ShardId> = ShardCount::new(3).unwrap().shards().skip(1).collect();
        let mut payload = Vec::new();
        let (tx, complete, at) = (TxId::new(7), TxId::new(5), Timestamp::from_micros(-1));
        TransactionRecord::begin(tx, at, &shards, complete, &mut payload);
        payload.extend_from_slice(b"changes");
        let expected = b"\x01\x07\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\x01\0\x02\0\
              \x05\0\0\0\0\0\0\0changes";
        assert_eq!(payload, expected);
        let Ok(Payload::Transaction(record)) = Payload::decode(&payload) else { panic!() };
        assert_eq!((record.tx, record.timestamp, record.complete), (tx, at, complete));
        assert_eq!(record.participants.iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(record.changes, b"changes");
    }

    #[test]
    fn what_is_no_payload_is_refused() {
        refused(&[], "the value ends after 0 bytes where 1 more are needed");
        refused(&[4], "record kind 4 is unknown");
        refused(&[3, 0], "the value ends after 1 bytes where 32 more are needed");
        refused(&[3; 34], "1 bytes are left over after the value");
        refused(&[2, 0], "1 bytes are left over after the value");
        let head = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let with = |tail: &[u8]| [head.as_slice(), tail].concat();
        refused(&with(&[0, 0]), "a transaction's participants are not ascending shard numbers");
        refused(
            &with(&[2, 0, 1, 0, 1, 0]),
            "a transaction's participants are not ascending shard numbers",
        );
        refused(&with(&[2, 0, 1, 0]), "the value ends after 2 bytes where 4 more are needed");
    }

    proptest! {
        #[test]
        fn what_decodes_has_one_encoding(payload: Vec<u8>, tx: u64, complete: u64, numbers in prop::collection::btree_set(any::<u16>(), 1..5)) {
            let encoded = |payload: &Payload<'_>| {
                let mut out = Vec::new();
                payload.encode(&mut out);
                out
            };
            if let Ok(decoded) = Payload::decode(&payload) {
                prop_assert_eq!(encoded(&decoded), payload.clone());
            }
            let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let record = Payload::Transaction(TransactionRecord {
                tx: TxId::new(tx),
                timestamp: Timestamp::EPOCH,
                participants: Participants { numbers: &numbers },
                complete: if numbers.len() > 2 { TxId::new(complete) } else { TxId::ZERO },
                changes: &payload,
            });
            let bytes = encoded(&record);
            prop_assert_eq!(Payload::decode(&bytes), Ok(record));
        }
    }
}
