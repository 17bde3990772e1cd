//! Kills the server at random moments under load: what was answered is there, exactly once, and nothing is half there.
//!
//! `COSMICTRON_CRASH_ROUNDS` says how often (`cargo xtask test --crash-rounds N`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cosmictron_tests::{TestAnswer, TestClient, TestServer, my_agent};
use rustix::process::Signal;
use serde_json::json;

/// Connections that write at once.
pub const WRITERS: usize = 6;

/// What one connection knows of its calls in one round.
#[derive(Default)]
struct Written {
    answered: Vec<String>,
    /// Sent, and the connection ended before an answer came.
    unknown: Option<String>,
}

#[test]
fn every_answered_call_survives_a_kill_exactly_once() {
    let mut server = TestServer::start(&["--shards", "2"]);
    server.deploy("my-agent", &my_agent());
    let token = server.sign_up("ada@example.com").token().unwrap().to_owned();
    let (mut answered, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..rounds() {
        let writers = (0..WRITERS).map(|writer| {
            let client = server.client_of(&token);
            move |killed: &AtomicBool| write_until_cut(client, round, writer, killed)
        });
        let writers = writers.collect();
        let written;
        (server, written) = end_under_load(server, round, writers);
        for Written { answered: here, unknown: lost } in written {
            answered.extend(here);
            unknown.extend(lost);
        }
        check(&mut server.client_of(&token), &answered, &unknown);
    }
    assert!(answered.len() > WRITERS, "{} calls were answered: no load", answered.len());
}

/// How often a server is to be ended.
pub fn rounds() -> u32 {
    let rounds = std::env::var("COSMICTRON_CRASH_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

/// Ends the server at a random moment while these write, each until its connection ends, and starts it again. They are told
/// when the end has come.
pub fn end_under_load<W: Send, F: FnOnce(&AtomicBool) -> W + Send>(
    server: TestServer,
    round: u32,
    writers: Vec<F>,
) -> (TestServer, Vec<W>) {
    let killed = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let killed = &killed;
        let write = |writer: F| scope.spawn(move || writer(killed));
        let writers: Vec<_> = writers.into_iter().map(write).collect();
        thread::sleep(Duration::from_millis(u64::from(random() % 150)));
        // Both ways to end: without a warning, and asked to.
        let signal = if round % 3 == 2 { Signal::TERM } else { Signal::KILL };
        // Before the signal: the server may say that it goes away before `signal` has returned.
        killed.store(true, Ordering::Relaxed);
        server.signal(signal);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    (server.kill_and_restart(), written)
}

/// Whether an answer says that the server goes away, and the call is not done: only when it is told to.
pub fn is_told_to_go(answer: &TestAnswer, killed: &AtomicBool) -> bool {
    answer.status == 503 && killed.load(Ordering::Relaxed)
}

/// Calls one after the other until the connection ends.
fn write_until_cut(
    mut client: TestClient,
    round: u32,
    writer: usize,
    killed: &AtomicBool,
) -> Written {
    let mut written = Written::default();
    for number in 0.. {
        let content = format!("{round}-{writer}-{number}");
        let body = json!(["session", "user", content]).to_string();
        let path = "/v1/reducers/record_agent_message";
        let answer = client.try_request("POST", path, &[], body.as_bytes());
        match answer {
            Some(answer) if is_told_to_go(&answer, killed) => return written,
            Some(answer) => {
                assert_eq!(answer.status, 200, "{}", answer.body);
                written.answered.push(content);
            }
            None => {
                written.unknown = Some(content);
                return written;
            }
        }
    }
    written
}

fn check(client: &mut TestClient, answered: &[String], unknown: &[String]) {
    let rows = client.sql("SELECT content, id FROM agent_state WHERE session_id = 'session'");
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        *counts.entry(row[0].as_str().unwrap()).or_default() += 1;
    }
    for content in answered {
        assert_eq!(counts.remove(content.as_str()), Some(1), "{content} was answered");
    }
    for content in unknown {
        assert!(counts.remove(content.as_str()).unwrap_or(0) <= 1, "{content} is there twice");
    }
    assert!(counts.is_empty(), "nobody has written {counts:?}");
    // The index agrees with the table.
    let total = client.sql("SELECT count(*) FROM agent_state");
    assert_eq!(total[0][0].as_u64(), Some(rows.as_array().unwrap().len() as u64));
}

pub fn random() -> u16 {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).unwrap();
    u16::from_le_bytes(bytes)
}
