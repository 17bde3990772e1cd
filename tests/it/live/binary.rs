//! What is particular to `cosmictron.bin.v1`: how it is agreed on, what it refuses, and that its rows are those of JSON.

use std::process::Command;

use cosmictron_tests::{
    BIN_V1, JSON_V1, LiveRows, SUBPROTOCOLS, TestServer, TestSocket, binary, root, sdk_checks,
};
use serde_json::{Value, json};
use tungstenite::Message;

use super::{agent, record};

#[test]
fn the_first_subprotocol_that_the_client_names_is_spoken() {
    let (server, ada) = agent("", 1);
    let spoken = |named: &str| {
        let token = ada.token();
        let socket = TestSocket::try_connect(server.address(), "/v1/ws", token, Some(named));
        match socket.unwrap().read().unwrap() {
            Message::Text(_) => JSON_V1,
            Message::Binary(_) => BIN_V1,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(spoken("cosmictron.bin.v1, cosmictron.json.v1"), BIN_V1);
    assert_eq!(spoken("cosmictron.json.v1,cosmictron.bin.v1"), JSON_V1);
    assert_eq!(spoken("chat, cosmictron.bin.v1"), BIN_V1);
    let unknown = TestSocket::try_connect(server.address(), "/", None, Some("cosmictron.bin.v2"));
    assert_eq!(unknown.map(|_| ()), Err(400));
}

#[test]
fn a_token_in_the_first_message_is_welcomed() {
    let (server, mut ada) = agent("", 1);
    let identity = ada.get("/v1/auth/me").json()["identity"].clone();
    let mut socket = TestSocket::connect_as(server.address(), None, BIN_V1);
    socket.send(&json!({"type": "authenticate", "token": ada.token().unwrap()}));
    let welcome = socket.message().unwrap();
    assert_eq!((&welcome["type"], &welcome["identity"]), (&json!("welcome"), &identity));
    assert!(welcome["expires_at"].as_u64().unwrap() > 1_700_000_000, "{welcome}");
    assert_eq!(welcome["connection_id"].as_str().unwrap().len(), 32);
}

#[test]
fn nobody_is_answered_before_it_is_known_who_asks() {
    let (server, _) = agent("", 1);
    let query = binary::encode(&json!({"type": "query", "id": 5, "query": "SELECT 1"}));
    let token = binary::encode(&json!({"type": "authenticate", "token": "nonsense"}));
    for message in [query, token, b"nonsense".to_vec()] {
        let mut socket = TestSocket::connect_as(server.address(), None, BIN_V1);
        socket.send_message(Message::binary(message));
        let (code, said) = socket.wait_for_close();
        assert_eq!((code, said.len()), (4003, 1), "{said:?}");
        assert_eq!(said[0]["code"], "unauthenticated");
    }
}

#[test]
fn bytes_that_are_no_message_are_answered_without_an_id() {
    let (server, ada) = agent("", 1);
    let mut socket = server.socket_as(&ada, BIN_V1);
    socket.message().unwrap();
    let good = binary::encode(&json!({"type": "query", "id": 7, "query": "SELECT 1"}));
    let mut cut = good.clone();
    cut.truncate(good.len() - 1);
    let mut long = good.clone();
    binary::field(8, b"SELECT 2", &mut long);
    let mut no_id = vec![5, 0, 0, 0, 0, 0, 0, 0];
    binary::field(1, &u64::MAX.to_le_bytes(), &mut no_id);
    let cases: [(&[u8], &str); 6] = [
        (b"", "byte 0"),
        (b"{\"type\":\"query\"}", "is not zero"),
        (&[9, 0, 0, 0, 0, 0, 0, 0], "unknown message 9"),
        (&cut, "ends within"),
        (&long, "repeated"),
        (&no_id, "field id"),
    ];
    for (bytes, part) in cases {
        socket.send_message(Message::binary(bytes.to_vec()));
        let answer = socket.message().unwrap();
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!("invalid_request"))
        );
        assert!(answer["detail"].as_str().unwrap().contains(part), "{answer}");
        assert_eq!(answer.get("id").is_some(), part == "repeated", "{answer}");
    }
    let answer = socket.ask(json!({"type": "query", "query": "SELECT 1"}));
    assert_eq!(answer["rows"], json!([[1]]));
}

#[test]
fn a_message_of_the_other_kind_closes_the_connection() {
    let (server, ada) = agent("", 1);
    let query = json!({"type": "query", "id": 7, "query": "SELECT 1"});
    for spoken in SUBPROTOCOLS {
        let mut socket = server.socket_as(&ada, spoken);
        socket.message().unwrap();
        socket.send_message(match spoken {
            BIN_V1 => Message::text(query.to_string()),
            _ => Message::binary(binary::encode(&query)),
        });
        assert_eq!(socket.wait_for_close(), (1003, Vec::new()), "{spoken}");
    }
}

