//! The module of the reference page, with what the TypeScript client's tests need besides: values that JavaScript rounds.

use cosmictron_sdk::prelude::*;

#[table(name = "users", public)]
pub struct User {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    pub username: String,
}

/// Adds a user; returns the id.
#[reducer]
pub fn create_user(_ctx: &ReducerContext, username: String) -> Result<u64, String> {
    if username.is_empty() {
        return Err("a user has a name".to_owned());
    }
    User::insert(User { id: 0, username }).map(|user| user.id).map_err(|error| error.to_string())
}

#[reducer]
pub fn rename_user(_ctx: &ReducerContext, id: u64, username: String) -> Result<(), String> {
    User::update(User { id, username }).map(drop).map_err(|error| error.to_string())
}

#[reducer]
pub fn remove_user(_ctx: &ReducerContext, id: u64) -> Result<(), String> {
    User::delete(&id).map(drop).map_err(|error| error.to_string())
}

/// Returns what it was given.
#[reducer]
pub fn echo(_ctx: &ReducerContext, value: u64) -> u64 {
    value
}

#[table(name = "samples", public)]
pub struct Sample {
    #[primary_key]
    pub id: u32,
    pub big: u64,
    pub wide: i128,
    pub raw: Vec<u8>,
    pub note: Option<String>,
    pub list: Vec<u64>,
    pub weight: f64,
}

#[reducer]
pub fn add_sample(_ctx: &ReducerContext, id: u32, big: u64, wide: i128) -> Result<(), String> {
    let sample = Sample { id, big, wide, raw: vec![0, 255], note: None, list: vec![1, big], weight: 0.5 };
    Sample::insert(sample).map(drop).map_err(|error| error.to_string())
}

/// Adds many users in one transaction, for the measurements.
#[reducer]
pub fn create_users(_ctx: &ReducerContext, count: u32) -> Result<(), String> {
    for number in 0..count {
        let username = format!("user number {number}");
        User::insert(User { id: 0, username }).map_err(|error| error.to_string())?;
    }
    Ok(())
}
