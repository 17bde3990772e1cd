use cosmictron_sdk::prelude::*;

#[reducer(inti)]
pub fn first() {}

#[reducer(init)]
pub fn second(name: String) {}

#[reducer(shard_by = form)]
pub fn third(from: u64, to: u64) {}

#[reducer(shard_by = [from, two])]
pub fn fourth(from: u64, to: u64) {}

#[reducer(init, client_connected)]
pub fn fifth() {}

#[reducer(init = true)]
pub fn sixth() {}

fn main() {}
