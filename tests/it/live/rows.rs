//! What subscribers hold is the answer, at every transaction that they are told of.

use std::thread;

use cosmictron_tests::{LiveRows, SUBPROTOCOLS, TestClient, TestSocket};
use serde_json::{Value, json};

use super::{agent, message, record};
use crate::bank::{BALANCE, Bank, number, owner, shard_of};

in_both_subprotocols! {
    a_subscriber_is_told_what_there_is_and_then_what_changes,
    one_update_has_all_that_a_transaction_changes_for_a_connection,
    a_call_is_answered_after_the_update_that_shows_what_it_did,
    an_idempotency_key_is_the_callers_on_every_way,
    a_subscription_to_one_key_hears_of_that_key_alone,
}

const MESSAGES: &str = "SELECT id, session_id, content FROM agent_state";

fn a_subscriber_is_told_what_there_is_and_then_what_changes(spoken: &str) {
    let (server, mut ada) = agent("", 2);
    record(&mut ada, "s", "before");
    let mut socket = server.socket_as(&ada, spoken);
    let welcome = socket.message().unwrap();
    assert_eq!(welcome["type"], "welcome");
    socket.send(&json!({"type": "subscribe", "id": "all", "query": MESSAGES}));
    let begun = socket.message().unwrap();
    assert_eq!(begun["type"], "subscribed");
    assert_eq!(begun["id"], "all");
    assert_eq!(begun["columns"], json!(["id", "session_id", "content"]));
    assert_eq!(begun["types"], json!(["u64", "string", "string"]));
    assert_eq!((&begun["key"], &begun["resumed"]), (&json!([0]), &json!(false)));
    assert_eq!(begun["rows"].as_array().unwrap().len(), 1);
    let tx_id = record(&mut ada, "s", "after");
    let update = socket.message().unwrap();
    let id = ada.sql("SELECT id FROM agent_state WHERE content = 'after'")[0][0].clone();
    let changes = json!([["all", [[id, "s", "after"]], []]]);
    assert_eq!(update, json!({"type": "update", "tx_id": tx_id, "changes": changes}));
    socket.send(&json!({"type": "unsubscribe", "id": "all"}));
    assert_eq!(socket.message().unwrap(), json!({"type": "unsubscribed", "id": "all"}));
    record(&mut ada, "s", "unheard");
    let answer = socket.ask(json!({"type": "query", "query": "SELECT count(*) FROM agent_state"}));
    assert_eq!(answer["rows"], json!([[3]]));
    assert_eq!((&answer["type"], &answer["types"]), (&json!("rows"), &json!(["i64"])));
}

fn one_update_has_all_that_a_transaction_changes_for_a_connection(spoken: &str) {
    let (server, mut ada) = agent("", 1);
    let mut socket = server.socket_as(&ada, spoken);
    let parameter = json!({"type": "subscribe", "params": ["s"],
        "query": "SELECT content FROM agent_state WHERE session_id = $1"});
    let one = socket.ask(parameter)["id"].as_u64().unwrap();
    let (two, _) = socket.subscribe("SELECT count(*) FROM agent_state");
    let (other, _) = socket.subscribe("SELECT content FROM agent_state WHERE session_id = 't'");
    let tx_id = record(&mut ada, "s", "x");
    let update = socket.wait_for(|message| message["type"] == "update");
    assert_eq!(update["tx_id"], tx_id);
    let mut changes = update["changes"].as_array().unwrap().clone();
    changes.sort_by_key(|change| change[0].as_u64());
    assert_eq!(changes, [json!([one, [["x"]], []]), json!([two, [[1]], [[0]]])]);
    let tx_id = record(&mut ada, "t", "y");
    let update = socket.wait_for(|message| message["type"] == "update");
    assert_eq!(update["tx_id"], tx_id);
    assert!(update["changes"].as_array().unwrap().contains(&json!([other, [["y"]], []])));
}

fn a_call_is_answered_after_the_update_that_shows_what_it_did(spoken: &str) {
    for shards in [1, 2, 4] {
        let (server, ada) = agent("", shards);
        let mut socket = server.socket_as(&ada, spoken);
        let (id, mut rows) = socket.subscribe(MESSAGES);
        for number in 0..100 {
            let args = message("s", &format!("{number}"));
            let (reducer, call) = ("record_agent_message", 1000 + number);
            socket.send(&json!({"type": "call", "id": call, "reducer": reducer, "args": args}));
        }
        let mut answered = 0;
        while answered < 100 {
            let message = socket.message().unwrap();
            match message["type"].as_str().unwrap() {
                "update" => rows.apply(id, &message),
                "called" => {
                    assert!(message["tx_id"].as_u64().unwrap() <= rows.tx_id, "{message}");
                    assert_eq!(message["status"], "committed");
                    let id = &message["result"];
                    assert!(rows.rows().iter().any(|row| row[0] == *id), "{message}");
                    answered += 1;
                }
                _ => {}
            }
        }
    }
}

fn an_idempotency_key_is_the_callers_on_every_way(spoken: &str) {
    let (server, mut ada) = agent("", 2);
    let mut socket = server.socket_as(&ada, spoken);
    let call = json!({"type": "call", "reducer": "record_agent_message", "module": "my-agent",
        "args": {"session_id": "s", "role": "user", "content": "x"}, "idempotency_key": "k"});
    let first = socket.ask(call.clone());
    assert_eq!(first["type"], "called", "{first}");
    assert_eq!(socket.ask(call)["tx_id"], first["tx_id"]);
    let body = message("s", "x").to_string();
    let headers = [("Idempotency-Key", "k")];
    let path = "/v1/reducers/record_agent_message";
    assert_eq!(
        ada.request("POST", path, &headers, body.as_bytes()).json()["tx_id"],
        first["tx_id"]
    );
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[1]]));
}

