//! A sync that fails, and loses what it should have kept; the next one would succeed.

use cosmictron_tests::{Errno, Fault, FaultyDisk, Operation, TestServer};
use rustix::process::Signal;
use serde_json::json;

use super::{LOG, Site, check_unavailable, module_on, transfer_arguments};

/// Which sync of the log fails, counted from when calls begin.
const NTH: [u64; 13] = [1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 33, 48, 70];

/// Each time the log is lost, found again, and goes on.
fn check(io: &str) {
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
    for (nth, signal) in NTH.into_iter().zip([Signal::KILL, Signal::TERM].into_iter().cycle()) {
        disk.inject(Fault::loses(LOG, Errno::EIO).from(nth).times(1));
        site.transfer_until_refused();
        assert_eq!(disk.struck(), 1, "sync {nth}");
        // The disk is as good as new, which helps a log of which a part is gone no more.
        disk.heal();
        site.check_abandoned();
        site = site.restart(signal);
    }
}

#[test]
fn a_failed_sync_loses_nothing_that_was_answered() {
    check("auto");
}

#[test]
fn a_failed_sync_loses_nothing_that_was_answered_without_io_uring() {
    check("epoll");
}

#[test]
fn a_disk_that_never_syncs_again_is_told_of_once() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start(&disk, &["--shards", "1"]);
    disk.inject(Fault::loses(LOG, Errno::EIO));
    site.transfer_until_refused();
    site.check_abandoned();
    assert_eq!(disk.struck(), 1, "a sync that has failed is not tried again");
    // It says why, and once.
    let log = site.server.log();
    let said: Vec<_> =
        log.iter().filter(|line| line.contains("write-ahead log has failed")).collect();
    assert_eq!(said.len(), 1, "{log:?}");
    assert!(said[0].contains("segment 1, offset"), "{said:?}");
    let (status, (folder, flags)) = site.server.end(Signal::TERM);
    assert!(status.success(), "told to stop, it ends with {status}");
    disk.heal();
    disk.lose_unsynced();
    let server = TestServer::start_in(folder, flags).unwrap();
    Site { server, ..site }.check();
}

#[test]
fn an_interrupted_sync_is_no_more_than_that() {
    for io in ["auto", "epoll"] {
        let Some(disk) = FaultyDisk::mount() else { return };
        let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
        disk.inject(Fault::fails(Operation::Sync, LOG, Errno::EINTR).times(1));
        // Done in the end, or given up: but told as it is.
        site.transfer();
        assert_eq!(disk.struck(), 1);
        site.restart(Signal::KILL);
    }
}

/// The other shard has a log of its own.
#[test]
fn one_shards_disk_is_not_the_others() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let site = Site::start(&disk, &["--shards", "2"]);
    site.deploy_more();
    let (lost, kept) = (module_on(&site.server, 1), module_on(&site.server, 0));
    let mut client = site.client();
    let mut call =
        |module: &str, mark| client.call(&format!("{module}/transfer"), &transfer_arguments(mark));
    assert_eq!(call(&lost, 1).status, 200);
    disk.inject(Fault::loses("log/shard-0001/*.wal", Errno::EIO).times(1));
    check_unavailable(&call(&lost, 2));
    assert_eq!(call(&kept, 1).status, 200);
    check_unavailable(&call(&lost, 3));
    let ready = site.client().get("/v1/health/ready");
    assert!(ready.body.contains("the write-ahead log of shard 1 has failed"), "{}", ready.body);

    let Site { server, token, .. } = site;
    let (_, (folder, flags)) = server.end(Signal::KILL);
    disk.lose_unsynced();
    let server = TestServer::start_in(folder, flags).unwrap();
    let mut client = server.client_of(&token);
    let mut entries = |module: &str, mark: u64| {
        client.sql(&format!("SELECT count(*) FROM \"{module}\".entry WHERE mark = {mark}"))
    };
    assert_eq!((entries(&lost, 1), entries(&kept, 1)), (json!([[2]]), json!([[2]])));
    assert_eq!(entries(&lost, 3), json!([[0]]), "refused before it began");
    let answer = client.call(&format!("{lost}/transfer"), &transfer_arguments(4));
    assert_eq!(answer.status, 200, "{}", answer.body);
}
