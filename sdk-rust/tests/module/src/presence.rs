//! Who is here: kept by the reducers that the server calls when a connection opens and ends.

use cosmictron_sdk::prelude::*;

/// A connection that is open. On all cores, so that to be told of one takes a transaction of several.
#[table(name = "presence", public, shard_by = connection)]
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    #[primary_key]
    pub connection: ConnectionId,
    pub identity: Identity,
}

/// Every time that one of the two reducers has run.
#[table(name = "occasions", public)]
#[derive(Clone, Debug, PartialEq)]
pub struct Occasion {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub connection: ConnectionId,
    pub identity: Identity,
    /// `connected` or `disconnected`.
    pub what: String,
    pub tx_id: u64,
}

/// How a reducer ends that has done its work: `refuse` or `panic`.
#[table(name = "moods")]
#[derive(Clone, Debug, PartialEq)]
pub struct Mood {
    #[primary_key]
    pub what: String,
    pub mood: String,
}

/// Says how `connected` or `disconnected` is to end from now on.
#[reducer]
pub fn set_mood(what: String, mood: String) -> Result<(), String> {
    Mood::delete(&what).map_err(|error| error.to_string())?;
    Mood::insert(Mood { what, mood }).map(drop).map_err(|error| error.to_string())
}

#[reducer(client_connected)]
pub fn connected(ctx: &ReducerContext) -> Result<(), String> {
    let connection = note(ctx, "connected")?;
    let row = Presence { connection, identity: ctx.sender };
    Presence::insert(row).map_err(|error| error.to_string())?;
    end("connected")
}

#[reducer(client_disconnected)]
pub fn disconnected(ctx: &ReducerContext) -> Result<(), String> {
    let connection = note(ctx, "disconnected")?;
    let was_here = Presence::delete(&connection).map_err(|error| error.to_string())?;
    assert!(was_here, "{connection} ends and was never told of");
    end("disconnected")
}

fn note(ctx: &ReducerContext, what: &str) -> Result<ConnectionId, String> {
    let connection = ctx.connection_id.ok_or("a connection has an id")?;
    let (identity, what, tx_id) = (ctx.sender, what.to_owned(), ctx.tx_id.get());
    let occasion = Occasion { id: 0, connection, identity, what, tx_id };
    Occasion::insert(occasion).map_err(|error| error.to_string())?;
    Ok(connection)
}

/// All is done: whatever undoes it has something to undo.
fn end(what: &str) -> Result<(), String> {
    match Mood::filter_by_what(what).map(|mood| mood.mood).as_deref() {
        Some("refuse") => Err(format!("{what} is not liked")),
        Some("panic") => panic!("{what} breaks"),
        _ => Ok(()),
    }
}
