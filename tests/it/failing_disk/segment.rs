//! The next segment cannot be prepared: for any reason but a full disk, that is the end of the log.

use cosmictron_tests::{Errno, Fault, FaultyDisk, Operation};
use rustix::process::Signal;

use super::Site;

/// Segments that are being prepared, and the directory that gets their names.
const PREPARED: &str = "log/*.wal.new";
const DIRECTORY: &str = "log/shard-0000";

/// Each step of a preparation fails in turn, while calls fill what is prepared already.
fn check(io: &str) {
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start_small(&disk, &["--shards", "1", "--io", io]);
    for (operation, files) in [
        (Operation::Create, PREPARED),
        (Operation::Allocate, PREPARED),
        (Operation::Write, PREPARED),
        (Operation::Sync, PREPARED),
        (Operation::Rename, PREPARED),
        (Operation::SyncNames, DIRECTORY),
    ] {
        disk.inject(Fault::fails(operation, files, Errno::EIO));
        site.transfer_until_refused();
        assert_eq!(disk.struck(), 1, "{operation:?}: tried once");
        disk.heal();
        site.check_lost();
        site = site.restart(Signal::KILL);
    }
}

#[test]
fn a_segment_that_cannot_be_prepared_ends_the_log() {
    check("auto");
}

#[test]
fn a_segment_that_cannot_be_prepared_ends_the_log_without_io_uring() {
    check("epoll");
}
