//! Full disks, failed writes, slow disks, segment changes: what the log takes and says then.

use cosmictron_types::Lsn;

use super::super::{
    AppendError, DiskFault, InvalidOptions, Log, LogOptions, LogState, Poison, Progress,
    SegmentNumber,
};
use super::disk::{BLOCK, Chance, Process, SMALL};

const FULL: Result<(), DiskFault> = Err(DiskFault::OutOfSpace);
const BROKEN: DiskFault = DiskFault::System(5);

#[test]
fn groups_gather_while_a_write_is_in_flight() {
    let mut process = Process::open(SMALL);
    for payload_bytes in [10, 20, 30] {
        process.append(payload_bytes).unwrap();
        process.pump();
    }
    assert_eq!(process.disk.in_flight.len(), 1);
    assert_eq!(process.land(0), Progress::Durable(Lsn::new(1)));
    process.pump();
    assert_eq!(process.disk.in_flight.len(), 1);
    assert_eq!(process.land(0), Progress::Durable(Lsn::new(3)));
    assert_eq!(process.log.figures().groups, 2);
    assert_eq!(process.log.figures().payload_bytes, 60);
}

#[test]
fn a_later_write_that_lands_first_is_acknowledged_when_the_earlier_one_lands() {
    let options = LogOptions { groups_in_flight_max: 4, group_bytes_max: BLOCK, ..SMALL };
    let mut process = Process::open(options);
    for _ in 0..4 {
        process.append(3000).unwrap();
    }
    process.pump();
    assert_eq!(process.disk.in_flight.len(), 3, "the open group waits while others are in flight");
    assert_eq!(process.land(2), Progress::None);
    assert_eq!(process.land(0), Progress::Durable(Lsn::new(1)));
    process.pump();
    assert_eq!(process.land(0), Progress::Durable(Lsn::new(3)));
    assert_eq!(process.log.durable(), Lsn::new(3));
}

#[test]
fn nothing_is_taken_before_the_first_segment_is_open() {
    let mut process = Process::start(SMALL);
    assert_eq!(process.log.state(), LogState::Starting);
    assert_eq!(process.append(1), Err(AppendError::NoSegment));
    process.pump();
    process.prepare();
    process.pump();
    assert_eq!(process.append(1), Err(AppendError::NoSegment));
    assert_eq!(process.land(0), Progress::None);
    assert_eq!(process.log.state(), LogState::Open);
    process.append(1).unwrap();
}

