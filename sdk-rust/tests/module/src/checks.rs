//! Rules that hold on every store, each as a reducer that panics when it does not.

use core::ops::Bound;

use cosmictron_sdk::IndexRows;
use cosmictron_sdk::prelude::*;

use super::tables::{Door, Entry, Message, Parcel, Room, Sample, Ticket, sample};

fn room(name: &str) -> Room {
    Room::insert(Room { id: 0, name: name.into() }).expect("a name that is new")
}

fn message(room: u32, at: i64, author: &str, number: u16) -> Message {
    Message {
        id: 0,
        room,
        sent_at: Timestamp::from_micros(at),
        author: author.into(),
        number,
        topic: None,
        reply_to: None,
        r#type: vec![1, 2],
    }
}

fn numbers(messages: IndexRows<Message>) -> Vec<u16> {
    messages.map(|message| message.number).collect()
}

#[reducer]
pub fn a_stored_row_comes_back_with_its_number() {
    let hall = room("hall");
    assert_eq!(hall, Room { id: 1, name: "hall".into() });
    assert_eq!(Room::insert(Room { id: 7, name: "attic".into() }).unwrap().id, 7);
    assert_eq!(room("cellar").id, 8);
    let stored = Message::insert(message(hall.id, 5, "ada", 1)).unwrap();
    assert_eq!(Message::filter_by_id(&stored.id), Some(stored));
    assert_eq!(Message::filter_by_id(&99), None);
    assert_eq!(Room::count(), 3);
}

#[reducer]
pub fn many_rows_are_inserted_with_their_numbers() {
    let hall = room("hall");
    // More than one block of rows.
    let rows = (0..3000).map(|number| message(hall.id, i64::from(number), "ada", number));
    let stored = Message::insert_many(rows).unwrap();
    assert!(stored.iter().map(|message| message.id).eq(1..=3000));
    assert_eq!(Message::iter().count(), 3000);
    assert_eq!(Message::filter(|message| message.number % 2 == 0).count(), 1500);
    // A scan inside a scan, each with its own block.
    let pairs = Message::iter().take(3).flat_map(|_| Message::iter().take(2)).count();
    assert_eq!(pairs, 6);
}

#[reducer]
pub fn an_index_is_asked_by_its_leading_columns() {
    let (hall, attic) = (room("hall").id, room("attic").id);
    for (at, number) in [(30, 3), (10, 1), (20, 2)] {
        Message::insert(message(hall, at, "ada", number)).unwrap();
    }
    Message::insert(message(attic, 15, "bob", 4)).unwrap();
    let at = Timestamp::from_micros;
    assert_eq!(numbers(Message::filter_by_room(&hall)), [1, 2, 3]);
    assert_eq!(numbers(Message::filter_by_room(&hall).rev()), [3, 2, 1]);
    assert_eq!(numbers(Message::filter_by_room_and_sent_at(&hall, &at(20))), [2]);
    assert_eq!(numbers(Message::range_by_room_and_sent_at(&hall, at(10)..at(30))), [1, 2]);
    assert_eq!(numbers(Message::range_by_room_and_sent_at(&hall, ..=at(20)).rev()), [2, 1]);
    assert_eq!(numbers(Message::range_by_room_and_sent_at(&hall, ..)), [1, 2, 3]);
    assert_eq!(numbers(Message::range_by_room(attic..)), [4]);
    assert_eq!(numbers(Message::range_by_room(..)), [1, 2, 3, 4]);
    assert_eq!(numbers(Message::range_by_id(&2..=&3)), [1, 2]);
    assert_eq!(Message::filter_by_author_and_number("ada", &2).map(|m| m.sent_at), Some(at(20)));
    assert_eq!(numbers(Message::filter_by_author("ada")), [1, 2, 3]);
    assert_eq!(numbers(Message::range_by_author("b".."c")), [4]);
    let names = Room::range_by_name(String::from("b")..).map(|room| room.name);
    assert_eq!(names.collect::<Vec<_>>(), ["hall"]);
}

#[reducer]
pub fn a_column_that_may_be_absent_is_found_by_what_it_holds() {
    let hall = room("hall").id;
    let topic = |topic: &str| Some(topic.to_owned());
    for (number, topic) in [(1, topic("tea")), (2, None), (3, topic("cake"))] {
        Message::insert(Message { topic, ..message(hall, 0, "ada", number) }).unwrap();
    }
    assert_eq!(numbers(Message::filter_by_topic(&topic("tea"))), [1]);
    assert_eq!(numbers(Message::filter_by_topic(&None)), [2]);
    assert_eq!(numbers(Message::range_by_topic(topic("a")..)), [3, 1]);
}

#[reducer]
pub fn a_unique_value_is_stored_once() {
    let hall = room("hall");
    let again = Room::insert(Room { id: 0, name: "hall".into() });
    assert!(matches!(again, Err(InsertError::UniqueViolation(_))));
    let other = room("attic");
    let renamed = Room::update(Room { name: "hall".into(), ..other });
    assert!(matches!(renamed, Err(UpdateError::UniqueViolation(_))));
    assert!(Room::update(hall.clone()).is_ok(), "a row does not conflict with itself");
    let same_id = Room::insert(Room { name: "cellar".into(), ..hall });
    assert!(matches!(same_id, Err(InsertError::UniqueViolation(_))));
}

