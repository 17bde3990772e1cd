//! Bytes here and there, damaged under the real binary.

use rustix::process::Signal;

use super::{Served, check_refusal};

/// Places to damage in one log.
const PLACES: usize = 15;

/// How many starts found everything, all but the last call, or were refused.
fn damage(served: &Served, missing_max: usize) -> [usize; 3] {
    let file = std::fs::read(served.segment(1)).unwrap();
    let used = file.iter().rposition(|&byte| byte != 0).unwrap();
    let mut counts = [0; 3];
    // From the header's first byte to the last record's, wherever that is in its block.
    for place in 0..PLACES {
        let at = place * used / (PLACES - 1);
        let copy = served.copy();
        let segment = copy.segment(1);
        let mut bytes = file.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&segment, &bytes).unwrap();
        let (started, expected) = copy.start();
        match started {
            Ok(server) => counts[expected.check(&server, missing_max)] += 1,
            Err(refusal) => {
                let path = segment.display().to_string();
                check_refusal(&refusal, &[&path, "segment 1, byte ", "restore"]);
                assert!(std::fs::read(&segment).unwrap() == bytes, "a refused log was changed");
                counts[2] += 1;
            }
        }
    }
    counts
}

#[test]
fn after_a_clean_stop_a_damaged_byte_is_harmless_or_refused() {
    let [_, missing, refused] = damage(&Served::once(Signal::TERM), 0);
    assert!(missing == 0 && refused > 0);
}

#[test]
fn after_a_kill_a_damaged_byte_costs_at_most_the_last_group() {
    let [_, missing, refused] = damage(&Served::once(Signal::KILL), 1);
    assert!(missing > 0 && refused > 0);
}
