//! A disk in memory that does what disks do to what was not confirmed, and a process that writes a log to it.

use std::collections::BTreeMap;

use cosmictron_types::{Lsn, ShardId};

use super::super::{
    AppendError, Head, Log, LogId, LogOptions, LogState, Progress, ReadError, RecoverError,
    Recovered, Recovery, SegmentNumber, WriteId,
};

pub(super) const ID: LogId = LogId { data: 0x5eed_5eed_5eed_5eed, shard: ShardId::FIRST };
pub(super) const BLOCK: usize = 4096;
const SECTOR: usize = 512;

/// Small enough to be filled by a test: four blocks of records a segment.
pub(super) const SMALL: LogOptions = LogOptions {
    segment_bytes: 6 * BLOCK as u64,
    group_bytes_max: 2 * BLOCK,
    groups_in_flight_max: 1,
    record_bytes_max: 3 * BLOCK,
    backlog_bytes_max: 4 * BLOCK,
};

/// Chance that repeats. SplitMix64.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

/// Files by number, found through a directory: a file that was replaced lives on for those who had it open.
#[derive(Default)]
pub(super) struct Disk {
    directory: BTreeMap<SegmentNumber, usize>,
    files: Vec<Vec<u8>>,
    pub(super) in_flight: Vec<FlyingBytes>,
    pub(super) preparing: Option<(SegmentNumber, u64)>,
    /// In flight since their process died.
    pub(super) late: Vec<FlyingBytes>,
}

pub(super) struct FlyingBytes {
    id: WriteId,
    file: usize,
    offset: usize,
    bytes: Vec<u8>,
}

impl Disk {
    pub(super) fn file(&mut self, segment: u64) -> &mut Vec<u8> {
        &mut self.files[self.directory[&SegmentNumber::new(segment)]]
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.directory.keys().map(|segment| segment.get()).collect()
    }

    pub(super) fn remove(&mut self, segment: u64) -> Vec<u8> {
        self.files[self.directory.remove(&SegmentNumber::new(segment)).unwrap()].clone()
    }

    pub(super) fn put(&mut self, segment: u64, bytes: Vec<u8>) {
        self.directory.insert(SegmentNumber::new(segment), self.files.len());
        self.files.push(bytes);
    }

