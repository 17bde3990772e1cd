use cosmictron_sdk::prelude::*;

#[table(name = "users")]
pub struct User {
    #[primary_key]
    pub id: u64,
    #[unique]
    pub email: String,
    pub age: u8,
}

#[table(name = "unknown_table")]
pub struct UnknownTable {
    #[fk(user.id)]
    pub user: u64,
}

#[table(name = "unknown_column")]
pub struct UnknownColumn {
    #[fk(users.idd)]
    pub user: u64,
}

#[table(name = "not_unique")]
pub struct NotUnique {
    #[fk(users.age)]
    pub age: u8,
}

#[table(name = "other_type")]
pub struct OtherType {
    #[fk(users.email)]
    pub user: u64,
}

#[table(name = "malformed")]
pub struct Malformed {
    #[fk(users)]
    pub user: u64,
}

fn main() {}