#[test]
fn rows_of_every_type_are_those_of_json() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("checks", &sdk_checks());
    let mut admin = server.admin();
    let mut sockets = SUBPROTOCOLS.map(|spoken| server.socket_as(&admin, spoken));
    let query = "SELECT * FROM samples";
    let begun = sockets.each_mut().map(|socket| {
        let begun = socket.ask(json!({"type": "subscribe", "query": query}));
        assert_eq!((&begun["type"], &begun["rows"]), (&json!("subscribed"), &json!([])));
        begun
    });
    let called = admin.call("every_type_is_stored_and_found", "[]");
    assert_eq!(called.status, 200, "{}", called.body);
    let sorted = |rows: &Value| {
        let mut rows = rows.as_array().unwrap().clone();
        rows.sort_by_key(ToString::to_string);
        rows
    };
    let [in_json, in_bytes] = sockets.each_mut().map(|socket| {
        let update = socket.wait_for(|message| message["type"] == "update");
        assert_eq!(update["changes"][0][2], json!([]));
        sorted(&update["changes"][0][1])
    });
    assert_eq!(in_json.len(), 20);
    assert_eq!(in_bytes, in_json);
    let [json_begun, bytes_begun] = &begun;
    for part in ["columns", "types"] {
        assert_eq!(bytes_begun[part], json_begun[part]);
    }
    for query in [
        query,
        "SELECT key, list, shape FROM samples ORDER BY key",
        "SELECT count(*), sum(i64), avg(u32), max(u128), min(f32), max(string) FROM samples",
        "SELECT a.key, b.uuid FROM samples a LEFT JOIN samples b ON b.key = a.key + 10 ORDER BY 1",
        "SELECT NULL, 1.50, 'é', key FROM samples WHERE key = 3",
        "SELECT key FROM samples WHERE key = 99",
    ] {
        let [mut in_json, mut in_bytes] =
            sockets.each_mut().map(|socket| socket.ask(json!({"type": "query", "query": query})));
        for answer in [&mut in_json, &mut in_bytes] {
            assert_eq!(answer["type"], "rows", "{answer}");
            answer["id"].take();
        }
        assert_eq!(in_bytes, in_json, "{query}");
    }
}

/// Both are told of the same transactions, whoever of them came first.
#[test]
fn subscribers_of_both_forms_share_a_query() {
    let (server, mut ada) = agent("", 2);
    let query = "SELECT id, content FROM agent_state ORDER BY id DESC LIMIT 3";
    let mut live: Vec<(TestSocket, u64, LiveRows)> = Vec::new();
    for round in 0..12 {
        let mut socket = server.socket_as(&ada, SUBPROTOCOLS[round / 2 % 2]);
        let (id, rows) = socket.subscribe(query);
        live.push((socket, id, rows));
        let tx_id = record(&mut ada, "s", &format!("number {round}"));
        for (socket, id, rows) in &mut live {
            socket.follow(*id, rows, tx_id);
            rows.check(&ada.sql(query));
        }
        // One form is without subscribers at times.
        if round == 5 {
            live.truncate(2);
        }
    }
}

/// A decoder in JavaScript that knows only the document; prints how long it takes beside `JSON.parse` of the same rows.
#[test]
fn a_decoder_in_javascript_reads_ten_thousand_rows() {
    if Command::new("node").arg("--version").output().is_err() {
        return eprintln!("skipped: there is no node here");
    }
    let (server, mut ada) = agent("", 1);
    for number in 0..100 {
        record(&mut ada, &format!("session {number}"), &format!("\u{feff}content {number} é😀"));
    }
    let query = "SELECT a.id, b.id, a.session_id, b.content, a.created_at, \
        CASE WHEN b.id > 50 THEN b.role END, CAST(a.id AS double precision) / 7, a.id > b.id \
        FROM agent_state a CROSS JOIN agent_state b ORDER BY 1, 2";
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for spoken in [BIN_V1, JSON_V1] {
        let mut socket = server.socket_as(&ada, spoken);
        socket.message().unwrap();
        socket.send(&json!({"type": "subscribe", "id": 1, "query": query}));
        let file = folder.path().join(spoken);
        std::fs::write(&file, socket.read().unwrap().into_data()).unwrap();
        files.push(file);
    }
    let script = root().join("tests/fixture/decode.mjs");
    let run = Command::new("node").arg(script).args(&files).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(told["rows"], 10_000, "{told}");
    println!("{told}");
}