    fn write(&mut self, file: usize, offset: usize, bytes: &[u8]) {
        self.files[file][offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Ends a preparation well.
    pub(super) fn prepare(&mut self) -> Option<SegmentNumber> {
        let (segment, bytes) = self.preparing.take()?;
        let exists = self.directory.contains_key(&segment);
        assert!(!exists, "{segment} is prepared but exists");
        self.put(segment.get(), vec![0; usize::try_from(bytes).unwrap()]);
        Some(segment)
    }

    /// Ends one of the writes in flight well.
    pub(super) fn land(&mut self, at: usize) -> WriteId {
        let write = self.in_flight.remove(at);
        self.write(write.file, write.offset, &write.bytes);
        write.id
    }

    /// Kills the process. Each write in flight is lost, or landed whole, in part or damaged, now or later.
    pub(super) fn crash(&mut self, chance: &mut Chance) {
        for mut write in std::mem::take(&mut self.in_flight) {
            match chance.below(6) {
                0 => {}
                1 => self.write(write.file, write.offset, &write.bytes),
                2 => self.land_sectors(&write, chance),
                3 => {
                    let at = chance.below(write.bytes.len());
                    write.bytes[at] ^= 1 << chance.below(8);
                    self.land_sectors(&write, chance);
                }
                4 => {
                    self.land_sectors(&write, chance);
                    self.late.push(write);
                }
                _ => self.late.push(write),
            }
        }
        // A preparation ends before or after the file got its name.
        if chance.below(2) == 0 {
            self.prepare();
        }
        self.preparing = None;
    }

    fn land_sectors(&mut self, write: &FlyingBytes, chance: &mut Chance) {
        let (odds, sectors) = (1 + chance.below(4), write.bytes.chunks(SECTOR).enumerate());
        for (number, sector) in sectors {
            if chance.below(odds) == 0 {
                self.write(write.file, write.offset + number * SECTOR, sector);
            }
        }
    }

    /// Lands some of what a dead process left in flight.
    pub(super) fn land_late(&mut self, chance: &mut Chance) {
        if let Some(write) = self.late.pop() {
            // The file may have been cut short since; what is written behind its end makes it longer again.
            let end = write.offset + write.bytes.len();
            let file = &mut self.files[write.file];
            file.resize(file.len().max(end), 0);
            self.land_sectors(&write, chance);
        }
    }

    /// As the product recovers: heads, then one segment at a time, then what is to be done.
    pub(super) fn recover(&mut self) -> Result<(Vec<Vec<u8>>, Recovered), RecoverError> {
        let looked = self.look()?;
        Ok(self.settle(looked))
    }

    /// Recovers what is before a record.
    pub(super) fn recover_before(&mut self, lsn: Lsn) -> (Vec<Vec<u8>>, Recovered) {
        let looked = self.look_before(Some(lsn)).unwrap();
        self.settle(looked)
    }

    fn settle(
        &mut self,
        (records, recovered): (Vec<Vec<u8>>, Recovered),
    ) -> (Vec<Vec<u8>>, Recovered) {
        for trim in &recovered.trims {
            let bytes = usize::try_from(trim.bytes).unwrap();
            self.file(trim.segment.get()).truncate(bytes);
        }
        if let Some(unused) = recovered.unused {
            self.remove(unused.get());
        }
        (records, recovered)
    }

    /// Recovers without touching anything.
    pub(super) fn look(&self) -> Result<(Vec<Vec<u8>>, Recovered), RecoverError> {
        self.look_before(None)
    }

    fn look_before(&self, lsn: Option<Lsn>) -> Result<(Vec<Vec<u8>>, Recovered), RecoverError> {
        let heads = self.directory.iter().map(|(&segment, &file)| {
            let bytes = &self.files[file];
            Head { segment, bytes: &bytes[..bytes.len().min(Head::BYTES)] }
        });
        let mut recovery = Recovery::start(ID, heads)?;
        if let Some(lsn) = lsn {
            recovery = recovery.cut_before(lsn);
        }
        let mut records = Vec::new();
        while let Some(segment) = recovery.wants() {
            let bytes = &self.files[self.directory[&segment]];
            let read = recovery.read(bytes, |record| {
                records.push(record.payload.to_vec());
                assert_eq!(record.lsn, Lsn::new(records.len() as u64));
                Ok::<(), std::convert::Infallible>(())
            });
            match read {
                Ok(()) => {}
                Err(ReadError::Log(error)) => return Err(error),
                Err(ReadError::Visit { error, .. }) => match error {},
            }
        }
        Ok((records, recovery.finish()))
    }
}

/// A log that writes to a disk, and the records that it ought to hold.
pub(super) struct Process {
    pub(super) disk: Disk,
    pub(super) log: Log,
    pub(super) options: LogOptions,
    /// Every record appended to this log that is there or may still turn up.
    pub(super) history: Vec<Vec<u8>>,
    appended_ever: u64,
}

impl Process {
    pub(super) fn start(options: LogOptions) -> Process {
        let mut disk = Disk::default();
        let (records, recovered) = disk.recover().unwrap();
        assert!(records.is_empty() && !recovered.is_begun);
        let log = Log::start(options, recovered.tail).unwrap();
        Process { disk, log, options, history: Vec::new(), appended_ever: 0 }
    }

    /// Started, and the first segment open.
    pub(super) fn open(options: LogOptions) -> Process {
        let mut process = Process::start(options);
        process.settle();
        assert_eq!(process.log.state(), LogState::Open);
        process
    }

    /// Appends a record unlike any before it.
    pub(super) fn append(&mut self, payload_bytes: usize) -> Result<Lsn, AppendError> {
        self.appended_ever += 1;
        let mut chance = Chance(self.appended_ever);
        let payload: Vec<u8> = (0..payload_bytes).map(|_| chance.next().to_le_bytes()[0]).collect();
        let lsn = self.log.append(&payload)?;
        // A record that the last crash seemed to lose may have landed late, until the new segment was open.
        self.history.truncate(usize::try_from(lsn.get()).unwrap() - 1);
        self.history.push(payload);
        assert_eq!(lsn.get(), self.history.len() as u64);
        Ok(lsn)
    }

    /// Starts what can be started.
    pub(super) fn pump(&mut self) {
        if let Some(wanted) = self.log.wants_segment() {
            assert!(self.disk.preparing.replace(wanted).is_none());
        }
        while let Some(write) = self.log.next_write() {
            assert!(write.offset.is_multiple_of(BLOCK as u64));
            assert!(write.bytes.len().is_multiple_of(BLOCK) && !write.bytes.is_empty());
            let (id, offset) = (write.id, usize::try_from(write.offset).unwrap());
            let file = self.disk.directory[&write.segment];
            let room = &self.disk.files[file][offset..offset + write.bytes.len()];
            assert!(room.iter().all(|&byte| byte == 0), "no block is written twice");
            self.disk.in_flight.push(FlyingBytes { id, file, offset, bytes: write.bytes.to_vec() });
        }
    }

    pub(super) fn prepare(&mut self) {
        if let Some(segment) = self.disk.prepare() {
            self.log.segment_ready(segment, Ok(()));
        }
    }

    pub(super) fn land(&mut self, at: usize) -> Progress {
        let id = self.disk.land(at);
        self.log.complete(id, Ok(()))
    }

    /// Lets everything become durable.
    pub(super) fn settle(&mut self) {
        loop {
            self.pump();
            if self.disk.preparing.is_some() {
                self.prepare();
            } else if !self.disk.in_flight.is_empty() {
                self.land(0);
            } else {
                return;
            }
        }
    }

    /// Appends and settles: a group of its own.
    pub(super) fn write(&mut self, payload_bytes: usize) -> Lsn {
        self.settle();
        let lsn = self.append(payload_bytes).unwrap();
        self.settle();
        assert_eq!(self.log.durable(), lsn);
        lsn
    }

    /// Dies and starts again. What comes back has to be a prefix of what was appended, with all that was durable.
    /// Gives the number of records.
    pub(super) fn crash(&mut self, chance: &mut Chance) -> usize {
        let durable = usize::try_from(self.log.durable().get()).unwrap();
        self.disk.crash(chance);
        let (records, recovered) = self.disk.recover().unwrap();
        assert!(durable <= records.len(), "{} of {durable} durable records", records.len());
        assert_eq!(records, self.history[..records.len()]);
        assert_eq!(recovered.tail.last().get(), records.len() as u64);
        self.log = Log::start(self.options, recovered.tail).unwrap();
        records.len()
    }

    /// Dies and starts again without the records from one of them on; as many as are left.
    pub(super) fn crash_and_cut(&mut self, chance: &mut Chance) -> usize {
        let recovered = self.crash(chance);
        let kept = chance.below(recovered + 1);
        let (records, recovered) = self.disk.recover_before(Lsn::new(kept as u64 + 1));
        assert_eq!(records, self.history[..kept]);
        assert_eq!((recovered.tail.last().get(), recovered.cut), (kept as u64, None));
        self.log = Log::start(self.options, recovered.tail).unwrap();
        kept
    }
}
