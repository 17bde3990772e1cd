use cosmictron_sdk::prelude::*;

#[table(public)]
pub struct ChatRoom {
    pub id: u64,
}

#[table(name = "a", pubic)]
pub struct A {
    pub id: u64,
}

#[table(name = b)]
pub struct B {
    pub id: u64,
}

#[table(name = "c", event = true)]
pub struct C {
    pub id: u64,
}

#[table(name = "d", name = "e")]
pub struct D {
    pub id: u64,
}

#[table(name = "user-notes")]
pub struct E {
    pub id: u64,
}

#[table(name = "g", ordered)]
pub struct G {
    pub id: u64,
}

fn main() {}
