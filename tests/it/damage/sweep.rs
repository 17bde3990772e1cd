//! Every byte of a log in turn, recovered by the server's own code in this process.
//!
//! `COSMICTRON_DAMAGE_STEP` says how many bytes one goes on from one to the next; 1 is every byte.

use std::collections::BTreeMap;

use cosmictron::shard::{BootError, Replay};
use cosmictron_runtime::{BLOCK_BYTES, DiskError, LogDirectory, SegmentExtent, SegmentNumber};
use cosmictron_storage::StoreLimits;
use cosmictron_storage::log::LogId;
use cosmictron_types::{Duration, ShardCount, ShardId, TableId, TxId};
use rustix::process::Signal;

use super::Served;

/// Coprime to the block, so that every place of a block has its turn somewhere.
const STEP: usize = 7;
/// Where nothing was ever written one byte is as good as another.
const UNUSED_STEP: usize = 12_289;

/// A log in memory.
struct Files(BTreeMap<SegmentNumber, Vec<u8>>);

impl LogDirectory for Files {
    fn segments(&mut self) -> Result<Vec<SegmentExtent>, DiskError> {
        let extent = |(&segment, bytes): (&SegmentNumber, &Vec<u8>)| SegmentExtent {
            segment,
            bytes: bytes.len() as u64,
        };
        Ok(self.0.iter().map(extent).collect())
    }

    fn read(&mut self, segment: SegmentNumber, into: &mut Vec<u8>) -> Result<(), DiskError> {
        self.read_head(segment, usize::MAX, into)
    }

    fn read_head(
        &mut self,
        segment: SegmentNumber,
        bytes: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), DiskError> {
        let file = &self.0[&segment];
        into.clear();
        into.extend_from_slice(&file[..bytes.min(file.len())]);
        Ok(())
    }

    fn truncate(&mut self, _: SegmentNumber, _: u64) -> Result<(), DiskError> {
        unreachable!("nothing is changed while a log is read");
    }

    fn remove(&mut self, _: SegmentNumber) -> Result<(), DiskError> {
        unreachable!("nothing is changed while a log is read");
    }

    fn name(&self, segment: SegmentNumber) -> String {
        format!("{segment}.wal")
    }
}

/// All that a log says.
#[derive(Debug, PartialEq)]
struct State {
    committed: TxId,
    tables: Vec<TableState>,
}

#[derive(Debug, PartialEq)]
struct TableState {
    id: TableId,
    rows: Vec<(Vec<u8>, Option<TxId>)>,
    sequences: Vec<u128>,
}

impl State {
    fn of(replay: &Replay) -> State {
        let table = |table: &cosmictron_storage::Table| {
            let row = |row| (table.row(row).to_vec(), table.created(row));
            let mut rows: Vec<_> = table.scan().map(row).collect();
            rows.sort();
            let sequences = table.sequences().map(|(_, value)| value).collect();
            TableState { id: table.def().id, rows, sequences }
        };
        State { committed: replay.committed, tables: replay.store.tables().map(table).collect() }
    }
}

/// A log, and what it may say when a byte of it is damaged.
struct Sweep {
    id: LogId,
    files: Files,
    whole: State,
    /// Without the last group, where nothing proves that it was durable.
    cut: Option<State>,
}

/// How often a damaged log said everything, all but its last group, or was refused.
#[derive(Debug, Default)]
struct Counts {
    whole: usize,
    cut: usize,
    refused: usize,
}