#[reducer]
pub fn a_foreign_key_points_at_a_row() {
    let refused = Message::insert(message(1, 0, "ada", 1));
    assert!(matches!(refused, Err(InsertError::ForeignKeyViolation(_))));
    let hall = room("hall");
    let first = Message::insert(message(hall.id, 0, "ada", 1)).unwrap();
    let reply = Message { reply_to: Some(first.id), ..message(hall.id, 1, "bob", 1) };
    let reply = Message::insert(reply).unwrap();
    assert!(matches!(Room::delete(&hall.id), Err(DeleteError::Referenced(_))));
    assert!(matches!(Message::delete(&first.id), Err(DeleteError::Referenced(_))));
    let moved = Message::update(Message { room: 9, ..first.clone() });
    assert!(matches!(moved, Err(UpdateError::ForeignKeyViolation(_))));
    assert_eq!(Message::delete(&reply.id), Ok(true));
    assert_eq!(Message::delete(&first.id), Ok(true));
    assert_eq!(Room::delete(&hall.id), Ok(true));
    assert_eq!(Room::delete(&hall.id), Ok(false));
}

#[reducer]
pub fn rows_are_changed_and_deleted_by_their_keys() {
    let hall = room("hall").id;
    for number in 0..6 {
        Message::insert(message(hall, i64::from(number % 3), "ada", number)).unwrap();
    }
    let found = Message::filter_by_author_and_number("ada", &4).unwrap();
    let changed = Message { r#type: vec![9; 5000], ..found.clone() };
    assert_eq!(Message::update(changed.clone()), Ok(changed.clone()));
    assert_eq!(Message::filter_by_id(&changed.id), Some(changed), "larger than a first look");
    let missing = Message::update(Message { id: 99, ..found });
    assert!(matches!(missing, Err(UpdateError::NotFound(_))));
    assert_eq!(Message::delete_by_room_and_sent_at(&hall, &Timestamp::from_micros(1)), Ok(2));
    assert_eq!(Message::delete_by_author_and_number("ada", &0), Ok(1));
    assert_eq!(Message::delete_by_room(&7), Ok(0));
    assert_eq!(Message::delete_by_author("ada"), Ok(3));
    assert_eq!(Message::count(), 0);
}

#[reducer]
pub fn an_event_table_is_appended_to() {
    Entry::insert_many((0..4).map(|kind| Entry { kind: kind % 2 })).unwrap();
    assert_eq!(Entry::filter_by_kind(&1).count(), 2);
    assert_eq!(Entry::insert_many([]).unwrap().len(), 0);
}

#[reducer]
pub fn a_row_larger_than_a_block_is_read() {
    let hall = room("hall").id;
    for number in 0..3 {
        let large = vec![7; 10_000 << (number * 2)];
        Message::insert(Message { r#type: large, ..message(hall, 0, "ada", number) }).unwrap();
    }
    let size = |message: Message| message.r#type.len();
    assert!(Message::range_by_id(..).map(size).eq([10_000, 40_000, 160_000]));
    // A whole table comes in no particular order.
    assert_eq!(Message::iter().map(size).sum::<usize>(), 210_000);
}

#[reducer]
pub fn numbers_come_to_an_end() {
    let ticket = |code: &str, number| Ticket { code: code.into(), number };
    assert_eq!(Ticket::insert(ticket("a", 0)).unwrap().number, 1);
    assert_eq!(Ticket::insert(ticket("b", -5)).unwrap().number, -5);
    assert_eq!(Ticket::insert(ticket("c", 126)).unwrap().number, 126);
    assert_eq!(Ticket::insert(ticket("d", 0)).unwrap().number, 127);
    let exhausted = Ticket::insert(ticket("e", 0));
    assert!(matches!(exhausted, Err(InsertError::AutoIncExhausted(_))));
    assert!(matches!(Ticket::insert(ticket("e", 127)), Err(InsertError::UniqueViolation(_))));
    // The primary key is the first index, though its column is the last.
    assert_eq!(Ticket::delete("a"), Ok(true));
    assert_eq!(Ticket::filter_by_number(&127).map(|ticket| ticket.code).as_deref(), Some("d"));
}

#[reducer]
pub fn what_is_absent_is_never_the_same() {
    room("hall");
    let door = |id, room: Option<&str>| Door { id, room: room.map(str::to_owned) };
    Door::insert_many([door(1, None), door(2, None), door(3, Some("hall"))]).unwrap();
    let second = Door::insert(door(4, Some("hall")));
    assert!(matches!(second, Err(InsertError::UniqueViolation(_))));
    assert_eq!(Door::filter_by_room(&Some("hall".into())).map(|door| door.id), Some(3));
    assert_eq!(Door::delete_by_room(&None), Ok(2));
}

#[reducer]
pub fn a_name_that_is_referred_to_stays() {
    let hall = room("hall");
    Door::insert(Door { id: 1, room: Some("hall".into()) }).unwrap();
    let renamed = Room::update(Room { name: "attic".into(), ..hall.clone() });
    assert!(matches!(renamed, Err(UpdateError::Referenced(_))));
    assert_eq!(Room::filter_by_name("hall").as_ref(), Some(&hall));
    assert_eq!(Room::filter_by_name("attic"), None);
    Door::update(Door { id: 1, room: None }).unwrap();
    Room::update(Room { name: "attic".into(), ..hall }).unwrap();
}

#[reducer]
pub fn rows_before_a_refused_one_stay() {
    let names = ["a", "b", "a", "c"].map(String::from);
    let rooms = names.map(|name| Room { id: 0, name });
    assert!(matches!(Room::insert_many(rooms), Err(InsertError::UniqueViolation(_))));
    assert!(Room::range_by_name(..).map(|room| room.name).eq(["a", "b"]));
}

#[reducer]
pub fn every_type_is_stored_and_found() {
    let samples: Vec<Sample> = (0..20).map(sample).collect();
    assert_eq!(Sample::insert_many(samples.clone()).unwrap(), samples);
    assert!(Sample::range_by_key(..).eq(samples.iter().cloned()));
    let [three, five] = [&samples[3], &samples[5]];
    assert_eq!(Sample::filter_by_key(&3).as_ref(), Some(three));
    assert_eq!(Sample::filter_by_u128(&three.u128).as_ref(), Some(three));
    let keys = |rows: IndexRows<Sample>| rows.map(|row| row.key).collect::<Vec<i16>>();
    assert_eq!(keys(Sample::filter_by_bytes(&[0, 5])), [5]);
    assert_eq!(keys(Sample::filter_by_uuid(&five.uuid)), [5]);
    assert_eq!(keys(Sample::filter_by_identity(&five.identity)), [5]);
    // Larger keys have smaller numbers here.
    assert_eq!(keys(Sample::range_by_i64(-5..=-3)), [5, 4, 3]);
    assert_eq!(keys(Sample::range_by_f64(..-16.5)), [19, 18, 17]);
    assert_eq!(keys(Sample::range_by_timestamp(three.timestamp..).rev()), [0, 1, 2, 3]);
    assert_eq!(keys(Sample::range_by_bytes(&[0, 18][..]..)), [18, 19]);
    let exclusive = (Bound::Excluded(3i16), Bound::Excluded(6i16));
    assert_eq!(keys(Sample::range_by_key(exclusive)), [4, 5]);
    assert_eq!(
        keys(Sample::range_by_key((Bound::<i16>::Unbounded, Bound::Excluded(2i16)))),
        [0, 1]
    );
}

#[reducer]
#[allow(clippy::reversed_empty_ranges, reason = "what is checked")]
pub fn a_range_that_holds_nothing_yields_nothing() {
    Sample::insert_many((0..4).map(sample)).unwrap();
    assert_eq!(Sample::range_by_key(2..2).count(), 0);
    assert_eq!(Sample::range_by_key(3..1).count(), 0);
    assert_eq!(Sample::range_by_key(100..).count(), 0);
    assert_eq!(Sample::range_by_key(3..1).rev().count(), 0);
}

#[reducer]
pub fn an_abandoned_scan_does_no_harm() {
    Sample::insert_many((0..100).map(sample)).unwrap();
    for _ in 0..200 {
        assert_eq!(Sample::range_by_key(5..).next().map(|row| row.key), Some(5));
    }
    // Rows go while they are looked at.
    for row in Sample::range_by_key(..) {
        Sample::delete(&row.key).unwrap();
    }
    assert_eq!(Sample::count(), 0);
}

#[reducer]
pub fn a_row_stays_where_its_column_has_placed_it() {
    let parcel = |label: &str, depot| Parcel { id: 0, label: label.into(), depot, grams: 100 };
    let first = Parcel::insert(parcel("first", 0.0)).unwrap();
    Parcel::insert(parcel("second", 7.5)).unwrap();
    let moved = Parcel { depot: 7.5, ..first.clone() };
    let renamed = Parcel { label: "second".into(), ..moved.clone() };
    for update in [moved.clone(), renamed] {
        let refused = Parcel::update(update).unwrap_err();
        assert!(matches!(refused, UpdateError::ShardKeyChanged(_)), "{refused:?}");
    }
    let missing = Parcel::update(Parcel { id: 1 << 40, ..moved.clone() }).unwrap_err();
    assert!(matches!(missing, UpdateError::NotFound(_)), "{missing:?}");
    assert_eq!(Parcel::filter_by_id(&first.id), Some(first.clone()));
    // Both zeros are one key.
    let weighed = Parcel { depot: -0.0, grams: 90, ..first.clone() };
    assert_eq!(Parcel::update(weighed.clone()), Ok(weighed));
    // What moves is another row.
    assert_eq!(Parcel::delete(&first.id), Ok(true));
    assert_eq!(Parcel::insert(moved.clone()), Ok(moved));
    assert_eq!(Parcel::count(), 2);
}
