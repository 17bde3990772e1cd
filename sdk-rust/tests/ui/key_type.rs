use cosmictron_sdk::prelude::*;

#[derive(Column)]
pub enum Role {
    Admin,
    User,
}

#[table(name = "a")]
pub struct A {
    #[primary_key]
    #[auto_inc]
    pub id: String,
}

#[table(name = "b")]
pub struct B {
    #[primary_key]
    pub id: Option<u64>,
}

#[table(name = "c")]
pub struct C {
    #[index]
    pub role: Role,
    #[unique]
    pub tags: Vec<String>,
}

fn main() {}
