//! Arbitrary segments as a log: refused or read, never a panic. A damaged log: never a record that was not written.

#![no_main]

use cosmictron_fuzz::program::Program;
use cosmictron_fuzz::segments::{ID, OPTIONS, Segments, WrittenLog, forge};
use cosmictron_storage::log::recover::{Recovered, recover};
use cosmictron_storage::log::{Log, Record, RecoverError, SegmentNumber};
use libfuzzer_sys::fuzz_target;

fn read(segments: &Segments, visit: impl FnMut(Record<'_>)) -> Result<Recovered, RecoverError> {
    let segments: Vec<(SegmentNumber, &[u8])> =
        segments.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
    recover(ID, &segments, visit)
}

/// What is to be done is possible, and a log can go on from there; a refusal has words.
fn check(segments: &Segments, records: u64, recovered: Result<Recovered, RecoverError>) {
    let recovered = match recovered {
        Ok(recovered) => recovered,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
            return;
        }
    };
    let length_of = |segment: SegmentNumber| {
        let found = segments.iter().find(|(number, _)| *number == segment);
        found.expect("only what is there is spoken of").1.len() as u64
    };
    for trim in &recovered.trims {
        assert!(trim.bytes <= length_of(trim.segment));
    }
    if let Some(cut) = recovered.cut {
        assert!(cut.offset <= length_of(cut.segment));
        assert_eq!(cut.last, recovered.tail.last());
    }
    assert_eq!(recovered.tail.last().get(), records);
    Log::start(OPTIONS, recovered.tail).expect("a log goes on behind any tail");
}

fuzz_target!(|input: &[u8]| {
    let mut program = Program(input);
    let mut records = 0;
    match program.byte() % 3 {
        0 => {
            let segments = vec![(SegmentNumber::new(1), program.0.to_vec())];
            let recovered = read(&segments, |_| records += 1);
            check(&segments, records, recovered);
        }
        1 => {
            let segments = forge(&mut program);
            let recovered = read(&segments, |_| records += 1);
            check(&segments, records, recovered);
        }
        _ => {
            let mut written = WrittenLog::write(&mut program);
            let count = written.payloads.len() as u64;
            let whole = read(&written.segments, |_| records += 1).expect("it was written");
            assert_eq!((whole.tail.last().get(), records), (count, count));
            written.damage(&mut program);
            records = 0;
            let recovered = read(&written.segments, |record| {
                let expected = usize::try_from(records).expect("there are few");
                assert_eq!(record.payload, written.payloads[expected]);
                records += 1;
                assert_eq!(record.lsn.get(), records);
            });
            check(&written.segments, records, recovered);
        }
    }
});
