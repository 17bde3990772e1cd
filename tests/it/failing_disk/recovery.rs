//! A disk that cannot be read, or written, while a server starts: it says where and stops, and the next start finds
//! everything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cosmictron_tests::{Errno, Fault, FaultyDisk, Operation, Refusal, TestServer, configure};
use rustix::process::Signal;

use super::{LOG, SMALL, Site};

/// A start that has to be refused.
fn refuse(folder: tempfile::TempDir, flags: &[String]) -> Refusal {
    match TestServer::try_start_in(folder, flags.to_vec()) {
        Err(refusal) => refusal,
        Ok(_) => panic!("a server has started that could not read its data"),
    }
}

#[test]
fn a_log_that_cannot_be_read_stops_the_start_and_is_left_alone() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start(&disk, &["--shards", "1"]);
    site.transfer();
    // A second segment: there are two files to be read.
    site = site.restart(Signal::KILL);
    let Site { server, token, ledger, .. } = site;
    let (_, (mut folder, flags)) = server.end(Signal::KILL);
    disk.lose_unsynced();
    let before = files(&disk.data_dir());
    for nth in 1.. {
        disk.inject(Fault::fails(Operation::Read, LOG, Errno::EIO).from(nth));
        let refusal = match TestServer::try_start_in(folder, flags.clone()) {
            Err(refusal) => refusal,
            Ok(server) => {
                assert!(nth > 2, "both files are read");
                assert_eq!(disk.struck(), 0, "read {nth} failed and nobody minds");
                return Site { disk: &disk, server, token, ledger }.check();
            }
        };
        disk.heal();
        assert_eq!(refusal.status.code(), Some(1));
        let text = refusal.text();
        assert!(text.contains("log/shard-0000/000000000") && text.contains(".wal: "), "{text}");
        assert!(text.contains("Input/output error"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        assert!(before == files(&disk.data_dir()), "a start that is refused changes nothing");
        folder = refusal.folder;
    }
}

/// Each names the file, as far as the start needs it.
#[test]
fn every_file_that_cannot_be_read_is_named() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let site = Site::start(&disk, &["--shards", "1"]);
    let mut site = site.restart(Signal::TERM);
    for (file, name) in [
        ("cosmictron.json", "cosmictron.json"),
        ("keys/*", "keys/"),
        ("modules/*.wasm", "modules/"),
    ] {
        let (_, (folder, flags)) = site.server.end(Signal::KILL);
        disk.inject(Fault::fails(Operation::Read, file, Errno::EIO));
        let refusal = refuse(folder, &flags);
        assert_eq!(refusal.status.code(), Some(1), "{file}");
        let text = refusal.text();
        assert!(text.contains(name) && text.contains("Input/output error"), "{file}: {text}");
        disk.heal();
        site = Site { server: TestServer::start_in(refusal.folder, flags).unwrap(), ..site };
        site.check();
    }
    // What was compiled can be compiled again.
    let (_, (folder, flags)) = site.server.end(Signal::KILL);
    disk.inject(Fault::fails(Operation::Read, "modules/*.cwasm", Errno::EIO));
    site = Site { server: TestServer::start_in(folder, flags).unwrap(), ..site };
    assert!(disk.struck() > 0);
    site.check();
}

/// The first start of all, interrupted by every write, sync and rename in turn: the directory can be started on.
#[test]
fn a_first_start_that_fails_can_be_tried_again() {
    use Operation::{Allocate, Create, Rename, Sync, SyncNames, Write};
    for operation in [Create, Write, Allocate, Sync, SyncNames, Rename] {
        for nth in 1.. {
            let Some(disk) = FaultyDisk::mount() else { return };
            let flags = ["--shards".to_owned(), "1".to_owned()];
            disk.inject(Fault::fails(operation, "*", Errno::EIO).from(nth));
            let folder = disk.server_folder();
            configure(folder.path(), SMALL);
            let started = TestServer::try_start_in(folder, flags.to_vec());
            let (is_over, folder) = match started {
                Ok(server) => (disk.struck() == 0, server.end(Signal::KILL).1.0),
                Err(refusal) => {
                    let text = refusal.text();
                    assert_eq!(refusal.status.code(), Some(1), "{operation:?} {nth}: {text}");
                    assert!(!text.contains("panicked"), "{operation:?} {nth}: {text}");
                    (false, refusal.folder)
                }
            };
            disk.heal();
            disk.lose_unsynced();
            let server = TestServer::start_in(folder, flags.to_vec());
            let server = server.unwrap_or_else(|log| panic!("{operation:?} {nth}: {log:?}"));
            server.sign_up("ada@example.com");
            assert_eq!(server.admin().get("/v1/health/diagnostics").status, 200);
            if is_over {
                break;
            }
        }
    }
}

/// A later start that cannot write can at least tell; what is there is untouched.
#[test]
fn a_start_that_cannot_write_loses_nothing() {
    use Operation::{Allocate, Create, Rename, Sync, SyncNames, Write};
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start_small(&disk, &["--shards", "1"]);
    site.transfer();
    for operation in [Create, Write, Allocate, Sync, SyncNames, Rename] {
        for nth in 1.. {
            let Site { server, token, ledger, .. } = site;
            let (_, (folder, flags)) = server.end(Signal::KILL);
            disk.lose_unsynced();
            disk.inject(Fault::fails(operation, "*", Errno::EIO).from(nth));
            let folder = match TestServer::try_start_in(folder, flags.clone()) {
                Ok(server) => server.end(Signal::KILL).1.0,
                Err(refusal) => {
                    let text = refusal.text();
                    assert_eq!(refusal.status.code(), Some(1), "{operation:?} {nth}: {text}");
                    refusal.folder
                }
            };
            let is_over = disk.struck() == 0;
            disk.heal();
            disk.lose_unsynced();
            let server = TestServer::start_in(folder, flags);
            let server = server.unwrap_or_else(|log| panic!("{operation:?} {nth}: {log:?}"));
            site = Site { disk: &disk, server, token, ledger };
            site.check();
            if is_over {
                break;
            }
        }
    }
}

/// Every file below a directory, and what is in it; but for half-prepared segments, which hold nothing and go with any
/// start.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.append(&mut files(&path)),
            false if path.extension().is_some_and(|extension| extension == "new") => {}
            false => {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}