impl Sweep {
    fn of(served: &Served) -> Sweep {
        let manifest = std::fs::read(served.data().join("cosmictron.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let data = u64::from_str_radix(manifest["data"].as_str().unwrap(), 16).unwrap();
        let id = LogId { data, shard: ShardId::FIRST };
        let read = |number| {
            Some((SegmentNumber::new(number), std::fs::read(served.segment(number)).ok()?))
        };
        let mut files = Files((1..).map_while(read).collect());
        let whole = recover(id, &mut files).unwrap();
        Sweep { id, files, whole, cut: None }
    }

    /// Allows the last group, of one block, to be cut.
    fn allow_cut(mut self) -> Sweep {
        let mut files = Files(self.files.0.clone());
        let file = files.0.values_mut().rev().find(|file| used(file) > 0).unwrap();
        let end = used(file);
        file[end - BLOCK_BYTES..end].fill(0);
        let cut = recover(self.id, &mut files).unwrap();
        assert_ne!(cut, self.whole);
        self.cut = Some(cut);
        self
    }

    fn run(&mut self) -> Counts {
        let step = std::env::var("COSMICTRON_DAMAGE_STEP").ok();
        let step: usize = step.and_then(|step| step.parse().ok()).unwrap_or(STEP);
        let mut counts = Counts::default();
        let segments: Vec<SegmentNumber> = self.files.0.keys().copied().collect();
        for segment in segments {
            let file = &self.files.0[&segment];
            // Also the block behind what was written, where the next record would be.
            let (end, footer) =
                ((used(file) + BLOCK_BYTES).min(file.len()), file.len() - BLOCK_BYTES);
            let places = (0..end).step_by(step).chain((end..footer).step_by(UNUSED_STEP));
            let places = places.chain((footer.max(end)..file.len()).step_by(step));
            for at in places {
                let bit = 1 << (at % 8);
                self.files.0.get_mut(&segment).unwrap()[at] ^= bit;
                self.judge(segment, at, &mut counts);
                self.files.0.get_mut(&segment).unwrap()[at] ^= bit;
            }
        }
        counts
    }

    fn judge(&mut self, segment: SegmentNumber, at: usize, counts: &mut Counts) {
        let place = format!("segment {segment}, byte {at}");
        match recover(self.id, &mut self.files) {
            Ok(state) if state == self.whole => counts.whole += 1,
            Ok(state) if Some(&state) == self.cut.as_ref() => counts.cut += 1,
            Ok(_) => panic!("{place}: a wrong answer"),
            Err(error) => {
                let text = error.to_string();
                assert!(matches!(*error, BootError::Log { .. }), "{place}: {text}");
                let is_helpful = text.contains(".wal: segment ") && text.contains("restore");
                assert!(is_helpful, "{place}: {text}");
                counts.refused += 1;
            }
        }
    }
}

fn recover(id: LogId, files: &mut Files) -> Result<State, Box<BootError>> {
    let (limits, kept) = (StoreLimits::default(), Duration::MAX);
    let (replay, _) = Replay::of(id, ShardCount::ONE, true, limits, kept, None, files)?;
    Ok(State::of(&replay))
}

/// Where the block ends that holds the last byte that is not zero, but for a footer.
fn used(file: &[u8]) -> usize {
    let records = &file[..file.len() - BLOCK_BYTES];
    let last = records.iter().rposition(|&byte| byte != 0);
    last.map_or(0, |last| (last / BLOCK_BYTES + 1) * BLOCK_BYTES)
}

#[test]
fn a_log_that_was_closed_loses_nothing_to_any_byte() {
    let mut sweep = Sweep::of(&Served::once(Signal::TERM));
    let counts = sweep.run();
    assert!(counts.whole > 0 && counts.refused > 100, "{counts:?}");
}

#[test]
fn a_log_of_two_runs_loses_nothing_to_any_byte() {
    let mut sweep = Sweep::of(&Served::once(Signal::KILL).again(Signal::TERM));
    let counts = sweep.run();
    assert!(counts.whole > 0 && counts.refused > 100, "{counts:?}");
}

#[test]
fn a_log_that_was_cut_off_loses_at_most_its_last_group_to_any_byte() {
    let mut sweep = Sweep::of(&Served::once(Signal::KILL)).allow_cut();
    let counts = sweep.run();
    assert!(counts.whole > 0 && counts.cut > 0 && counts.refused > 100, "{counts:?}");
}
