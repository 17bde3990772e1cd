//! Keeps what a shard's log has written, as a disk would: acknowledged blocks for good, all others at its own whim.
//!
//! Invariants:
//! 1. What a write that succeeded has written changes only by later writes to the same blocks.
//! 2. What was in flight at a crash is there, not there, or there in part, sector by sector; a failed write likewise.
//! 3. Segments are made and removed in the order in which that was asked for; a crash keeps a beginning of it.

use std::collections::BTreeMap;

use super::faults::Faults;
use cosmictron_types::ShardId;

use crate::boot::{LogDirectory, LogSink, SegmentExtent};
use crate::machine::{BLOCK_BYTES, DiskError, DiskFailure, SegmentNumber, WriteId};
use crate::random::Random;

/// The device's unit of writing: it is whole or not there.
const SECTOR_BYTES: usize = 512;

/// One shard's disk.
#[derive(Default)]
pub(crate) struct Disk {
    segments: BTreeMap<SegmentNumber, Segment>,
    writes: BTreeMap<WriteKey, Write>,
    /// In the order in which they were asked for, and are done.
    jobs: BTreeMap<JobKey, Job>,
    keys: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WriteKey(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobKey(u64);

/// Zeros, but for the sectors that were written.
struct Segment {
    bytes: u64,
    sectors: BTreeMap<u64, [u8; SECTOR_BYTES]>,
}

struct Write {
    id: WriteId,
    segment: SegmentNumber,
    offset: u64,
    bytes: Vec<u8>,
    result: Result<(), DiskError>,
}

/// What is to be done with a whole segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Prepare { segment: SegmentNumber, bytes: u64 },
    Remove { segment: SegmentNumber },
}

impl Disk {
    /// Takes a write in; what comes of it is decided now and seen when it completes.
    pub(crate) fn begin_write(
        &mut self,
        id: WriteId,
        segment: SegmentNumber,
        offset: u64,
        bytes: &[u8],
        faults: &Faults,
        random: &mut Random,
    ) -> WriteKey {
        let result = match self.segments.contains_key(&segment) {
            true => fate_of_write(bytes.len(), faults, random),
            false => Err(DiskFailure::Os(libc::ENOENT).into()),
        };
        let key = WriteKey(self.next_key());
        self.writes.insert(key, Write { id, segment, offset, bytes: bytes.to_vec(), result });
        key
    }

    pub(crate) fn writes_in_flight(&self) -> usize {
        self.writes.len()
    }

    pub(crate) fn complete_write(
        &mut self,
        key: WriteKey,
        random: &mut Random,
    ) -> (WriteId, Result<(), DiskError>) {
        let write = self.writes.remove(&key).expect("a write completes once");
        match write.result {
            Ok(()) => self.put(&write, |_| true),
            Err(DiskError::Failed(DiskFailure::ShortWrite { written, .. })) => {
                self.put(&write, |sector| sector * SECTOR_BYTES < written);
            }
            Err(_) => self.put(&write, |_| random.chance(500_000)),
        }
        (write.id, write.result)
    }

    pub(crate) fn begin_job(&mut self, job: Job) -> JobKey {
        let key = JobKey(self.next_key());
        self.jobs.insert(key, job);
        key
    }

    pub(crate) fn segments_in_preparation(&self) -> usize {
        self.jobs.values().filter(|job| matches!(job, Job::Prepare { .. })).count()
    }

    pub(crate) fn complete_job(
        &mut self,
        key: JobKey,
        faults: &Faults,
        random: &mut Random,
    ) -> (Job, Result<(), DiskError>) {
        let (first, job) = self.jobs.pop_first().expect("a job completes once");
        assert_eq!(first, key, "jobs complete in their order");
        let result = match job {
            Job::Prepare { segment, bytes } => self.prepare(segment, bytes, faults, random),
            Job::Remove { segment } => {
                self.segments.remove(&segment);
                Ok(())
            }
        };
        (job, result)
    }

