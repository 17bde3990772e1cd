//! Bounds what live queries keep: each for itself, and all of a core together.
//!
//! Invariants:
//! 1. What is counted of all flows is the sum of what is counted of each.

use cosmictron_sql::ExecutionLimits;

use super::flow::Flow;
use super::{FlowId, Live};
use crate::shard::request::Unavailable;
use crate::shard::{Seam, Shard};

/// What live queries of a core may keep, in bytes, and do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveLimits {
    /// One of them.
    pub query_bytes_max: u64,
    /// All together.
    pub bytes_max: u64,
    /// Rows that one takes at its beginning before others have their turn.
    pub piece_rows: usize,
}

/// One to two milliseconds of a join.
pub const PIECE_ROWS: usize = 256;

/// What a flow and its subscription take that keep no rows, about.
const FLOW_BYTES: u64 = 1 << 10;

/// What may be read to begin a flow that may keep so much. The answer that subscribers are given has the limits of a query.
pub(super) fn read_limits(query_bytes_max: u64) -> ExecutionLimits {
    ExecutionLimits {
        rows_max: u64::MAX,
        bytes_max: query_bytes_max,
        scanned_max: u64::MAX,
        memory_bytes_max: query_bytes_max,
    }
}

impl Live {
    /// Counts what a flow has become. Whether there is room for it.
    fn count(&mut self, id: FlowId, bytes_max: u64) -> bool {
        let Some(flow) = self.flows.get_mut(&id) else { return true };
        let bytes = FLOW_BYTES + flow.bytes() as u64;
        let has_grown = flow.counted_bytes < bytes;
        self.bytes = self.bytes - flow.counted_bytes + bytes;
        flow.counted_bytes = bytes;
        !has_grown || self.bytes <= bytes_max
    }

    /// A flow keeps nothing any more.
    pub(super) fn uncount(&mut self, flow: &Flow) {
        self.bytes -= flow.counted_bytes;
    }
}

impl Shard {
    /// Notes what has become of a flow: what it keeps, and when it is due. One that grows where there is no room ends.
    pub(super) fn settle_flow(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        self.live.note_instant(id);
        if !self.live.count(id, self.options.live.bytes_max) {
            self.fail_flow(id, &Unavailable::Overloaded.into(), seam);
        }
    }
}
