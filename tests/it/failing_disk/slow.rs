//! A disk that takes its time over a sync: nothing is answered before it is durable, everything after, and what does not
//! wait for that disk goes on.

use cosmictron_net::Method;
use cosmictron_tests::{Errno, FaultyDisk, TestClient, TestServer, my_agent};
use rustix::process::Signal;
use serde_json::json;

use super::{LOG, Site, module_on, transfer_arguments};

/// Turns of the shard's loop in which an answer that was too early would have been seen.
const TURNS: usize = 20;

/// Has the server run its loop a few times, on the shard that has the connection and on all others.
fn turn(site: &Site<'_>) {
    let (mut client, mut admin) = (site.client(), site.server.admin());
    for _ in 0..TURNS {
        assert_eq!(client.get("/v1/health").status, 200);
        // Asks every shard.
        assert_eq!(admin.get("/v1/health/diagnostics").status, 200);
    }
}

fn send_post(client: &mut TestClient, path: &str, body: &str) {
    let token = client.token().unwrap().to_owned();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n");
    let length = body.len();
    assert!(client.send(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()));
}

#[test]
fn nothing_is_answered_before_its_sync() {
    for io in ["auto", "epoll"] {
        let Some(disk) = FaultyDisk::mount() else { return };
        let mut site = Site::start(&disk, &["--shards", "1", "--io", io]);
        let held = disk.hold_syncs(LOG);
        let mut callers: Vec<TestClient> = (1..=6).map(|_| site.client()).collect();
        for (mark, caller) in (1..).zip(&mut callers) {
            send_post(caller, "/v1/reducers/bank/transfer", &transfer_arguments(mark));
        }
        // It reads what the calls have written, so it waits as they do.
        let mut reader = site.client();
        let query = json!({ "query": "SELECT count(*) FROM receipt" }).to_string();
        held.wait();
        turn(&site);
        send_post(&mut reader, "/v1/sql", &query);
        turn(&site);
        for waiting in callers.iter_mut().chain([&mut reader]) {
            assert!(!waiting.has_input(), "{io}: answered before it was durable");
        }
        drop(held);
        for (mark, caller) in (1..).zip(&mut callers) {
            let answer = caller.read_answer(Method::Post).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            site.ledger.note(mark, &answer);
        }
        let rows = reader.read_answer(Method::Post).unwrap().json()["rows"].clone();
        assert_eq!(rows, json!([[6]]));
        site.restart(Signal::KILL);
    }
}

/// Killed while the disk still works: nobody was told anything, and the disk may forget it.
#[test]
fn what_a_held_sync_should_have_kept_was_never_answered() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let mut site = Site::start(&disk, &["--shards", "1"]);
    site.transfer();
    let held = disk.hold_syncs(LOG);
    let mut caller = site.client();
    site.ledger.last += 1;
    site.ledger.unknown.push(site.ledger.last);
    let arguments = transfer_arguments(site.ledger.last);
    send_post(&mut caller, "/v1/reducers/bank/transfer", &arguments);
    held.wait();
    site.server.signal(Signal::KILL);
    // A process cannot end while the kernel waits for its disk.
    disk.fail_held(Errno::EIO);
    assert!(caller.read_answer(Method::Post).is_none());
    drop(held);
    site.restart(Signal::KILL);
}

/// The other shard has a disk of its own, so to speak.
#[test]
fn a_shard_with_a_fast_disk_does_not_wait_for_another() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let site = Site::start(&disk, &["--shards", "2"]);
    site.deploy_more();
    let (slow, fast) = (module_on(&site.server, 1), module_on(&site.server, 0));
    let held = disk.hold_syncs("log/shard-0001/*.wal");
    let mut caller = site.client();
    send_post(&mut caller, &format!("/v1/reducers/{slow}/transfer"), &transfer_arguments(1));
    held.wait();
    let mut client = site.client();
    for mark in 1..=10 {
        let answer = client.call(&format!("{fast}/transfer"), &transfer_arguments(mark));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let query = format!("SELECT count(*) FROM \"{fast}\".receipt");
        assert_eq!(client.sql(&query), json!([[mark]]));
    }
    turn(&site);
    assert!(!caller.has_input(), "answered before it was durable");
    drop(held);
    assert_eq!(caller.read_answer(Method::Post).unwrap().status, 200);
}

/// What waits for the disk has a bound, and whoever comes then is told so.
#[test]
fn what_waits_for_a_slow_disk_is_bounded() {
    let Some(disk) = FaultyDisk::mount() else { return };
    let site = Site::start(&disk, &["--shards", "1"]);
    site.server.deploy("my-agent", &my_agent());
    let held = disk.hold_syncs(LOG);
    let arguments = json!(["session", "user", "x".repeat(200 << 10)]).to_string();
    let mut callers: Vec<TestClient> = (0..40).map(|_| site.client()).collect();
    for caller in &mut callers {
        send_post(caller, "/v1/reducers/record_agent_message", &arguments);
    }
    held.wait();
    turn(&site);
    let (told, waiting): (Vec<_>, Vec<_>) = callers.into_iter().partition(TestClient::has_input);
    assert!(!told.is_empty() && !waiting.is_empty(), "{} are told", told.len());
    for mut caller in told {
        let answer = caller.read_answer(Method::Post).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"), "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
    }
    drop(held);
    let answered = waiting.len();
    for mut caller in waiting {
        let answer = caller.read_answer(Method::Post).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let Site { server, token, .. } = site;
    let (_, (folder, flags)) = server.end(Signal::KILL);
    disk.lose_unsynced();
    let server = TestServer::start_in(folder, flags).unwrap();
    let rows = server.client_of(&token).sql("SELECT count(*) FROM agent_state");
    assert_eq!(rows, json!([[answered]]), "the refused ones have not happened");
}
