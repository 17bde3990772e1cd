use cosmictron_sdk::prelude::*;

#[table(name = "users")]
#[index(btree(columns = [team, age]))]
pub struct User {
    #[primary_key]
    pub id: u64,
    #[unique]
    pub name: String,
    pub team: u32,
    pub age: u8,
}

pub fn look() {
    let _ = User::filter_by_name(&7);
    let _ = User::filter_by_id("ada");
    let _ = User::filter_by_age(&7);
    let _ = User::range_by_name(1..2);
    let _ = User::range_by_team_and_age(&1, 7);
    let _ = User::range_by_id("a"..);
}

fn main() {}
