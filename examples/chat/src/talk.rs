//! Messages: saying, changing, removing, having read.

use super::*;

/// Says something in a room; returns the message's id.
#[reducer]
pub fn send_message(ctx: &ReducerContext, room: u64, text: String) -> Outcome<u64> {
    membership(ctx, room)?;
    let text = bounded("the message", &text, TEXT_CHARS_MAX)?;
    let message = Message {
        id: 0,
        room,
        author: ctx.sender(),
        text,
        sent_at: ctx.timestamp,
        edited_at: None,
    };
    let message = Message::insert(message).map_err(self::text)?;
    if let Some(connection) = ctx.connection_id() {
        Typing::delete(&connection).map_err(self::text)?;
    }
    Ok(message.id)
}

/// Changes a message of the caller's.
#[reducer]
pub fn edit_message(ctx: &ReducerContext, id: u64, text: String) -> Outcome<()> {
    let message = own_message(ctx, id)?;
    let text = bounded("the message", &text, TEXT_CHARS_MAX)?;
    let edited_at = Some(ctx.timestamp);
    Message::update(Message { text, edited_at, ..message }).map(drop).map_err(self::text)
}

/// Removes a message of the caller's.
#[reducer]
pub fn remove_message(ctx: &ReducerContext, id: u64) -> Outcome<()> {
    let message = own_message(ctx, id)?;
    Message::delete(&message.id).map(drop).map_err(self::text)
}

/// Remembers what the caller has read in a room: never less than before, never more than there is.
#[reducer]
pub fn mark_read(ctx: &ReducerContext, room: u64, message: u64) -> Outcome<()> {
    let member = membership(ctx, room)?;
    let is_there = Message::filter_by_id(&message).is_some_and(|message| message.room == room);
    if !is_there || message <= member.last_read {
        return Ok(());
    }
    Member::update(Member { last_read: message, ..member }).map(drop).map_err(self::text)
}

/// The policy would refuse another's message too; this says it in the words of one's own screen.
fn own_message(ctx: &ReducerContext, id: u64) -> Outcome<Message> {
    let message = Message::filter_by_id(&id).filter(|message| message.author == ctx.sender());
    message.ok_or_else(|| format!("message {id} is not one of yours"))
}
