//! Damages a small log at every byte in turn: never a wrong record, never a panic, never less than what is proven.

use cosmictron_types::Lsn;
use proptest::prelude::*;

use super::super::frame::{Checksum, RecordHeader, SegmentHeader};
use super::super::{SegmentNumber, recover};
use super::disk::{BLOCK, Chance, ID, Process, SMALL};

/// A log at rest, as files.
struct Resting {
    files: Vec<(SegmentNumber, Vec<u8>)>,
    records: Vec<Vec<u8>>,
    /// Records that cannot be lost without a refusal.
    proven: usize,
}

/// What one damage led to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Whole,
    Cut,
    Refused,
}

impl Resting {
    /// Three segments: groups of one and of several records, one that was torn and recovered from, and one spare. In the
    /// last all but the last record are proven.
    fn new() -> Resting {
        let mut process = Process::open(SMALL);
        process.write(100);
        for payload_bytes in [0, 200, 1, 4000] {
            process.append(payload_bytes).unwrap();
        }
        process.settle();
        process.write(4064);
        process.append(6000).unwrap();
        process.pump();
        process.crash(&mut Chance(12));
        process.write(5000);
        process.write(20);
        process.write(4000);
        process.write(300);
        process.write(50);
        process.write(700);
        let proven = usize::try_from(process.log.proven().get()).unwrap();
        let numbers = process.disk.numbers();
        let files = numbers
            .into_iter()
            .map(|number| (SegmentNumber::new(number), process.disk.remove(number)))
            .collect();
        Resting { files, records: process.history, proven }
    }

    /// Recovers from these files, of which one is damaged.
    #[track_caller]
    fn check(&self, files: &[(SegmentNumber, &[u8])]) -> Outcome {
        let mut found = 0;
        let recovered = recover(ID, files, |record| {
            assert_eq!(record.payload, self.records[found], "record {}", record.lsn);
            found += 1;
            assert_eq!(record.lsn.get(), found as u64);
        });
        if recovered.is_err() {
            return Outcome::Refused;
        }
        assert!(self.proven <= found, "{found} of {} proven records", self.proven);
        if found < self.records.len() { Outcome::Cut } else { Outcome::Whole }
    }

    /// Damages each byte of each file in turn and counts the outcomes: whole, cut, refused.
    fn damage(&self, damage: impl Fn(u8, usize) -> u8) -> [usize; 3] {
        let mut counts = [0; 3];
        for number in 0..self.files.len() {
            let mut bytes = self.files[number].1.clone();
            for at in 0..bytes.len() {
                let good = bytes[at];
                bytes[at] = damage(good, at);
                let files = self.with(number, &bytes);
                counts[self.check(&files) as usize] += 1;
                bytes[at] = good;
            }
        }
        counts
    }

    fn with<'a>(&'a self, number: usize, bytes: &'a [u8]) -> Vec<(SegmentNumber, &'a [u8])> {
        let files = self.files.iter().enumerate();
        let bytes_of = |(at, (segment, whole)): (usize, &'a (SegmentNumber, Vec<u8>))| {
            (*segment, if at == number { bytes } else { whole.as_slice() })
        };
        files.map(bytes_of).collect()
    }
}

#[test]
fn a_flip_of_any_byte_is_harmless_cut_or_refused() {
    let resting = Resting::new();
    let [whole, cut, refused] = resting.damage(|byte, at| byte ^ (1 << (at % 8)));
    assert!(whole > 0 && cut > 300 && refused > 10_000, "{whole} {cut} {refused}");
}

#[test]
fn a_zero_in_place_of_any_byte_is_harmless_cut_or_refused() {
    let resting = Resting::new();
    let [whole, cut, refused] = resting.damage(|_, _| 0);
    assert!(whole > 0 && cut > 300 && refused > 10_000, "{whole} {cut} {refused}");
}

#[test]
fn a_cut_at_any_length_is_harmless_or_refused() {
    let resting = Resting::new();
    let mut counts = [0; 3];
    for number in 0..resting.files.len() {
        let bytes = &resting.files[number].1;
        for length in 0..bytes.len() {
            let files = resting.with(number, &bytes[..length]);
            counts[resting.check(&files) as usize] += 1;
        }
    }
    let [whole, cut, refused] = counts;
    assert!(whole > 0 && cut == 0 && refused > 10_000, "{whole} {cut} {refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_is_answered_with_a_wrong_record(
        wounds in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3 * BLOCK, any::<u8>()), 1..4),
    ) {
        let mut resting = Resting::new();
        resting.proven = 0; // Several wounds may take the evidence too.
        for (file, at, bytes, fill) in wounds {
            let file = file.index(resting.files.len());
            let file = &mut resting.files[file].1;
            let at = at.index(file.len());
            let end = file.len().min(at + bytes);
            file[at..end].fill(fill);
        }
        let files: Vec<_> = resting.files.iter().map(|(segment, bytes)| (*segment, bytes.as_slice())).collect();
        resting.check(&files);
    }

    /// Checksums prove nothing to code that must not panic.
    #[test]
    fn a_header_whose_checksum_is_right_may_still_lie(
        file in any::<prop::sample::Index>(),
        field in prop_oneof![prop::sample::select(vec![8usize, 16, 24, 32, 40, 48]), 8..60usize],
        value in prop_oneof![0..20_000u64, any::<u64>()],
        block in any::<prop::sample::Index>(),
        lie in (any::<u32>(), any::<u64>(), prop_oneof![0..20u64, any::<u64>()], any::<bool>()),
    ) {
        let mut resting = Resting::new();
        let file = file.index(resting.files.len());
        let bytes = &mut resting.files[file].1;
        if let Ok((_, seed)) = SegmentHeader::decode(bytes) {
            let (payload_bytes, stable, lsn, is_last_of_group) = lie;
            let header = RecordHeader {
                payload: Checksum::NONE,
                payload_bytes: usize::try_from(payload_bytes >> 1).unwrap(),
                is_last_of_group,
                previous: Checksum::NONE,
                lsn: Lsn::new(lsn),
                stable: Lsn::new(stable),
            };
            let at = block.index(bytes.len() / BLOCK) * BLOCK;
            bytes[at..at + 32].copy_from_slice(&header.encode(seed).0);
        }
        let end = 60.min(field + 8);
        bytes[field..end].copy_from_slice(&value.to_le_bytes()[..end - field]);
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        resting.proven = 0;
        let files: Vec<_> = resting.files.iter().map(|(segment, bytes)| (*segment, bytes.as_slice())).collect();
        resting.check(&files);
    }
}
