//! Subscriptions that compare something with `now()`: rows come and go when their time has come, without a transaction.

use cosmictron_tests::TestSocket;
use serde_json::{Value, json};

use super::{agent, record};

/// The inserts and deletes of the next update, which has to be of this subscription alone, and its transaction.
#[track_caller]
fn next(socket: &mut TestSocket, id: u64) -> (Value, Value, u64) {
    let update = socket.wait_for(|message| message["type"] == "update");
    let changes = update["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0][0]), (1, &json!(id)), "{update}");
    (changes[0][1].clone(), changes[0][2].clone(), update["tx_id"].as_u64().unwrap())
}

#[test]
fn a_row_leaves_a_window_when_its_time_is_over() {
    for shards in [1, 2, 4] {
        let (server, mut ada) = agent("", shards);
        let mut socket = server.socket_of(&ada);
        let query = "SELECT content FROM agent_state WHERE created_at > now() - INTERVAL '2 s'";
        let (id, rows) = socket.subscribe(query);
        assert!(rows.rows().is_empty());
        let first = record(&mut ada, "s", "one");
        assert_eq!(next(&mut socket, id), (json!([["one"]]), json!([]), first));
        let (inserts, deletes, tx_id) = next(&mut socket, id);
        assert_eq!((inserts, deletes), (json!([]), json!([["one"]])));
        // Nothing has been committed since.
        assert_eq!(tx_id, first);
        // It is gone for those who come later, too, and the query that is asked once says the same.
        let (_, rows) = socket.subscribe(query);
        assert!(rows.rows().is_empty());
        assert_eq!(ada.sql(query), json!([]));
    }
}

#[test]
fn a_row_comes_when_its_time_has_come_also_in_what_is_made_of_it() {
    let (server, mut ada) = agent("", 2);
    let mut socket = server.socket_of(&ada);
    let old = "created_at <= now() - INTERVAL '500 ms'";
    let (rows, _) = socket.subscribe(&format!("SELECT content FROM agent_state WHERE {old}"));
    record(&mut ada, "s", "one");
    let inserted = next(&mut socket, rows).0;
    assert_eq!(inserted, json!([["one"]]));
    let count =
        format!("SELECT session_id, count(*) FROM agent_state WHERE {old} GROUP BY session_id");
    let mut other = server.socket_of(&ada);
    let (id, counted) = other.subscribe(&count);
    assert_eq!(counted.rows(), [json!(["s", 1])]);
    record(&mut ada, "s", "two");
    let (inserts, deletes, _) = next(&mut other, id);
    assert_eq!((inserts, deletes), (json!([["s", 2]]), json!([["s", 1]])));
}

#[test]
fn all_who_subscribe_are_told_the_same_and_who_resumes_is_told_all_afresh() {
    let (server, mut ada) = agent("", 2);
    let query = "SELECT content FROM agent_state WHERE created_at > now() - $1::interval";
    let subscribe = |millis: u64| json!({"type": "subscribe", "query": query, "params": [millis * 1000], "since": 1});
    let tx_id = record(&mut ada, "s", "one");
    // On whichever cores they are.
    let mut sockets: Vec<TestSocket> = (0..6).map(|_| server.socket_of(&ada)).collect();
    let begun: Vec<Value> = sockets.iter_mut().map(|socket| socket.ask(subscribe(4000))).collect();
    for (socket, begun) in sockets.iter_mut().zip(&begun) {
        assert_eq!((&begun["resumed"], &begun["rows"]), (&json!(false), &json!([["one"]])));
        assert!(tx_id <= begun["tx_id"].as_u64().unwrap());
        let id = begun["id"].as_u64().unwrap();
        let (inserts, deletes, left) = next(socket, id);
        assert_eq!((inserts, deletes), (json!([]), json!([["one"]])));
        assert!(begun["tx_id"].as_u64().unwrap() <= left);
    }
}

#[test]
fn what_time_cannot_keep_up_to_date_is_refused_with_the_reason() {
    let (server, ada) = agent("", 1);
    let mut socket = server.socket_of(&ada);
    let mut refused = |query: &str, reason: &str| {
        let answer = socket.ask(json!({"type": "subscribe", "query": query}));
        assert_eq!(answer["code"], "invalid_request", "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(reason), "{answer}");
    };
    refused("SELECT now() FROM agent_state", "elsewhere than in a condition");
    refused("SELECT 1 FROM agent_state WHERE created_at > now() OR id = 1", "in OR");
}
