//! Which functions there are whose arguments have one type each.

use crate::expr::call::{Float, Function, Side};
use crate::value::{Integer, SqlType};

/// A function of arguments of one type each.
pub(super) struct Signature {
    pub(super) function: Function,
    pub(super) args: &'static [SqlType],
    pub(super) result: SqlType,
}

impl Signature {
    pub(super) fn of(name: &str, args: usize) -> Option<Self> {
        use SqlType::{Bool, Duration, F64, String, Timestamp};

        const INT: SqlType = SqlType::Int(Integer::I32);
        if let Some(float) = Float::by_name(name, args) {
            let types: &[SqlType] = if args == 1 { &[F64] } else { &[F64, F64] };
            return Some(Self { function: Function::Float(float), args: types, result: F64 });
        }
        let (function, types, result): (Function, &'static [SqlType], SqlType) = match (name, args)
        {
            ("lower", 1) => (Function::Lower, &[String], String),
            ("upper", 1) => (Function::Upper, &[String], String),
            ("initcap", 1) => (Function::InitCap, &[String], String),
            ("reverse", 1) => (Function::Reverse, &[String], String),
            ("btrim", 1) => (Function::Trim(Side::Both), &[String], String),
            ("ltrim", 1) => (Function::Trim(Side::Left), &[String], String),
            ("rtrim", 1) => (Function::Trim(Side::Right), &[String], String),
            ("btrim", 2) => (Function::Trim(Side::Both), &[String, String], String),
            ("ltrim", 2) => (Function::Trim(Side::Left), &[String, String], String),
            ("rtrim", 2) => (Function::Trim(Side::Right), &[String, String], String),
            ("substr" | "substring", 2) => (Function::Substring, &[String, INT], String),
            ("substr" | "substring", 3) => (Function::Substring, &[String, INT, INT], String),
            ("strpos", 2) => (Function::Position, &[String, String], INT),
            ("replace", 3) => (Function::Replace, &[String, String, String], String),
            ("translate", 3) => (Function::Translate, &[String, String, String], String),
            ("left", 2) => (Function::Left, &[String, INT], String),
            ("right", 2) => (Function::Right, &[String, INT], String),
            ("lpad", 2) => (Function::Pad(Side::Left), &[String, INT], String),
            ("rpad", 2) => (Function::Pad(Side::Right), &[String, INT], String),
            ("lpad", 3) => (Function::Pad(Side::Left), &[String, INT, String], String),
            ("rpad", 3) => (Function::Pad(Side::Right), &[String, INT, String], String),
            ("starts_with", 2) => (Function::StartsWith, &[String, String], Bool),
            ("split_part", 3) => (Function::SplitPart, &[String, String, INT], String),
            ("repeat", 2) => (Function::Repeat, &[String, INT], String),
            ("to_timestamp", 1) => (Function::ToTimestamp, &[F64], Timestamp),
            ("date_bin", 3) => (Function::DateBin, &[Duration, Timestamp, Timestamp], Timestamp),
            _ => return None,
        };
        Some(Self { function, args: types, result })
    }
}
