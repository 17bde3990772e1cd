use cosmictron_sdk::prelude::*;

#[table(name = "a")]
pub struct A<T> {
    pub value: T,
}

#[table(name = "b")]
pub struct B<'a> {
    pub value: &'a str,
}

#[table(name = "c")]
pub struct C(u64);

#[table(name = "d")]
pub struct D;

#[table(name = "e")]
pub enum E {
    One,
}

#[table(name = "f")]
pub struct F {
    pub value: &'static str,
    pub größe: u64,
    #[cfg(debug_assertions)]
    pub trace: String,
}

#[table(name = "g")]
pub fn g() {}

fn main() {}
