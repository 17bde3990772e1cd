//! Says how the chances of a campaign lie.
//!
//! All seeds of the ordinary campaign have [`Shape::ORDINARY`]. Whoever looks for one kind of fault has a shape in which
//! there is more of what that needs: then it is found soon, and what is shown is that it is found at all.

use crate::desk::Workload;
use crate::site::Family;

#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// A server begins with so many shards or more, up to 3.
    pub shards_min: u64,
    /// What the bank is; drawn when absent.
    pub bank: Option<Family>,
    /// What there is beside it; drawn when absent.
    pub desk: Option<Workload>,
    /// One call in so many wants the stores of further shards, needed or not.
    pub joint_one_in: u64,
    /// One start in so many is with another number of shards.
    pub reshard_one_in: u64,
    /// One server in so many is ended in order, and not by a crash.
    pub clean_end_one_in: u64,
    /// What is wrong with the disks.
    pub disk: Disk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Now this, now that, and nothing in three rounds of ten.
    Any,
    /// Writes fail.
    Fails,
    /// Writes take long, so that much is in flight.
    Slow,
}

impl Shape {
    pub const ORDINARY: Shape = Shape {
        shards_min: 1,
        bank: None,
        desk: None,
        joint_one_in: 3,
        reshard_one_in: 4,
        clean_end_one_in: 3,
        disk: Disk::Any,
    };
}
