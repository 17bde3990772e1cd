//! Holds requests between being asked and being answered, on one core.
//!
//! Invariants:
//! 1. A slot belongs to one ticket and one [`Pending`]; it is free again when both are done with it.
//! 2. A slot's generation grows each time it is freed, so a ticket of an earlier one can't answer a later.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::machine::Ticket;

/// Requests of one core that are being worked on. Bounded by the tasks that wait for them.
pub(crate) struct Slots<A> {
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
}

struct Slot<A> {
    generation: u32,
    state: State<A>,
}

enum State<A> {
    Free,
    Asked(Option<Waker>),
    Answered(A),
    /// The task has gone; the ticket has not.
    Abandoned,
}

/// A request's answer, when it comes. Dropping it gives the answer up, not the work.
pub struct Pending<A> {
    slots: Rc<RefCell<Slots<A>>>,
    slot: u32,
    is_taken: bool,
}

impl<A> Slots<A> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn open(&mut self) -> Ticket {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot { generation: 0, state: State::Free });
                u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 requests at once")
            }
        };
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Asked(None);
        Ticket { slot, generation: entry.generation }
    }

    /// Keeps the answer for its task and says who is to be woken; hands it back when the task has gone. What is handed
    /// back is dropped by the caller, outside of any borrow, since nobody knows what dropping it runs.
    pub(crate) fn answer(&mut self, ticket: Ticket, answer: A) -> Result<Option<Waker>, A> {
        let entry = self.entry_of(&ticket);
        match std::mem::replace(&mut entry.state, State::Free) {
            State::Asked(waker) => {
                entry.state = State::Answered(answer);
                Ok(waker)
            }
            State::Abandoned => {
                self.release(ticket.slot);
                Err(answer)
            }
            State::Free | State::Answered(_) => unreachable!("a ticket is used once"),
        }
    }

    pub(crate) fn is_awaited(&self, ticket: &Ticket) -> bool {
        let entry = &self.slots[ticket.slot as usize];
        entry.generation == ticket.generation && matches!(entry.state, State::Asked(_))
    }

    fn entry_of(&mut self, ticket: &Ticket) -> &mut Slot<A> {
        let entry = &mut self.slots[ticket.slot as usize];
        assert_eq!(entry.generation, ticket.generation, "a ticket of another request");
        entry
    }

    fn take_answer(&mut self, slot: u32) -> Option<A> {
        let entry = &mut self.slots[slot as usize];
        match std::mem::replace(&mut entry.state, State::Free) {
            State::Answered(answer) => {
                self.release(slot);
                Some(answer)
            }
            state => {
                entry.state = state;
                None
            }
        }
    }

    fn wait(&mut self, slot: u32, waker: &Waker) {
        if let State::Asked(waiting) = &mut self.slots[slot as usize].state {
            match waiting {
                Some(old) => old.clone_from(waker),
                None => *waiting = Some(waker.clone()),
            }
        }
    }

    fn abandon(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        assert!(matches!(entry.state, State::Asked(_)), "a pending answer is dropped once");
        entry.state = State::Abandoned;
    }

    fn release(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Free;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(slot);
    }
}

impl<A> Pending<A> {
    pub(crate) fn new(slots: Rc<RefCell<Slots<A>>>, slot: u32) -> Self {
        Self { slots, slot, is_taken: false }
    }

    /// The answer, when it is there already.
    pub fn take_ready(&mut self) -> Option<A> {
        assert!(!self.is_taken, "the answer was taken");
        let answer = self.slots.borrow_mut().take_answer(self.slot);
        self.is_taken = answer.is_some();
        answer
    }
}

impl<A> Future for Pending<A> {
    type Output = A;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A> {
        match self.take_ready() {
            Some(answer) => Poll::Ready(answer),
            None => {
                self.slots.borrow_mut().wait(self.slot, cx.waker());
                Poll::Pending
            }
        }
    }
}

impl<A> Drop for Pending<A> {
    fn drop(&mut self) {
        if !self.is_taken && self.take_ready().is_none() {
            self.slots.borrow_mut().abandon(self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shared = Rc<RefCell<Slots<&'static str>>>;

    fn ask(slots: &Shared) -> (Ticket, Pending<&'static str>) {
        let ticket = slots.borrow_mut().open();
        let pending = Pending::new(Rc::clone(slots), ticket.slot);
        (ticket, pending)
    }

    #[test]
    fn an_answer_reaches_its_own_request_and_the_slot_is_used_again() {
        let slots: Shared = Rc::new(RefCell::new(Slots::new()));
        let (first, mut first_pending) = ask(&slots);
        let (second, mut second_pending) = ask(&slots);
        slots.borrow_mut().answer(second, "second").unwrap();
        assert_eq!(first_pending.take_ready(), None);
        assert_eq!(second_pending.take_ready(), Some("second"));
        let (third, _third_pending) = ask(&slots);
        assert_eq!(third, Ticket { slot: 1, generation: 1 });
        slots.borrow_mut().answer(first, "first").unwrap();
        assert_eq!(first_pending.take_ready(), Some("first"));
    }

    #[test]
    fn a_slot_outlives_a_task_that_has_gone() {
        let slots: Shared = Rc::new(RefCell::new(Slots::new()));
        let (ticket, pending) = ask(&slots);
        assert!(slots.borrow().is_awaited(&ticket));
        drop(pending);
        assert!(!slots.borrow().is_awaited(&ticket));
        let (other, _other_pending) = ask(&slots);
        assert_eq!(other.slot, 1, "the ticket still holds the first slot");
        assert_eq!(slots.borrow_mut().answer(ticket, "late").err(), Some("late"));
        let (reused, _reused_pending) = ask(&slots);
        assert_eq!(reused.slot, 0);
    }

    #[test]
    fn an_answer_that_nobody_takes_is_dropped_with_its_task() {
        let slots: Shared = Rc::new(RefCell::new(Slots::new()));
        let (ticket, pending) = ask(&slots);
        slots.borrow_mut().answer(ticket, "unread").unwrap();
        drop(pending);
        assert_eq!(slots.borrow().free, [0]);
    }
}
