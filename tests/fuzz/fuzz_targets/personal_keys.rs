//! Arbitrary files of personal keys and arbitrary cells: refused or read, never a panic, and never a key or a value that
//! was not put there.

#![no_main]

use cosmictron_personal::batch::{BATCH_BYTES, Expected, place_of};
use cosmictron_personal::{Batch, ContextKey, MasterKey, Nonce, Slot, SlotNumber, cell};
use libfuzzer_sys::fuzz_target;

/// A batch with the input's bytes over its beginning.
fn check_batch(input: &[u8]) {
    let master = MasterKey::new(&mut [1; 32]);
    let expected = Expected { number: 0, data: 7, master: &master };
    let fixed = |bytes: &mut [u8]| {
        bytes.fill(5);
        Ok::<(), std::convert::Infallible>(())
    };
    let Ok(made) = Batch::encode_new(&expected, fixed);
    let mut bytes = made.clone();
    let length = input.len().min(BATCH_BYTES);
    bytes[..length].copy_from_slice(&input[..length]);
    match Batch::decode(&expected, &bytes) {
        Ok(batch) => {
            for (number, slot) in (0..).map(SlotNumber::new).zip(&batch.slots) {
                let at = usize::try_from(place_of(number).1).expect("a place in a file of 128 KiB");
                if let Slot::Whole(key) = slot
                    && master.unwrap(key, 7, number).is_ok()
                {
                    assert_eq!(bytes[at..at + 128], made[at..at + 128]);
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_cell(input: &[u8]) {
    let row = ContextKey::new(&mut [2; 32]).row("module", "table", b"1");
    assert!(cell::open(&row, "column", input).is_err(), "nobody without the key makes a cell");
    let mut sealed = Vec::new();
    cell::seal(&row, SlotNumber::new(3), "column", Nonce([4; 12]), input, &mut sealed);
    assert_eq!(&**cell::open(&row, "column", &sealed).expect("our own cell"), input);
    let last = sealed.len() - 1;
    assert!(cell::open(&row, "column", &sealed[..last]).is_err());
}

fuzz_target!(|input: &[u8]| {
    check_batch(input);
    check_cell(input);
});
