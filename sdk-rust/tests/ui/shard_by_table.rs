use cosmictron_sdk::prelude::*;

#[table(name = "a", shard_by = idd)]
pub struct A {
    pub id: u64,
}

#[table(name = "b", shard_by = id, shard_by = owner)]
pub struct B {
    pub id: u64,
    pub owner: String,
}

#[table(name = "c", shard_by = [id, owner])]
pub struct C {
    pub id: u64,
    pub owner: String,
}

#[table(name = "d", shard_by = "id")]
pub struct D {
    pub id: u64,
}

#[table(name = "e", shard_by)]
pub struct E {
    pub id: u64,
}

#[table(name = "f", shard_by(id))]
pub struct F {
    pub id: u64,
}

#[table(name = "g", shard_by = )]
pub struct G {
    pub id: u64,
}

#[table(name = "h", shard_by = id.0)]
pub struct H {
    pub id: u64,
}

#[table(name = "i", shard_by = 0)]
pub struct I {
    pub id: u64,
}

fn main() {}
