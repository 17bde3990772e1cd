use cosmictron_sdk::prelude::*;

#[reducer(shard_by = [form, two])]
pub fn a(from: u64, to: u64) {
    drop((from, to));
}

#[reducer(shard_by = [])]
pub fn b() {}

#[reducer(shard_by = [from, to, from])]
pub fn c(from: u64, to: u64) {
    drop((from, to));
}

#[reducer(shard_by = from, shard_by = to)]
pub fn d(from: u64, to: u64) {
    drop((from, to));
}

#[reducer(shard_by = [], shard_by = from)]
pub fn e(from: u64) {
    drop(from);
}

#[reducer(shard_by = "from")]
pub fn f(from: u64) {
    drop(from);
}

#[reducer(shard_by = [from, "to"])]
pub fn g(from: u64, to: u64) {
    drop((from, to));
}

#[reducer(shard_by)]
pub fn h(from: u64) {
    drop(from);
}

#[reducer(shard_by = ctx.sender)]
pub fn i(ctx: &ReducerContext) {
    let _ = ctx;
}

#[reducer(init, shard_by = from)]
pub fn j() {}

#[reducer(shard_by = from, client_connected)]
pub fn k() {}

#[reducer(client_disconnected, shard_by = [from, to])]
pub fn l() {}

#[reducer(shard_by = from to)]
pub fn m(from: u64, to: u64) {
    drop((from, to));
}

#[view(shard_by = id)]
pub fn n() -> Vec<u64> {
    Vec::new()
}

fn main() {}
