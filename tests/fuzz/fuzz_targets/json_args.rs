//! Arbitrary text as the arguments of arbitrary parameters: refused in few words, or a row that says the same.

#![no_main]

use cosmictron_fuzz::columns::Columns;
use libfuzzer_sys::fuzz_target;

/// Far more than any place and any expected type of the fuzzer's makes, far less than it can send.
const MESSAGE_BYTES_MAX: usize = 1000;

fuzz_target!(|input: &[u8]| {
    let Some((columns, text)) = Columns::split(input) else { return };
    let row = match columns.decode(text) {
        Ok(row) => row,
        Err(error) => {
            assert!(error.to_string().len() <= MESSAGE_BYTES_MAX, "{error}");
            return;
        }
    };
    columns.layout.check(&row).expect("what was read is a row");
    // A text that was accepted is JSON to others too, or nothing at all.
    let written = columns.write_object(&row);
    assert_eq!(columns.decode(written.as_bytes()).expect("what was written can be read"), row);
    let written = columns.write_array(&row);
    assert_eq!(columns.decode(written.as_bytes()).expect("what was written can be read"), row);
});
