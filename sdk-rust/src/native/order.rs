//! Gives encoded columns the order that the server's indexes have.

use cosmictron_types::schema::{IndexSchema, TableSchema};
use cosmictron_types::ty::Type;
use cosmictron_types::{ColumnIndex, RowLayout};

/// A column's value, ordered as an index orders it. Values of one column are all of one variant, or absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Datum {
    Absent,
    Unsigned(u128),
    Signed(i128),
    Bytes(Vec<u8>),
}

/// What an index is over.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) columns: Vec<usize>,
    pub(super) unique: bool,
    types: Vec<Type>,
}

impl Index {
    pub(super) fn new(table: &TableSchema, index: &IndexSchema) -> Self {
        let columns: Vec<usize> = index
            .columns
            .iter()
            .map(|name| {
                table.column(name).expect("a parsed schema names columns that exist").index()
            })
            .collect();
        let types = columns.iter().map(|&column| table.columns[column].ty.clone()).collect();
        Self { name: index.name.clone(), columns, unique: index.unique, types }
    }

    /// A row's key.
    pub(super) fn key(&self, layout: &RowLayout, row: &[u8]) -> Vec<Datum> {
        let tail = |&column: &usize| column_of(layout, row, column);
        self.columns.iter().map(tail).zip(&self.types).map(|(tail, ty)| datum(ty, tail)).collect()
    }

    /// A key in the guest ABI's form: a column count and as many columns.
    pub(super) fn parse_key(&self, key: &[u8]) -> Vec<Datum> {
        let (&count, row) = key.split_first().expect("a key has a column count");
        let types = &self.types[..usize::from(count)];
        let layout = RowLayout::new(types.iter().cloned());
        layout.check(row).expect("the compiler checked the key's types");
        let columns = types.iter().enumerate();
        columns.map(|(at, ty)| datum(ty, column_of(&layout, row, at))).collect()
    }
}

/// A column's tail form.
pub(super) fn column_of<'a>(layout: &RowLayout, row: &'a [u8], column: usize) -> &'a [u8] {
    let column = u16::try_from(column).expect("COLUMNS_MAX fits in 16 bits");
    layout.column(row, ColumnIndex::new(column))
}

pub(super) fn datum(ty: &Type, tail: &[u8]) -> Datum {
    match ty {
        Type::Option(_) if tail[0] == 0 => Datum::Absent,
        Type::Option(inner) => datum(inner, &tail[1..]),
        Type::Bool | Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::U128 => {
            Datum::Unsigned(unsigned(tail))
        }
        Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128 => Datum::Signed(signed(tail)),
        Type::Timestamp | Type::Duration => Datum::Signed(signed(tail)),
        Type::F32 | Type::F64 => Datum::Signed(float_order(tail)),
        // Bytes have a length before them.
        Type::Bytes => Datum::Bytes(tail[4..].to_vec()),
        _ => Datum::Bytes(tail.to_vec()),
    }
}

/// A little-endian number of any width.
fn unsigned(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u128::from(byte))
}

fn signed(bytes: &[u8]) -> i128 {
    let unused_bits = 128 - 8 * bytes.len() as u32;
    (unsigned(bytes) << unused_bits).cast_signed() >> unused_bits
}

/// A number that orders as the float does: a negative float's magnitude counts downwards. Both zeros are one key.
fn float_order(bytes: &[u8]) -> i128 {
    let bits = signed(bytes);
    let magnitude = (1i128 << (8 * bytes.len() - 1)) - 1;
    if bits < 0 { (bits ^ magnitude) + 1 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmictron_types::Column;

    #[track_caller]
    fn check<T: Column>(ty: Type, ascending: &[T]) {
        let keys = ascending.iter().map(|value| {
            let mut tail = Vec::new();
            value.encode_tail(&mut tail);
            datum(&ty, &tail)
        });
        assert!(keys.is_sorted(), "{ty}");
    }

    #[test]
    fn both_zeros_are_one_key() {
        assert_eq!(
            datum(&Type::F64, &0f64.to_le_bytes()),
            datum(&Type::F64, &(-0f64).to_le_bytes())
        );
    }

    #[test]
    fn keys_order_as_their_values_do() {
        check(Type::I16, &[i16::MIN, -1, 0, 1, i16::MAX]);
        check(Type::I128, &[i128::MIN, -1, 0, i128::MAX]);
        check(Type::U64, &[0, 1, u64::MAX]);
        check(Type::F64, &[f64::NEG_INFINITY, -1.5, -0.25, 0.0, 1e-9, 2.0, f64::INFINITY]);
        check(Type::F32, &[-1e9f32, -1.0, 0.0, 3.0]);
        check(Type::Bytes, &[vec![], vec![0u8, 9], vec![1], vec![1, 0]]);
        let text = |text: &str| Some(text.to_owned());
        check(Type::Option(Box::new(Type::String)), &[None, text(""), text("a"), text("ab")]);
    }
}
