//! Looks at a server that nobody has asked for anything in a while: nothing waits for anything any more, or it would wait for
//! ever and be joined by more (DESIGN invariant 9).

use cosmictron::shard::{Answer, Request};

use super::{Campaign, LONG};
use crate::tally::Met;

impl Campaign<'_> {
    /// Panics when something is left of what was asked. Where a log has failed, things wait for the next start.
    pub(super) fn check_rest(&mut self) {
        self.server.run_for(LONG);
        let mut reports = Vec::new();
        for shard in self.server.shards().shards() {
            let asked = self.server.ask(shard, Request::Report(shard));
            let Answer::Report(report) = self.server.wait(asked) else { return };
            reports.push(report);
        }
        if reports.iter().any(|report| report.log.state.starts_with("Poisoned")) {
            return;
        }
        for report in reports {
            let waiting = [
                ("answers for the log", report.answers_held),
                ("records for other logs", report.joint_waiting),
                ("work for the store", report.queued),
                ("reads for a slice", report.scans),
                ("requests for another shard", report.requests_forwarded),
                ("bytes for the disk", report.log.backlog_bytes),
                ("writes for the disk", report.log.writes_in_flight),
            ];
            let left: Vec<_> = waiting.into_iter().filter(|(_, count)| *count > 0).collect();
            assert!(left.is_empty(), "shard {} rests, and waiting are {left:?}", report.shard);
        }
        self.tally.note(Met::Rested);
    }
}
