//! Faults that tests plant, to see that the simulation finds them. Nothing that a server is told, by file, message or
//! request, leads here.
//!
//! A fault is planted on one thread, while a closure runs. It is asked for at the few places that it is about, none of
//! them within a loop over rows; there it costs a load and a comparison of a value of the thread. So the code that is
//! tested is the code that is shipped, built once.

use std::cell::Cell;

/// Something that the server must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers do not wait for the log.
    AnswerBeforeFlush,
    /// Answers do not wait for the logs of other participants.
    ReleaseBeforePartner,
    /// A write that has failed is taken for one that has not.
    FailedWriteCounts,
    /// Recovery keeps a transaction that another participant's log lacks.
    IncompleteIsKept,
    /// A record is read without a look at its payload's checksum.
    TornRecordCounts,
    /// Some loans go through their shards in descending order.
    LendingOutOfOrder,
    /// A store comes home with records that lack its changes.
    WritesLeftBehind,
    /// What a shard's store has learned of modules elsewhere is not told when it comes home.
    NoticesLeftBehind,
    /// A transaction of several shards has a number from before its stores were in hand.
    EarlyTx,
    /// An undone insert stays in an index.
    UndoForgetsIndex,
    /// A deleted row leaves its entry in a sharded index.
    IndexEntryStays,
    /// A row may refer to a row of another shard that is not there.
    ParentIsNotLookedFor,
    /// A row may go that rows of other shards refer to.
    ChildIsNotLookedFor,
    /// The answer of an idempotency key is not kept.
    KeyIsForgotten,
    /// A schedule's row stays when its call has run.
    ScheduleStays,
    /// A visit's row stays when `client_disconnected` has run.
    VisitStays,
    /// A start does not look for visits whose ends are owed.
    OwedVisitsAreForgotten,
    /// A part of a query is read as of the shard's newest transaction.
    PartAsOfNow,
    /// A later slice of a read does not look at what has ended since.
    SliceSkipsEnded,
    /// The rows of one partition do not come along to another number of shards.
    PartitionIsDropped,
    /// Another number of shards begins its sequences behind the rows that there are, whatever was given out since.
    NumbersStayBehind,
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 21] = [
        Fault::AnswerBeforeFlush,
        Fault::ReleaseBeforePartner,
        Fault::FailedWriteCounts,
        Fault::IncompleteIsKept,
        Fault::TornRecordCounts,
        Fault::LendingOutOfOrder,
        Fault::WritesLeftBehind,
        Fault::NoticesLeftBehind,
        Fault::EarlyTx,
        Fault::UndoForgetsIndex,
        Fault::IndexEntryStays,
        Fault::ParentIsNotLookedFor,
        Fault::ChildIsNotLookedFor,
        Fault::KeyIsForgotten,
        Fault::ScheduleStays,
        Fault::VisitStays,
        Fault::OwedVisitsAreForgotten,
        Fault::PartAsOfNow,
        Fault::SliceSkipsEnded,
        Fault::PartitionIsDropped,
        Fault::NumbersStayBehind,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    static NOTED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What is planted on this thread.
pub fn planted() -> Option<Fault> {
    PLANTED.get()
}

/// Whether this fault is planted on this thread.
#[inline]
pub fn is_planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Runs `run` with a fault planted on this thread. It is gone when that ends, also by a panic.
pub fn plant<R>(fault: Fault, run: impl FnOnce() -> R) -> R {
    struct Weeding;
    impl Drop for Weeding {
        fn drop(&mut self) {
            PLANTED.set(None);
            NOTED.set(None);
        }
    }
    let _weeding = Weeding;
    PLANTED.set(Some(fault));
    run()
}

/// Notes a number that is taken too early.
pub fn note(number: u64) {
    NOTED.set(Some(number));
}

/// The number that was noted last, once.
pub fn take_noted() -> Option<u64> {
    NOTED.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_planted_here_and_now_alone() {
        let is_there = || is_planted(Fault::EarlyTx);
        assert!(!is_there());
        plant(Fault::EarlyTx, || {
            assert!(is_there() && !is_planted(Fault::KeyIsForgotten));
            assert!(!std::thread::spawn(is_there).join().unwrap());
        });
        let broken = std::panic::catch_unwind(|| plant(Fault::EarlyTx, || panic!("found")));
        assert!(broken.is_err() && !is_there());
    }
}
