//! The chain of hashes over the logs: what was written is found whole, and what was rewritten, checksums and all, is found.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cosmictron_storage::log::record::Payload;
use cosmictron_storage::log::{Log, LogId, LogOptions, LogState, Recovery, SegmentNumber, recover};
use cosmictron_tests::{TestServer, binary, sdk_checks};
use cosmictron_types::ShardId;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const CHAINED: &str = "audit.chain = true\n";

/// A data directory with some calls in it, of two shards, and the flags of its server.
fn served(settings: &str) -> (TempDir, Vec<String>) {
    let server = TestServer::start_with(settings, &["--shards", "2"]);
    server.deploy("checks", &sdk_checks());
    let mut ada = server.sign_up("ada@example.com");
    for number in 0..20 {
        let answer = ada.call("fails", &json!([format!("room {number}")]).to_string());
        assert_eq!(answer.status, 422, "{}", answer.body);
        server.sign_up(&format!("user{number}@example.com"));
    }
    let (status, folder) = server.end(Signal::TERM);
    assert!(status.success());
    folder
}

fn verify(data: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(["audit", "verify", "--json", "--data-dir"]).arg(data).args(more);
    command.output().unwrap()
}

#[track_caller]
fn verified(data: &Path, more: &[&str]) -> Vec<Value> {
    let output = verify(data, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["shards"].as_array().unwrap().clone()
}

#[track_caller]
fn refused(data: &Path, more: &[&str], said: &str) {
    let output = verify(data, more);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains(said), "{error}");
}

fn heads(shards: &[Value]) -> Vec<&str> {
    shards.iter().filter_map(|shard| shard["head"].as_str()).collect()
}

#[test]
fn what_was_written_is_found_whole_and_its_heads_prove_it_later() {
    let (folder, flags) = served(CHAINED);
    let data = folder.path().join("data");
    let shards = verified(&data, &[]);
    assert_eq!(shards.len(), 2);
    for shard in &shards {
        assert!(shard["seals"].as_u64().unwrap() > 0, "{shard}");
    }
    assert!(shards[0]["records"].as_u64().unwrap() > 40, "{shards:?}");
    let heads = heads(&shards);
    let expect: Vec<&str> = heads.iter().flat_map(|head| ["--expect", head]).collect();
    verified(&data, &expect);
    // What follows leaves a head where it was.
    let server = TestServer::start_in(folder, flags).unwrap();
    server.sign_up("late@example.com");
    let (_, (folder, _)) = server.end(Signal::KILL);
    let data = folder.path().join("data");
    let later = verified(&data, &expect);
    assert!(later[0]["records"].as_u64() > shards[0]["records"].as_u64());
    let other = heads[0].replace(['1', '2', '3', '4', '5', '6', '7', '8', '9'], "a");
    let (place, _) = heads[0].rsplit_once(':').unwrap();
    let (_, hash) = other.rsplit_once(':').unwrap();
    refused(&data, &["--expect", &format!("{place}:{hash}")], "the chain of hashes is broken");
    refused(&data, &["--expect", &format!("0:999999:{hash}")], "has no record 999999");
    refused(&data, &["--expect", &format!("7:1:{hash}")], "there is no shard 7");
}

#[test]
fn a_log_that_was_rewritten_with_its_checksums_is_refused() {
    let (folder, flags) = served(CHAINED);
    let data = folder.path().join("data");
    let heads = verified(&data, &[]);
    rewrite(&data, ShardId::FIRST, |payload| payload, false);
    // The same records in other files are the same log.
    assert_eq!(self::heads(&verified(&data, &[])), self::heads(&heads));
    rewrite(&data, ShardId::FIRST, forge, false);
    refused(&data, &[], "the chain of hashes is broken");
    let log = TestServer::start_in(folder, flags).err().expect("it does not start");
    assert!(log.iter().any(|line| line.contains("the chain of hashes is broken")), "{log:#?}");
}

