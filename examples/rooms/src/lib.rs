//! Rooms that their members alone can read, messages that nobody can write in another's name, and drafts that are their
//! owner's to everybody, these very reducers included.
//!
//! What may be seen and changed is said beside the tables, in SQL. The reducers below do not check it again: some of them try
//! what is not allowed, and the server refuses it, whoever's code does the writing.

use cosmictron_sdk::prelude::*;

/// What a reducer makes, or why it does not.
type Outcome<T> = Result<T, String>;

/// Who is in which room. Not public: policies and reducers read it, nobody else. A room's host invites and expels; who opens a
/// room is its first member. A policy judges a row as things are before it is written, so nobody is a host by saying so.
#[table(name = "member")]
#[rls(write = "room IN (SELECT room FROM member WHERE person = $identity AND is_host)")]
#[rls(write = "NOT EXISTS (SELECT 1 FROM member other WHERE other.room = member.room)")]
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub room: u64,
    #[index]
    pub person: Identity,
    pub is_host: bool,
}

/// A room, to its members.
#[table(name = "room", public)]
#[rls(read = "id IN (SELECT room FROM member WHERE person = $identity)")]
#[rls(write = "id IN (SELECT room FROM member WHERE person = $identity AND is_host)")]
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    #[primary_key]
    pub id: u64,
    pub name: String,
}

/// A message, to the members of its room. They are spread over all cores; members are not.
#[table(name = "message", public, shard_by = id)]
#[rls(read = "room IN (SELECT room FROM member WHERE person = $identity)")]
#[rls(write = "author = ctx.sender() AND room IN (SELECT room FROM member WHERE person = ctx.sender())")]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub room: u64,
    pub author: Identity,
    pub text: String,
    /// How loud it is said: at least 1.
    pub volume: i32,
}

/// A draft, to its owner alone, also where these reducers read.
#[table(name = "draft", public)]
#[rls(read = "owner = $identity", write = "owner = $identity")]
#[rls(force)]
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub owner: Identity,
    pub text: String,
    #[index]
    pub rank: i32,
}

/// What was said aloud, of what the caller may read: the policy of the table applies.
#[view]
pub fn aloud() -> impl Iterator<Item = Message> {
    Message::filter(|message| message.volume > 1)
}

/// Where the caller is a member, which no query could say: the table is not public.
#[view]
pub fn membership(ctx: &ViewContext) -> impl Iterator<Item = Membership> {
    Member::filter_by_person(&ctx.sender).map(|member| Membership { room: member.room, is_host: member.is_host })
}

#[derive(Column)]
pub struct Membership {
    pub room: u64,
    pub is_host: bool,
}

/// How much there is of everything, whoever asks: it sees all rows.
#[view(definer)]
pub fn census() -> Vec<Census> {
    let count = |what: &str, rows| Census { what: what.to_owned(), rows };
    vec![count("draft", Draft::count()), count("message", Message::count()), count("room", Room::count())]
}

/// The same, of what the caller may read.
#[view]
pub fn own_census() -> Vec<Census> {
    census()
}

#[derive(Column)]
pub struct Census {
    pub what: String,
    pub rows: u64,
}

/// How loud each message is, in a byte. It breaks where one is louder.
#[view(definer)]
pub fn volumes() -> impl Iterator<Item = Volume> {
    let byte = |volume: i32| u8::try_from(volume).expect("no message is louder than 255");
    Message::iter().map(move |message| Volume { id: message.id, volume: byte(message.volume) })
}

#[derive(Column)]
pub struct Volume {
    pub id: u64,
    pub volume: u8,
}

/// Tries to write, which a view cannot.
#[view]
pub fn scribbles() -> Option<Draft> {
    Draft::delete(&1).ok();
    None
}

/// Yields without end.
#[view]
pub fn endless() -> impl Iterator<Item = Census> {
    std::iter::repeat_with(|| Census { what: "x".repeat(100_000), rows: 0 })
}

#[reducer]
pub fn open_room(ctx: &ReducerContext, id: u64, name: String) -> Outcome<()> {
    Member::insert(Member { id: 0, room: id, person: ctx.sender(), is_host: true }).map_err(text)?;
    Room::insert(Room { id, name }).map_err(text)?;
    Ok(())
}

#[reducer]
pub fn invite(room: u64, person: Identity) -> Outcome<()> {
    Member::insert(Member { id: 0, room, person, is_host: false }).map_err(text)?;
    Ok(())
}

