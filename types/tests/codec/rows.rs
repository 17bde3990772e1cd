//! Rows are found, checked and put together as the encoding says, and damage is noticed or harmless.

use cosmictron_types::json::{self, JsonError};
use cosmictron_types::{ColumnIndex, RowLayout};
use proptest::prelude::{ProptestConfig, proptest};

use crate::datum::RandomRow;
use crate::random;

pub(crate) const LIMITS: json::Limits = json::Limits { row_bytes_max: 1 << 20 };

pub(crate) fn decode_arguments(row: &RandomRow, text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let (layout, mut scratch) = (row.layout(), json::Scratch::default());
    let mut out = Vec::new();
    json::decode_arguments(&row.fields, &layout, text, LIMITS, &mut scratch, &mut out)?;
    Ok(out)
}

fn columns<'a>(
    layout: &'a RowLayout,
    bytes: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> + Clone + 'a {
    (0..layout.types().len())
        .map(|column| layout.column(bytes, ColumnIndex::new(u16::try_from(column).unwrap())))
}

/// Damaged bytes are refused. Or they are another row, whose parts can be found, and whose JSON is the same row:
/// there are no two encodings of one value.
fn check_damaged(row: &RandomRow, layout: &RowLayout, bytes: &[u8]) {
    if layout.check(bytes).is_err() {
        return;
    }
    let mut again = Vec::new();
    layout.assemble(columns(layout, bytes), &mut again);
    assert_eq!(again, bytes);
    let mut text = Vec::new();
    json::write_row(layout, bytes, &mut text);
    let text = String::from_utf8(text).unwrap();
    let again = decode_arguments(row, text.as_bytes()).unwrap();
    // JSON does not tell one NaN from another.
    if !text.contains("\"NaN\"") {
        assert_eq!(again, bytes, "{text}");
    }
}

proptest! {
    #[test]
    fn columns_are_found_where_the_encoding_has_them(row in random::row()) {
        let (layout, bytes) = (row.layout(), row.encode());
        layout.check(&bytes).unwrap();
        let tails: Vec<Vec<u8>> = row.values.iter().map(|value| value.tail()).collect();
        assert!(columns(&layout, &bytes).eq(tails.iter().map(Vec::as_slice)));
        let mut again = Vec::new();
        layout.assemble(tails.iter().map(Vec::as_slice), &mut again);
        assert_eq!(again, bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_cut_and_every_surplus_byte_is_refused(row in random::row()) {
        let (layout, bytes) = (row.layout(), row.encode());
        for length in 0..bytes.len() {
            assert!(layout.check(&bytes[..length]).is_err(), "{length} of {bytes:?}");
        }
        for byte in [0, 1, 0xff] {
            assert!(layout.check(&[&bytes[..], &[byte]].concat()).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed_or_makes_another_row(row in random::row()) {
        let (layout, mut bytes) = (row.layout(), row.encode());
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            check_damaged(&row, &layout, &bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
