use cosmictron_sdk::prelude::*;

#[reducer(inti)]
pub fn first() {}

#[reducer(init)]
pub fn second(name: String) {}

#[reducer(init, client_connected)]
pub fn fifth() {}

#[reducer(init = true)]
pub fn sixth() {}

fn main() {}