/// Queries of every kind, on tables that are spread.
const QUERIES: [&str; 6] = [
    "SELECT id, owner, balance FROM account",
    "SELECT sum(balance), count(*) FROM account",
    "SELECT a.owner, e.amount FROM entry e JOIN account a ON a.id = e.account",
    "SELECT account, count(*), sum(amount) FROM entry GROUP BY account",
    "SELECT id, balance FROM account ORDER BY balance DESC, id LIMIT 3",
    "SELECT DISTINCT amount FROM entry",
];

#[test]
fn what_subscribers_hold_is_the_answer_on_however_many_shards() {
    for shards in [1, 2, 4] {
        let bank = Bank::open(shards);
        let accounts = &bank.accounts;
        let socket = |at: usize| bank.server.socket_as(&bank.client(), SUBPROTOCOLS[at % 2]);
        thread::scope(|scope| {
            // Some are there before, some come meanwhile.
            let follow = |socket| scope.spawn(move || follow(socket, accounts.len()));
            let mut following: Vec<_> = (0..4).map(|at| follow(socket(at))).collect();
            let pay = |payer| {
                let (client, socket) = (bank.client(), socket(payer));
                scope.spawn(move || pay(client, socket, accounts, payer))
            };
            let payers: Vec<_> = (0..4).map(pay).collect();
            following.extend((0..2).map(|at| follow(socket(at))));
            payers.into_iter().for_each(|payer| payer.join().unwrap());
            let mut client = bank.client();
            let last = client.call("open", &json!(["last", 77]).to_string()).json();
            assert!(last["tx_id"].is_u64(), "{last}");
            for follower in following {
                for (query, rows) in QUERIES.iter().zip(follower.join().unwrap()) {
                    rows.check(&client.sql(query));
                }
            }
        });
    }
}

/// Moves money, over REST and over a WebSocket.
fn pay(mut client: TestClient, mut socket: TestSocket, accounts: &[u64], payer: usize) {
    for round in 0..20 {
        let from = accounts[(payer + round) % accounts.len()];
        let to = accounts[(payer + 5 * round + 1) % accounts.len()];
        let args = json!([from, to, 1 + round]);
        let reducer = "transfer";
        if round % 2 == 0 {
            client.call(reducer, &args.to_string());
        } else {
            socket.ask(json!({"type": "call", "reducer": reducer, "args": args}));
        }
    }
}

/// Holds the answers to all queries until the last account is there; no money is ever lost on the way.
fn follow(mut socket: TestSocket, accounts: usize) -> Vec<LiveRows> {
    let mut live: Vec<(u64, LiveRows)> =
        QUERIES.iter().map(|query| socket.subscribe(query)).collect();
    let has_last = |rows: &LiveRows| rows.rows().iter().any(|row| row[1] == "last");
    while !has_last(&live[0].1) {
        let update = socket.wait_for(|message| message["type"] == "update");
        live.iter_mut().for_each(|(id, rows)| rows.apply(*id, &update));
        let rows = live[0].1.rows();
        let held: i64 = rows.iter().map(|row| row[2].as_i64().unwrap()).sum();
        let opened = if has_last(&live[0].1) { 77 } else { 0 };
        assert_eq!(held, BALANCE * accounts as i64 + opened, "half of {update}");
        let summed = number(&live[1].1.rows()[0][0]);
        assert!([0, 77].contains(&(summed - BALANCE * accounts as i64)), "{update}: {summed}");
    }
    live.into_iter().map(|(_, rows)| rows).collect()
}

fn a_subscription_to_one_key_hears_of_that_key_alone(spoken: &str) {
    let bank = Bank::open(4);
    let mut client = bank.client();
    let mut socket = bank.server.socket_as(&client, spoken);
    let (mine, yours) = (bank.accounts[0], bank.accounts[1]);
    let query = "SELECT balance FROM account WHERE id = $1";
    let begun = socket.ask(json!({"type": "subscribe", "query": query, "params": [mine]}));
    assert_eq!(begun["rows"], json!([[BALANCE]]), "{} {}", owner(0), shard_of(mine, 4));
    client.call("deposit", &json!([yours, 5]).to_string());
    let tx_id: Value =
        client.call("deposit", &json!([mine, 7]).to_string()).json()["tx_id"].clone();
    let update = socket.wait_for(|message| message["type"] == "update");
    let changes = json!([[begun["id"], [[BALANCE + 7]], [[BALANCE]]]]);
    assert_eq!((&update["tx_id"], &update["changes"]), (&tx_id, &changes));
}

#[test]
fn two_hundred_connections_are_told_of_one_change() {
    let (server, mut ada) = agent("", 2);
    let subscribe = |at: usize| {
        let mut socket = server.socket_as(&ada, SUBPROTOCOLS[at % 2]);
        let (id, _) = socket.subscribe("SELECT content FROM agent_state");
        (socket, id)
    };
    let mut sockets: Vec<(TestSocket, u64)> = (0..200).map(subscribe).collect();
    let tx_id = record(&mut ada, "s", "to all");
    for (socket, id) in &mut sockets {
        let update = socket.wait_for(|message| message["type"] == "update");
        assert_eq!(update["tx_id"], tx_id);
        assert_eq!(update["changes"], json!([[id, [["to all"]], []]]));
    }
}
