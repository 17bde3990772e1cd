//! Files that are missing, cut, swapped, emptied, of another version or from elsewhere, under the real binary.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::{Served, check_refusal};

/// A log of two segments with records, from a run that was killed and one that was stopped.
fn served() -> Served {
    Served::once(Signal::KILL).again(Signal::TERM)
}

/// Damages a copy; the start is refused in these words.
fn refused(served: &Served, damage: impl FnOnce(&Served), words: &[&str]) {
    let copy = served.copy();
    damage(&copy);
    match copy.start() {
        (Ok(server), expected) => {
            expected.check(&server, 0);
            panic!("nobody has noticed what {words:?} tells of");
        }
        (Err(refusal), _) => check_refusal(&refusal, words),
    }
}

/// Changes a copy; nothing is lost.
fn harmless(served: &Served, change: impl FnOnce(&Served)) {
    let copy = served.copy();
    change(&copy);
    let (started, expected) = copy.start();
    let server = started.unwrap_or_else(|refusal| panic!("{}", refusal.text()));
    expected.check(&server, 0);
}

fn copy_file(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

fn cut_to(served: &Served, segment: u64, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(served.segment(segment)).unwrap();
    file.set_len(bytes).unwrap();
}

#[test]
fn a_segment_that_is_gone_is_never_passed_over() {
    let served = served();
    let remove = |number| move |s: &Served| fs::remove_file(s.segment(number)).unwrap();
    refused(&served, remove(1), &["0000000001.wal: segment 1 is missing", "put the missing file"]);
    refused(&served, remove(2), &["0000000002.wal: segment 2 is missing", "put the missing file"]);
    let rest = |s: &Served| {
        (2..=3).for_each(|number| drop(fs::remove_file(s.segment(number))));
    };
    // The footer of the one before says that there was another.
    refused(&served, rest, &["0000000002.wal: segment 2 is missing", "put the missing file"]);
    let folder = |s: &Served| fs::remove_dir_all(s.data().join("log")).unwrap();
    refused(&served, folder, &["the log of shard 0 is gone: restore the data directory"]);
}

#[test]
fn a_segment_that_was_cut_or_emptied_is_refused() {
    let served = served();
    let closed = ["segment 1, byte 8192", "the next segment begins behind it", "restore"];
    refused(&served, |s| cut_to(s, 1, 8192), &closed);
    refused(&served, |s| cut_to(s, 1, 0), &["segment 1, byte 0: the header is damaged"]);
    let last = ["segment 2, byte 8192: the file ends here, but was 1048576 bytes long"];
    refused(&served, |s| cut_to(s, 2, 8192), &last);
    refused(&served, |s| cut_to(s, 2, 0), &["segment 2, byte 0: the header is damaged"]);
}

#[test]
fn a_segment_from_elsewhere_is_refused() {
    let served = served();
    let swap = |s: &Served| {
        let aside = s.segment(0);
        fs::rename(s.segment(1), &aside).unwrap();
        fs::rename(s.segment(2), s.segment(1)).unwrap();
        fs::rename(&aside, s.segment(2)).unwrap();
    };
    refused(&served, swap, &["segment 1 says that it is segment 2", "renamed or copied"]);
    let copy_over = |s: &Served| copy_file(&s.segment(1), &s.segment(2));
    refused(&served, copy_over, &["segment 2 says that it is segment 1", "renamed or copied"]);
    let other = Served::once(Signal::TERM);
    let foreign = |s: &Served| copy_file(&other.segment(1), &s.segment(1));
    refused(
        &served,
        foreign,
        &["segment 1 belongs to another data directory", "renamed or copied"],
    );
    let nonsense = |s: &Served| fs::write(s.segment(2), b"not a log at all").unwrap();
    refused(&served, nonsense, &["segment", "restore"]);
}

#[test]
fn another_version_of_the_format_is_named() {
    let served = served();
    let raise_segment = |s: &Served| {
        let mut bytes = fs::read(s.segment(1)).unwrap();
        bytes[8] += 1;
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        fs::write(s.segment(1), bytes).unwrap();
    };
    refused(&served, raise_segment, &["segment 1 has format version 2", "start the version"]);
    let raise_directory = |s: &Served| {
        let file = s.data().join("cosmictron.json");
        let text = fs::read_to_string(&file).unwrap().replace("\"format\": 1", "\"format\": 2");
        fs::write(file, text).unwrap();
    };
    refused(&served, raise_directory, &["cosmictron.json", "format 2", "start the version"]);
}

#[test]
fn a_directory_without_its_manifest_is_no_new_one() {
    let served = served();
    let manifest = |s: &Served| s.data().join("cosmictron.json");
    let gone = |s: &Served| fs::remove_file(manifest(s)).unwrap();
    refused(&served, gone, &["holds logs but no cosmictron.json", "restore"]);
    refused(&served, |s| fs::write(manifest(s), "").unwrap(), &["cosmictron.json"]);
}

/// The one file in `modules` with this ending.
fn module_file(served: &Served, ending: &str) -> PathBuf {
    let mut files = fs::read_dir(served.data().join("modules")).unwrap().map(|e| e.unwrap().path());
    files.find(|path| path.extension().is_some_and(|found| found == ending)).unwrap()
}

fn flip_the_middle(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_module_that_is_damaged_is_refused_and_what_was_compiled_of_it_is_made_again() {
    let served = served();
    let remove = |s: &Served| fs::remove_file(module_file(s, "wasm")).unwrap();
    refused(&served, remove, &["module my-agent: modules/", "is missing", "restore it"]);
    let damage = |s: &Served| flip_the_middle(&module_file(s, "wasm"));
    refused(&served, damage, &["module my-agent: modules/", "is damaged", "restore it"]);
    harmless(&served, |s| flip_the_middle(&module_file(s, "cwasm")));
    harmless(&served, |s| fs::remove_file(module_file(s, "cwasm")).unwrap());
}

#[test]
fn files_that_are_none_of_ours_are_left_alone() {
    harmless(&served(), |s| {
        let folder = s.segment(1).parent().unwrap().to_owned();
        fs::write(folder.join("notes.txt"), "x").unwrap();
        fs::write(folder.join("3.wal"), "x").unwrap();
        fs::write(folder.join("0000000009.wal.new"), "x").unwrap();
        fs::write(s.data().join("log/notes.txt"), "x").unwrap();
        fs::create_dir(s.data().join("more")).unwrap();
    });
}
