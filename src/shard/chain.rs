//! The chain of hashes over a shard's log, by which a change to it is told from what was written.
//!
//! ```text
//! h(0) = 32 zeros
//! h(n) = SHA-256( h(n-1) | LSN u64 | length of the payload u64 | payload )      of the record with LSN n, little-endian
//! ```
//!
//! A *seal* is a record that holds the hash of the record before it; one follows what a write makes durable. Checksums find
//! what a disk does to a log; they are recomputed by whoever rewrites it. So can a chain be, from the change on to its end:
//! what proves a log is a *head*, LSN and hash, that was kept elsewhere.
//!
//! Invariants:
//! 1. The chain covers every record from the first one on, sealed or not, so it can be begun at any time.

use std::fmt;
use std::str::FromStr;

use cosmictron_runtime::{LogDirectory, SegmentNumber};
use cosmictron_storage::log::record::Payload;
use cosmictron_storage::log::{LogId, Record};
use cosmictron_types::{Identity, Lsn, ShardId};
use sha2::{Digest, Sha256};

use super::recovery::replay::{disk_error, start_recovery, visited};
use super::recovery::{BootError, RecordError};

/// How far a log was hashed.
#[derive(Clone, Debug)]
pub struct Chain {
    last: Lsn,
    hash: [u8; 32],
    /// Records behind the last seal.
    unsealed: u64,
}

/// A place in the chain of one shard's log: `SHARD:LSN:HASH` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    pub shard: u16,
    pub lsn: Lsn,
    pub hash: Identity,
}

/// What a log's chain says of it.
#[derive(Clone, Debug)]
pub struct ChainReport {
    /// `None` of an empty log.
    pub head: Option<ChainHead>,
    pub records: u64,
    pub seals: u64,
    /// Records behind the last seal: nothing but a head from elsewhere proves them.
    pub unsealed: u64,
}

impl Chain {
    /// Of an empty log.
    pub fn new() -> Chain {
        Chain { last: Lsn::ZERO, hash: [0; 32], unsealed: 0 }
    }

    /// Goes on behind a record that was appended.
    pub fn add(&mut self, lsn: Lsn, payload: &[u8]) {
        assert_eq!(lsn, self.last.next(), "every record is in the chain (I1)");
        let mut hash = Sha256::new();
        hash.update(self.hash);
        hash.update(lsn.get().to_le_bytes());
        hash.update((payload.len() as u64).to_le_bytes());
        hash.update(payload);
        (self.last, self.hash) = (lsn, hash.finalize().into());
        self.unsealed += 1;
    }

    /// What a seal has to hold that follows now; `None` when all is sealed.
    pub fn seal(&self) -> Option<Payload<'static>> {
        (self.unsealed > 0).then_some(Payload::Seal { hash: self.hash })
    }

    /// Goes on behind a seal.
    pub fn add_seal(&mut self, lsn: Lsn, payload: &[u8]) {
        self.add(lsn, payload);
        self.unsealed = 0;
    }

    /// Goes on behind a record that was read; says whether that was a seal. Refuses a seal of something else.
    pub fn follow(
        &mut self,
        record: Record<'_>,
        payload: &Payload<'_>,
    ) -> Result<bool, RecordError> {
        // A log that was made by others may begin elsewhere than at its first record.
        if record.lsn != self.last.next() {
            return Err(RecordError::Chain);
        }
        match payload {
            Payload::Seal { hash } if *hash != self.hash => Err(RecordError::Chain),
            Payload::Seal { .. } => {
                self.add_seal(record.lsn, record.payload);
                Ok(true)
            }
            _ => {
                self.add(record.lsn, record.payload);
                Ok(false)
            }
        }
    }

    fn head(&self, shard: ShardId) -> Option<ChainHead> {
        let head =
            ChainHead { shard: shard.get(), lsn: self.last, hash: Identity::from_bytes(self.hash) };
        (self.last > Lsn::ZERO).then_some(head)
    }
}

