//! Tables with every kind of column and index.

use cosmictron_sdk::prelude::*;

#[table(name = "rooms", public)]
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    #[primary_key]
    #[auto_inc]
    pub id: u32,
    #[unique]
    pub name: String,
}

// An index may stand above `#[table]` as well.
#[index(btree(columns = [room, sent_at]))]
#[table(name = "messages", public)]
#[index(name = by_author, unique, btree(columns = [author, number]))]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[fk(rooms.id)]
    pub room: u32,
    pub sent_at: Timestamp,
    pub author: String,
    pub number: u16,
    #[index]
    pub topic: Option<String>,
    #[fk(messages.id)]
    pub reply_to: Option<u64>,
    pub r#type: Vec<u8>,
}

/// Few numbers, and a primary key that comes last.
#[table(name = "tickets")]
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    #[unique]
    #[auto_inc]
    pub number: i8,
    #[primary_key]
    pub code: String,
}

/// Refers to what is unique but no primary key, and is unique only where there is something.
#[table(name = "doors")]
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    #[primary_key]
    pub id: u64,
    #[fk(rooms.name)]
    #[unique]
    pub room: Option<String>,
}

/// Has no primary key, and is only appended to.
#[table(name = "entries", event)]
pub struct Entry {
    #[index]
    pub kind: u8,
}

/// Spread over shards by a column that is no key.
#[table(name = "parcels", shard_by = depot)]
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[unique]
    pub label: String,
    pub depot: f64,
    pub grams: u32,
}

#[derive(Column, Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Metres(pub f64);

#[derive(Column, Clone, Debug, PartialEq)]
pub struct Marker;

#[derive(Column, Clone, Debug, PartialEq)]
pub enum Shape {
    Nothing,
    Circle { centre: Point, radius: Metres },
    Line(Point, Point),
    Path(Vec<Point>),
}

/// One column of every type.
#[table(name = "samples")]
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    #[primary_key]
    pub key: i16,
    pub yes: bool,
    pub i8: i8,
    pub i32: i32,
    #[index]
    pub i64: i64,
    pub i128: i128,
    pub u8: u8,
    pub u16: u16,
    pub u32: u32,
    pub u64: u64,
    #[unique]
    pub u128: u128,
    pub f32: f32,
    #[index]
    pub f64: f64,
    pub string: String,
    #[index]
    pub bytes: Vec<u8>,
    #[index]
    pub timestamp: Timestamp,
    pub duration: Duration,
    #[index]
    pub identity: Identity,
    pub connection: ConnectionId,
    #[index]
    pub uuid: Uuid,
    pub list: Vec<Option<String>>,
    pub shape: Shape,
    pub marker: Option<Marker>,
}

pub fn sample(key: i16) -> Sample {
    let n = u8::try_from(key).expect("a small key");
    Sample {
        key,
        yes: n % 2 == 0,
        i8: -1,
        i32: i32::MIN,
        i64: -i64::from(n),
        i128: i128::MIN,
        u8: n,
        u16: u16::MAX,
        u32: u32::MAX,
        u64: u64::MAX,
        u128: u128::MAX - u128::from(n),
        f32: 0.5,
        f64: -f64::from(n),
        string: "ä\0b".into(),
        bytes: vec![0, n],
        timestamp: Timestamp::from_micros(-i64::from(n)),
        duration: Duration::from_millis(-1),
        identity: Identity::from_bytes([n; 32]),
        connection: ConnectionId::from_bytes([n; 16]),
        uuid: Uuid::from_bytes([n; 16]),
        list: vec![None, Some(String::new()), Some("x".into())],
        shape: Shape::Circle { centre: Point { x: -0.5, y: 1e300 }, radius: Metres(2.0) },
        marker: (n % 2 == 0).then_some(Marker),
    }
}

/// Rooms whose names are long: a view.
#[view]
pub fn long_rooms() -> impl Iterator<Item = Room> {
    Room::filter(|room| room.name.len() > 10)
}
