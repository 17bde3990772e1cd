//! Writes to the log that fail, are cut short, or are interrupted.

use cosmictron_tests::{Errno, Fault, FaultyDisk, Operation, TestServer};
use rustix::process::Signal;

use super::{LOG, Site};

const DRIVERS: [&str; 2] = ["auto", "epoll"];
/// Which write of the log is struck.
const NTH: [u64; 6] = [1, 2, 3, 7, 15, 31];

#[test]
fn a_failed_write_loses_nothing_that_was_answered() {
    for io in DRIVERS {
        let Some(disk) = FaultyDisk::mount() else { return };
        let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
        for nth in NTH {
            disk.inject(Fault::fails(Operation::Write, LOG, Errno::EIO).from(nth).times(1));
            site.transfer_until_refused();
            assert_eq!(disk.struck(), 1, "{io}, write {nth}");
            disk.heal();
            site.check_abandoned();
            site = site.restart(Signal::KILL);
        }
    }
}

/// A short write is no failure: the rest follows.
#[test]
fn a_short_write_is_gone_on_with() {
    for io in DRIVERS {
        let Some(disk) = FaultyDisk::mount() else { return };
        let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
        for bytes in [1, 17, 512, 4095] {
            disk.inject(Fault::shortens(LOG, bytes).times(1));
            assert_eq!(site.transfer().status, 200, "{io}, {bytes} bytes");
            assert_eq!(disk.struck(), 1);
            disk.heal();
        }
        site.restart(Signal::KILL);
    }
}

/// The record is torn: its head is there, and the rest is not.
#[test]
fn a_short_write_whose_rest_fails_is_never_answered() {
    for io in DRIVERS {
        let Some(disk) = FaultyDisk::mount() else { return };
        let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
        for bytes in [1, 100, 300, 4000] {
            disk.inject(Fault::shortens(LOG, bytes).times(1));
            // The kernel may try the rest a second time, through its cache.
            disk.inject(Fault::fails(Operation::Write, LOG, Errno::EIO).from(2));
            assert_eq!(site.transfer().status, 503, "{io}, {bytes} bytes");
            assert!(disk.struck() >= 2);
            disk.heal();
            site.check_abandoned();
            // Not by a power cut this time: what was torn is found.
            let (_, (folder, flags)) = site.server.end(Signal::KILL);
            let server = TestServer::start_in(folder, flags).unwrap();
            site = Site { server, ..site };
            site.check();
        }
    }
}

#[test]
fn an_interrupted_write_is_no_more_than_that() {
    for io in DRIVERS {
        let Some(disk) = FaultyDisk::mount() else { return };
        let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
        disk.inject(Fault::fails(Operation::Write, LOG, Errno::EINTR).times(1));
        // Done in the end, or given up: but told as it is.
        site.transfer();
        assert_eq!(disk.struck(), 1);
        site.restart(Signal::KILL);
    }
}