#[test]
fn records_go_on_in_the_next_segment_when_one_is_full() {
    let mut process = Process::open(SMALL);
    let lsns: Vec<u64> = (0..9).map(|_| process.write(3000).get()).collect();
    assert_eq!(lsns, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(process.disk.numbers(), [1, 2, 3, 4], "the fourth is prepared ahead");
    assert_eq!(process.log.figures().segments, 3);
    assert_eq!(process.crash(&mut Chance(0)), 9);
    assert_eq!(process.disk.numbers(), [1, 2, 3], "the unused one is removed");
}

#[test]
fn a_backlog_is_bounded_and_says_so() {
    let mut process = Process::open(SMALL);
    process.append(100).unwrap();
    process.pump();
    for _ in 0..2 {
        process.append(2 * BLOCK - 32).unwrap();
    }
    assert_eq!(process.append(1), Err(AppendError::Backlog { bytes: 4 * BLOCK }));
    process.settle();
    process.append(1).unwrap();
}

#[test]
fn a_record_too_large_is_refused_and_the_largest_is_taken() {
    let mut process = Process::open(SMALL);
    let bytes_max = SMALL.record_bytes_max;
    assert_eq!(
        process.append(bytes_max + 1),
        Err(AppendError::TooLarge { bytes: bytes_max + 1, bytes_max })
    );
    process.write(bytes_max);
    process.write(0);
    assert_eq!(process.crash(&mut Chance(0)), 2);
}

#[test]
fn a_full_disk_takes_nothing_new_and_loses_nothing_old() {
    let mut process = Process::open(SMALL);
    process.write(2 * BLOCK);
    // The next segment is used up, and the one after it cannot be prepared any more.
    let mut appended = Vec::new();
    process.pump();
    while let Ok(lsn) = process.append(3000) {
        appended.push(lsn);
    }
    while process.disk.preparing.is_none() {
        process.pump();
        process.land(0);
    }
    let (segment, _) = process.disk.preparing.take().unwrap();
    process.append(1000).unwrap();
    process.log.segment_ready(segment, FULL);
    assert_eq!(process.log.state(), LogState::Full);
    assert_eq!(process.append(1), Err(AppendError::OutOfSpace));
    let last = process.log.appended();
    process.settle();
    assert_eq!(process.log.durable(), last, "what was taken had its space");
    assert_eq!(process.log.wants_segment(), None, "asking again is the owner's to choose");

    process.log.retry_segment();
    assert_eq!(process.log.wants_segment(), Some((segment, SMALL.segment_bytes)));
    process.log.segment_ready(segment, FULL);
    assert_eq!(process.append(1), Err(AppendError::OutOfSpace));

    process.log.retry_segment();
    process.settle();
    assert_eq!(process.log.state(), LogState::Open);
    for _ in 0..10 {
        process.write(3000);
    }
    process.crash(&mut Chance(0));
}

#[test]
fn a_record_is_taken_only_when_its_space_is_prepared() {
    let mut process = Process::open(SMALL);
    process.write(10);
    // Segment 2 is ready: use it up together with segment 1, while segment 3 is never prepared.
    let mut records = 1;
    loop {
        process.pump();
        while !process.disk.in_flight.is_empty() {
            process.land(0);
            process.pump();
        }
        match process.append(3000) {
            Ok(_) => records += 1,
            Err(error) => {
                assert_eq!(error, AppendError::NoSegment);
                break;
            }
        }
    }
    assert_eq!(records, 8, "four blocks of records in each of two segments");
    process.prepare();
    process.append(3000).unwrap();
}

#[test]
fn a_disk_full_from_the_start_leaves_what_was_recovered() {
    let mut process = Process::open(SMALL);
    process.write(10);
    process.crash(&mut Chance(0));
    let (segment, _) = process.log.wants_segment().unwrap();
    process.log.segment_ready(segment, FULL);
    assert_eq!(process.log.state(), LogState::Full);
    assert_eq!(process.append(1), Err(AppendError::OutOfSpace));
    process.log.retry_segment();
    process.settle();
    process.write(10);
    process.crash(&mut Chance(0));
}

#[test]
fn a_failed_write_ends_the_log_for_good() {
    let options = LogOptions { groups_in_flight_max: 2, group_bytes_max: BLOCK, ..SMALL };
    let mut process = Process::open(options);
    process.write(10);
    for _ in 0..4 {
        process.append(3000).unwrap();
    }
    process.pump();
    assert_eq!(process.disk.in_flight.len(), 2);
    let (first, second) = (process.disk.land(0), process.disk.land(0));
    assert_eq!(process.log.complete(second, Err(BROKEN)), Progress::Poisoned);
    assert_eq!(process.log.complete(first, Ok(())), Progress::Poisoned);
    assert_eq!(process.log.durable(), Lsn::new(1), "nothing is acknowledged any more");
    let poison =
        Poison { segment: SegmentNumber::new(1), offset: Some(3 * BLOCK as u64), fault: BROKEN };
    assert_eq!(process.log.state(), LogState::Poisoned(poison));
    assert_eq!(process.append(1), Err(AppendError::Poisoned(poison)));
    process.log.retry_segment();
    assert_eq!(process.log.wants_segment(), None);
    assert_eq!(process.log.next_write(), None);
}

#[test]
fn a_full_disk_under_a_write_ends_the_log_too() {
    // A segment's blocks were all written when it was prepared. If one is not there, nothing is certain.
    let mut process = Process::open(SMALL);
    process.append(10).unwrap();
    process.pump();
    let id = process.disk.land(0);
    assert_eq!(process.log.complete(id, FULL), Progress::Poisoned);
}

#[test]
fn a_segment_that_cannot_be_prepared_ends_the_log_unless_the_disk_is_full() {
    let mut process = Process::start(SMALL);
    let (segment, _) = process.log.wants_segment().unwrap();
    process.log.segment_ready(segment, Err(BROKEN));
    let poison = Poison { segment, offset: None, fault: BROKEN };
    assert_eq!(process.log.state(), LogState::Poisoned(poison));
}

#[test]
fn a_mark_proves_what_came_before_it() {
    let mut process = Process::open(SMALL);
    assert_eq!(process.log.proven(), Lsn::ZERO);
    process.write(10);
    assert_eq!((process.log.durable().get(), process.log.proven().get()), (1, 0));
    process.write(1);
    assert_eq!((process.log.durable().get(), process.log.proven().get()), (2, 1));
    process.crash(&mut Chance(0));
    process.settle();
    assert_eq!(process.log.proven().get(), 2, "the new segment's header proves all before it");
}

#[test]
fn sizes_that_do_not_go_together_are_refused() {
    #[track_caller]
    fn check(options: LogOptions, expected: &str) {
        assert_eq!(options.check().unwrap_err().to_string(), expected);
    }
    let options = LogOptions::default();
    assert_eq!(options.check(), Ok(()));
    check(
        LogOptions { segment_bytes: 5000, ..options },
        "log segment of 5000 bytes is not a multiple of 4096 from 4096 on",
    );
    check(
        LogOptions { group_bytes_max: 0, ..options },
        "log group of 0 bytes is not a multiple of 4096 from 4096 on",
    );
    check(
        LogOptions { groups_in_flight_max: 17, ..options },
        "log groups in flight of 17 exceeds 16",
    );
    check(
        LogOptions { record_bytes_max: usize::MAX, ..options },
        "log record of 18446744073709551615 exceeds 67108832",
    );
    check(
        LogOptions { backlog_bytes_max: 16 << 20, ..options },
        "log record with its padding of 16781312 exceeds 16777216",
    );
    check(
        LogOptions { backlog_bytes_max: 64 << 20, ..options },
        "log backlog of 67108864 exceeds 67100672",
    );
    let options = LogOptions { groups_in_flight_max: 0, ..options };
    assert_eq!(options.check(), Err(InvalidOptions::NoFlight));
    let (_, recovered) = super::disk::Disk::default().recover().unwrap();
    assert!(Log::start(options, recovered.tail).is_err());
}