#[reducer]
pub fn expel(room: u64, person: Identity) -> Outcome<()> {
    let members: Vec<Member> = Member::filter_by_room(&room).filter(|m| m.person == person).collect();
    for member in members {
        Member::delete(&member.id).map_err(text)?;
    }
    Ok(())
}

/// Makes somebody a host, if the policy lets it.
#[reducer]
pub fn promote(member: u64) -> Outcome<()> {
    let member = Member::filter_by_id(&member).ok_or("no such member")?;
    Member::update(Member { is_host: true, ..member }).map_err(text)?;
    Ok(())
}

#[reducer]
pub fn say(ctx: &ReducerContext, room: u64, text: String, volume: i32) -> Outcome<u64> {
    say_as(room, ctx.sender(), text, volume)
}

/// Says something in whose name one likes, if the policy lets it.
#[reducer]
pub fn say_as(room: u64, author: Identity, text: String, volume: i32) -> Outcome<u64> {
    let message = Message::insert(Message { id: 0, room, author, text, volume });
    message.map(|message| message.id).map_err(self::text)
}

/// As `say_as`, and does not care whether it was refused.
#[reducer]
pub fn say_regardless(room: u64, author: Identity, text: String) -> String {
    match say_as(room, author, text, 1) {
        Ok(_) => "said".to_owned(),
        Err(error) => format!("caught: {error}"),
    }
}

#[reducer]
pub fn edit(id: u64, text: String) -> Outcome<()> {
    let message = Message::filter_by_id(&id).ok_or("no such message")?;
    Message::update(Message { text, ..message }).map_err(self::text)?;
    Ok(())
}

/// Takes a message over: the one that was is not the caller's.
#[reducer]
pub fn take_over(ctx: &ReducerContext, id: u64) -> Outcome<()> {
    let message = Message::filter_by_id(&id).ok_or("no such message")?;
    Message::update(Message { author: ctx.sender(), ..message }).map_err(text)?;
    Ok(())
}

/// Moves a message to another room: the one that will be may not be the caller's.
#[reducer]
pub fn move_to(id: u64, room: u64) -> Outcome<()> {
    let message = Message::filter_by_id(&id).ok_or("no such message")?;
    Message::update(Message { room, ..message }).map_err(text)?;
    Ok(())
}

#[reducer]
pub fn erase(id: u64) -> Outcome<bool> {
    Message::delete(&id).map_err(text)
}

/// Erases all messages of a room at once.
#[reducer]
pub fn clear(room: u64) -> Outcome<u64> {
    Message::delete_by_room(&room).map_err(text)
}

/// Has something said by the module itself, soon.
#[reducer]
pub fn announce(ctx: &ReducerContext, room: u64, text: String) -> Outcome<()> {
    let call = say_as::args(room, Identity::SYSTEM, text, 1);
    ctx.schedule(Duration::from_millis(1), call).map_err(self::text)
}

#[reducer]
pub fn save(ctx: &ReducerContext, text: String, rank: i32) -> Outcome<u64> {
    let draft = Draft::insert(Draft { id: 0, owner: ctx.sender(), text, rank });
    draft.map(|draft| draft.id).map_err(self::text)
}

/// Whatever there is of drafts, by every way of reading: by key, by an index, by a range of one, all, and how many.
#[reducer]
pub fn peek(id: u64) -> String {
    let ids = |drafts: Vec<Draft>| drafts.iter().map(|draft| draft.id.to_string()).collect::<Vec<_>>().join(" ");
    let by_key = Draft::filter_by_id(&id).map_or("none".to_owned(), |draft| draft.text);
    let by_index = ids(Draft::filter_by_rank(&1).collect());
    let by_range = ids(Draft::range_by_rank(0..).collect());
    let all = ids(Draft::iter().collect());
    format!("{by_key}; {by_index}; {by_range}; {all}; {}", Draft::count())
}

#[reducer]
pub fn overwrite(id: u64, owner: Identity, text: String) -> Outcome<()> {
    Draft::update(Draft { id, owner, text, rank: 1 }).map_err(self::text)?;
    Ok(())
}

#[reducer]
pub fn discard(id: u64) -> Outcome<bool> {
    Draft::delete(&id).map_err(text)
}

#[reducer]
pub fn discard_rank(rank: i32) -> Outcome<u64> {
    Draft::delete_by_rank(&rank).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
