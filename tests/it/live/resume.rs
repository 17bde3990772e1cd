//! Clients that were away are told what they have missed, and nothing else.

use cosmictron_tests::{LiveRows, TestSocket};
use serde_json::{Value, json};

use super::{agent, record};
use crate::bank::Bank;

in_both_subprotocols! {
    a_client_that_was_away_is_told_just_what_has_changed,
    a_client_resumes_after_a_kill_or_is_told_all_afresh,
    who_says_to_know_what_has_not_been_is_told_all_afresh,
}

/// Subscribes to what the client has the rows of already.
fn resume(socket: &mut TestSocket, query: &str, since: u64) -> Value {
    let answer = socket.ask(json!({"type": "subscribe", "query": query, "since": since}));
    assert_eq!(answer["type"], "subscribed", "{answer}");
    answer
}

fn a_client_that_was_away_is_told_just_what_has_changed(spoken: &str) {
    let (server, mut ada) = agent("", 2);
    let query = "SELECT id, content FROM agent_state";
    record(&mut ada, "s", "one");
    let mut socket = server.socket_as(&ada, spoken);
    let (id, mut rows) = socket.subscribe(query);
    let tx_id = record(&mut ada, "s", "two");
    socket.follow(id, &mut rows, tx_id);
    drop(socket);
    let missed = record(&mut ada, "s", "three");
    let mut socket = server.socket_as(&ada, spoken);
    let begun = resume(&mut socket, query, rows.tx_id);
    let expected = (&json!(true), &json!(tx_id), &json!([]));
    assert_eq!((&begun["resumed"], &begun["tx_id"], &begun["rows"]), expected);
    let update = socket.wait_for(|message| message["type"] == "update");
    assert_eq!(update["changes"][0][1].as_array().unwrap().len(), 1, "{update}");
    rows.apply(begun["id"].as_u64().unwrap(), &update);
    assert!(missed <= rows.tx_id);
    rows.check(&ada.sql(query));
    // It goes on from there.
    let tx_id = record(&mut ada, "s", "four");
    socket.follow(begun["id"].as_u64().unwrap(), &mut rows, tx_id);
    rows.check(&ada.sql(query));
}

fn a_client_resumes_after_a_kill_or_is_told_all_afresh(spoken: &str) {
    for shards in [1, 2, 4] {
        let bank = Bank::open(shards);
        let query = "SELECT id, balance FROM account";
        let mut socket = bank.server.socket_as(&bank.client(), spoken);
        let (id, mut rows) = socket.subscribe(query);
        let args = json!([bank.accounts[0], bank.accounts[1], 10]).to_string();
        let tx_id = bank.client().call("transfer", &args).json()["tx_id"].as_u64().unwrap();
        socket.follow(id, &mut rows, tx_id);
        let bank = bank.killed();
        let (code, _) = socket.wait_for_close();
        assert_eq!(code, 0, "a killed server says nothing");
        bank.client().call("transfer", &args);
        let mut socket = bank.server.socket_as(&bank.client(), spoken);
        let begun = resume(&mut socket, query, rows.tx_id);
        let id = begun["id"].as_u64().unwrap();
        if begun["resumed"] == false {
            rows = LiveRows::begin(&begun);
        }
        let tx_id = bank.client().call("transfer", &args).json()["tx_id"].as_u64().unwrap();
        socket.follow(id, &mut rows, tx_id);
        rows.check(&bank.client().sql(query));
    }
}

fn who_says_to_know_what_has_not_been_is_told_all_afresh(spoken: &str) {
    let (server, mut ada) = agent("", 1);
    let query = "SELECT content FROM agent_state";
    record(&mut ada, "s", "one");
    let mut socket = server.socket_as(&ada, spoken);
    let begun = resume(&mut socket, query, 1 << 60);
    assert_eq!((&begun["resumed"], &begun["rows"]), (&json!(false), &json!([["one"]])));
}
