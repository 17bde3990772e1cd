//! Arbitrary bytes as a compressed message: no more than the limit is made of them, and what is
//! does not depend on what came before; as a message: it survives, for every window.

#![no_main]

use cosmictron_net::ws::{Deflater, InflateError, Inflater, WindowBits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, payload)) = input.split_first() else { return };
    let bytes_max = usize::from(choice) << 6;
    let mut inflater = Inflater::new();
    let said = inflater.inflate(payload, bytes_max).map(<[u8]>::to_vec);
    match &said {
        Ok(said) => assert!(said.len() <= bytes_max),
        Err(error) => {
            assert!(matches!(error, InflateError::Malformed | InflateError::TooLarge { .. }));
        }
    }
    assert_eq!(inflater.inflate(payload, bytes_max).map(<[u8]>::to_vec), said);

    let window = WindowBits::new(9 + choice % 7).expect("it is from 9 to 15");
    let mut deflater = Deflater::new();
    for _ in 0..2 {
        let mut out = Vec::new();
        deflater.deflate(window, payload, &mut out);
        assert_eq!(inflater.inflate(&out, payload.len()), Ok(payload));
    }
});
