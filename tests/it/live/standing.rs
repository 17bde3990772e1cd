//! Who a client is: how it says so, and what becomes of one that does not, or whose token ends.

use std::net::TcpStream;
use std::time::Duration;

use cosmictron_tests::{JSON_V1, TestSocket};
use serde_json::json;

use super::{agent, message};

in_both_subprotocols! {
    who_does_not_say_who_it_is_in_time_is_closed,
    a_client_is_warned_before_its_token_ends_and_may_renew_it,
    another_accounts_token_is_no_renewal_and_neither_is_a_bad_one,
}

#[test]
fn a_token_in_the_handshake_or_in_the_first_message_is_welcomed() {
    let (server, mut ada) = agent("", 2);
    let identity = ada.get("/v1/auth/me").json()["identity"].clone();
    let token = ada.token().unwrap().to_owned();
    let mut ids = Vec::new();
    for path in ["/v1/ws", "/"] {
        let mut socket =
            TestSocket::try_connect(server.address(), path, Some(&token), Some(JSON_V1)).unwrap();
        let welcome = socket.message().unwrap();
        assert_eq!((&welcome["type"], &welcome["identity"]), (&json!("welcome"), &identity));
        assert!(welcome["expires_at"].as_u64().unwrap() > 1_700_000_000, "{welcome}");
        ids.push(welcome["connection_id"].clone());

        let mut socket = TestSocket::try_connect(server.address(), path, None, None).unwrap();
        socket.send(&json!({"type": "authenticate", "token": token}));
        let welcome = socket.message().unwrap();
        assert_eq!((&welcome["type"], &welcome["identity"]), (&json!("welcome"), &identity));
        ids.push(welcome["connection_id"].clone());
        assert_eq!(socket.call("record_agent_message", message("s", "x"))["type"], "called");
    }
    assert!(ids.iter().all(|id| id.as_str().unwrap().len() == 32), "{ids:?}");
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 4, "a connection's id was given out twice");
}

#[test]
fn a_bad_token_in_the_handshake_is_refused_before_the_upgrade() {
    let (server, ada) = agent("", 1);
    let connect = |path, token, protocol| {
        TestSocket::try_connect(server.address(), path, token, protocol).map(|_| ())
    };
    assert_eq!(connect("/v1/ws", Some("nonsense"), Some(JSON_V1)), Err(401));
    assert_eq!(connect("/v1/ws", ada.token(), Some("chat")), Err(400));
    assert_eq!(connect("/v1/sql", ada.token(), Some(JSON_V1)), Err(405));
    assert_eq!(connect("/v1/ws?token=x", None, None), Ok(()));
    // Plain HTTP is told what is missing, and goes on.
    let mut client = server.client();
    let answer = client.get("/v1/ws");
    assert_eq!((answer.status, &*answer.code()), (426, "upgrade_required"));
    assert_eq!(client.get("/v1/health").status, 200);
}

#[test]
fn a_script_of_a_site_that_is_not_allowed_is_refused_before_the_upgrade() {
    let settings = "http.allowed_origins = [\"https://app.example\"]\n";
    let (server, ada) = agent(settings, 1);
    let connect = |origin: Option<&str>| {
        let headers: Vec<_> = origin.map(|origin| ("Origin", origin)).into_iter().collect();
        TestSocket::try_connect_with(server.address(), "/v1/ws", ada.token(), &headers).map(|_| ())
    };
    let own = format!("http://{}", server.address());
    for origin in [None, Some("https://app.example"), Some(&*own)] {
        assert_eq!(connect(origin), Ok(()), "{origin:?}");
    }
    for origin in ["https://evil.example", "https://app.example.evil.example", "null"] {
        assert_eq!(connect(Some(origin)), Err(403), "{origin}");
    }
    let (server, ada) = agent("", 1);
    let headers = [("Origin", "https://any.example")];
    let socket = TestSocket::try_connect_with(server.address(), "/v1/ws", ada.token(), &headers);
    assert!(socket.is_ok(), "by default every site may");
}

#[test]
fn nobody_is_answered_before_it_is_known_who_asks() {
    let (server, _) = agent("", 1);
    let messages = [
        r#"{"type":"query","id":5,"query":"SELECT 1"}"#,
        r#"{"type":"authenticate","token":"nonsense"}"#,
        "nonsense",
    ];
    for message in messages {
        let mut socket = TestSocket::connect(server.address(), None);
        socket.send_text(message);
        let (code, said) = socket.wait_for_close();
        assert_eq!((code, said.len()), (4003, 1), "{message}: {said:?}");
        assert_eq!(
            (&said[0]["type"], &said[0]["code"]),
            (&json!("error"), &json!("unauthenticated"))
        );
    }
}

