//! Where a torn tail ends and damage begins, case by case.

use cosmictron_types::{Lsn, ShardCount, ShardId};

use super::super::frame::{Checksum, RecordHeader, SegmentHeader};
use super::super::{Cut, LogId, LogOptions, Record, SegmentNumber, recover};
use super::disk::{BLOCK, Chance, Disk, ID, Process, SMALL};

/// Four records of one group each in segment 1, one in segment 2, and segment 3 prepared.
fn written() -> Process {
    let mut process = Process::open(SMALL);
    for _ in 0..5 {
        process.write(3000);
    }
    assert_eq!(process.disk.numbers(), [1, 2, 3]);
    process
}

#[track_caller]
fn refused(disk: &Disk, expected: &str) {
    let error = disk.look().map(|(records, _)| records.len()).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert!(!error.advice().is_empty());
}

#[track_caller]
fn recovered(disk: &Disk, records: usize, cut: Option<(u64, usize)>) {
    let (found, recovered) = disk.look().unwrap();
    assert_eq!(found.len(), records);
    let cut = cut.map(|(segment, offset)| Cut {
        segment: SegmentNumber::new(segment),
        offset: offset as u64,
        last: Lsn::new(records as u64),
    });
    assert_eq!(recovered.cut, cut);
}

#[test]
fn damage_to_the_last_group_looks_like_a_torn_tail() {
    let mut process = written();
    process.disk.file(2)[BLOCK + 500] ^= 1;
    recovered(&process.disk, 4, Some((2, BLOCK)));
}

#[test]
fn damage_before_anything_later_is_refused() {
    let mut process = written();
    process.write(1); // Says that record 5 was durable.
    process.disk.file(2)[BLOCK + 500] ^= 1;
    refused(
        &process.disk,
        "segment 2, byte 4096: record 5 is damaged (its payload's checksum is wrong), but record 6 was written when \
         it was durable",
    );
    process.disk.file(2)[BLOCK + 500] ^= 1;
    process.disk.file(2)[BLOCK..2 * BLOCK].fill(0);
    refused(
        &process.disk,
        "segment 2, byte 4096: record 5 is damaged (there are only zeros), but record 6 was written when it was \
         durable",
    );
}

#[test]
fn damage_in_a_closed_segment_is_refused() {
    let mut process = written();
    process.disk.file(1)[4 * BLOCK + 5] ^= 1;
    refused(
        &process.disk,
        "segment 1, byte 16384: record 4 is damaged (its header's checksum is wrong), but the next segment begins \
         behind it",
    );
}

#[test]
fn a_group_that_landed_before_a_lost_one_is_cut_with_it() {
    let options = LogOptions { groups_in_flight_max: 3, group_bytes_max: BLOCK, ..SMALL };
    let mut process = Process::open(options);
    for _ in 0..4 {
        process.append(3000).unwrap();
    }
    process.pump();
    process.disk.land(2);
    recovered(&process.disk, 0, Some((1, BLOCK)));
    process.disk.land(1);
    recovered(&process.disk, 0, Some((1, BLOCK)));
    process.disk.land(0);
    recovered(&process.disk, 3, None);
}

#[test]
fn damage_to_padding_harms_nothing() {
    let mut process = written();
    process.disk.file(1)[BLOCK + 3500] ^= 1;
    process.disk.file(1)[100] ^= 1;
    process.disk.file(1)[5 * BLOCK] ^= 1;
    process.disk.file(2)[BLOCK + 3500] ^= 1;
    recovered(&process.disk, 5, None);
}

#[test]
fn a_header_may_be_lost_only_while_nothing_is_behind_it() {
    let mut process = written();
    process.disk.file(2)[9] ^= 1;
    refused(&process.disk, "segment 2, byte 0: the header is damaged");
    process.disk.remove(3);
    refused(&process.disk, "segment 2, byte 0: the header is damaged");
    // With its header the segment's records lose their seed, but they are there, and the footer before says so too.
    process.disk.file(2).fill(0);
    refused(&process.disk, "segment 2, byte 0: the header is damaged");

    let mut process = Process::open(SMALL);
    process.write(10);
    process.disk.remove(2);
    process.disk.file(1)[9] ^= 1;
    refused(&process.disk, "segment 1, byte 0: the header is damaged");

    let mut process = Process::open(SMALL);
    process.disk.remove(2);
    process.disk.file(1)[9] ^= 1;
    let (records, recovered) = process.disk.look().unwrap();
    assert_eq!((records.len(), recovered.is_begun), (0, false));
    assert_eq!(recovered.unused, Some(SegmentNumber::new(1)));
}

#[test]
fn a_missing_file_is_never_passed_over() {
    for (missing, expected) in [
        (vec![1], "segment 1 is missing"),
        (vec![2], "segment 2 is missing"),
        (vec![2, 3], "segment 2 is missing"),
        (vec![1, 2], "segment 1 is missing"),
    ] {
        let mut process = written();
        for segment in missing {
            process.disk.remove(segment);
        }
        refused(&process.disk, expected);
    }
    let mut process = written();
    process.disk.remove(3);
    recovered(&process.disk, 5, None);
}

