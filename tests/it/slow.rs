//! Clients that are slow, silent or many: each is ended in its time, and the others are served meanwhile.

use std::time::Duration;

use cosmictron_net::Method;
use cosmictron_tests::{TestAnswer, TestClient, TestServer, my_agent};
use serde_json::json;

/// Between two bytes of a slow client; shorter than any time that a test gives it in all.
const PACE: Duration = Duration::from_millis(50);

/// A server whose patience is short.
fn start(http: &str) -> TestServer {
    let rest =
        "[storage]\nsegment_bytes = \"4MiB\"\n[modules]\ntransaction_bytes_max = \"512KiB\"\n";
    TestServer::start_configured(&format!("{rest}[http]\n{http}"), &["--shards", "1"])
}

fn head(length: &str) -> String {
    format!("POST /v1/sql HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n")
}

#[test]
fn a_byte_now_and_then_gains_no_time() {
    let server = start("head_timeout = \"500ms\"\nbody_timeout = \"500ms\"");
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    // What is sent at once, and what then follows for ever.
    let cases: [(String, &[u8]); 5] = [
        (String::new(), b"G"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ".to_owned(), b"x"),
        ("GET / HTTP/1.1\r\nHost: a\r\n".to_owned(), b"X: y\r\n"),
        (head("Content-Length: 1000"), b" "),
        (head("Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    ];
    std::thread::scope(|scope| {
        let slow: Vec<_> = cases
            .iter()
            .map(|(sent, rest)| {
                let mut client = server.client();
                scope.spawn(move || {
                    assert!(client.send(sent.as_bytes()));
                    let answer = client.send_slowly(rest.iter().copied().cycle(), PACE);
                    (answer, client.read_answer(Method::Get))
                })
            })
            .collect();
        for number in 1.. {
            let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
            assert_eq!(answer.json()["result"], number, "{}", answer.body);
            if slow.iter().all(|slow| slow.is_finished()) {
                break;
            }
        }
        for (slow, (sent, _)) in slow.into_iter().zip(&cases) {
            let (answer, more) = slow.join().unwrap();
            let answer = answer.unwrap_or_else(|| panic!("{sent:?}: ended without a word"));
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (408, "request_timeout"),
                "{sent:?}"
            );
            assert_eq!(answer.header("connection"), Some("close"));
            assert!(more.is_none(), "{sent:?}: goes on");
        }
    });
}

#[test]
fn a_silent_connection_is_ended_without_a_word() {
    let server = start("idle_timeout = \"500ms\"");
    let (mut new, mut used) = (server.client(), server.client());
    assert_eq!(used.get("/v1/health").status, 200);
    assert!(new.read_answer(Method::Get).is_none());
    assert!(used.read_answer(Method::Get).is_none());
    assert_eq!(server.client().get("/v1/health").status, 200);
}

/// Asks until the server has no more than so many connections; the asking one is among them.
fn wait_for_connections(admin: &mut TestClient, count_max: u64) {
    let mut count = u64::MAX;
    while count > count_max {
        count = admin.get("/v1/health/diagnostics").json()["connections"].as_u64().unwrap();
    }
}

#[test]
fn a_client_that_takes_no_answers_is_ended() {
    let server = start("answer_timeout = \"500ms\"");
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let arguments = json!(["session", "user", "x".repeat(400 << 10)]).to_string();
    for _ in 0..40 {
        assert_eq!(ada.call("record_agent_message", &arguments).status, 200);
    }
    // 16 MB an answer, far more than the sockets between us hold.
    let token = ada.token().unwrap();
    let body = r#"{"query": "SELECT content FROM agent_state"}"#;
    let request = format!(
        "POST /v1/sql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let deaf: Vec<TestClient> = (0..3)
        .map(|_| {
            let mut client = server.client();
            assert!(client.send(request.repeat(3).as_bytes()));
            client
        })
        .collect();
    assert_eq!(ada.call("record_agent_message", r#"["s", "user", "x"]"#).status, 200);
    wait_for_connections(&mut server.admin(), 2);
    for mut client in deaf {
        assert!(client.read_answer(Method::Post).is_none(), "an answer that nobody took is whole");
    }
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[41]]));
}

#[test]
fn connections_above_the_bound_are_closed_and_those_below_served() {
    let server = start("connections_max = 32");
    let mut inside: Vec<TestClient> = (0..32).map(|_| server.client()).collect();
    for client in &mut inside {
        assert_eq!(client.get("/v1/health").status, 200);
    }
    for _ in 0..64 {
        assert!(server.client().try_request("GET", "/v1/health", &[], b"").is_none());
    }
    for client in &mut inside {
        assert_eq!(client.get("/v1/health").status, 200);
    }
    // Whoever leaves makes room.
    inside.truncate(16);
    while server.client().try_request("GET", "/v1/health", &[], b"").is_none() {}
    assert_eq!(inside[0].get("/v1/health").status, 200);
}

#[test]
fn work_above_the_bound_is_refused_with_a_time_to_come_again() {
    let server = start("");
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    // Far more passwords to hash at once than may wait for it.
    let clients: Vec<TestClient> = (0..120).map(|_| server.client()).collect();
    let answers: Vec<TestAnswer> = std::thread::scope(|scope| {
        let hash = |(number, mut client): (usize, TestClient)| {
            let email = format!("user{number}@example.com");
            let body = json!({ "email": email, "password": "secret" }).to_string();
            scope.spawn(move || client.post("/v1/auth/sign-up", &body))
        };
        let waiting: Vec<_> = clients.into_iter().enumerate().map(hash).collect();
        for number in 1..=20 {
            let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
            assert_eq!(answer.json()["result"], number, "{}", answer.body);
        }
        waiting.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(!done.is_empty() && !refused.is_empty(), "{} done", done.len());
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"), "{}", answer.body);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    server.sign_up("late@example.com");
}
