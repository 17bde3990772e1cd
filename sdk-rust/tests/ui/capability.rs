use cosmictron_sdk::prelude::*;

#[reducer]
#[requires_capability("admin")]
pub fn first() {}

#[requires_capability(refund)]
#[reducer]
pub fn second() {}

#[reducer(init)]
#[requires_capability("orders:refund")]
pub fn third() {}

#[reducer]
#[requires_capability("orders:refund")]
#[requires_capability("orders:refund")]
pub fn fourth() {}

#[requires_capability("orders:refund")]
pub fn no_reducer() {}

#[requires_capability("orders:refund")]
pub struct NoFunction {
    pub id: u64,
}

fn main() {}
