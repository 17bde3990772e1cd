//! Writes or compares the memcomparable bytes of one column.

use core::cmp::Ordering;

use cosmictron_types::{ColumnIndex, DecodeError, Slot, Type};

/// One column of an index, and how its values become key bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) column: ColumnIndex,
    ty: Type,
    optional: bool,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Unsigned,
    Signed,
    F32,
    F64,
    /// Bytes of a fixed number, already in order.
    Plain,
    /// Bytes of any number, all of the tail.
    Text,
    /// Bytes of any number, behind their count.
    Counted,
}

/// Bytes of the count that a tail of [`Type::Bytes`] begins with.
const COUNT_BYTES: usize = 4;

/// A column of 8 bytes whose key bytes are its own, in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    at: usize,
    flip: u64,
}

impl Word {
    pub(crate) fn new(slot: Slot, ty: &Type) -> Option<Self> {
        let flip = match ty {
            Type::U64 => 0,
            Type::I64 | Type::Timestamp | Type::Duration => u64::from(SIGN) << 56,
            _ => return None,
        };
        match slot {
            Slot::Fixed { at, .. } => Some(Self { at, flip }),
            Slot::Variable { .. } => None,
        }
    }

    /// The key bytes of a checked row.
    pub(crate) fn read(&self, row: &[u8]) -> [u8; 8] {
        let word = row[self.at..].first_chunk().expect("a checked row holds its columns");
        (u64::from_le_bytes(*word) ^ self.flip).to_be_bytes()
    }
}

/// What takes key bytes, piece by piece.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

/// Compares a key that is produced piece by piece, cut to a probe's length, with that probe.
pub(crate) struct Comparison<'p> {
    /// What of the probe is not yet matched.
    rest: &'p [u8],
    ordering: Ordering,
}

impl<'p> Comparison<'p> {
    pub(crate) fn with(probe: &'p [u8]) -> Self {
        Self { rest: probe, ordering: Ordering::Equal }
    }

    /// Whether further bytes change nothing.
    pub(crate) fn is_decided(&self) -> bool {
        self.ordering.is_ne() || self.rest.is_empty()
    }

    /// How the key stands to the probe; equal when it begins with it.
    pub(crate) fn ordering(&self) -> Ordering {
        match self.ordering {
            Ordering::Equal if !self.rest.is_empty() => Ordering::Less,
            decided => decided,
        }
    }
}

impl Sink for Comparison<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if self.is_decided() {
            return;
        }
        let length = bytes.len().min(self.rest.len());
        let (probe, rest) = self.rest.split_at(length);
        self.ordering = bytes[..length].cmp(probe);
        self.rest = rest;
    }
}

impl Part {
    /// `ty` is one that [`Type::is_key`] holds for, or an `Option` of one: checked schemas index nothing else.
    pub(crate) fn new(column: ColumnIndex, ty: &Type) -> Self {
        let form = match ty.required() {
            Type::Bool | Type::Identity | Type::ConnectionId | Type::Uuid => Form::Plain,
            Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::U128 => Form::Unsigned,
            Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128 => Form::Signed,
            Type::Timestamp | Type::Duration => Form::Signed,
            Type::F32 => Form::F32,
            Type::F64 => Form::F64,
            Type::String => Form::Text,
            Type::Bytes => Form::Counted,
            other => panic!("a checked schema has no index over a {other}"),
        };
        Self { column, ty: ty.clone(), optional: ty.is_option(), form }
    }

    /// Whether `tail` is a value of this column.
    pub(crate) fn check(&self, tail: &[u8]) -> Result<(), DecodeError> {
        self.ty.check_tail(tail)
    }

    /// Whether a checked value of this column is absent.
    pub(crate) fn is_absent(&self, tail: &[u8]) -> bool {
        self.optional && tail[0] == 0
    }

    /// Puts the key bytes of a checked value in tail form.
    pub(crate) fn encode(&self, tail: &[u8], sink: &mut impl Sink) {
        if !self.optional {
            return self.encode_required(tail, sink);
        }
        if tail[0] == 0 {
            return sink.put(&[0]);
        }
        sink.put(&[1]);
        self.encode_required(&tail[1..], sink);
    }

