use cosmictron_sdk::prelude::*;

#[table(name = "a")]
pub struct A {
    #[primary]
    pub id: u64,
}

#[table(name = "b")]
pub struct B {
    #[primary_key]
    pub id: u64,
    #[primary_key]
    pub other: u64,
}

#[table(name = "c")]
pub struct C {
    #[auto_inc]
    pub id: u64,
}

#[table(name = "d")]
pub struct D {
    #[unique]
    #[index]
    pub id: u64,
}

#[table(name = "e")]
#[primary_key(id)]
pub struct E {
    pub id: u64,
}

#[table(name = "f")]
pub struct F {
    #[index(btree)]
    pub id: u64,
    #[unique]
    #[unique]
    pub code: u64,
}

fn main() {}
