//! One value of an expression.

use std::borrow::Cow;

use bigdecimal::BigDecimal;

/// A value, without its type. Borrows from the row, the parameters or the plan where it can.
///
/// `==` asks whether two are the same in all that an answer can show: `1.0` is not `1.00`, and `0` not `-0`. What SQL takes
/// for equal is another question, that of comparing values.
#[derive(Clone, Debug)]
pub enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i128),
    /// Boxed: rare, and the other forms would pay for its size.
    Decimal(Box<BigDecimal>),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl PartialEq for Datum<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Datum::Null, Datum::Null) => true,
            (Datum::Bool(a), Datum::Bool(b)) => a == b,
            (Datum::Int(a), Datum::Int(b)) => a == b,
            (Datum::Decimal(a), Datum::Decimal(b)) => {
                a.as_bigint_and_scale() == b.as_bigint_and_scale()
            }
            (Datum::Float(a), Datum::Float(b)) => a.to_bits() == b.to_bits(),
            (Datum::Text(a), Datum::Text(b)) => a == b,
            (Datum::Bytes(a), Datum::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl<'a> Datum<'a> {
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Datum::Text(text.into())
    }

    pub(crate) fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::Null => Datum::Null,
            Datum::Bool(value) => Datum::Bool(value),
            Datum::Int(value) => Datum::Int(value),
            Datum::Decimal(value) => Datum::Decimal(value),
            Datum::Float(value) => Datum::Float(value),
            Datum::Text(text) => Datum::Text(Cow::Owned(text.into_owned())),
            Datum::Bytes(bytes) => Datum::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }

    /// Bytes held beyond the value itself. Borrowed ones are counted too: they end up in the answer.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Datum::Text(text) => text.len(),
            Datum::Bytes(bytes) => bytes.len(),
            Datum::Decimal(value) => {
                size_of::<BigDecimal>() + usize::try_from(value.digits() / 2).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }
}
