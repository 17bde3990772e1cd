//! The table and the reducer that the reference page's TypeScript uses.

use cosmictron_sdk::prelude::*;

/// Somebody with a name.
#[table(name = "users", public)]
pub struct User {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    pub username: String,
}

/// Adds a user.
#[reducer]
pub fn create_user(_ctx: &ReducerContext, username: String) -> Result<(), InsertError> {
    User::insert(User { id: 0, username })?;
    Ok(())
}
