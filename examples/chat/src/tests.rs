//! Runs the reducers natively, on tables in memory and without policies.

use cosmictron_sdk::testing;

use super::*;
use crate::rooms::*;
use crate::talk::*;

fn opened(ctx: &ReducerContext) -> u64 {
    testing::call(|| open_room(ctx, " Hall ".into(), true)).unwrap()
}

fn say(ctx: &ReducerContext, room: u64, words: &str) -> Outcome<u64> {
    testing::call(|| send_message(ctx, room, words.into()))
}

#[test]
fn names_and_messages_are_trimmed_and_bounded() {
    let ctx = testing::context();
    let room = opened(&ctx);
    assert_eq!(Room::filter_by_id(&room).unwrap().name, "Hall");
    assert_eq!(say(&ctx, room, " \n ").unwrap_err(), "the message is empty");
    let longest = "ä".repeat(TEXT_CHARS_MAX);
    say(&ctx, room, &longest).unwrap();
    let refused = say(&ctx, room, &(longest + "a")).unwrap_err();
    assert_eq!(refused, "the message has 4001 characters; at most 4000 are allowed");
}

#[test]
fn reading_never_goes_back_nor_beyond_what_is_there() {
    let ctx = testing::context();
    let room = opened(&ctx);
    let [first, second] = ["one", "two"].map(|words| say(&ctx, room, words).unwrap());
    for (message, expected) in [(second, second), (first, second), (second + 100, second)] {
        testing::call(|| mark_read(&ctx, room, message)).unwrap();
        assert_eq!(membership(&ctx, room).unwrap().last_read, expected);
    }
}

#[test]
fn an_edited_message_says_when_and_a_removed_one_is_gone() {
    let mut ctx = testing::context();
    let room = opened(&ctx);
    let id = say(&ctx, room, "helo").unwrap();
    ctx.timestamp = ctx.timestamp + Duration::from_secs(1);
    testing::call(|| edit_message(&ctx, id, "hello".into())).unwrap();
    let message = Message::filter_by_id(&id).unwrap();
    assert_eq!((message.text.as_str(), message.edited_at), ("hello", Some(ctx.timestamp)));
    testing::call(|| remove_message(&ctx, id)).unwrap();
    let refused = testing::call(|| remove_message(&ctx, id)).unwrap_err();
    assert_eq!(refused, format!("message {id} is not one of yours"));
}

#[test]
fn an_owner_stays_and_joining_again_changes_nothing() {
    let ctx = testing::context();
    let room = opened(&ctx);
    testing::call(|| join_room(&ctx, room)).unwrap();
    assert_eq!((Member::count(), Visit::count()), (1, 1));
    let refused = testing::call(|| leave_room(&ctx, room)).unwrap_err();
    assert_eq!(refused, "who has opened a room stays in it");
    let refused = testing::call(|| join_room(&ctx, room + 1)).unwrap_err();
    assert_eq!(refused, format!("room {} cannot be joined", room + 1));
}