    fn prepare(
        &mut self,
        segment: SegmentNumber,
        bytes: u64,
        faults: &Faults,
        random: &mut Random,
    ) -> Result<(), DiskError> {
        let used: u64 = self.segments.values().map(|segment| segment.bytes).sum();
        if self.segments.contains_key(&segment) {
            return Err(DiskFailure::Os(libc::EEXIST).into());
        }
        if random.chance(faults.segment_fails) {
            return Err(DiskFailure::Os(libc::EIO).into());
        }
        if faults.disk_bytes < used.saturating_add(bytes) {
            return Err(DiskError::OutOfSpace);
        }
        self.segments.insert(segment, Segment { bytes, sectors: BTreeMap::new() });
        Ok(())
    }

    /// Decides what of the things in flight has happened (I2).
    pub(crate) fn crash(&mut self, faults: &Faults, random: &mut Random) {
        for (_, mut write) in std::mem::take(&mut self.writes) {
            if random.chance(faults.flip_at_crash) {
                let bit = random.below(write.bytes.len() as u64 * 8) as usize;
                write.bytes[bit / 8] ^= 1 << (bit % 8);
            }
            match random.below(3) {
                0 => {}
                1 => self.put(&write, |_| true),
                _ => self.put(&write, |_| random.chance(500_000)),
            }
        }
        while let Some((key, _)) = self.jobs.first_key_value()
            && random.chance(500_000)
        {
            // Nobody is left to be told.
            let _ = self.complete_job(*key, faults, random);
        }
        self.jobs.clear();
    }

    fn put(&mut self, write: &Write, mut is_kept: impl FnMut(usize) -> bool) {
        let Some(segment) = self.segments.get_mut(&write.segment) else { return };
        segment.bytes = segment.bytes.max(write.offset + write.bytes.len() as u64);
        let first = write.offset / SECTOR_BYTES as u64;
        for (index, sector) in write.bytes.as_chunks::<SECTOR_BYTES>().0.iter().enumerate() {
            if is_kept(index) {
                segment.sectors.insert(first + index as u64, *sector);
            }
        }
    }

    fn next_key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }
}

fn fate_of_write(bytes: usize, faults: &Faults, random: &mut Random) -> Result<(), DiskError> {
    if random.chance(faults.write_fails) {
        return Err(DiskFailure::Os(libc::EIO).into());
    }
    if random.chance(faults.write_finds_disk_full) {
        return Err(DiskError::OutOfSpace);
    }
    if random.chance(faults.write_is_short) {
        let sectors = random.below((bytes / SECTOR_BYTES) as u64) as usize;
        return Err(DiskFailure::ShortWrite { written: sectors * SECTOR_BYTES, bytes }.into());
    }
    Ok(())
}

/// The disk while its shard boots.
pub(crate) struct DiskAtRest<'a> {
    pub(crate) disk: &'a mut Disk,
    pub(crate) faults: &'a Faults,
    pub(crate) random: &'a mut Random,
}

impl DiskAtRest<'_> {
    fn segment(&mut self, segment: SegmentNumber) -> Result<&mut Segment, DiskError> {
        let found = self.disk.segments.get_mut(&segment);
        found.ok_or(DiskError::Failed(DiskFailure::Os(libc::ENOENT)))
    }
}

impl LogDirectory for DiskAtRest<'_> {
    fn segments(&mut self) -> Result<Vec<SegmentExtent>, DiskError> {
        let extent = |(number, segment): (&SegmentNumber, &Segment)| SegmentExtent {
            segment: *number,
            bytes: segment.bytes,
        };
        Ok(self.disk.segments.iter().map(extent).collect())
    }

    fn read(&mut self, segment: SegmentNumber, into: &mut Vec<u8>) -> Result<(), DiskError> {
        if self.random.chance(self.faults.read_fails) {
            return Err(DiskFailure::Os(libc::EIO).into());
        }
        let segment = self.segment(segment)?;
        into.clear();
        into.resize(usize::try_from(segment.bytes).expect("a simulated segment is small"), 0);
        for (index, sector) in &segment.sectors {
            let start = *index as usize * SECTOR_BYTES;
            into[start..start + SECTOR_BYTES].copy_from_slice(sector);
        }
        Ok(())
    }

    fn read_head(
        &mut self,
        segment: SegmentNumber,
        bytes: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), DiskError> {
        self.read(segment, into)?;
        into.truncate(bytes);
        Ok(())
    }

    fn truncate(&mut self, segment: SegmentNumber, bytes: u64) -> Result<(), DiskError> {
        assert!(bytes.is_multiple_of(BLOCK_BYTES as u64), "a log is cut between blocks");
        let segment = self.segment(segment)?;
        segment.bytes = bytes;
        segment.sectors.split_off(&(bytes / SECTOR_BYTES as u64));
        Ok(())
    }

    fn remove(&mut self, segment: SegmentNumber) -> Result<(), DiskError> {
        self.segment(segment)?;
        self.disk.segments.remove(&segment);
        Ok(())
    }

    fn name(&self, segment: SegmentNumber) -> String {
        format!("{segment}.wal")
    }
}

