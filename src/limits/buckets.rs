//! Many buckets in memory that does not grow.
//!
//! A client that is not among them has a full bucket. There are sets of a few places each; where all of a set are taken, the
//! fullest bucket goes: who comes with ever new addresses makes others forget first what they had hardly touched, and last
//! what they have emptied.

use std::hash::Hash;

use ahash::RandomState;
use cosmictron_types::{Duration, Timestamp};

use super::bucket::{Bucket, Rate};

/// Sets on one core.
const SETS: usize = 2048;
/// Buckets of a set.
const WAYS: usize = 8;
const _: () = assert!(SETS.is_power_of_two());

/// One core's, of one kind. Sets take memory when they are first used: at most 16,384 buckets.
pub struct Buckets<K> {
    hasher: RandomState,
    sets: Box<[Vec<(K, Bucket)>]>,
}

impl<K: Hash + Eq> Buckets<K> {
    pub fn new(seed: [u64; 4]) -> Buckets<K> {
        let hasher = RandomState::with_seeds(seed[0], seed[1], seed[2], seed[3]);
        Buckets { hasher, sets: (0..SETS).map(|_| Vec::new()).collect() }
    }

    /// Takes a token of somebody's, or says how long until there is one.
    pub fn take(&mut self, key: K, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        if rate == Rate::Off {
            return Ok(());
        }
        // The mask leaves a small number.
        let set = (self.hasher.hash_one(&key) as usize) & (SETS - 1);
        let set = &mut self.sets[set];
        if let Some((_, bucket)) = set.iter_mut().find(|(known, _)| *known == key) {
            return bucket.take(rate, now);
        }
        let mut bucket = Bucket::FULL;
        let taken = bucket.take(rate, now);
        if set.len() < WAYS {
            set.push((key, bucket));
            return taken;
        }
        let fullest = set.iter_mut().min_by_key(|(_, bucket)| bucket.full_at());
        if let Some(place) = fullest {
            *place = (key, bucket);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u64; 4] = [1, 2, 3, 4];

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_micros(secs * 1_000_000)
    }

    #[test]
    fn each_has_a_bucket_of_its_own() {
        let rate = "1/m burst 2".parse().unwrap();
        let mut buckets = Buckets::new(SEED);
        for key in 0..100_u32 {
            assert!(
                buckets.take(key, rate, at(0)).is_ok() && buckets.take(key, rate, at(0)).is_ok()
            );
            assert_eq!(buckets.take(key, rate, at(0)), Err(Duration::from_secs(60)));
            assert_eq!(buckets.take(key, rate, at(59)), Err(Duration::from_secs(1)));
            assert!(buckets.take(key, rate, at(60)).is_ok());
        }
    }

    #[test]
    fn a_crowd_does_not_make_it_grow_nor_forgets_who_has_nothing_left() {
        let rate: Rate = "1/h burst 10".parse().unwrap();
        let mut buckets = Buckets::new(SEED);
        let emptied = u64::MAX;
        while buckets.take(emptied, rate, at(0)).is_ok() {}
        for key in 0..1_000_000_u64 {
            assert!(buckets.take(key, rate, at(1)).is_ok());
        }
        assert!(buckets.sets.iter().all(|set| set.len() <= WAYS));
        assert!(buckets.take(emptied, rate, at(2)).is_err());
    }
}
