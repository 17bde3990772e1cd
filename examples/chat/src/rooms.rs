//! People and rooms: names, opening, joining, inviting, leaving.

use super::*;

/// Chooses or changes the caller's name, which nobody else has.
#[reducer]
pub fn set_name(ctx: &ReducerContext, name: String) -> Outcome<()> {
    let name = bounded("the name", &name, NAME_CHARS_MAX)?;
    let id = ctx.sender();
    if Person::filter_by_name(&name).is_some_and(|other| other.id != id) {
        return Err(format!("somebody else is called {name}"));
    }
    match Person::filter_by_id(&id) {
        Some(_) => Person::update(Person { id, name }).map(drop).map_err(text),
        None => Person::insert(Person { id, name }).map(drop).map_err(text),
    }
}

/// Opens a room, with the caller as its owner and first member; returns its id.
#[reducer]
pub fn open_room(ctx: &ReducerContext, name: String, is_open: bool) -> Outcome<u64> {
    let name = bounded("the room's name", &name, NAME_CHARS_MAX)?;
    let room = Room::insert(Room { id: 0, name, is_open, owner: ctx.sender() }).map_err(text)?;
    admit(ctx, room.id, ctx.sender())?;
    Ok(room.id)
}

/// Joins an open room. Doing it again changes nothing.
#[reducer]
pub fn join_room(ctx: &ReducerContext, room: u64) -> Outcome<()> {
    if membership(ctx, room).is_ok() {
        return Ok(());
    }
    // One answer for a room that is closed and one that is not there: ids are easily guessed.
    Room::filter_by_id(&room)
        .filter(|room| room.is_open)
        .ok_or_else(|| format!("room {room} cannot be joined"))?;
    admit(ctx, room, ctx.sender())
}

/// Brings somebody into a room of the caller's, by their name.
#[reducer]
pub fn invite(ctx: &ReducerContext, room: u64, name: String) -> Outcome<()> {
    membership(ctx, room)?;
    let person = Person::filter_by_name(&name).ok_or_else(|| format!("nobody is called {name}"))?;
    if Member::filter_by_room(&room).any(|member| member.person == person.id) {
        return Err(format!("{name} is in this room already"));
    }
    admit(ctx, room, person.id)
}

/// Leaves a room. Its owner stays, so that there is always somebody who can invite.
#[reducer]
pub fn leave_room(ctx: &ReducerContext, room: u64) -> Outcome<()> {
    let member = membership(ctx, room)?;
    if Room::filter_by_id(&room).is_some_and(|room| room.owner == ctx.sender()) {
        return Err("who has opened a room stays in it".to_owned());
    }
    Member::delete(&member.id).map_err(text)?;
    note(ctx, room, member.person, true)
}

fn admit(ctx: &ReducerContext, room: u64, person: Identity) -> Outcome<()> {
    if Member::filter_by_room(&room).count() >= MEMBERS_MAX {
        return Err(format!("a room has at most {MEMBERS_MAX} members"));
    }
    // What was said before one came is there to read, and not unread. Ids ascend over all rooms, so the newest of any will do.
    let last_read = Message::range_by_id(..).rev().next().map_or(0, |message| message.id);
    Member::insert(Member { id: 0, room, person, last_read }).map_err(text)?;
    note(ctx, room, person, false)
}

fn note(ctx: &ReducerContext, room: u64, person: Identity, has_left: bool) -> Outcome<()> {
    Visit::insert(Visit { id: 0, room, person, has_left, at: ctx.timestamp })
        .map(drop)
        .map_err(text)
}
