//! Lets a few in at once and keeps the others waiting in their order; those who would wait behind too many are refused.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// One core's turnstile.
pub struct Turnstile {
    state: RefCell<State>,
    waiting_max: usize,
}

struct State {
    free: u32,
    waiting: VecDeque<Rc<Place>>,
}

/// Somebody's place among those who wait.
struct Place(RefCell<Stage>);

enum Stage {
    Waits(Option<Waker>),
    /// May go in; nobody else was let in instead.
    Called,
    /// Does not wait any more.
    Left,
}

/// Somebody is inside; dropping it lets the next one in.
pub struct Inside(Rc<Turnstile>);

/// Waits in somebody's name, and leaves the queue when it is dropped.
struct Wait {
    turnstile: Rc<Turnstile>,
    place: Rc<Place>,
}

impl Turnstile {
    pub fn new(inside_max: u32, waiting_max: usize) -> Turnstile {
        let state = State { free: inside_max, waiting: VecDeque::new() };
        Turnstile { state: state.into(), waiting_max }
    }

    /// Waits for a turn; `None` when too many wait already.
    pub async fn enter(turnstile: &Rc<Turnstile>) -> Option<Inside> {
        let place = {
            let mut state = turnstile.state.borrow_mut();
            if state.free > 0 {
                state.free -= 1;
                return Some(Inside(turnstile.clone()));
            }
            if state.waiting.len() >= turnstile.waiting_max {
                return None;
            }
            let place = Rc::new(Place(RefCell::new(Stage::Waits(None))));
            state.waiting.push_back(place.clone());
            place
        };
        let wait = Wait { turnstile: turnstile.clone(), place };
        poll_fn(|context| match &mut *wait.place.0.borrow_mut() {
            Stage::Waits(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            stage => {
                *stage = Stage::Left;
                Poll::Ready(Some(Inside(turnstile.clone())))
            }
        })
        .await
    }

    /// Somebody has gone out.
    fn call_next(&self) {
        let mut state = self.state.borrow_mut();
        while let Some(place) = state.waiting.pop_front() {
            if let Stage::Waits(waker) = place.0.replace(Stage::Called) {
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
                return;
            }
        }
        state.free += 1;
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.call_next();
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        match self.place.0.replace(Stage::Left) {
            Stage::Left => {}
            Stage::Called => self.turnstile.call_next(),
            Stage::Waits(_) => {
                let waiting = &mut self.turnstile.state.borrow_mut().waiting;
                waiting.retain(|place| !Rc::ptr_eq(place, &self.place));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::Context;

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_goes_in_when_one_goes_out_in_the_order_of_coming() {
        let turnstile = Rc::new(Turnstile::new(1, 2));
        let mut first = pin!(Turnstile::enter(&turnstile));
        let Poll::Ready(Some(inside)) = poll(first.as_mut()) else { panic!("it was empty") };
        let mut second = pin!(Turnstile::enter(&turnstile));
        let mut third = pin!(Turnstile::enter(&turnstile));
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        let mut fourth = pin!(Turnstile::enter(&turnstile));
        assert!(matches!(poll(fourth.as_mut()), Poll::Ready(None)), "too many wait");
        drop(inside);
        assert!(poll(third.as_mut()).is_pending());
        let Poll::Ready(Some(inside)) = poll(second.as_mut()) else { panic!("it is its turn") };
        drop(inside);
        assert!(matches!(poll(third.as_mut()), Poll::Ready(Some(_))));
    }

    #[test]
    fn whoever_stops_waiting_keeps_nobody() {
        let turnstile = Rc::new(Turnstile::new(1, 2));
        let mut first = pin!(Turnstile::enter(&turnstile));
        let Poll::Ready(Some(inside)) = poll(first.as_mut()) else { panic!("it was empty") };
        let mut called = Box::pin(Turnstile::enter(&turnstile));
        let mut gone = Box::pin(Turnstile::enter(&turnstile));
        assert!(poll(called.as_mut()).is_pending() && poll(gone.as_mut()).is_pending());
        drop(gone);
        let mut last = pin!(Turnstile::enter(&turnstile));
        assert!(poll(last.as_mut()).is_pending());
        drop(inside);
        // It was called and goes without having heard of it.
        drop(called);
        assert!(matches!(poll(last.as_mut()), Poll::Ready(Some(_))));
    }
}