fn who_does_not_say_who_it_is_in_time_is_closed(spoken: &str) {
    let (server, _) = agent("websocket.authentication_timeout = \"200ms\"\n", 1);
    let mut socket = TestSocket::connect_as(server.address(), None, spoken);
    assert_eq!(socket.wait_for_close(), (4003, Vec::new()));
}

fn a_client_is_warned_before_its_token_ends_and_may_renew_it(spoken: &str) {
    let (server, mut ada) = agent("auth.token_lifetime = \"3s\"\n", 1);
    let mut socket = server.socket_as(&ada, spoken);
    socket.message().unwrap();
    let warning = socket.message().unwrap();
    assert_eq!((&warning["type"], &warning["code"]), (&json!("error"), &json!("token_expiring")));
    assert!(warning.get("id").is_none(), "{warning}");
    let mut other = server.socket_as(&ada, spoken);
    let (id, _) = other.subscribe("SELECT count(*) FROM agent_state");
    // A second later: its end is another one.
    std::thread::sleep(Duration::from_millis(1100));
    let fresh = ada.post("/v1/auth/refresh", "").json()["token"].clone();
    other.send(&json!({"type": "authenticate", "token": fresh}));
    let (code, said) = socket.wait_for_close();
    assert_eq!((code, said), (4001, Vec::new()));
    let renewed = other.wait_for(|message| message["type"] == "welcome");
    assert!(renewed["expires_at"].is_u64());
    // The old token has ended, the subscription goes on.
    let called = other.call("record_agent_message", message("s", "x"));
    let update = other.wait_for(|message| message["type"] == "update");
    assert_eq!(update["changes"], json!([[id, [[1]], [[0]]]]));
    assert_eq!(called["tx_id"], update["tx_id"]);
    assert_eq!(other.wait_for_close().0, 4001);
}

fn another_accounts_token_is_no_renewal_and_neither_is_a_bad_one(spoken: &str) {
    let (server, ada) = agent("", 1);
    let bob = server.sign_up("bob@example.com");
    let mut socket = server.socket_as(&ada, spoken);
    let welcome = socket.message().unwrap();
    for (token, code) in [(bob.token().unwrap(), "conflict"), ("nonsense", "unauthenticated")] {
        socket.send(&json!({"type": "authenticate", "token": token}));
        assert_eq!(socket.message().unwrap()["code"], code);
    }
    socket.send(&json!({"type": "authenticate", "token": ada.token().unwrap()}));
    assert_eq!(socket.message().unwrap()["identity"], welcome["identity"]);
}

#[test]
fn a_connection_ends_when_its_token_is_signed_out() {
    // Nothing but the event can end them within the patience of the test.
    let settings = "websocket.ping_interval = \"10m\"\n";
    for shards in [1, 2, 4] {
        let (server, mut ada) = agent(settings, shards);
        // Connections come to all cores in turn.
        let other = ada.again();
        let open = |subscribes: bool| {
            let mut socket = server.socket_of(&other);
            socket.message().unwrap();
            if subscribes {
                socket.subscribe("SELECT count(*) FROM agent_state");
            }
            socket
        };
        let sockets: Vec<TestSocket> = (0..16).map(|number| open(number % 2 == 0)).collect();
        let fresh = ada.post("/v1/auth/refresh", "").json()["token"].as_str().unwrap().to_owned();
        let mut renewed = open(true);
        renewed.send(&json!({"type": "authenticate", "token": fresh}));
        renewed.wait_for(|message| message["type"] == "welcome");
        assert_eq!(ada.post("/v1/auth/sign-out", "").status, 204);
        for mut socket in sockets {
            let (code, said) = socket.wait_for_close();
            assert_eq!((code, said.len()), (4001, 1), "{said:?}");
            let kind = (&said[0]["type"], &said[0]["code"]);
            assert_eq!(kind, (&json!("error"), &json!("unauthenticated")));
        }
        // Its token is another one.
        assert_eq!(renewed.call("record_agent_message", message("s", "x"))["type"], "called");
    }
}

/// Answers stand in the order of their requests, also of one that is to be upgraded.
#[test]
fn a_handshake_may_be_pipelined_behind_requests_and_before_frames() {
    use std::io::{Read, Write};
    let (server, ada) = agent("", 1);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let token = ada.token().unwrap();
    let mut bytes = format!(
        "POST /v1/sql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 20\r\n\r\n\
         {{\"query\":\"SELECT 7\"}}\
         GET /v1/ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    let close = [0x88, 0x82, 1, 2, 3, 4, 3 ^ 1, 0xe8 ^ 2];
    bytes.extend_from_slice(&close);
    stream.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    let places: Vec<usize> = ["HTTP/1.1 200", "[[7]]", "HTTP/1.1 101", "\"welcome\""]
        .map(|part| text.find(part).expect(part))
        .into();
    assert!(places.is_sorted(), "{text}");
    assert_eq!(answer[answer.len() - 4..], [0x88, 2, 3, 0xe8]);
}
