use cosmictron_sdk::prelude::*;

#[reducer]
pub async fn waits() {}

#[reducer]
pub fn generic<T>(value: T) {}

#[reducer]
pub fn method(&self) {}

#[reducer]
pub fn borrows(name: &str) {}

#[reducer]
pub fn owns_context(ctx: ReducerContext) {}

#[reducer]
pub fn changes_context(ctx: &mut ReducerContext) {}

#[reducer]
pub fn context_last(name: String, ctx: &ReducerContext) {}

#[reducer]
pub fn nameless(_: u64) {}

#[reducer]
pub fn pair((a, b): (u64, u64)) {}

#[reducer]
pub unsafe fn dangerous() {}

#[reducer]
pub extern "C" fn foreign() {}

#[reducer]
pub fn opaque(value: impl Into<String>) {}

fn main() {}
