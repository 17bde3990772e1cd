//! What the attributes write passes the strictest lints of an author, in a module where almost nothing is public.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    rust_2018_idioms,
    clippy::pedantic,
    clippy::nursery
)]

use cosmictron_sdk::prelude::*;

#[derive(Column, Clone, Copy, Debug, PartialEq)]
enum Role {
    Admin,
    User,
}

#[table(name = "members")]
#[index(btree(columns = [team, joined_at]))]
struct Member {
    #[primary_key]
    #[auto_inc]
    id: u64,
    #[unique]
    name: String,
    team: u32,
    joined_at: Timestamp,
    role: Role,
}

#[table(name = "visits", event, shard_by = member)]
struct Visit {
    #[unique]
    #[auto_inc]
    number: u32,
    member: u64,
}

#[reducer(shard_by = [member, number])]
fn visit(member: u64, number: u32) -> Result<u32, InsertError> {
    Visit::insert(Visit { number, member }).map(|visit| visit.number)
}

#[reducer]
fn join(ctx: &ReducerContext, name: String, admin: bool) -> Result<u64, InsertError> {
    let role = if admin { Role::Admin } else { Role::User };
    let member = Member { id: 0, name, team: 1, joined_at: ctx.timestamp, role };
    Member::insert(member).map(|member| member.id)
}

#[view]
fn everyone() -> impl Iterator<Item = Member> {
    Member::iter()
}

#[test]
fn a_strict_module_works() {
    let ctx = cosmictron_sdk::testing::context();
    assert_eq!(join(&ctx, "ada".into(), true), Ok(1));
    assert_eq!(visit(1, 0), Ok(1));
    assert_eq!(everyone().map(|member| member.role).collect::<Vec<_>>(), [Role::Admin]);
}
