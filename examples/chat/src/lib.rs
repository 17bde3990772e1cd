//! A chat: rooms that are open to all or by invitation, messages that only their author changes, who is here, and who is writing.
//!
//! Who may see and change what is said beside the tables, in SQL, and holds for every query, live query and reducer; the
//! reducers below check what a policy cannot say (lengths, names) and put it into words. A person may have several tabs
//! open: presence and typing are by connection, never by person.

use cosmictron_sdk::prelude::*;

mod presence;
mod rooms;
mod talk;

#[cfg(test)]
mod tests;

/// What a reducer makes, or why it does not, in words for the person who called it.
pub type Outcome<T> = Result<T, String>;

/// Characters of a person's or a room's name.
pub const NAME_CHARS_MAX: usize = 40;
/// Characters of a message.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Members of one room.
pub const MEMBERS_MAX: usize = 1_000;
/// For how long somebody counts as writing after the last key. Clients tell it at most once in half of that time.
pub const TYPING_TIME: Duration = Duration::from_secs(6);

/// Somebody who has chosen a name. All may see it, only they may change it.
#[table(name = "person", public)]
#[rls(write = "id = $identity")]
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    #[primary_key]
    pub id: Identity,
    #[unique]
    pub name: String,
}

/// A room, to its members; an open one to everybody.
#[table(name = "room", public)]
#[rls(read = "is_open")]
#[rls(read = "id IN (SELECT room FROM member WHERE person = $identity)")]
#[rls(write = "owner = $identity")]
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    pub name: String,
    /// Whether anybody may join; otherwise the owner invites.
    pub is_open: bool,
    pub owner: Identity,
}

/// Who is in which room, to the members of that room. One joins an open room, is invited to another by its owner, and
/// changes what is one's own. A policy judges as things are before the write, so nobody becomes a member by being one.
#[table(name = "member", public)]
#[rls(read = "room IN (SELECT mine.room FROM member mine WHERE mine.person = $identity)")]
#[rls(write = "person = $identity AND room IN (SELECT id FROM room WHERE is_open)")]
#[rls(
    write = "person = $identity AND room IN (SELECT mine.room FROM member mine WHERE mine.person = $identity)"
)]
#[rls(write = "room IN (SELECT id FROM room WHERE owner = $identity)")]
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub room: u64,
    #[index]
    pub person: Identity,
    /// The newest message that this member has seen; what is newer, and another's, is unread.
    pub last_read: u64,
}

/// What was said, to the members of its room.
#[table(name = "message", public)]
#[rls(read = "room IN (SELECT room FROM member WHERE person = $identity)")]
#[rls(write = "author = $identity AND room IN (SELECT room FROM member WHERE person = $identity)")]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub room: u64,
    pub author: Identity,
    pub text: String,
    pub sent_at: Timestamp,
    pub edited_at: Option<Timestamp>,
}

/// A tab that is open, to those who share a room with its person.
#[table(name = "online", public)]
#[rls(read = "person = $identity")]
#[rls(
    read = "person IN (SELECT other.person FROM member other, member mine WHERE other.room = mine.room AND mine.person = $identity)"
)]
#[rls(write = "person = $identity")]
#[derive(Clone, Debug, PartialEq)]
pub struct Online {
    #[primary_key]
    pub connection: ConnectionId,
    #[index]
    pub person: Identity,
    pub since: Timestamp,
}

/// Somebody who is writing, to the members of that room; whoever asks leaves out those whose `until` is over.
///
/// It is no event table: those keep every row for ever, and of this only the present matters. One row a tab is its bound.
#[table(name = "typing", public)]
#[rls(read = "room IN (SELECT room FROM member WHERE person = $identity)")]
#[rls(write = "person = $identity")]
#[derive(Clone, Debug, PartialEq)]
pub struct Typing {
    #[primary_key]
    pub connection: ConnectionId,
    #[index]
    pub room: u64,
    pub person: Identity,
    pub until: Timestamp,
}

/// Who came to a room and who left it, in order, to its members. Nothing is ever taken from it.
#[table(name = "visit", public, event)]
#[rls(read = "room IN (SELECT room FROM member WHERE person = $identity)")]
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub room: u64,
    pub person: Identity,
    pub has_left: bool,
    pub at: Timestamp,
}

/// `text` without blanks around it, when it has between one and `chars_max` characters.
fn bounded(what: &str, text: &str, chars_max: usize) -> Outcome<String> {
    let text = text.trim();
    let chars = text.chars().count();
    match chars {
        0 => Err(format!("{what} is empty")),
        _ if chars > chars_max => {
            Err(format!("{what} has {chars} characters; at most {chars_max} are allowed"))
        }
        _ => Ok(text.to_owned()),
    }
}

/// The membership of whoever calls, or a refusal that does not tell whether there is such a room.
fn membership(ctx: &ReducerContext, room: u64) -> Outcome<Member> {
    let mine = Member::filter_by_person(&ctx.sender()).find(|member| member.room == room);
    mine.ok_or_else(|| format!("you are not in room {room}"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
