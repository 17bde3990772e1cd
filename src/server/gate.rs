//! Counts one core's connections: refuses those above a bound, of all and of each client, and knows when the last one has
//! gone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use cosmictron_net::forwarded::ClientAddress;

/// One core's count of connections.
pub struct Gate {
    inside: Cell<u32>,
    inside_max: u32,
    /// Connections of each client that has some; no more clients than connections.
    of_client: RefCell<BTreeMap<ClientAddress, u32>>,
    of_client_max: u32,
    waiting: RefCell<Option<Waker>>,
}

/// A connection's place; leaving drops it.
pub struct Pass {
    gate: Rc<Gate>,
    /// Where that is counted.
    client: Option<ClientAddress>,
}

impl Gate {
    pub fn new(inside_max: u32, of_client_max: u32) -> Gate {
        Gate {
            inside: Cell::new(0),
            inside_max,
            of_client: RefCell::default(),
            of_client_max,
            waiting: RefCell::new(None),
        }
    }

    /// A place, if there is one; for a client that is told from others, where it has not too many.
    pub fn enter(gate: &Rc<Gate>, client: Option<ClientAddress>) -> Option<Pass> {
        if gate.inside.get() >= gate.inside_max {
            return None;
        }
        if let Some(client) = client {
            let mut of_client = gate.of_client.borrow_mut();
            let count = of_client.entry(client).or_default();
            if *count >= gate.of_client_max {
                return None;
            }
            *count += 1;
        }
        gate.inside.set(gate.inside.get() + 1);
        Some(Pass { gate: Rc::clone(gate), client })
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
        let Pass { gate, client } = self;
        if let Some(client) = client {
            let mut of_client = gate.of_client.borrow_mut();
            match of_client.get_mut(client) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(of_client.remove(client)),
            }
        }
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
        let gate = Rc::new(Gate::new(1, 1));
        let first = Gate::enter(&gate, None);
        assert!(first.is_some() && Gate::enter(&gate, None).is_none());
        drop(first);
        assert!(Gate::enter(&gate, None).is_some());
    }

    #[test]
    fn one_client_leaves_places_to_others() {
        let of = |last: u8| Some(ClientAddress::of([192, 0, 2, last].into()));
        let gate = Rc::new(Gate::new(4, 2));
        let (first, second) = (Gate::enter(&gate, of(1)), Gate::enter(&gate, of(1)));
        assert!(first.is_some() && second.is_some() && Gate::enter(&gate, of(1)).is_none());
        let other = Gate::enter(&gate, of(2));
        assert!(other.is_some());
        drop(first);
        assert!(Gate::enter(&gate, of(1)).is_some());
        drop((second, other));
        assert!(gate.of_client.borrow().is_empty(), "who has gone is forgotten");
    }
}