/// Reads a log from its beginning to its end, and holds it to its seals and to heads that were kept elsewhere. Changes
/// nothing.
pub fn verify_chain(
    id: LogId,
    heads: &[ChainHead],
    log: &mut dyn LogDirectory,
) -> Result<ChainReport, BootError> {
    let mut chain = Chain::new();
    let (mut seals, mut expected) =
        (0, heads.iter().filter(|it| it.shard == id.shard.get()).collect::<Vec<_>>());
    let mut recovery = start_recovery(id, None, log)?;
    let mut bytes = Vec::new();
    while let Some(wanted) = recovery.wants() {
        let segment = SegmentNumber::new(wanted.get());
        log.read(segment, &mut bytes).map_err(|error| disk_error(log, segment, error))?;
        let read = recovery.read(&bytes, |record| {
            let payload = Payload::decode(record.payload)?;
            seals += u64::from(chain.follow(record, &payload)?);
            let here = chain.head(id.shard);
            let is_other = |it: &&&ChainHead| it.lsn == record.lsn && Some(**it) != here.as_ref();
            if expected.iter().any(|it| is_other(&it)) {
                return Err(RecordError::Chain);
            }
            expected.retain(|it| it.lsn != record.lsn);
            Ok(())
        });
        read.map_err(|error| visited(log, segment, error))?;
    }
    if let Some(missing) = expected.first() {
        return Err(BootError::HeadMissing { shard: id.shard, lsn: missing.lsn });
    }
    let Chain { last, unsealed, .. } = chain;
    Ok(ChainReport { head: chain.head(id.shard), records: last.get(), seals, unsealed })
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.shard, self.lsn, self.hash)
    }
}

impl FromStr for ChainHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<ChainHead, &'static str> {
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or("a head is SHARD:LSN:HASH");
        let shard = next()?.parse().map_err(|_| "the shard is a number")?;
        let lsn = next()?.parse().map_err(|_| "the LSN is a number")?;
        let hash = next()?.parse().map_err(|_| "the hash is 64 hex digits")?;
        Ok(ChainHead { shard, lsn: Lsn::new(lsn), hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain_of(payloads: &[&[u8]]) -> Chain {
        let mut chain = Chain::new();
        for (at, payload) in payloads.iter().enumerate() {
            chain.add(Lsn::new(at as u64 + 1), payload);
        }
        chain
    }

    #[test]
    fn records_do_not_run_into_each_other() {
        assert_ne!(chain_of(&[b"ab", b"c"]).hash, chain_of(&[b"a", b"bc"]).hash);
        assert_ne!(chain_of(&[b"a", b""]).hash, chain_of(&[b"a"]).hash);
        assert_eq!(chain_of(&[b"a", b"b"]).hash, chain_of(&[b"a", b"b"]).hash);
    }

    /// Made with another implementation of what the head of this file says: it must never change.
    #[test]
    fn the_chain_is_what_the_format_says() {
        let expected = "9df3d25d5d73d5166114d32e19abd143e10fc95cbd2469fd936803d1350fc962";
        assert_eq!(Identity::from_bytes(chain_of(&[b"a", b"bc"]).hash).to_string(), expected);
    }

    #[test]
    fn a_seal_of_something_else_is_refused() {
        let mut chain = chain_of(&[b"a"]);
        let seal = chain.seal().unwrap();
        let record = Record { lsn: Lsn::new(2), payload: b"\x03" };
        assert_eq!(chain.clone().follow(record, &seal).ok(), Some(true));
        let later = Record { lsn: Lsn::new(3), ..record };
        assert!(matches!(chain.clone().follow(later, &seal), Err(RecordError::Chain)));
        chain.hash[0] ^= 1;
        assert!(matches!(chain.follow(record, &seal), Err(RecordError::Chain)));
    }

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = chain_of(&[b"a"]).head(ShardId::FIRST).unwrap();
        assert_eq!(head.to_string().parse(), Ok(head));
        for bad in ["", "0", "0:1", "x:1:00", "0:x:00", "0:1:zz"] {
            assert!(bad.parse::<ChainHead>().is_err(), "{bad}");
        }
    }
}
