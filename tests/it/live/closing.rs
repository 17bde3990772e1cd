//! How connections end, and how it is found out that a client is not there any more.

use std::io::{Read, Write};
use std::net::TcpStream;

use cosmictron_tests::TestServer;
use rustix::process::Signal;
use serde_json::json;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Error, Message};

use super::{agent, message};

/// A connection that was upgraded by hand, to send what no client would.
fn raw(server: &TestServer, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", answer.escape_ascii());
    stream
}

/// The code of the close frame behind the welcome, read to the end of the connection.
fn close_code(stream: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let mut rest = &bytes[..];
    loop {
        let (head, length) = (rest[0], usize::from(rest[1]));
        let (length, at) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[2], rest[3]])), 4),
            short => (short, 2),
        };
        if head == 0x88 {
            assert_eq!(rest.len(), at + length, "something follows the close frame");
            return u16::from_be_bytes([rest[at], rest[at + 1]]);
        }
        rest = &rest[at + length..];
    }
}

#[test]
fn who_breaks_the_protocol_is_told_by_a_close_code() {
    let (server, ada) = agent("", 1);
    let cases: [(&[u8], u16); 6] = [
        (b"\x81\x02hi", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x81\x82\0\0\0\0\xff\xff", 1007),
        (b"\x82\x82\0\0\0\0hi", 1003),
        (b"\x81\xff\0\0\0\0\0\x20\0\0\0\0\0\0", 1009),
    ];
    for (bytes, code) in cases {
        let mut stream = raw(&server, ada.token().unwrap());
        stream.write_all(bytes).unwrap();
        if code == 1003 {
            // It is closed in order: the server waits for our answer.
            stream.write_all(b"\x88\x82\0\0\0\0\x03\xeb").unwrap();
        }
        assert_eq!(close_code(&mut stream), code, "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_close_is_answered_with_its_code_behind_what_was_asked_before() {
    let (server, ada) = agent("", 1);
    let mut socket = server.socket_of(&ada);
    socket.message().unwrap();
    for code in [CloseCode::Normal, CloseCode::Library(4321)] {
        let mut socket = server.socket_of(&ada);
        socket.message().unwrap();
        let close = CloseFrame { code, reason: "enough".into() };
        socket.send_message(Message::Close(Some(close)));
        match socket.read() {
            Ok(Message::Close(Some(close))) => assert_eq!(close.code, code),
            other => panic!("{other:?}"),
        }
        assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
    }
    assert_eq!(socket.call("record_agent_message", message("s", "x"))["type"], "called");
}

#[test]
fn a_ping_is_answered_also_while_subscriptions_are_told() {
    let (server, ada) = agent("", 1);
    let mut socket = server.socket_of(&ada);
    socket.subscribe("SELECT count(*) FROM agent_state");
    for payload in [&b""[..], b"are you there?", &[7; 125]] {
        let payload = Bytes::copy_from_slice(payload);
        socket.send_message(Message::Ping(payload.clone()));
        match socket.read() {
            Ok(Message::Pong(back)) => assert_eq!(back, payload),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_silent_client_is_pinged_and_one_that_does_not_answer_is_dropped() {
    let (server, ada) = agent("websocket.ping_interval = \"200ms\"\n", 1);
    let mut silent = raw(&server, ada.token().unwrap());
    let mut polite = server.socket_of(&ada);
    polite.message().unwrap();
    for _ in 0..4 {
        // Reading answers it.
        assert!(matches!(polite.read(), Ok(Message::Ping(_))));
    }
    let mut bytes = Vec::new();
    // Whether it is ended or reset.
    let _ = silent.read_to_end(&mut bytes);
    let pings = bytes.windows(2).filter(|bytes| *bytes == [0x89, 0]).count();
    assert_eq!(pings, 1, "{}", bytes.escape_ascii());
    polite.send(&json!({"type": "query", "id": 1, "query": "SELECT 1"}));
    assert_eq!(polite.message().unwrap()["rows"], json!([[1]]));
}

#[test]
fn a_server_that_stops_says_so_and_answers_what_it_has_begun() {
    let (server, ada) = agent("", 2);
    let mut idle = server.socket_of(&ada);
    idle.subscribe("SELECT count(*) FROM agent_state");
    let mut calling = server.socket_of(&ada);
    calling.message().unwrap();
    for id in 0..50 {
        let args = message("s", "x");
        let reducer = "record_agent_message";
        calling.send(&json!({"type": "call", "id": id, "reducer": reducer, "args": args}));
    }
    calling.wait_for(|message| message["type"] == "called");
    server.signal(Signal::TERM);
    assert_eq!(idle.wait_for_close().0, 1001);
    let (code, said) = calling.wait_for_close();
    assert_eq!(code, 1001);
    for answer in &said {
        let is_refused = answer["code"] == "shutting_down";
        assert!(answer["type"] == "called" || is_refused, "{answer}");
    }
    let committed = 1 + said.iter().filter(|answer| answer["type"] == "called").count();
    let server = server.stop_and_restart();
    let rows = server.client_of(ada.token().unwrap()).sql("SELECT count(*) FROM agent_state");
    assert_eq!(rows, json!([[committed]]));
}
