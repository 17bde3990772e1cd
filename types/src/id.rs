//! Names every shard, table and transaction by a number of its own type, so that none is taken for another.

use core::fmt;

/// One core's part of the database. Dense: every id below the shard count exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u16);

impl ShardId {
    /// The shard that every server has.
    pub const FIRST: ShardId = ShardId(0);

    /// The only way in from a number, so a `ShardId` in hand is always in range.
    pub fn new(index: u16, count: ShardCount) -> Option<ShardId> {
        (index < count.get()).then_some(ShardId(index))
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    /// As an index into a slice with one element a shard.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How many shards the server runs: 1 to [`ShardCount::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardCount(u16);

impl ShardCount {
    /// As many shards as there are virtual partitions.
    pub const MAX: u16 = PARTITIONS;
    /// A server with a single core.
    pub const ONE: ShardCount = ShardCount(1);

    pub fn new(count: u16) -> Option<ShardCount> {
        (1..=Self::MAX).contains(&count).then_some(ShardCount(count))
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    /// Every shard, in ascending order.
    pub fn shards(self) -> impl DoubleEndedIterator<Item = ShardId> + ExactSizeIterator {
        (0..self.0).map(ShardId)
    }

    /// The shard that owns a virtual partition: partitions are dealt out in turn.
    #[inline]
    pub fn owner_of(self, partition: Partition) -> ShardId {
        ShardId(partition.0 % self.0)
    }
}

/// Virtual partitions of the key space. Fixed for ever: data is placed by it.
pub const PARTITIONS: u16 = 1024;

/// One of the [`PARTITIONS`] of the key space. Where it is depends on the number of shards, what is in it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

impl Partition {
    pub fn new(index: u16) -> Option<Partition> {
        (index < PARTITIONS).then_some(Partition(index))
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    /// The partition of a value, told by the bytes that indexes compare it by: equal values have equal ones. Fixed for
    /// ever; `docs/file-format.md` has the algorithm.
    #[inline]
    pub fn of_key(key: &[u8]) -> Partition {
        let (words, rest) = key.as_chunks::<8>();
        let mut hash = mix(key.len() as u64);
        for word in words {
            hash = mix(hash ^ u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            hash = mix(hash ^ u64::from_le_bytes(word));
        }
        // The highest bits: every bit of the key has reached them.
        let [.., low, high] = hash.to_le_bytes();
        Partition(u16::from_le_bytes([low, high]) / (u16::MAX / PARTITIONS + 1))
    }
}

const _: () = assert!(PARTITIONS.is_power_of_two(), "partitions are the highest bits of a hash");

/// Spreads each bit of a number over all bits: the last step of the generator splitmix64.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A transaction's place in the server-wide order. Starts at 1; 0 is "before everything".
    TxId(u64)
}

impl TxId {
    /// Before every transaction.
    pub const ZERO: TxId = TxId(0);

    /// The transaction after this one. Panics after 2^64 transactions.
    pub const fn next(self) -> TxId {
        TxId(self.0 + 1)
    }
}

number! {
    /// A record's place in one shard's log: 1 for the first, then without a gap. 0 is "nothing yet".
    Lsn(u64)
}

impl Lsn {
    /// Before every record.
    pub const ZERO: Lsn = Lsn(0);

    /// The record after this one. Panics after 2^64 records.
    pub const fn next(self) -> Lsn {
        Lsn(self.0 + 1)
    }
}

number! {
    /// A table, unique in the whole server and never used again after the table is gone.
    TableId(u32)
}

/// The first of the numbers that no table is given: they name the views of one query.
const FIRST_VIEW: u32 = 0xffff_0000;

impl TableId {
    /// One of the views of a query, by its place among them.
    pub const fn of_view(place: u16) -> TableId {
        TableId(FIRST_VIEW + place as u32)
    }

    /// Whether it names a view of a query, whose rows are in no shard's store.
    pub const fn is_view(self) -> bool {
        self.0 >= FIRST_VIEW
    }
}

number! {
    /// An index's place in its table's list; the primary key, where there is one, is index 0.
    IndexId(u16)
}

number! {
    /// A column's place in its table.
    ColumnIndex(u16)
}

impl ColumnIndex {
    /// As an index into a slice with one element a column.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ShardCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_id_in_hand_is_in_range() {
        let two = ShardCount::new(2).unwrap();
        assert!(ShardId::new(1, two).is_some());
        assert!(ShardId::new(2, two).is_none());
        assert_eq!(two.shards().map(ShardId::get).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_server_has_at_least_one_shard_and_no_more_than_partitions() {
        assert!(ShardCount::new(0).is_none());
        assert!(ShardCount::new(PARTITIONS).is_some());
        assert!(ShardCount::new(PARTITIONS + 1).is_none());
    }

    /// Rows lie where these numbers say: a change of one of them loses data.
    #[test]
    fn a_keys_partition_never_changes() {
        let partition = |key: &[u8]| Partition::of_key(key).get();
        let number = |number: u64| partition(&number.to_be_bytes());
        assert_eq!([0, 1, 2, 255, 256, u64::MAX].map(number), GOLDEN_NUMBERS);
        let keys: [&[u8]; 5] = [b"", b"\0", b"a\0", b"accounts\0", b"a-text-of-20-bytes..\0"];
        assert_eq!(keys.map(partition), GOLDEN_TEXTS);
    }

    const GOLDEN_NUMBERS: [u16; 6] = [40, 237, 153, 431, 387, 548];
    const GOLDEN_TEXTS: [u16; 5] = [0, 490, 906, 959, 419];

    #[test]
    fn partitions_are_dealt_out_in_turn() {
        let three = ShardCount::new(3).unwrap();
        let owners = [0, 1, 2, 3, 1023].map(|at| three.owner_of(Partition::new(at).unwrap()).get());
        assert_eq!(owners, [0, 1, 2, 0, 0]);
        assert!(Partition::new(PARTITIONS).is_none());
    }
}
