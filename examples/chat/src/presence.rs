//! Who is here and who is writing: one row for each connection that is open, gone when it ends.
//!
//! `client_disconnected` runs once for every `client_connected`, also for connections that a stopped server had.

use super::*;

#[reducer(client_connected)]
pub fn come(ctx: &ReducerContext) -> Outcome<()> {
    let connection = open_connection(ctx)?;
    Online::insert(Online { connection, person: ctx.sender(), since: ctx.timestamp })
        .map_err(text)?;
    Ok(())
}

#[reducer(client_disconnected)]
pub fn go(ctx: &ReducerContext) -> Outcome<()> {
    let connection = open_connection(ctx)?;
    Online::delete(&connection).map_err(text)?;
    Typing::delete(&connection).map_err(text)?;
    Ok(())
}

/// Says that the caller is writing in a room, for [`TYPING_TIME`].
#[reducer]
pub fn start_typing(ctx: &ReducerContext, room: u64) -> Outcome<()> {
    membership(ctx, room)?;
    let connection = open_connection(ctx)?;
    Typing::delete(&connection).map_err(text)?;
    let until = ctx.timestamp + TYPING_TIME;
    Typing::insert(Typing { connection, room, person: ctx.sender(), until }).map_err(text)?;
    Ok(())
}

/// Says that the caller writes no more.
#[reducer]
pub fn stop_typing(ctx: &ReducerContext) -> Outcome<()> {
    Typing::delete(&open_connection(ctx)?).map_err(text)?;
    Ok(())
}

fn open_connection(ctx: &ReducerContext) -> Outcome<ConnectionId> {
    ctx.connection_id().ok_or_else(|| "presence is told over a WebSocket".to_owned())
}
