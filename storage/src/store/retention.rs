//! How long old versions stay: no longer than memory allows, and than the owner of the store wants.
//!
//! Memory is bounded by each commit, which forgets as much as it adds; so a transaction can exceed the limit by what it
//! writes, and only until it ends. Time is bounded by [`Store::forget`], a slice at a time. Both spare what a
//! [`Walk`](crate::Walk) under way needs, and take it when the walk is over, a commit after that at the latest. What is
//! spared counts, so while memory is short the other tables' past goes first.

use cosmictron_types::{TableId, Timestamp, TxId};

use super::Store;

impl Store {
    /// Notes when the newest transaction was committed, so that the past can be asked for by time.
    pub fn note_time(&mut self, at: Timestamp) {
        match self.limits.history_bytes_max {
            0 => self.timeline.skip(self.committed, at),
            _ => self.timeline.note(self.committed, at),
        }
    }

    /// The last transaction of `at`'s millisecond or of an earlier one, where a transaction is never of an earlier
    /// millisecond than the one before it. `None` when it is not known any more.
    pub fn tx_at(&self, at: Timestamp) -> Option<TxId> {
        self.timeline.at(at)
    }

    /// Memory of what rows were before, and of when that was.
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes + self.timeline.bytes()
    }

    /// Keeps no history of a table's rows from here on.
    ///
    /// Panics when there is no such table.
    pub fn forgo_history(&mut self, table: TableId) {
        let place = self.place(table);
        self.at_mut(place).past_mut().0.give_up();
    }

    /// Forgets what was over at `horizon`, and what no walk under way needs: whatever is needed to read the store as it was then and later stays. Does at
    /// least one step and not many more than `steps_max`, where forgetting a block of versions is a step, and each grave
    /// in it one more. Whether there may be more to forget.
    pub fn forget(&mut self, horizon: Timestamp, steps_max: usize) -> bool {
        let Some(tx) = self.timeline.at(horizon) else { return false };
        let mut steps = 0;
        for table in self.tables.iter_mut().flatten() {
            let (history, def) = table.past_mut();
            let before = history.bytes();
            history.seal(tx);
            while steps < steps_max && history.front_until().is_some_and(|until| until <= tx) {
                steps += history.forget_front(def);
            }
            self.history_bytes = self.history_bytes - before + history.bytes();
        }
        while steps < steps_max && self.timeline.forget(horizon) {
            steps += 1;
        }
        steps >= steps_max
    }

    /// Forgets the oldest until the limit is met.
    pub(super) fn shed_history(&mut self) {
        while self.history_bytes() > self.limits.history_bytes_max {
            let fronts = (0..)
                .zip(&self.tables)
                .filter_map(|(place, table)| Some((table.as_ref()?.past().front_until()?, place)));
            let oldest: Option<(TxId, usize)> = fronts.min();
            match (oldest, self.timeline.front_until()) {
                (Some((until, _)), Some(tx)) if tx <= until => self.timeline.drop_front(),
                (Some((_, place)), _) => self.forget_front(place),
                (None, _) if self.timeline.bytes() > 0 => self.timeline.drop_front(),
                (None, _) => return,
            }
        }
    }

    fn forget_front(&mut self, place: usize) {
        let Some(table) = &mut self.tables[place] else { return };
        let (history, def) = table.past_mut();
        let before = history.bytes();
        history.forget_front(def);
        self.history_bytes = self.history_bytes - before + history.bytes();
    }
}
