//! Counts one core's connections: refuses those above a bound, and knows when the last one has gone.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// One core's count of connections.
pub struct Gate {
    inside: Cell<u32>,
    inside_max: u32,
    waiting: RefCell<Option<Waker>>,
}

/// A connection's place; leaving drops it.
pub struct Pass(Rc<Gate>);

impl Gate {
    pub fn new(inside_max: u32) -> Gate {
        Gate { inside: Cell::new(0), inside_max, waiting: RefCell::new(None) }
    }

    /// A place, if there is one.
    pub fn enter(gate: &Rc<Gate>) -> Option<Pass> {
        if gate.inside.get() >= gate.inside_max {
            return None;
        }
        gate.inside.set(gate.inside.get() + 1);
        Some(Pass(Rc::clone(gate)))
    }

    /// Resolves when nobody is inside. For one task at a time.
    pub async fn is_empty(&self) {
        poll_fn(|cx| {
            if self.inside.get() == 0 {
                return Poll::Ready(());
            }
            self.waiting.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Pass(gate) = self;
        gate.inside.set(gate.inside.get() - 1);
        if gate.inside.get() == 0
            && let Some(waker) = gate.waiting.take()
        {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_enter_than_there_are_places() {
        let gate = Rc::new(Gate::new(1));
        let first = Gate::enter(&gate);
        assert!(first.is_some() && Gate::enter(&gate).is_none());
        drop(first);
        assert!(Gate::enter(&gate).is_some());
    }
}