    /// How many of the bytes that a key goes on with are this column's. `None` when the key has ended.
    pub(crate) fn length(&self, bytes: &[u8]) -> Option<usize> {
        let tag = usize::from(self.optional);
        if self.optional && *bytes.first()? == 0 {
            return Some(tag);
        }
        let value = bytes.get(tag..).filter(|value| !value.is_empty())?;
        let length = match self.ty.required().width() {
            Some(width) => width,
            // No value has the terminator within.
            None => value.iter().position(|&byte| byte == TERMINATOR)? + 1,
        };
        Some(tag + length)
    }

    /// The key bytes of this column without what says that the value is there. `None` when it is absent.
    pub(crate) fn present<'k>(&self, bytes: &'k [u8]) -> Option<&'k [u8]> {
        match self.optional {
            true => bytes.split_first().filter(|(tag, _)| **tag != 0).map(|(_, value)| value),
            false => Some(bytes),
        }
    }

    /// As [`Part::encode`], of a value in the tail form of the type without its `Option`.
    pub(crate) fn encode_present(&self, tail: &[u8], sink: &mut impl Sink) {
        if self.optional {
            sink.put(&[1]);
        }
        self.encode_required(tail, sink);
    }

    fn encode_required(&self, tail: &[u8], sink: &mut impl Sink) {
        match self.form {
            Form::Plain => sink.put(tail),
            Form::Unsigned => put_number(tail, false, sink),
            Form::Signed => put_number(tail, true, sink),
            Form::F32 => sink.put(&ordered_f32(tail).to_be_bytes()),
            Form::F64 => sink.put(&ordered_f64(tail).to_be_bytes()),
            Form::Text => put_escaped(tail, sink),
            Form::Counted => put_escaped(&tail[COUNT_BYTES..], sink),
        }
    }
}

/// The sign bit of a number's first byte, most significant byte first.
const SIGN: u8 = 0x80;

/// Puts a little-endian number of up to 16 bytes.
pub(crate) fn put_number(tail: &[u8], signed: bool, sink: &mut impl Sink) {
    put_reversed(tail, if signed { SIGN } else { 0 }, sink);
}

/// Puts a little-endian number of up to 16 bytes big-endian, its first byte changed by `flip`.
fn put_reversed(tail: &[u8], flip: u8, sink: &mut impl Sink) {
    // Eight bytes are what most keys have, and the compiler makes one instruction of it.
    if let Ok(bytes) = <[u8; 8]>::try_from(tail) {
        let mut bytes = u64::from_le_bytes(bytes).to_be_bytes();
        bytes[0] ^= flip;
        return sink.put(&bytes);
    }
    let mut bytes = [0; 16];
    let bytes = &mut bytes[..tail.len()];
    bytes.copy_from_slice(tail);
    bytes.reverse();
    bytes[0] ^= flip;
    sink.put(bytes);
}

fn ordered_f32(tail: &[u8]) -> u32 {
    let value = f32::from_le_bytes(tail.try_into().expect("a checked f32 has 4 bytes"));
    let bits = if value.is_nan() { f32::NAN.to_bits() & !SIGN_32 } else { (value + 0.0).to_bits() };
    if bits & SIGN_32 == 0 { bits | SIGN_32 } else { !bits }
}

fn ordered_f64(tail: &[u8]) -> u64 {
    let value = f64::from_le_bytes(tail.try_into().expect("a checked f64 has 8 bytes"));
    let bits = if value.is_nan() { f64::NAN.to_bits() & !SIGN_64 } else { (value + 0.0).to_bits() };
    if bits & SIGN_64 == 0 { bits | SIGN_64 } else { !bits }
}

const SIGN_32: u32 = 1 << 31;
const SIGN_64: u64 = 1 << 63;

/// Ends a value of any length. Less than every byte that a value can go on with.
const TERMINATOR: u8 = 0;
/// Stands before the two bytes that would be taken for it or for the terminator.
const ESCAPE: u8 = 1;

fn put_escaped(mut bytes: &[u8], sink: &mut impl Sink) {
    while let Some(at) = bytes.iter().position(|&byte| byte <= ESCAPE) {
        sink.put(&bytes[..at]);
        sink.put(&[ESCAPE, bytes[at] + 1]);
        bytes = &bytes[at + 1..];
    }
    sink.put(bytes);
    sink.put(&[TERMINATOR]);
}
