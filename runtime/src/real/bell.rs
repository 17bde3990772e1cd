//! Wakes one task of the same thread, without loss and without waking it while it runs.
//!
//! Invariants:
//! 1. A ring after the last `rung` resolved makes the next one resolve: nothing is lost between looking and waiting.
//! 2. Ringing while the task runs sets a flag and wakes nobody, so the task does not jump the run queue: this executor
//!    puts a task that was woken while it ran in front of all others.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// A bell that one task listens to.
#[derive(Default)]
pub(crate) struct Bell {
    is_rung: Cell<bool>,
    listener: Cell<Option<Waker>>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.is_rung.set(true);
        if let Some(waker) = self.listener.take() {
            waker.wake();
        }
    }

    /// Whether it was rung since the last `rung` resolved.
    pub(crate) fn is_rung(&self) -> bool {
        self.is_rung.get()
    }

    /// Waits for a ring, or takes one that came before.
    pub(crate) async fn rung(&self) {
        poll_fn(|cx| self.poll_rung(cx)).await;
    }

    pub(crate) fn poll_rung(&self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        if self.is_rung.take() {
            return Poll::Ready(());
        }
        self.listener.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}
