use cosmictron_sdk::prelude::*;

#[table(name = "a")]
#[index(btree(columns = [id, nmae]))]
pub struct A {
    pub id: u64,
    pub name: String,
}

#[index(btree(columns = [id, id]))]
#[table(name = "b")]
pub struct B {
    pub id: u64,
}

#[table(name = "c")]
#[index(btree(columns = []))]
pub struct C {
    pub id: u64,
}

#[table(name = "d")]
#[index(id)]
pub struct D {
    pub id: u64,
}

#[table(name = "e")]
#[index]
pub struct E {
    pub id: u64,
}

#[table(name = "f")]
#[index(name = id, btree(columns = [id, at]))]
pub struct F {
    #[primary_key]
    pub id: u64,
    pub at: Timestamp,
}

#[index(btree(columns = [id]))]
pub struct NoTable {
    pub id: u64,
}

fn main() {}
