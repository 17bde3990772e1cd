//! Counts who reads the past of a table, and how far back.
//!
//! The reader holds the pin and the table knows it, each for itself: a reader that ends in whatever way, on whatever
//! thread, leaves nothing behind that had to be given back. There are few readers at a time, so all of them are looked at.

use std::sync::{Arc, Weak};

use cosmictron_types::TxId;

/// Holds what a table was as of a transaction, for as long as it lives.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pin(#[expect(dead_code, reason = "it counts by being there")] Arc<()>);

/// The pins of one table.
#[derive(Debug, Default)]
pub(super) struct Pins(Vec<(TxId, Weak<()>)>);

impl Pins {
    pub(super) fn add(&mut self, tx: TxId) -> Pin {
        self.0.retain(|(_, pin)| is_held(pin));
        let pin = Arc::new(());
        self.0.push((tx, Arc::downgrade(&pin)));
        Pin(pin)
    }

    /// The oldest transaction that is pinned.
    pub(super) fn oldest(&self) -> Option<TxId> {
        self.0.iter().filter(|(_, pin)| is_held(pin)).map(|(tx, _)| *tx).min()
    }
}

fn is_held(pin: &Weak<()>) -> bool {
    pin.strong_count() > 0
}
