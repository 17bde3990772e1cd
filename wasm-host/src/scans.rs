//! Keeps the scans that one call has open, under numbers that no other scan has had lately.
//!
//! Invariants:
//! 1. A number given out names one scan: not one of another call, and not the next one in the same place.
//! 2. What [`Scans::take_open`] has yielded is not yielded again.

use crate::data::ScanHandle;
use crate::misuse::BrokenRule;

/// Bits of a scan's number that say which slot it lies in.
const SLOT_BITS: u32 = 10;
/// Scans that one call may have open at most, whatever the limits say.
pub(crate) const SCANS_MAX: usize = 1 << SLOT_BITS;
/// Numbers are positive as `i32`, so that they are not taken for error codes.
const TURN_MAX: u32 = (i32::MAX as u32) >> SLOT_BITS;

/// One instance's scans.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    slots: Vec<Slot>,
    open: usize,
    /// Counts scans, over calls too, so that numbers differ.
    turn: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    turn: u32,
    state: State,
}

/// Where a scan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Free,
    Open(ScanHandle),
    /// The shard has no more rows and has closed it; the guest has yet to be told.
    Ended,
}

impl Scans {
    pub(crate) fn has_room(&self, scans_max: usize) -> bool {
        self.open < scans_max.min(SCANS_MAX)
    }

    /// Keeps a scan; says under which number. There has to be room.
    pub(crate) fn insert(&mut self, handle: ScanHandle) -> u32 {
        self.turn = if self.turn == TURN_MAX { 0 } else { self.turn + 1 };
        let slot = Slot { turn: self.turn, state: State::Open(handle) };
        let free = self.slots.iter().position(|slot| slot.state == State::Free);
        let place = free.unwrap_or(self.slots.len());
        assert!(place < SCANS_MAX, "a scan was opened where there is no room");
        match self.slots.get_mut(place) {
            Some(freed) => *freed = slot,
            None => self.slots.push(slot),
        }
        self.open += 1;
        self.turn << SLOT_BITS | u32::try_from(place).expect("SCANS_MAX fits in 32 bits")
    }

    /// What stands behind a number, unless it is free.
    pub(crate) fn state(&self, scan: u32) -> Result<State, BrokenRule> {
        self.slot(scan).map(|place| self.slots[place].state)
    }

    /// Notes that the shard closed the scan at its end.
    pub(crate) fn end(&mut self, scan: u32) -> Result<(), BrokenRule> {
        let place = self.slot(scan)?;
        self.slots[place].state = State::Ended;
        Ok(())
    }

    /// Forgets a scan; the shard has to close what was open.
    pub(crate) fn remove(&mut self, scan: u32) -> Result<State, BrokenRule> {
        let place = self.slot(scan)?;
        self.open -= 1;
        Ok(std::mem::replace(&mut self.slots[place].state, State::Free))
    }

    /// Forgets all scans when a call ends; yields those that the shard has to close.
    pub(crate) fn take_open(&mut self) -> impl Iterator<Item = ScanHandle> {
        self.open = 0;
        self.slots.drain(..).filter_map(|slot| match slot.state {
            State::Open(handle) => Some(handle),
            State::Free | State::Ended => None,
        })
    }

    fn slot(&self, scan: u32) -> Result<usize, BrokenRule> {
        let place = (scan & (SCANS_MAX as u32 - 1)) as usize;
        let known = self
            .slots
            .get(place)
            .is_some_and(|slot| slot.turn == scan >> SLOT_BITS && slot.state != State::Free);
        if known { Ok(place) } else { Err(BrokenRule::UnknownScan { scan }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_dies_with_its_scan() {
        let mut scans = Scans::default();
        let first = scans.insert(ScanHandle(5));
        assert_eq!(scans.state(first), Ok(State::Open(ScanHandle(5))));
        assert_eq!(scans.remove(first), Ok(State::Open(ScanHandle(5))));
        let second = scans.insert(ScanHandle(6));
        assert_eq!(scans.state(first), Err(BrokenRule::UnknownScan { scan: first }));
        assert_eq!(scans.remove(first), Err(BrokenRule::UnknownScan { scan: first }));
        assert_eq!(scans.state(second), Ok(State::Open(ScanHandle(6))));
    }

    #[test]
    fn the_end_of_a_call_yields_what_is_open_once() {
        let mut scans = Scans::default();
        let numbers = [1, 2, 3].map(|handle| scans.insert(ScanHandle(handle)));
        scans.end(numbers[0]).unwrap();
        scans.remove(numbers[1]).unwrap();
        assert_eq!(scans.take_open().collect::<Vec<_>>(), [ScanHandle(3)]);
        assert_eq!(scans.take_open().count(), 0);
        assert!(numbers.iter().all(|&number| scans.state(number).is_err()));
        assert_ne!(scans.insert(ScanHandle(1)), numbers[0]);
    }

    #[test]
    fn room_is_what_is_not_open() {
        let mut scans = Scans::default();
        let number = scans.insert(ScanHandle(0));
        assert!(!scans.has_room(1));
        scans.end(number).unwrap();
        assert!(!scans.has_room(1), "an ended scan still has its number");
        scans.remove(number).unwrap();
        assert!(scans.has_room(1));
    }

    #[test]
    fn numbers_stay_positive_when_the_turns_wrap() {
        let mut scans = Scans { turn: TURN_MAX - 1, ..Scans::default() };
        let numbers = [1, 2].map(|handle| scans.insert(ScanHandle(handle)));
        assert!(numbers.iter().all(|&number| i32::try_from(number).is_ok()));
    }
}
