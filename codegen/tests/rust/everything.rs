//! The module everything, version sha256:00, as `cosmictron generate` has written it.
//! It is written anew when the module changes: what is changed here is lost.

#![allow(
    dead_code, unused_imports, non_snake_case, non_camel_case_types, clippy::all,
    reason = "a program needs a part of it, and the names are the module's"
)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use cosmictron_client::{Bytes, Called, Client, ConnectionId, Duration, Error, Identity, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    #[serde(with = "cosmictron_client::float")]
    pub x: f64,
    #[serde(with = "cosmictron_client::float")]
    pub y: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metres(
    #[serde(with = "cosmictron_client::float")]
    pub f32,
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    Nothing,
    Circle {
        centre: Point,
        radius: Metres,
    },
    Line(
        Point,
        Option<u64>,
    ),
    #[serde(rename = "Self")]
    Self2(
        Bytes,
    ),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marker {
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point2(
    pub i8,
    pub i16,
);

/// A row of the table `aB`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ABRow {
    pub a_b: u8,
    pub aB: u8,
}

impl ABRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "a_b", "aB" FROM "aB""#;
}

/// A row of the table `a_b`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ABRow2 {
    pub class: u8,
}

impl ABRow2 {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "class" FROM "a_b""#;
}

/// A row of the table `message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// Primary key. A 0 is replaced by the next number.
    pub id: u64,
    /// Refers to `room.id`.
    pub room: u32,
    pub r#type: String,
    #[serde(rename = "self")]
    pub self2: bool,
    pub reply_to: Option<u64>,
    pub shape: Shape,
    pub marker: Marker,
    pub deep: Option<(Option<Vec<Option<i128>>>,)>,
    pub twin: Point2,
}

impl MessageRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "id", "room", "type", "self", "reply_to", "shape", "marker", "deep", "twin" FROM "message""#;
}

/// A row of the table `room`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomRow {
    /// Primary key.
    pub id: u32,
    /// Unique.
    pub name: String,
}

impl RoomRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "id", "name" FROM "room""#;
}

/// A row of the table `sample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    pub yes: bool,
    pub i8: i8,
    pub i16: i16,
    pub i32: i32,
    pub i64: i64,
    pub i128: i128,
    pub u8: u8,
    pub u16: u16,
    pub u32: u32,
    pub u64: u64,
    pub u128: u128,
    #[serde(with = "cosmictron_client::float")]
    pub f32: f32,
    #[serde(default, with = "cosmictron_client::float")]
    pub f64: Option<f64>,
    pub string: String,
    pub bytes: Bytes,
    pub timestamp: Timestamp,
    pub duration: Duration,
    pub identity: Identity,
    pub connection: ConnectionId,
    pub uuid: Uuid,
    #[serde(with = "cosmictron_client::float")]
    pub list: Vec<Vec<f64>>,
}

impl SampleRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "yes", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "f64", "string", "bytes", "timestamp", "duration", "identity", "connection", "uuid", "list" FROM "sample""#;
}

/// A row of the view `loud`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoudRow {
    pub id: u64,
    pub text: Option<String>,
}

impl LoudRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "id", "text" FROM "loud""#;
}

/// The arguments of the reducer `send`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendArgs {
    pub room: u32,
    pub at: Timestamp,
    pub raw: Bytes,
    pub reply_to: Option<u64>,
    #[serde(with = "cosmictron_client::float")]
    pub weight: f64,
    pub r#where: Option<Metres>,
    pub all: Vec<u64>,
}

/// The module's reducers, as a client calls them.
#[derive(Clone, Copy, Debug)]
pub struct Reducers<'c> {
    client: &'c Client,
}

impl<'c> Reducers<'c> {
    pub fn of(client: &'c Client) -> Self {
        Self { client }
    }
    /// Calls the reducer `delete`.
    pub async fn delete(&self) -> Result<Called<()>, Error> {
        self.client.call("delete", &()).await
    }
    /// Calls the reducer `send`.
    pub async fn send(&self, args: &SendArgs) -> Result<Called<u64>, Error> {
        self.client.call("send", args).await
    }
}
