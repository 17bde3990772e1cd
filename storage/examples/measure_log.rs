//! Measures what the log costs: `cargo run --release -p cosmictron-storage --example measure_log [RECORDS]`.
//!
//! Writing is appending, sealing and giving out the bytes; recovery is checking and taking apart, from memory. No disk is
//! touched. Times are those that the thread spent on its processor; of five rounds the middle one is shown.

mod meter;

use std::hint::black_box;

use cosmictron_storage::log::record::{Payload, TransactionRecord};
use cosmictron_storage::log::{Log, LogId, LogOptions, Recovery, SegmentNumber, Write, recover};
use cosmictron_types::{ShardId, Timestamp, TxId};

use meter::processor_ns;

const ROUNDS: usize = 5;
const PAYLOAD_BYTES: usize = 200;
/// Records in a group when many callers wait, and when one does.
const GATHERED: [usize; 3] = [64, 8, 1];

fn main() {
    let records = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    println!("{records} records of {PAYLOAD_BYTES} bytes");
    for gathered in GATHERED {
        let write = middle(|| {
            write_log(records, gathered, |write| {
                black_box(write);
            });
        });
        let each = write / records as f64;
        println!("append and seal, {gathered:>2} a group: {each:>6.1} ns a record");
        let mut files = Vec::new();
        write_log(records, gathered, |write| keep(write, &mut files));
        measure_recovery(records, &files);
    }
}

fn measure_recovery(records: usize, files: &[Vec<u8>]) {
    let segments: Vec<(SegmentNumber, &[u8])> =
        (1..).map(SegmentNumber::new).zip(files.iter().map(Vec::as_slice)).collect();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let ns = middle(|| {
        let mut found = 0;
        let recovered = recover(ID, &segments, |record| {
            let payload = Payload::decode(record.payload).expect("the payload was just written");
            black_box(payload);
            found += 1;
        });
        recovered.expect("the log was just written");
        assert_eq!(found, records);
    });
    println!(
        "recover and decode:            {:>6.1} ns a record, {:.1} M records/s, {:.0} MB/s of files",
        ns / records as f64,
        records as f64 * 1e3 / ns,
        bytes as f64 * 1e3 / ns,
    );
}

const ID: LogId = LogId { data: 1, shard: ShardId::FIRST };

/// Writes a log: all records, so many in a group, every write landing at once.
fn write_log(records: usize, gathered: usize, mut land: impl FnMut(Write<'_>)) {
    let recovery = Recovery::start(ID, []).expect("an empty directory is fine");
    let mut log = Log::start(LogOptions::default(), recovery.finish().tail).expect("defaults fit");
    let mut payload = Vec::new();
    TransactionRecord::begin(
        TxId::new(1),
        Timestamp::EPOCH,
        &[ShardId::FIRST],
        TxId::ZERO,
        &mut payload,
    );
    payload.resize(PAYLOAD_BYTES, 7);
    pump(&mut log, &mut land);
    for number in 1..=records {
        log.append(&payload).expect("everything before has landed");
        if number % gathered == 0 || number == records {
            pump(&mut log, &mut land);
        }
    }
}

fn pump(log: &mut Log, land: &mut impl FnMut(Write<'_>)) {
    loop {
        if let Some((segment, _)) = log.wants_segment() {
            log.segment_ready(segment, Ok(()));
        }
        let Some(write) = log.next_write() else { return };
        let id = write.id;
        land(write);
        log.complete(id, Ok(()));
    }
}

/// Puts a write where it belongs among files in memory.
fn keep(write: Write<'_>, files: &mut Vec<Vec<u8>>) {
    let number = usize::try_from(write.segment.get()).expect("segments are few");
    if files.len() < number {
        let bytes = LogOptions::default().segment_bytes;
        files.push(vec![0; usize::try_from(bytes).expect("a segment fits in memory")]);
    }
    let at = usize::try_from(write.offset).expect("a segment fits in memory");
    files[number - 1][at..at + write.bytes.len()].copy_from_slice(write.bytes);
}

/// The processor time of the middle of [`ROUNDS`] rounds.
fn middle(mut round: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = processor_ns();
            round();
            processor_ns() - started
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
