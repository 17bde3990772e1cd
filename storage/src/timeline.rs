//! Which transaction was the last one at a given time.
//!
//! Time is counted in whole milliseconds. A transaction's millisecond is that of its timestamp, cut down, but never an
//! earlier one than that of the transaction before it: a clock that was set back does not reorder what happened. For each
//! millisecond in which something was committed there is one sample, the last transaction of it.
//!
//! A sample takes 8 bytes, so an hour with a commit in every millisecond takes 29 MB.
//!
//! Invariants:
//! 1. Samples ascend, by millisecond and by transaction.

use std::collections::VecDeque;

use cosmictron_types::{Timestamp, TxId};

/// Samples of a chunk: what is forgotten at once.
const CHUNK: usize = 512;
const MICROS_PER_MILLI: i64 = 1_000;

/// Samples, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    chunks: VecDeque<Chunk>,
    /// The newest transaction and its millisecond: known also where no samples are.
    last: Option<(TxId, i64)>,
    /// There were samples that are no more.
    is_cut: bool,
}

#[derive(Debug)]
struct Chunk {
    tx: TxId,
    milli: i64,
    /// Ahead of `tx` and `milli`.
    samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    tx: u32,
    milli: u32,
}

impl Timeline {
    /// Notes when the newest transaction was committed.
    pub(crate) fn note(&mut self, tx: TxId, at: Timestamp) {
        let (milli, is_new) = self.pass(tx, at);
        let taken = self.chunks.back_mut().is_some_and(|back| back.take(tx, milli, is_new));
        if !taken {
            let mut samples = Vec::with_capacity(CHUNK);
            samples.push(Sample { tx: 0, milli: 0 });
            self.chunks.push_back(Chunk { tx, milli, samples });
        }
    }

    /// Notes it without keeping what was before.
    pub(crate) fn skip(&mut self, tx: TxId, at: Timestamp) {
        self.pass(tx, at);
        self.chunks = VecDeque::new();
        self.is_cut = true;
    }

    /// The transaction's millisecond, and whether it is another than the last one's.
    fn pass(&mut self, tx: TxId, at: Timestamp) -> (i64, bool) {
        let milli = milli(at);
        let (milli, is_new) = match self.last {
            Some((_, last)) if milli <= last => (last, false),
            _ => (milli, true),
        };
        self.last = Some((tx, milli));
        (milli, is_new)
    }

    /// The last transaction of `at`'s millisecond or of one before. `None` when that is not known any more.
    pub(crate) fn at(&self, at: Timestamp) -> Option<TxId> {
        let milli = milli(at);
        match self.last {
            None => return Some(TxId::ZERO),
            Some((tx, last)) if last <= milli => return Some(tx),
            Some(_) => {}
        }
        let next = self.chunks.partition_point(|chunk| chunk.milli <= milli);
        match next.checked_sub(1) {
            Some(chunk) => Some(self.chunks[chunk].at(milli)),
            None => (!self.is_cut).then_some(TxId::ZERO),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        let samples = self.chunks.len() * CHUNK * size_of::<Sample>();
        (samples + self.chunks.capacity() * size_of::<Chunk>()) as u64
    }

    /// The first transaction that is known only by samples behind the front chunk; `None` when there is one chunk or
    /// none.
    pub(crate) fn front_until(&self) -> Option<TxId> {
        self.chunks.get(1).map(|chunk| chunk.tx)
    }

    pub(crate) fn drop_front(&mut self) {
        self.is_cut |= self.chunks.pop_front().is_some();
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
    }

    /// Forgets a chunk of which nothing is needed to know the times from `horizon` on; whether there was one.
    pub(crate) fn forget(&mut self, horizon: Timestamp) -> bool {
        let is_over = self.chunks.get(1).is_some_and(|chunk| chunk.milli <= milli(horizon));
        if is_over {
            self.drop_front();
        }
        is_over
    }
}

impl Chunk {
    /// Adds a sample, or makes the last one later. Whether there was room.
    fn take(&mut self, tx: TxId, milli: i64, is_new: bool) -> bool {
        let ahead = (tx.get().checked_sub(self.tx.get()), milli.checked_sub(self.milli));
        let (Some(tx), Some(milli)) = ahead else { return false };
        let (Ok(tx), Ok(milli)) = (u32::try_from(tx), u32::try_from(milli)) else { return false };
        if let Some(last) = self.samples.last_mut().filter(|_| !is_new) {
            last.tx = tx;
            return true;
        }
        let has_room = self.samples.len() < CHUNK;
        if has_room {
            self.samples.push(Sample { tx, milli });
        }
        has_room
    }

