use cosmictron_sdk::prelude::*;

#[table(name = "a")]
pub struct A {
    #[primary_key]
    pub id: u64,
    #[pii]
    pub email: String,
}

#[table(name = "b")]
pub struct B {
    #[primary_key]
    pub id: u64,
    #[pii]
    #[index]
    pub email: Option<String>,
}

#[table(name = "c")]
pub struct C {
    #[primary_key]
    pub id: u64,
    pub owner: Identity,
    #[pii(key_context = "owenr")]
    pub email: Option<String>,
}

#[table(name = "d")]
pub struct D {
    #[primary_key]
    pub id: u64,
    #[pii]
    pub name: Option<String>,
    #[pii(key_context = "name")]
    pub email: Option<String>,
}

#[table(name = "e")]
pub struct E {
    #[pii]
    pub email: Option<String>,
}

#[table(name = "f")]
pub struct F {
    #[primary_key]
    pub id: u64,
    #[pii]
    #[fk(a.id)]
    pub other: Option<u64>,
}

#[table(name = "g", shard_by = owner)]
pub struct G {
    #[primary_key]
    pub id: u64,
    #[pii]
    pub owner: Option<u64>,
}

fn main() {}
