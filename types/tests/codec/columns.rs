//! A Rust type's own encoding is what the type that it describes expects.

use std::fmt::Debug;

use cosmictron_types::row::encode_single;
use cosmictron_types::{
    Column, ConnectionId, Duration, Identity, Reader, RowLayout, RowReader, RowWriter, Timestamp,
    Type, Uuid, json, slot_width,
};
use proptest::prelude::{any, proptest};

use crate::rows::LIMITS;

fn type_of<T: Column>() -> Type {
    let mut described = String::new();
    T::describe(&mut described);
    serde_json::from_str(&described).unwrap()
}

/// Both forms, through the Rust type and through the type as a value, and through JSON.
fn check<T: Column + PartialEq + Debug>(value: &T) {
    let ty = type_of::<T>();
    assert_eq!(T::WIDTH, ty.width());
    let (mut own, mut tail) = (Vec::new(), Vec::new());
    value.encode(&mut own);
    value.encode_tail(&mut tail);
    ty.check_tail(&tail).unwrap();
    assert_eq!(T::decode_tail(&tail).as_ref(), Ok(value));
    let (mut mine, mut theirs) = (Reader::new(&own), Reader::new(&own));
    assert_eq!(T::decode(&mut mine).as_ref(), Ok(value));
    ty.skip(&mut theirs).unwrap();
    assert!(mine.is_empty() && theirs.is_empty());

    let mut text = Vec::new();
    json::write_value(&ty, &tail, &mut text);
    let mut again = Vec::new();
    json::decode_value(&ty, &text, LIMITS, &mut json::Scratch::default(), &mut again).unwrap();
    assert_eq!(again, tail);

    let mut row = Vec::new();
    encode_single(value, &mut row);
    RowLayout::new([ty]).check(&row).unwrap();
}

/// Both readings of arbitrary bytes agree.
fn check_bytes<T: Column>(bytes: &[u8]) {
    let ty = type_of::<T>();
    let read = T::decode_tail(bytes);
    assert_eq!(ty.check_tail(bytes), read.as_ref().map(|_| ()).map_err(|error| *error));
    if let Ok(value) = read {
        let mut again = Vec::new();
        value.encode_tail(&mut again);
        assert_eq!(again, bytes);
    }
}

proptest! {
    #[test]
    fn numbers_and_times(a in any::<u64>(), b in any::<i128>(), c in any::<u8>(), d in any::<bool>()) {
        check(&a);
        check(&b);
        check(&c);
        check(&d);
        check(&Timestamp::from_micros(a.cast_signed()));
        check(&Duration::from_micros(a.cast_signed()));
        check(&Some(b));
        check(&Some(Some(c)));
    }

    #[test]
    fn names(bytes in any::<[u8; 32]>()) {
        let half = *bytes.first_chunk().unwrap();
        check(&Identity::from_bytes(bytes));
        check(&ConnectionId::from_bytes(half));
        check(&Some(Uuid::from_bytes(half)));
        let identity = Identity::from_bytes(bytes);
        assert_eq!(identity.to_string().parse(), Ok(identity));
    }

    #[test]
    fn texts_and_lists(
        text in any::<String>(),
        bytes in any::<Vec<u8>>(),
        maybe in any::<Vec<Option<String>>>(),
        nested in any::<Option<Vec<Option<Vec<u16>>>>>(),
        twice in any::<Option<Option<String>>>(),
    ) {
        check(&text);
        check(&bytes);
        check(&maybe);
        check(&nested);
        check(&twice);
        check(&vec![bytes]);
    }

    #[test]
    fn rows_of_rust_types(a in any::<u32>(), b in any::<String>(), c in any::<Option<String>>()) {
        let mut row = Vec::new();
        let mut writer = RowWriter::new(&mut row);
        writer.slot(&a);
        writer.slot(&b);
        writer.slot(&c);
        writer.tail(&a);
        writer.tail(&b);
        writer.tail(&c);
        let types = [type_of::<u32>(), type_of::<String>(), type_of::<Option<String>>()];
        RowLayout::new(types).check(&row).unwrap();
        let fixed = slot_width::<u32>() + slot_width::<String>() + slot_width::<Option<String>>();
        let mut reader = RowReader::new(&row, fixed).unwrap();
        assert_eq!(reader.column(), Ok(a));
        assert_eq!(reader.column(), Ok(b));
        assert_eq!(reader.column(), Ok(c));
        reader.finish().unwrap();
    }

    #[test]
    fn arbitrary_bytes_are_read_alike(bytes in proptest::collection::vec(0u8..4, 0..40)) {
        check_bytes::<bool>(&bytes);
        check_bytes::<u16>(&bytes);
        check_bytes::<String>(&bytes);
        check_bytes::<Vec<u8>>(&bytes);
        check_bytes::<Option<u8>>(&bytes);
        check_bytes::<Option<String>>(&bytes);
        check_bytes::<Option<Option<bool>>>(&bytes);
        check_bytes::<Vec<Option<bool>>>(&bytes);
        check_bytes::<Vec<String>>(&bytes);
        check_bytes::<Vec<Vec<Vec<u8>>>>(&bytes);
    }
}