#[test]
fn a_file_that_was_cut_short_or_emptied_is_refused() {
    let mut process = written();
    let whole = process.disk.file(2).clone();
    process.disk.file(2).truncate(5 * BLOCK + 7);
    refused(&process.disk, "segment 2, byte 20487: the file ends here, but was 24576 bytes long");
    process.disk.file(2).clear();
    refused(&process.disk, "segment 2, byte 0: the header is damaged");
    *process.disk.file(2) = whole;
    process.disk.file(1).truncate(3 * BLOCK);
    refused(
        &process.disk,
        "segment 1, byte 12288: record 3 is damaged (the records end), but the next segment begins behind it",
    );
    let mut process = written();
    process.disk.file(3).clear();
    recovered(&process.disk, 5, None);
    process.disk.file(2).extend_from_slice(&[7; 100]);
    recovered(&process.disk, 5, None);
}

#[test]
fn the_loss_of_the_segment_after_a_recovered_one_is_noticed() {
    let mut process = Process::open(SMALL);
    process.write(3000);
    process.crash(&mut Chance(0));
    process.write(3000);
    let mut disk = process.disk;
    disk.remove(3);
    let bytes = disk.remove(2);
    refused(&disk, "segment 2 is missing"); // The footer says it.
    disk.put(2, bytes);
    let (_, recovered) = disk.recover().unwrap();
    let trims: Vec<_> = recovered.trims.iter().map(|t| (t.segment.get(), t.bytes)).collect();
    assert_eq!(trims, [(2, SMALL.segment_bytes), (1, 2 * BLOCK as u64)]);
    disk.remove(2);
    refused(&disk, "segment 1, byte 8192: the file ends here, but was 24576 bytes long");
}

#[test]
fn a_file_from_elsewhere_is_named() {
    let mut process = written();
    let (first, second) = (process.disk.remove(1), process.disk.remove(2));
    process.disk.put(1, second.clone());
    process.disk.put(2, first.clone());
    refused(&process.disk, "segment 1 says that it is segment 2");
    process.disk.remove(1);
    process.disk.put(1, first.clone());
    refused(&process.disk, "segment 2 says that it is segment 1");

    // Another log's second segment, of the same data directory and shard.
    let mut other = written();
    other.disk.remove(1);
    let mut other = Process::open(SMALL);
    for _ in 0..5 {
        other.write(2999);
    }
    process.disk.remove(2);
    process.disk.put(2, other.disk.remove(2));
    refused(
        &process.disk,
        "segment 2, byte 0: this segment does not go on where the one before it ends",
    );

    let segments = [(SegmentNumber::new(1), first.as_slice())];
    let look = |id| recover(id, &segments, |_: Record<'_>| ()).unwrap_err().to_string();
    assert_eq!(look(LogId { data: 1, ..ID }), "segment 1 belongs to another data directory");
    let shard = ShardId::new(3, ShardCount::new(4).unwrap()).unwrap();
    assert_eq!(look(LogId { shard, ..ID }), "segment 1 belongs to shard 0, not to shard 3");
    let twice = [segments[0], segments[0]];
    let error = recover(ID, &twice, |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "segment 1 is named twice");
}

#[test]
fn a_block_of_another_history_is_no_record() {
    // Both logs began alike, so their first segments have one seed, and the block's checksums and LSN are right.
    let (mut process, mut other) = (Process::open(SMALL), Process::open(SMALL));
    process.write(3000);
    other.write(3001);
    process.write(3000);
    other.write(3000);
    let block = BLOCK * 2..BLOCK * 3;
    process.disk.file(1)[block.clone()].copy_from_slice(&other.disk.file(1)[block]);
    recovered(&process.disk, 1, Some((1, 2 * BLOCK)));
    process.write(1);
    refused(
        &process.disk,
        "segment 1, byte 8192: record 2 is damaged (it does not follow the record before it), but record 3 was \
         written when it was durable",
    );
}

#[test]
fn a_later_version_is_named() {
    let mut process = written();
    let header = process.disk.file(1);
    header[8] = 2;
    let checksum = crc32c::crc32c(&header[..60]);
    header[60..64].copy_from_slice(&checksum.to_le_bytes());
    refused(&process.disk, "segment 1 has format version 2");
}

#[test]
fn a_payload_that_looks_like_evidence_is_none() {
    // A guest stores records of its own making, at every block's beginning, which say that everything was durable. When
    // a crash then tears the group in front of them, they must not keep the server from starting.
    fn forged(seed: Checksum) -> Vec<u8> {
        let header = RecordHeader {
            payload: Checksum::NONE,
            payload_bytes: 0,
            is_last_of_group: true,
            previous: Checksum::NONE,
            lsn: Lsn::new(1000),
            stable: Lsn::new(999),
        };
        header.encode(seed).0.repeat(2 * BLOCK / 32)
    }
    let mut process = Process::open(SMALL);
    process.log.append(&forged(Checksum::of(b"a guess"))).unwrap();
    process.settle();
    process.disk.file(1)[BLOCK] ^= 1;
    recovered(&process.disk, 0, Some((1, BLOCK)));

    let (_, seed) = SegmentHeader::decode(process.disk.file(1)).unwrap();
    process.disk.file(1)[BLOCK + 32..3 * BLOCK + 32].copy_from_slice(&forged(seed));
    refused(
        &process.disk,
        "segment 1, byte 4096: record 1 is damaged (its header's checksum is wrong), but record 1000 was written when \
         it was durable",
    );
}
