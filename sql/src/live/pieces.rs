//! The rows that a live query begins with, in pieces: a large join takes seconds to be filled, and a core has more to do.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::compile::LivePlan;
use super::flow::LeafChanges;
use super::leaf::LeafRow;
use super::operator::Kind;

/// See the module. After each piece a dataflow is exact for the rows that it was given, so an expression may be asked of
/// aggregates, say, of a part of the rows, and fail where it would not for all.
///
/// The operators take whatever comes first first, so any order ends in the same; this one begins with what
/// a window has to be given whole, and goes on from the smallest table to the largest: so each row of a large one meets
/// what it matches in the others, and not the other way round.
#[derive(Debug)]
pub struct InitialRows {
    /// The next one is the last.
    rows: Vec<(usize, LeafRow, i64)>,
    /// Those that the first piece has to have.
    first: usize,
    is_begun: bool,
    bytes: usize,
}

impl InitialRows {
    /// All rows of all leaves of a plan.
    pub fn new(plan: &LivePlan, rows: LeafChanges) -> Self {
        let upon = plan.operators.iter().filter_map(|operator| match operator.kind {
            Kind::Window { upon: Some((leaf, _)), .. } => Some(leaf),
            _ => None,
        });
        let upon: BTreeSet<usize> = upon.collect();
        let bytes = rows.bytes();
        let mut rows = rows.into_rows();
        let mut counts = vec![0_usize; plan.leaves.len()];
        rows.iter().for_each(|(leaf, _, _)| counts[*leaf] += 1);
        let place = |leaf: usize| (!upon.contains(&leaf), counts[leaf], leaf);
        rows.sort_by_key(|(leaf, ..)| Reverse(place(*leaf)));
        let first = upon.iter().map(|leaf| counts[*leaf]).sum();
        Self { rows, first, is_begun: false, bytes }
    }

    /// The next piece: so many rows, or more where they have to come together. There is one even where there are no rows.
    pub fn next_piece(&mut self, rows: usize) -> Option<LeafChanges> {
        if self.is_begun && self.rows.is_empty() {
            return None;
        }
        let wanted = if self.is_begun { rows } else { rows.max(self.first) };
        self.is_begun = true;
        let mut piece = self.rows.split_off(self.rows.len().saturating_sub(wanted));
        piece.reverse();
        let piece = LeafChanges::from_rows(piece);
        self.bytes -= piece.bytes();
        Some(piece)
    }

    /// Whether there is no further piece.
    pub fn is_done(&self) -> bool {
        self.is_begun && self.rows.is_empty()
    }

    /// Bytes that are left, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
