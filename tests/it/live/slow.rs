//! A client that does not take what it is told is given up; the others never notice.

use cosmictron_tests::TestSocket;
use serde_json::json;

use super::{agent, record};

in_both_subprotocols! {
    a_slow_reader_is_closed_and_resumes_while_others_go_on,
    a_reader_that_falls_behind_a_little_is_told_the_sum,
}

const QUERY: &str = "SELECT id, content FROM agent_state";

fn a_slow_reader_is_closed_and_resumes_while_others_go_on(spoken: &str) {
    let (server, mut ada) = agent("", 1);
    let mut slow = server.socket_as(&ada, spoken);
    let (slow_id, mut slow_rows) = slow.subscribe(QUERY);
    let mut quick = server.socket_as(&ada, spoken);
    let (id, mut rows) = quick.subscribe(QUERY);
    // More than the kernel's buffers of both sides and the queue hold.
    let content = "x".repeat(100_000);
    for _ in 0..200 {
        let tx_id = record(&mut ada, "s", &content);
        quick.follow(id, &mut rows, tx_id);
    }
    let (code, mut said) = slow.wait_for_close();
    assert_eq!(code, 1013);
    said.retain(|message| message["type"] == "update");
    assert!(said.len() < 200, "{} updates were kept for it", said.len());
    said.iter().for_each(|update| slow_rows.apply(slow_id, update));
    let mut again = server.socket_as(&ada, spoken);
    let since = slow_rows.tx_id;
    let begun = again.ask(json!({"type": "subscribe", "query": QUERY, "since": since}));
    assert_eq!(begun["resumed"], true, "{begun}");
    again.follow(begun["id"].as_u64().unwrap(), &mut slow_rows, rows.tx_id);
    assert_eq!(slow_rows, rows);
}

fn a_reader_that_falls_behind_a_little_is_told_the_sum(spoken: &str) {
    let (server, mut ada) = agent("", 1);
    let mut slow = server.socket_as(&ada, spoken);
    let query = "SELECT count(*), max(content) FROM agent_state";
    let (id, mut rows) = slow.subscribe(query);
    let mut tx_id = 0;
    for round in 0..300 {
        tx_id = record(&mut ada, "s", &format!("{round:03}{}", "x".repeat(50_000)));
    }
    // All of these updates together are 30 MB; each replaces the one before.
    let mut updates = 0;
    while rows.tx_id < tx_id {
        let update = slow.wait_for(|message| message["type"] == "update");
        rows.apply(id, &update);
        updates += 1;
    }
    assert!(updates < 300, "nothing was summed up");
    rows.check(&ada.sql(query));
}

/// A client that asks for much and reads nothing is read from no more: what it is answered is bounded.
#[test]
fn who_does_not_take_its_answers_may_not_ask_for_more() {
    use std::io::Write;
    let (server, mut ada) = agent("", 1);
    record(&mut ada, "s", &"x".repeat(300_000));
    let mut socket: TestSocket = server.socket_of(&ada);
    socket.message().unwrap();
    let text = json!({"type": "query", "id": 1, "query": QUERY}).to_string();
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    let stream = socket.stream().try_clone().unwrap();
    stream.set_write_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    let mut sent = 0;
    let frames = frame.repeat(1000);
    while sent < 1 << 26 && (&stream).write_all(&frames).is_ok() {
        sent += frames.len();
    }
    assert!(sent < 1 << 26, "all of it was read");
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[1]]));
}