/// Disks that are written anew while no shard runs.
pub(crate) struct NewDisks<'a> {
    pub(crate) disks: Vec<Disk>,
    pub(crate) faults: &'a Faults,
    pub(crate) random: &'a mut Random,
}

impl LogSink for NewDisks<'_> {
    fn prepare(
        &mut self,
        shard: ShardId,
        segment: SegmentNumber,
        bytes: u64,
    ) -> Result<(), DiskError> {
        self.disks[shard.index()].prepare(segment, bytes, self.faults, self.random)
    }

    fn write(
        &mut self,
        shard: ShardId,
        segment: SegmentNumber,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), DiskError> {
        fate_of_write(bytes.len(), self.faults, self.random)?;
        let (id, bytes) = (WriteId::new(0), bytes.to_vec());
        let write = Write { id, segment, offset, bytes, result: Ok(()) };
        self.disks[shard.index()].put(&write, |_| true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: SegmentNumber = SegmentNumber::new(1);

    fn disk_with_segment(random: &mut Random) -> Disk {
        let mut disk = Disk::default();
        assert_eq!(prepare(&mut disk, SEGMENT, &Faults::none(), random), Ok(()));
        disk
    }

    fn prepare(
        disk: &mut Disk,
        segment: SegmentNumber,
        faults: &Faults,
        random: &mut Random,
    ) -> Result<(), DiskError> {
        let key = disk.begin_job(Job::Prepare { segment, bytes: 4 * BLOCK_BYTES as u64 });
        disk.complete_job(key, faults, random).1
    }

    fn content(disk: &mut Disk, random: &mut Random) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut at_rest = DiskAtRest { disk, faults: &Faults::none(), random };
        at_rest.read(SEGMENT, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_was_acknowledged_survives_and_what_was_not_is_torn_by_sectors() {
        let mut seen_torn = false;
        for seed in 0..64 {
            let random = &mut Random::from_seed(seed);
            let mut disk = disk_with_segment(random);
            let faults = Faults::none();
            let write = |disk: &mut Disk, block: u64, byte, random: &mut Random| {
                let offset = block * BLOCK_BYTES as u64;
                let bytes = [byte; BLOCK_BYTES];
                disk.begin_write(WriteId::new(block), SEGMENT, offset, &bytes, &faults, random)
            };
            let first = write(&mut disk, 0, 7, random);
            assert_eq!(disk.complete_write(first, random), (WriteId::new(0), Ok(())));
            write(&mut disk, 1, 8, random);
            disk.crash(&Faults::none(), random);
            let bytes = content(&mut disk, random);
            assert!(bytes[..BLOCK_BYTES].iter().all(|byte| *byte == 7));
            let torn = &bytes[BLOCK_BYTES..2 * BLOCK_BYTES];
            assert!(torn.chunks(SECTOR_BYTES).all(|s| s.iter().all(|b| *b == s[0])));
            seen_torn |= torn.contains(&8) && torn.contains(&0);
        }
        assert!(seen_torn, "no seed tears a write");
    }

    #[test]
    fn a_full_disk_refuses_a_segment() {
        let random = &mut Random::from_seed(1);
        let faults = Faults { disk_bytes: 5 * BLOCK_BYTES as u64, ..Faults::none() };
        let mut disk = disk_with_segment(random);
        let second = prepare(&mut disk, SEGMENT.next(), &faults, random);
        assert_eq!(second, Err(DiskError::OutOfSpace));
    }
}
