#![doc = include_str!("../README.md")]
//!
//! Reading order: [`Client`] is what a user holds, [`Subscription`] what it gives; `conversation` is all that outlives a
//! connection, `driver` keeps one; `socket`, `http` and `transport` move bytes, `wire` and `row` say what they mean.

pub mod float;

mod address;
mod backoff;
mod client;
mod conversation;
mod driver;
mod error;
mod http;
mod options;
mod row;
mod session;
mod socket;
mod subscription;
mod transport;
mod value;
mod wire;

pub use backoff::Backoff;
pub use client::{Answer, Called, Client, IdempotencyKey};
pub use driver::State;
pub use error::{Code, Error, Refusal};
pub use options::Options;
pub use session::Session;
pub use subscription::{Subscription, Update};
pub use value::{Bytes, ConnectionId, Duration, Identity, InvalidValue, Timestamp, Uuid};
