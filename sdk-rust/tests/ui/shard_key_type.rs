use cosmictron_sdk::prelude::*;

#[derive(Column)]
pub enum Region {
    North,
    South,
}

#[table(name = "a", shard_by = owner)]
pub struct A {
    #[primary_key]
    pub id: u64,
    pub owner: Option<u64>,
}

#[table(name = "b", shard_by = tags)]
pub struct B {
    pub tags: Vec<String>,
}

#[table(name = "c", shard_by = region)]
pub struct C {
    pub region: Region,
}

#[table(name = "d", shard_by = id)]
pub struct D {
    #[primary_key]
    #[auto_inc]
    pub id: u16,
}

#[table(name = "e", shard_by = owner)]
pub struct E {
    #[unique]
    #[auto_inc]
    pub number: i8,
    pub owner: Identity,
}

#[reducer(shard_by = to)]
pub fn f(to: Option<u64>) {
    drop(to);
}

#[reducer(shard_by = [from, region])]
pub fn g(from: u64, region: Region) {
    drop((from, region));
}

fn main() {}
