//! What is spoken within TLS, in both versions.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use cosmictron_net::Method;
use cosmictron_tests::{
    SUBPROTOCOLS, TestCertificate, TestClient, TestServer, TestSocket, TestStream,
};
use rustls::{HandshakeKind, ProtocolVersion};
use serde_json::json;

use super::Site;

const VERSIONS: [(&rustls::SupportedProtocolVersion, ProtocolVersion); 2] = [
    (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
    (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
];

fn request(client: &TestClient, method: &str, path: &str, body: &str) -> String {
    let token = client.token().unwrap();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn requests_are_answered_one_by_one_and_many_at_once() {
    let site = Site::start("tls.hsts = \"365d\"\n");
    let ada = site.ada();
    for (version, spoken) in VERSIONS {
        let config = site.certificate.client_of(&[version]);
        let token = ada.token().map(str::to_owned);
        let mut client = TestClient::connect_by(site.server.address(), Some(config), token);
        let answer = client.get("/v1/auth/me");
        assert_eq!(answer.json()["email"], "ada@example.com");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
        assert_eq!(client.stream().session().protocol_version(), Some(spoken));
        assert_eq!(client.stream().session().alpn_protocol(), Some(&b"http/1.1"[..]));
        let call =
            request(&client, "POST", "/v1/reducers/record_agent_message", r#"["s","u","x"]"#);
        assert!(client.send(call.repeat(200).as_bytes()));
        let answers: Vec<_> = (0..200)
            .map(|_| client.read_answer(Method::Post).unwrap().json()["tx_id"].as_u64().unwrap())
            .collect();
        assert!(answers.is_sorted_by(|one, next| one < next), "{answers:?}");
    }
}

#[test]
fn large_bodies_go_in_and_out() {
    let site = Site::start("");
    let mut ada = site.ada();
    let content: String =
        (0..100_000).map(|number| char::from(b'a' + (number % 26) as u8)).collect();
    for _ in 0..30 {
        let arguments = json!(["s", "user", content]).to_string();
        assert_eq!(ada.call("record_agent_message", &arguments).status, 200);
    }
    let rows = ada.sql("SELECT content FROM agent_state");
    assert_eq!(rows, json!(vec![[content]; 30]));
}

#[test]
fn a_websocket_keeps_its_rows_up_to_date() {
    let site = Site::start("");
    let mut ada = site.ada();
    for subprotocol in SUBPROTOCOLS {
        let mut socket = site.server.socket_as(&ada, subprotocol);
        assert_eq!(socket.message().unwrap()["type"], "welcome");
        let query = "SELECT id, content FROM agent_state";
        let (id, mut rows) = socket.subscribe(query);
        let mut last = 0;
        for number in 0..50 {
            let content = "x".repeat(number * 1000);
            let called = socket.call("record_agent_message", json!(["s", "user", content]));
            last = called["tx_id"].as_u64().unwrap();
        }
        socket.follow(id, &mut rows, last);
        rows.check(&ada.sql(query));
    }
}

#[test]
fn events_are_told_until_the_server_ends_them_in_order() {
    let site = Site::start("");
    let mut ada = site.ada();
    let mut listener = ada.again();
    let path = "/v1/subscribe?query=SELECT+content+FROM+agent_state";
    assert!(listener.send(request(&listener, "GET", path, "").as_bytes()));
    let mut heard = String::new();
    let mut wait_for = |text: &str| {
        let mut piece = [0; 4096];
        while !heard.contains(text) {
            match listener.stream().read(&mut piece) {
                Ok(count @ 1..) => heard += &String::from_utf8_lossy(&piece[..count]),
                end => return Some(end),
            }
        }
        None
    };
    assert!(wait_for("event: subscribed").is_none());
    assert_eq!(ada.call("record_agent_message", r#"["s", "user", "news"]"#).status, 200);
    assert!(wait_for("news").is_none());
    let token = ada.token().unwrap().to_owned();
    assert_eq!(ada.post("/v1/auth/sign-out", "").status, 204);
    // An end that was not said in TLS's words would be an error here.
    let end = wait_for("something that never comes").unwrap();
    assert_eq!(end.unwrap(), 0, "the token {token} goes on");
}

#[test]
fn whoever_says_that_it_has_said_all_is_answered_all_the_same() {
    let site = Site::start("");
    let ada = site.ada();
    for (version, _) in VERSIONS {
        let config = site.certificate.client_of(&[version]);
        let token = ada.token().map(str::to_owned);
        let mut client = TestClient::connect_by(site.server.address(), Some(config), token);
        let call =
            request(&client, "POST", "/v1/reducers/record_agent_message", r#"["s","u","x"]"#);
        assert!(client.send(call.repeat(3).as_bytes()));
        client.finish();
        for _ in 0..3 {
            assert_eq!(client.read_answer(Method::Post).unwrap().status, 200);
        }
        let mut rest = [0];
        assert_eq!(client.stream().read(&mut rest).unwrap(), 0, "{version:?}: no close_notify");
    }
}

/// The handshake's last word, a request and the word that this was all came in one read, and the connection was taken for
/// one that had ended within its handshake.
#[test]
fn all_may_come_with_the_last_word_of_the_handshake() {
    let site = Site::start("");
    let ada = site.ada();
    let config = site.certificate.client_of(&[&rustls::version::TLS13]);
    let token = ada.token().map(str::to_owned);
    let mut client = TestClient::connect_by(site.server.address(), Some(config), token);
    let call = request(&client, "POST", "/v1/reducers/record_agent_message", r#"["s","u","x"]"#);
    let TestStream::Tls(stream) = client.stream() else { panic!("it is within TLS") };
    let (tls, tcp) = (&mut stream.conn, &mut stream.sock);
    while tls.is_handshaking() {
        while tls.wants_write() {
            tls.write_tls(tcp).unwrap();
        }
        tls.read_tls(tcp).unwrap();
        tls.process_new_packets().unwrap();
    }
    tls.writer().write_all(call.as_bytes()).unwrap();
    tls.send_close_notify();
    let mut records = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut records).unwrap();
    }
    tcp.write_all(&records).unwrap();
    assert_eq!(client.read_answer(Method::Post).unwrap().status, 200);
}

/// Whoever sits between can end a TCP connection in a client's name, but say nothing in it.
#[test]
fn a_request_that_was_cut_is_not_carried_out() {
    let site = Site::start("");
    let mut ada = site.ada();
    let mut client = ada.again();
    let call = request(&client, "POST", "/v1/reducers/record_agent_message", r#"["s","u","x"]"#);
    assert!(client.send(&call.as_bytes()[..call.len() - 1]));
    client.stream().tcp().shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.read_answer(Method::Post).is_none());
    // A part of a record is none.
    let mut client = ada.again();
    assert_eq!(client.get("/v1/health").status, 200);
    client.stream().session().writer().write_all(call.as_bytes()).unwrap();
    let mut records = Vec::new();
    client.stream().session().write_tls(&mut records).unwrap();
    client.stream().tcp().write_all(&records[..records.len() - 1]).unwrap();
    client.stream().tcp().shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.read_answer(Method::Post).is_none());
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[0]]));
}

#[test]
fn whoever_comes_back_needs_no_signature() {
    for shards in ["1", "2"] {
        let folder = tempfile::tempdir().unwrap();
        let certificate = TestCertificate::make(folder.path(), "server");
        let server = TestServer::start_tls(&certificate, "", &["--shards", shards]);
        for (version, _) in VERSIONS {
            let config = certificate.client_of(&[version]);
            let mut kinds = Vec::new();
            // Whichever core they come to.
            for _ in 0..8 {
                let address = server.address();
                let mut client = TestClient::connect_by(address, Some(Arc::clone(&config)), None);
                assert_eq!(client.get("/v1/health").status, 200);
                kinds.push(client.stream().session().handshake_kind().unwrap());
            }
            assert_eq!(kinds[0], HandshakeKind::Full);
            assert!(kinds[1..].iter().all(|kind| *kind == HandshakeKind::Resumed), "{kinds:?}");
        }
        let metrics = TestClient::connect(server.metrics(), None).get("/metrics").body;
        let sum = |name: &str| -> u64 {
            let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        assert_eq!(sum("cosmictron_tls_handshakes_full_total"), 2);
        assert_eq!(sum("cosmictron_tls_handshakes_resumed_total"), 14);
    }
}

#[test]
fn new_keys_in_the_middle_change_nothing() {
    let site = Site::start("");
    let mut ada = site.ada();
    let mut socket: TestSocket = site.server.socket_of(&ada);
    socket.message().unwrap();
    assert_eq!(ada.get("/v1/health").status, 200);
    for round in 0..5 {
        ada.stream().session().refresh_traffic_keys().unwrap();
        assert_eq!(ada.get("/v1/auth/me").status, 200, "round {round}");
        socket.test_stream().session().refresh_traffic_keys().unwrap();
        let rows = socket.ask(json!({"type": "query", "query": "SELECT 1"}));
        assert_eq!(rows["rows"], json!([[1]]), "round {round}");
    }
}

#[test]
fn a_client_that_does_not_speak_http_1_is_told_so_in_the_handshake() {
    let site = Site::start("");
    let mut config = (*site.certificate.client()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut client = TestClient::connect_by(site.server.address(), Some(config.into()), None);
    let error = client.stream().read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

/// Its signatures take long: they are made beside the core.
#[test]
fn an_rsa_key_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::from_pem(include_str!("../../../net/benches/rsa2048.pem")).unwrap();
    let certificate = TestCertificate::make_of(folder.path(), "rsa", &key, |_| {});
    let server = TestServer::start_tls(&certificate, "", &["--shards", "1"]);
    for (version, _) in VERSIONS {
        let config = certificate.client_of(&[version]);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                let (config, address) = (Arc::clone(&config), server.address());
                scope.spawn(move || {
                    let mut client = TestClient::connect_by(address, Some(config), None);
                    assert_eq!(client.get("/v1/health").status, 200);
                });
            }
        });
    }
}
