use cosmictron_sdk::prelude::*;

#[table(name = "a")]
#[rls(raed = "true")]
pub struct A {
    pub id: u64,
}

#[rls(read = "")]
#[table(name = "b")]
pub struct B {
    pub id: u64,
}

#[table(name = "c")]
#[rls]
pub struct C {
    pub id: u64,
}

#[table(name = "d")]
#[rsl(read = "true")]
pub struct D {
    #[pii(context = "x")]
    pub id: u64,
}

#[table(name = "e")]
#[rls(force, write = "true")]
pub struct E {
    pub id: u64,
}

#[table(name = "f")]
#[rls(read = "true", force = "yes")]
pub struct F {
    pub id: u64,
}

#[rls(read = "true")]
pub struct NoTable {
    pub id: u64,
}

#[rls(read = "true")]
pub fn function() {}

fn main() {}
