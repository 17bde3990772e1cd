//! Is a state that is set once and that any number of tasks of one core wait for.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// The state.
#[derive(Default)]
pub(crate) struct Latch {
    is_set: Cell<bool>,
    waiting: RefCell<Slab<Waker>>,
}

/// Resolves when the latch is set.
pub(crate) struct Wait<'a> {
    latch: &'a Latch,
    key: Option<usize>,
}

impl Latch {
    pub(crate) fn set(&self) {
        self.is_set.set(true);
        // By reference: each waker is removed by the future that has left it.
        self.waiting.borrow().iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.get()
    }

    pub(crate) fn wait(&self) -> Wait<'_> {
        Wait { latch: self, key: None }
    }
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.latch.is_set.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.latch.waiting.borrow_mut();
        match self.key {
            Some(key) => waiting[key].clone_from(cx.waker()),
            None => self.key = Some(waiting.insert(cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.latch.waiting.borrow_mut().remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn a_task_that_stopped_waiting_leaves_nothing_behind() {
        let latch = Latch::default();
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut gone = pin!(latch.wait());
            assert!(gone.as_mut().poll(&mut cx).is_pending());
        }
        assert!(latch.waiting.borrow().is_empty());
        let mut waiting = pin!(latch.wait());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        latch.set();
        assert!(waiting.as_mut().poll(&mut cx).is_ready());
    }
}