/// Whoever rewrites the seals as well is found by a head that was kept elsewhere.
#[test]
fn a_log_without_its_seals_is_found_by_a_head() {
    let (folder, _) = served(CHAINED);
    let data = folder.path().join("data");
    let shards = verified(&data, &[]);
    let head = heads(&shards)[0];
    rewrite(&data, ShardId::FIRST, forge, true);
    verified(&data, &[]);
    let output = verify(&data, &["--expect", head]);
    assert!(!output.status.success());
}

#[test]
fn a_chain_may_be_begun_late() {
    let (folder, flags) = served("");
    let data = folder.path().join("data");
    let before = verified(&data, &[]);
    assert_eq!(before[0]["seals"], 0);
    let kept = heads(&before)[0].to_owned();
    // The flags name a file that may say more.
    let config = folder.path().join("test.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}{CHAINED}")).unwrap();
    let server = TestServer::start_in(folder, flags).unwrap();
    server.sign_up("late@example.com");
    let (_, (folder, _)) = server.end(Signal::TERM);
    let after = verified(&folder.path().join("data"), &["--expect", &kept]);
    assert!(after[0]["seals"].as_u64().unwrap() > 0, "{after:?}");
}

#[test]
fn what_is_no_data_directory_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), &[], "it is no data directory");
    refused(&folder.path().join("nothing"), &[], "nothing");
    assert!(!folder.path().join("nothing").exists());
}

/// Makes an address of a text in the log another one.
fn forge(mut payload: Vec<u8>) -> Vec<u8> {
    let name = b"user7@example.com";
    if let Some(at) = payload.windows(name.len()).position(|window| window == name) {
        payload[at] = b'l';
    }
    payload
}

/// Writes a shard's log anew, with all that makes it valid but the hashes.
fn rewrite(data: &Path, shard: ShardId, change: impl Fn(Vec<u8>) -> Vec<u8>, drops_seals: bool) {
    let manifest: Value =
        serde_json::from_slice(&fs::read(data.join("cosmictron.json")).unwrap()).unwrap();
    let number = u64::from_str_radix(manifest["data"].as_str().unwrap(), 16).unwrap();
    let id = LogId { data: number, shard };
    let folder = data.join(format!("log/shard-{:04}", shard.get()));
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let segments: Vec<(SegmentNumber, Vec<u8>)> = files
        .iter()
        .zip(1..)
        .map(|(file, number)| (SegmentNumber::new(number), fs::read(file).unwrap()))
        .collect();
    let segments: Vec<(SegmentNumber, &[u8])> =
        segments.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    recover(id, &segments, |record| payloads.push(record.payload.to_vec())).unwrap();
    if drops_seals {
        let is_seal =
            |payload: &Vec<u8>| matches!(Payload::decode(payload), Ok(Payload::Seal { .. }));
        payloads.retain(|payload| !is_seal(payload));
    }
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    let written = write_log(id, payloads.into_iter().map(change));
    for (segment, bytes) in written {
        fs::write(folder.join(format!("{:010}.wal", segment.get())), bytes).unwrap();
    }
}

fn write_log(
    id: LogId,
    payloads: impl Iterator<Item = Vec<u8>>,
) -> BTreeMap<SegmentNumber, Vec<u8>> {
    let options = LogOptions { segment_bytes: 64 << 20, ..LogOptions::default() };
    let mut log = Log::start(options, Recovery::start(id, []).unwrap().finish().tail).unwrap();
    let mut files = BTreeMap::new();
    settle(&mut log, &mut files);
    assert_eq!(log.state(), LogState::Open);
    for payload in payloads {
        log.append(&payload).unwrap();
        settle(&mut log, &mut files);
    }
    files
}

fn settle(log: &mut Log, files: &mut BTreeMap<SegmentNumber, Vec<u8>>) {
    loop {
        if let Some((segment, bytes)) = log.wants_segment() {
            files.insert(segment, vec![0; usize::try_from(bytes).unwrap()]);
            log.segment_ready(segment, Ok(()));
        }
        let Some(write) = log.next_write() else { return };
        let (id, at) = (write.id, usize::try_from(write.offset).unwrap());
        let file = files.get_mut(&write.segment).unwrap();
        file[at..at + write.bytes.len()].copy_from_slice(write.bytes);
        log.complete(id, Ok(()));
    }
}
