//! What an expression can be worth: types, values, their order and their texts.
//!
//! A type ([`SqlType`]) is known once a text is bound; a value ([`Datum`]) does not carry it. Several types share one
//! form of value, so that an operator needs a few cases and not one for every width.
//!
//! | form | types |
//! |---|---|
//! | `Int` | every integer; `timestamp` and `duration` in microseconds; a `numeric` without fraction that fits |
//! | `Decimal` | `numeric`, and a `u128` beyond `i128` |
//! | `Float` | `f32`, `f64` |
//! | `Text` | `string` |
//! | `Bytes` | `bytes`, `identity`, `connection_id`, `uuid`; lists, structs and enums in their encoding |
//!
//! Invariants:
//! 1. A number without fraction and with a scale of 0 that fits in `i128` is an `Int`, never a `Decimal`.
//! 2. A `Float` of type `f32` is exactly an `f32`.
//!
//! Reading order: [`ty`], [`datum`], [`compare`], [`decimal`], [`column`], [`text`], [`timestamp`], [`duration`],
//! [`json`].

pub(crate) mod column;
pub(crate) mod compare;
pub(crate) mod datum;
pub(crate) mod decimal;
pub(crate) mod duration;
pub(crate) mod float_sum;
pub(crate) mod json;
pub(crate) mod text;
pub(crate) mod timestamp;
pub(crate) mod ty;

pub use datum::Datum;
pub use ty::{Integer, SqlType};
