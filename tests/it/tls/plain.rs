//! What is answered to those who do not speak TLS.

use cosmictron_net::Method;
use cosmictron_tests::TestClient;
use serde_json::json;

use super::Site;

#[test]
fn plain_http_is_refused_and_not_carried_out() {
    let site = Site::start("");
    let mut ada = site.ada();
    let token = ada.token().map(str::to_owned);
    let plain = || TestClient::connect(site.server.address(), token.clone());
    let answer = plain().call("record_agent_message", r#"["s", "user", "x"]"#);
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
    assert!(answer.body.contains("https or wss"), "{}", answer.body);
    assert_eq!(answer.header("connection"), Some("close"));
    let mut client = plain();
    let head = client.request("HEAD", "/v1/health", &[], b"");
    assert_eq!((head.status, head.body.as_str()), (400, ""));
    assert!(client.read_answer(Method::Get).is_none(), "it goes on");
    // What is no HTTP either is told the same.
    for bytes in [&b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..], &[0x80, 0x2e, 1, 3], b"\0\0\0\0\r\n\r\n"] {
        let mut client = plain();
        assert!(client.send(bytes));
        client.finish();
        let answer = client.read_answer(Method::Get).unwrap();
        assert_eq!(answer.status, 400, "{bytes:?}");
    }
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[0]]));
}

#[test]
fn plain_http_may_be_sent_to_https() {
    let site = Site::start("tls.plain_http = \"redirect\"\ntls.hsts = \"1d\"\n");
    let mut client = TestClient::connect(site.server.address(), None);
    let answer = client.get("/v1/subscribe?query=SELECT+1");
    assert_eq!(answer.status, 308);
    let expected = format!("https://{}/v1/subscribe?query=SELECT+1", site.server.address());
    assert_eq!(answer.header("location"), Some(expected.as_str()));
    // Whoever sits between could say anything here.
    assert_eq!(answer.header("strict-transport-security"), None);
    // With a body, which is not waited for.
    let mut client = TestClient::connect(site.server.address(), None);
    assert!(client.send(b"POST /v1/sql HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"));
    let answer = client.read_answer(Method::Post).unwrap();
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://a/v1/sql")));
    // It cannot be told where to go.
    for request in
        ["GET / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "GET\r\n\r\n"]
    {
        let mut client = TestClient::connect(site.server.address(), None);
        assert!(client.send(request.as_bytes()));
        assert_eq!(client.read_answer(Method::Get).unwrap().status, 400, "{request:?}");
    }
}

#[test]
fn metrics_stay_plain() {
    let site = Site::start("");
    let mut client = TestClient::connect(site.server.metrics(), None);
    assert!(client.get("/metrics").body.contains("cosmictron_tls_handshakes_full_total"));
}
