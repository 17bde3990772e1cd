//! Framings by which a request hides in another: refused, or read in the one way there is, and never as a second
//! request that nobody sent.

use cosmictron_net::Method;
use cosmictron_tests::{TestAnswer, TestServer, my_agent};
use serde_json::json;

/// What an attacker hides.
const HIDDEN: &str = "GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n";

/// All answers to these bytes, until the connection ends or the client, who has ended its side, has them all.
fn answers(server: &TestServer, bytes: &[u8]) -> Vec<TestAnswer> {
    let mut client = server.client();
    client.send(bytes);
    client.finish();
    std::iter::from_fn(|| client.read_answer(Method::Post)).collect()
}

#[test]
fn a_second_request_is_never_found_in_the_first() {
    let server = TestServer::start(&["--shards", "1"]);
    let fields = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 0, 5",
        "Content-Length: 5, 5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 18446744073709551616",
        "Content-Length:",
        "Content-Length : 5",
        "Content-Length\t: 5",
        " Content-Length: 5",
        "Content-Length: 5\r\n\tfolded",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding:\r\n chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: \0\r\nTransfer-Encoding: chunked",
        "X\0: y",
        "X Y: z",
        ": y",
        "X",
        "Host: b",
    ];
    for field in fields {
        let bytes = format!("POST /v1/sql HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n0\r\n\r\n{HIDDEN}");
        let answers = answers(&server, bytes.as_bytes());
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(matches!(statuses[..], [400 | 413 | 501]), "{field:?}: {statuses:?}");
        assert_eq!(answers[0].header("connection"), Some("close"), "{field:?}");
    }
}

#[test]
fn chunks_that_are_not_as_they_should_be_end_the_connection() {
    let server = TestServer::start(&["--shards", "1"]);
    let head = "POST /v1/sql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bodies = [
        "0x1\r\n \r\n0\r\n\r\n",
        "+1\r\n \r\n0\r\n\r\n",
        "-1\r\n \r\n0\r\n\r\n",
        " 1\r\n \r\n0\r\n\r\n",
        "1\n \n0\n\n",
        "1\r\n  \r\n0\r\n\r\n",
        "2\r\n \r\n0\r\n\r\n",
        "1\r\n \n0\r\n\r\n",
        "\r\n",
        ";x\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX Y: z\r\n\r\n",
    ];
    for body in bodies {
        let answers = answers(&server, format!("{head}{body}{HIDDEN}").as_bytes());
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(matches!(statuses[..], [400 | 413]), "{body:?}: {statuses:?}");
    }
}

#[test]
fn a_request_line_has_one_form() {
    let server = TestServer::start(&["--shards", "1"]);
    let lines = [
        "GET  /v1/health HTTP/1.1",
        "GET /v1/health  HTTP/1.1",
        "GET\t/v1/health HTTP/1.1",
        "GET /v1/health HTTP/1.1 ",
        " GET /v1/health HTTP/1.1",
        "GET /v1/he alth HTTP/1.1",
        "GET /v1/health\0 HTTP/1.1",
        "GET /v1/health",
        "GET v1/health HTTP/1.1",
        "GET /v1/health http/1.1",
        "GET /v1/health HTTP/1.10",
        "GE(T /v1/health HTTP/1.1",
        "PRI * HTTP/2.0",
    ];
    for line in lines {
        let answers = answers(&server, format!("{line}\r\nHost: a\r\n\r\n{HIDDEN}").as_bytes());
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(matches!(statuses[..], [400 | 404 | 501 | 505]), "{line:?}: {statuses:?}");
    }
}

#[test]
fn a_request_that_is_cut_off_is_none() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let body = r#"["session", "user", "x"]"#;
    let head = format!(
        "POST /v1/reducers/record_agent_message HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n",
        ada.token().unwrap()
    );
    let whole = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let chunked =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for text in [&whole, &chunked] {
        for length in (1..text.len()).step_by(3).chain([text.len() - 1]) {
            let answers = answers(&server, &text.as_bytes()[..length]);
            assert!(
                answers.iter().all(|answer| answer.status >= 400),
                "{length} bytes: {answers:?}"
            );
        }
    }
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[0]]));
    for text in [&whole, &chunked] {
        let answers = answers(&server, text.as_bytes());
        assert_eq!(answers[0].status, 200, "{}", answers[0].body);
    }
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[2]]));
}

#[test]
fn a_client_that_ends_its_side_still_gets_its_answers() {
    let server = TestServer::start(&["--shards", "1"]);
    let answers = answers(&server, HIDDEN.repeat(3).as_bytes());
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 200]);
}
