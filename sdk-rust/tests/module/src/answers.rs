//! Reducers whose answers tell what they were given.

use cosmictron_sdk::prelude::*;

use super::tables::{Room, Shape};

/// Sends everything back.
#[reducer]
#[allow(clippy::too_many_arguments, reason = "one for every kind of type")]
pub fn echo(
    yes: bool,
    small: i8,
    large: u128,
    number: f64,
    text: String,
    bytes: Vec<u8>,
    shape: Shape,
    list: Vec<Option<String>>,
) -> Result<Echo, String> {
    Ok(Echo { yes, small, large, number, text, bytes, shape, list })
}

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Echo {
    pub yes: bool,
    pub small: i8,
    pub large: u128,
    pub number: f64,
    pub text: String,
    pub bytes: Vec<u8>,
    pub shape: Shape,
    pub list: Vec<Option<String>>,
}

/// Says in whose name and when it runs.
#[reducer]
pub fn who(ctx: &ReducerContext) -> Seen {
    Seen {
        timestamp: ctx.timestamp(),
        sender: ctx.sender(),
        connection_id: ctx.connection_id(),
        tx_id: ctx.tx_id().get(),
        drawn: (0..3).map(|_| ctx.rng().next_u64()).collect(),
    }
}

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Seen {
    pub timestamp: Timestamp,
    pub sender: Identity,
    pub connection_id: Option<ConnectionId>,
    pub tx_id: u64,
    pub drawn: Vec<u64>,
}

/// Inserts a room and fails.
#[reducer]
pub fn fails(name: String) -> Result<u32, String> {
    let room = Room::insert(Room { id: 0, name }).map_err(|error| error.to_string())?;
    Err(format!("room {} is not wanted", room.name))
}

/// Inserts the same room twice.
#[reducer]
pub fn refused(name: String) -> Result<(), InsertError> {
    for _ in 0..2 {
        Room::insert(Room { id: 0, name: name.clone() })?;
    }
    Ok(())
}

/// Panics, at a line that the answer names.
#[reducer]
pub fn panics(number: u64) {
    panic!("number {number} is not liked");
}

/// Has `echo_later` run in a minute, and then.
#[reducer]
pub fn schedules(ctx: &ReducerContext, text: String) -> Result<(), ScheduleError> {
    ctx.schedule(core::time::Duration::from_secs(60), echo_later::args(text.clone(), 1))?;
    ctx.schedule(ctx.timestamp + Duration::from_millis(5), echo_later::args(text, 2))
}

#[reducer]
pub fn echo_later(text: String, number: u32) {
    console::info!("{text} {number}");
}

/// Only for those who were granted both.
#[requires_capability("checks:write")]
#[reducer]
#[requires_capability("checks:run")]
pub fn guarded(name: String) -> Result<u32, String> {
    Room::insert(Room { id: 0, name }).map(|room| room.id).map_err(|error| error.to_string())
}

/// Has `guarded` run at once, as the module.
#[reducer]
pub fn guarded_later(ctx: &ReducerContext, name: String) -> Result<(), ScheduleError> {
    ctx.schedule(ctx.timestamp, guarded::args(name))
}

/// Writes one line of each level.
#[reducer]
pub fn logs(text: String) {
    console::error!("plain");
    console::warn!("{text}");
    console::info!("{}", text.len());
    console::debug!("{text:?}");
    console::trace!("{text} {text}");
}

#[reducer(init)]
pub fn init(ctx: &ReducerContext) {
    console::info!("begun by {}", ctx.sender);
}
