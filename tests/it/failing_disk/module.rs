//! A module that cannot be kept is not deployed, and everything else goes on; what was compiled from one can be compiled
//! again.

use cosmictron_tests::{Errno, Fault, FaultyDisk, Operation, counter};
use rustix::process::Signal;

use super::Site;

#[test]
fn a_module_that_cannot_be_kept_is_not_deployed() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start(&disk, &["--shards", "2"]);
    let unfinished = "modules/*.wasm.unfinished";
    for (operation, files) in [
        (Operation::Create, unfinished),
        (Operation::Write, unfinished),
        (Operation::Sync, unfinished),
        (Operation::Rename, unfinished),
        (Operation::SyncNames, "modules"),
    ] {
        disk.inject(Fault::fails(operation, files, Errno::EIO));
        // A new name, and another version of one that is there.
        for name in ["counter", "bank"] {
            let answer = site.server.try_deploy(name, &counter());
            assert_eq!(answer.status, 503, "{operation:?}: {}", answer.body);
            assert_eq!(answer.code(), "unavailable");
            assert!(answer.body.contains("the module could not be kept on the disk"));
        }
        assert_eq!(disk.struck(), 2, "{operation:?}");
        let modules = site.client().get("/v1/modules");
        assert!(!modules.body.contains("counter"), "{}", modules.body);
        assert_eq!(site.transfer().status, 200, "what is there goes on");
        disk.heal();
        site = site.restart(Signal::KILL);
    }
    site.server.deploy("counter", &counter());
    site.restart(Signal::KILL);
}

#[test]
fn what_was_compiled_need_not_be_kept() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let site = Site::start(&disk, &["--shards", "1"]);
    // It is not synced: a checksum is enough.
    for operation in [Operation::Create, Operation::Write, Operation::Rename] {
        // What was compiled is written first, and the module itself next.
        disk.inject(Fault::fails(operation, "modules/*.unfinished", Errno::EIO).times(1));
        site.server.deploy("counter", &counter());
        assert_eq!(disk.struck(), 1, "{operation:?}");
        site.server.wait_for_line("a compiled module could not be kept for the next start");
        disk.heal();
    }
    site.restart(Signal::KILL);
}
