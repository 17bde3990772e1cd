//! Says when a request is due.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How requests follow each other.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Each connection keeps so many requests under way.
    Closed { depth: usize },
    /// So many a second, evenly, over all connections.
    Open { per_second: f64 },
}

/// Which requests are due.
pub(super) struct Due {
    pace: Pace,
    start: Instant,
    /// Open loop: requests that became due so far.
    count: u64,
    /// Open loop, for each connection: due, and not sent since the one before is not answered.
    late: Vec<VecDeque<Instant>>,
}

impl Due {
    pub(super) fn new(pace: Pace, connections: usize) -> Due {
        Due { pace, start: Instant::now(), count: 0, late: vec![VecDeque::new(); connections] }
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.start = now;
    }

    /// When the next request becomes due; `None` in a closed loop, where answers make them due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        match self.pace {
            Pace::Closed { .. } => None,
            Pace::Open { per_second } => {
                Some(self.start + Duration::from_secs_f64(self.count as f64 / per_second))
            }
        }
    }

    /// The connections for which a request has become due by `now`.
    pub(super) fn take(&mut self, now: Instant) -> Vec<usize> {
        let mut connections = Vec::new();
        while let Some(at) = self.next_at()
            && at <= now
        {
            let connection = (self.count % self.late.len() as u64) as usize;
            self.late[connection].push_back(at);
            self.count += 1;
            connections.push(connection);
        }
        connections
    }

    /// From when on a request counts that this connection may send now.
    pub(super) fn may_send(
        &mut self,
        connection: usize,
        under_way: usize,
        now: Instant,
    ) -> Option<Instant> {
        match self.pace {
            Pace::Closed { depth } => (under_way < depth).then_some(now),
            Pace::Open { .. } if under_way == 0 => self.late[connection].pop_front(),
            Pace::Open { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_from_when_it_was_due_not_from_when_it_could_be_sent() {
        let mut due = Due::new(Pace::Open { per_second: 1000.0 }, 2);
        let start = Instant::now();
        due.start(start);
        let millis = Duration::from_millis;
        assert_eq!(due.take(start + millis(2)), [0, 1, 0]);
        assert_eq!(due.may_send(0, 0, start + millis(2)), Some(start));
        assert_eq!(due.may_send(0, 1, start + millis(9)), None, "one is under way");
        assert_eq!(due.may_send(0, 0, start + millis(9)), Some(start + millis(2)));
        assert_eq!(due.may_send(0, 0, start + millis(9)), None);
        assert_eq!(due.next_at(), Some(start + millis(3)));
    }
}
