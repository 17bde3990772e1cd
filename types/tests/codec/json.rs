//! What is written reads back as the same bytes, however it is spelled.

use cosmictron_types::json;
use proptest::prelude::{any, proptest};

use crate::datum::Spelling;
use crate::random;
use crate::rows::{LIMITS, decode_arguments};

proptest! {
    #[test]
    fn a_value_survives_json((ty, value) in random::value(), seed in any::<u64>()) {
        let tail = value.tail();
        ty.check_tail(&tail).unwrap();
        let mut text = Vec::new();
        json::write_value(&ty, &tail, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), value.json(&ty));

        let mut scratch = json::Scratch::default();
        for spelling in [Spelling::canonical(), Spelling::loose(seed)] {
            let text = value.json_by(&ty, &mut spelling.clone());
            let mut again = b"before".to_vec();
            json::decode_value(&ty, text.as_bytes(), LIMITS, &mut scratch, &mut again).unwrap();
            assert_eq!(again[..6], *b"before");
            assert_eq!(again[6..], tail, "{text}");
        }
    }

    #[test]
    fn arguments_survive_json_in_any_order(row in random::row(), seed in any::<u64>()) {
        let bytes = row.encode();
        for spelling in [Spelling::canonical(), Spelling::loose(seed)] {
            for text in [
                row.json_array(&mut spelling.clone()),
                row.json_object(&mut spelling.clone()),
            ] {
                assert_eq!(decode_arguments(&row, text.as_bytes()).unwrap(), bytes, "{text}");
            }
        }
    }

    #[test]
    fn a_row_is_written_as_its_values_are(row in random::row()) {
        let (layout, bytes) = (row.layout(), row.encode());
        let mut text = Vec::new();
        json::write_row(&layout, &bytes, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), row.json_array(&mut Spelling::canonical()));
        let mut text = Vec::new();
        let names = row.fields.iter().map(|field| field.name.as_str());
        json::write_object(names, &layout, &bytes, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), row.json_object(&mut Spelling::canonical()));
    }
}