    /// The last transaction up to a millisecond at or behind the chunk's first.
    fn at(&self, milli: i64) -> TxId {
        let ahead = milli.saturating_sub(self.milli);
        let next = self.samples.partition_point(|sample| i64::from(sample.milli) <= ahead);
        let sample = self.samples[next.saturating_sub(1)];
        TxId::new(self.tx.get() + u64::from(sample.tx))
    }
}

fn milli(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(MICROS_PER_MILLI)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_millisecond_belongs_to_its_last_transaction() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.at(micros(0)), Some(TxId::ZERO));
        for (tx, at) in [(3, 5_000), (4, 5_999), (9, 6_000), (10, 4_000), (12, 8_001)] {
            timeline.note(TxId::new(tx), micros(at));
        }
        let at = |at| timeline.at(micros(at)).map(TxId::get);
        assert_eq!([at(4_999), at(5_000), at(5_999)], [Some(0), Some(4), Some(4)]);
        // The clock was set back for transaction 10.
        assert_eq!([at(6_000), at(7_999), at(8_000)], [Some(10), Some(10), Some(12)]);
        assert_eq!([at(-1), at(i64::MAX), at(i64::MIN)], [Some(0), Some(12), Some(0)]);
    }

    #[test]
    fn what_was_skipped_is_known_by_its_end() {
        let mut timeline = Timeline::default();
        timeline.note(TxId::new(1), micros(1_000));
        timeline.skip(TxId::new(2), micros(2_000));
        assert_eq!(timeline.at(micros(1_999)), None);
        assert_eq!(timeline.at(micros(2_000)), Some(TxId::new(2)));
        assert_eq!(timeline.bytes(), 0);
    }

    proptest! {
        #[test]
        fn a_timeline_is_a_list_of_transactions(
            steps in prop::collection::vec((1..4u64, -2_000..3_000i64, any::<bool>()), 1..2000),
            leaps in prop::collection::vec((0..2000usize, prop::sample::select(vec![1 << 33, 1 << 43])), 0..4),
            forget in prop::option::of(0..2_000_000i64),
        ) {
            let (mut timeline, mut model) = (Timeline::default(), Vec::new());
            let (mut tx, mut now) = (0, 0i64);
            for (number, (more, later, _)) in steps.into_iter().enumerate() {
                let leap: u64 = leaps.iter().filter(|(at, _)| *at == number).map(|(_, leap)| leap).sum();
                tx += more + leap;
                now += later + i64::try_from(leap).unwrap();
                timeline.note(TxId::new(tx), micros(now));
                let milli = model.last().map_or(i64::MIN, |(_, milli)| *milli).max(milli(micros(now)));
                model.push((tx, milli));
            }
            let horizon = forget.unwrap_or(i64::MIN);
            while timeline.forget(micros(horizon)) {}
            for at in (-10_000..2_000_000).step_by(777).chain([now, i64::MAX]) {
                let milli = milli(micros(at));
                let known = model.iter().rev().find(|(_, other)| *other <= milli);
                let expected = known.map_or(TxId::ZERO, |(tx, _)| TxId::new(*tx));
                match timeline.at(micros(at)) {
                    Some(found) => prop_assert_eq!(found, expected, "{}", at),
                    None => prop_assert!(at < horizon),
                }
            }
        }
    }
}
