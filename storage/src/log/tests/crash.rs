//! Crashes at every point, with every order of completion: what was durable comes back, and nothing else but a prefix.

use proptest::prelude::*;

use super::super::{LogOptions, Progress};
use super::disk::{BLOCK, Chance, Process, SMALL};

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Pump,
    Prepare,
    Land(usize),
    LandLate(u64),
    Crash(u64),
    /// And what comes back is cut.
    CrashAndCut(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop_oneof![0..100usize, 0..1500usize, Just(4064), 4000..12_289usize]
            .prop_map(Step::Append),
        8 => Just(Step::Pump),
        4 => Just(Step::Prepare),
        8 => any::<usize>().prop_map(Step::Land),
        1 => any::<u64>().prop_map(Step::LandLate),
        1 => any::<u64>().prop_map(Step::Crash),
        1 => any::<u64>().prop_map(Step::CrashAndCut),
    ]
}

fn options() -> impl Strategy<Value = LogOptions> {
    let blocks = 6..20u64;
    (blocks, 1..3usize, 1..5usize).prop_map(|(segment, group, groups_in_flight_max)| LogOptions {
        segment_bytes: segment * BLOCK as u64,
        group_bytes_max: group * BLOCK,
        groups_in_flight_max,
        ..SMALL
    })
}

/// Runs the steps; afterwards dies twice more.
fn run(options: LogOptions, steps: &[Step]) -> Process {
    let mut process = Process::start(options);
    for step in steps {
        match *step {
            Step::Append(payload_bytes) => drop(process.append(payload_bytes)),
            Step::Pump => process.pump(),
            Step::Prepare => process.prepare(),
            Step::Land(choice) => match process.disk.in_flight.len() {
                0 => {}
                count => assert_ne!(process.land(choice % count), Progress::Poisoned),
            },
            Step::LandLate(seed) => process.disk.land_late(&mut Chance(seed)),
            Step::Crash(seed) => {
                process.crash(&mut Chance(seed));
            }
            Step::CrashAndCut(seed) => {
                process.crash_and_cut(&mut Chance(seed));
            }
        }
        assert!(process.log.durable() <= process.log.appended());
        assert!(process.log.proven() <= process.log.durable());
    }
    let recovered = process.crash(&mut Chance(steps.len() as u64));
    assert_eq!(process.crash(&mut Chance(1)), recovered, "recovering again changes nothing");
    process
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_was_durable_is_recovered_and_nothing_but_a_prefix(
        options in options(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut process = run(options, &steps);
        process.settle();
        let lsn = process.write(10);
        prop_assert_eq!(lsn.get(), process.history.len() as u64);
        let (records, recovered) = process.disk.look().unwrap();
        prop_assert_eq!(records, process.history);
        prop_assert_eq!(recovered.cut, None);
    }
}

#[test]
fn a_write_that_lands_after_the_recovery_is_no_record() {
    // Three groups were in flight when the process died. The first landed at once. The second landed when recovery had
    // already found the tail and writing went on: at the next start it must not stand where the new record 2 stands.
    let options = LogOptions { groups_in_flight_max: 3, group_bytes_max: BLOCK, ..SMALL };
    let mut process = Process::open(options);
    for _ in 0..3 {
        process.append(4000).unwrap();
    }
    process.pump();
    assert_eq!(process.disk.in_flight.len(), 2, "the third may still grow");
    process.disk.land(0);
    process.disk.late = std::mem::take(&mut process.disk.in_flight);
    assert_eq!(process.crash(&mut Chance(0)), 1);
    process.write(100);
    while !process.disk.late.is_empty() {
        let late = process.disk.late.remove(0);
        process.disk.in_flight.push(late);
        process.disk.land(0);
    }
    assert_eq!(process.crash(&mut Chance(0)), 2);
    process.write(100);
}

#[test]
fn recovering_is_interrupted_anywhere_and_changes_nothing() {
    let mut process = Process::open(SMALL);
    process.write(3000);
    process.append(6000).unwrap();
    process.pump();
    for seed in 0..200 {
        // One crash tears the second record; then recovery itself dies before it trims, after, and after it has begun
        // the new segment.
        let recovered = process.crash(&mut Chance(seed));
        process.disk.late.clear();
        for steps in 0..4 {
            if steps > 0 {
                process.pump();
            }
            if steps > 1 {
                process.prepare();
                process.pump();
            }
            if steps > 2 && !process.disk.in_flight.is_empty() {
                process.land(0);
                process.pump();
            }
            assert_eq!(process.crash(&mut Chance(seed)), recovered);
        }
        process.settle();
        process.append(6000).unwrap();
        process.pump();
    }
}
