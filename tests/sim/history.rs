//! Tells whether what clients saw of lists can have happened one call after the other.
//!
//! What is checked are *operations*: calls that append to lists and read them, and queries. Every value is appended once,
//! so a read of a list tells which operations came before it, in which order, and which had not come yet. From this follow
//! edges between operations; with those of the transactions' numbers and of the time in which they were asked and answered,
//! a history is strictly serialisable in the order of its `tx_id`s (DESIGN invariant 3) if and only if there is no cycle.
//! The method, and the names of what may be found, are those of Elle (K. Kingsbury, P. Alvaro: Elle: Inferring Isolation
//! Anomalies from Experimental Observations, PVLDB 14(3), 2020) and of A. Adya's thesis.
//!
//! ```text
//!   ww  appended to a list right before the other did       rw  read a list without what the other appended next
//!   wr  appended what the other read last                   tx  has the smaller number      time  ended before it began
//! ```
//!
//! Reading order: `version` finds the order of each list's values, and reads that no order explains; `graph` has the edges
//! and looks for a cycle; `anomaly` tells what was found.

mod anomaly;
mod graph;
mod version;

#[cfg(test)]
mod tests;

use cosmictron_types::{ShardId, Timestamp, TxId};

pub use anomaly::Anomaly;
use graph::Graph;
use version::Versions;

/// Something that a client asked for.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What it is called in a report.
    pub name: String,
    /// Where it was asked.
    pub shard: ShardId,
    pub asked: Timestamp,
    /// When it was over for sure; `None` when that is not known.
    pub answered: Option<Timestamp>,
    pub fate: Fate,
    /// What it did, one after the other.
    pub steps: Vec<Step>,
}

/// What became of an operation, and what is known of its place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Is this transaction.
    Transaction(TxId),
    /// A read of the past: shows what all transactions up to this one did, and no other, whenever it was asked for.
    AsOf(TxId),
    /// A read of the present: shows what all transactions up to this one did, and what was answered before it was asked for.
    Live(TxId),
    /// Has happened; its number was not told.
    Done,
    /// Has happened or not.
    Unknown,
    /// Was refused, and has not happened.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Append {
        list: u64,
        value: u64,
    },
    /// With all values that it had, in their order.
    Read {
        list: u64,
        values: Vec<u64>,
    },
}

/// What a history was made of that has no anomaly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub operations: usize,
    /// Edges that follow from what was read.
    pub dependencies: usize,
}

/// Holds a history to the order that it should have.
pub fn check(operations: &[Operation]) -> Result<Extent, Box<Anomaly>> {
    let versions = Versions::infer(operations)?;
    let graph = Graph::new(operations, &versions);
    versions.check_none_is_lost(operations)?;
    match graph.find_cycle() {
        Some(cycle) => Err(Box::new(Anomaly::Cycle(cycle))),
        None => Ok(Extent { operations: operations.len(), dependencies: graph.dependencies() }),
    }
}

impl Operation {
    fn appends(&self) -> impl Iterator<Item = (u64, u64)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Append { list, value } => Some((*list, *value)),
            Step::Read { .. } => None,
        })
    }

    fn reads(&self) -> impl Iterator<Item = (u64, &[u64])> {
        self.steps.iter().filter_map(|step| match step {
            Step::Append { .. } => None,
            Step::Read { list, values } => Some((*list, &values[..])),
        })
    }
}
