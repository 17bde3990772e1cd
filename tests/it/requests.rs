//! HTTP as clients and attackers send it.

use cosmictron_net::Method;
use cosmictron_tests::{TestServer, my_agent};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let head = |method: &str, path: &str, length: usize| {
        let token = "Authorization: Bearer TOKEN\r\n";
        format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{token}Content-Length: {length}\r\n\r\n")
    };
    let args = r#"["s", "user", "x"]"#;
    let mut text = String::new();
    for _ in 0..50 {
        text += &head("POST", "/v1/reducers/record_agent_message", args.len());
        text += args;
        text += &head("GET", "/v1/health", 0);
    }
    let text = text.replace("TOKEN", ada.token().unwrap());
    assert!(ada.send(text.as_bytes()));
    for number in 1..=50u64 {
        let called = ada.read_answer(Method::Post).unwrap();
        assert_eq!(called.json()["result"].as_u64(), Some(number));
        assert_eq!(ada.read_answer(Method::Get).unwrap().json()["status"], "ok");
    }
}

#[test]
fn a_request_that_arrives_byte_by_byte_is_a_request() {
    let server = TestServer::start(&["--shards", "1"]);
    let mut client = server.client();
    for byte in b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n" {
        assert!(client.send(&[*byte]));
    }
    assert_eq!(client.read_answer(Method::Get).unwrap().status, 200);
}

#[test]
fn ambiguous_framing_is_refused_and_ends_the_connection() {
    let server = TestServer::start(&["--shards", "1"]);
    let cases: [(&str, u16); 9] = [
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("POST /v1/sql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ];
    for (text, status) in cases {
        let mut client = server.client();
        client.send(text.as_bytes());
        let answer = client.read_answer(Method::Get).unwrap_or_else(|| panic!("{text:?}"));
        assert_eq!(answer.status, status, "{text:?}: {}", answer.body);
        client.send(b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.read_answer(Method::Get).is_none(), "{text:?} goes on");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let server = TestServer::start(&["--shards", "1"]);
    let large_head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let large_body = "POST /v1/sql HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";
    for (text, status) in [(large_head.as_str(), 431), (large_body, 413)] {
        let mut client = server.client();
        client.send(text.as_bytes());
        assert_eq!(client.read_answer(Method::Get).map(|answer| answer.status), Some(status));
    }
}

#[test]
fn unknown_paths_methods_and_kinds_of_body_have_their_problem() {
    let server = TestServer::start(&["--shards", "1"]);
    let mut ada = server.sign_up("ada@example.com");
    assert_eq!(ada.get("/v1/nothing").code(), "not_found");
    let refused = ada.get("/v1/sql");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST, OPTIONS")));
    let body = [("Content-Type", "text/plain")];
    assert_eq!(ada.request("POST", "/v1/sql", &body, b"x").code(), "unsupported_media_type");
    let coding = [("Content-Encoding", "gzip")];
    assert_eq!(ada.request("POST", "/v1/sql", &coding, b"x").code(), "unsupported_media_type");
    assert_eq!(ada.request("HEAD", "/v1/health", &[], b"").status, 200);
    let preflight = [("Origin", "https://a"), ("Access-Control-Request-Method", "POST")];
    let answer = ada.request("OPTIONS", "/v1/sql", &preflight, b"");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
