//! Five thousand connections of which nothing good comes, and one client that is served all the same.

use std::io::Write;
use std::net::TcpStream;

use cosmictron_tests::{TestCertificate, TestClient, TestServer, my_agent};
use rustix::process::{Resource, getrlimit, setrlimit};

const CROWD: usize = 5000;
/// Descriptors that this test needs beside those of the crowd.
const OTHERS: u64 = 200;

/// What each of the crowd does: what it has sent, and what it sends again and again.
struct Manner {
    name: &'static str,
    sent: &'static [u8],
    drop: &'static [u8],
}

const MANNERS: [Manner; 4] = [
    Manner { name: "says nothing", sent: b"", drop: b"" },
    Manner { name: "never ends its head", sent: b"GET / HTTP/1.1\r\nHost: a\r\nX: ", drop: b"x" },
    Manner {
        name: "never ends its body",
        sent: b"POST /v1/sql HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
        drop: b" ",
    },
    Manner {
        name: "never ends its handshake",
        sent: b"\x16\x03\x01\x02\x00\x01\x00\x01",
        drop: b"\0",
    },
];

/// As many descriptors as may be had; whether those are enough.
fn has_descriptors() -> bool {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    limit.current.is_none_or(|current| current >= CROWD as u64 + OTHERS)
}

/// Lets a crowd of a manner in and has a client call meanwhile, which gives up when it is not served.
fn check(server: &TestServer, manner: &Manner) {
    let mut ada = server.sign_up(&format!("{}@example.com", manner.name.replace(' ', "-")));
    let mut crowd: Vec<TcpStream> = (0..CROWD)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(manner.sent).unwrap();
            stream
        })
        .collect();
    for round in 0..4 {
        for (number, stream) in crowd.iter_mut().enumerate() {
            // It may have been ended.
            let _ = stream.write_all(manner.drop);
            if number % 250 == 0 {
                let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
                assert_eq!(answer.status, 200, "{}: {}", manner.name, answer.body);
            }
        }
        // Who is new is let in as well.
        let mut fresh: TestClient = ada.again();
        assert_eq!(fresh.get("/v1/health").status, 200, "{}, round {round}", manner.name);
    }
}

#[test]
fn a_crowd_that_is_slow_keeps_nobody_from_being_served() {
    if !has_descriptors() {
        // A machine that grants fewer cannot have such a crowd either.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let certificate = TestCertificate::make(folder.path(), "server");
    let plain = TestServer::start(&["--shards", "1"]);
    plain.deploy("my-agent", &my_agent());
    for manner in &MANNERS[..3] {
        check(&plain, manner);
    }
    drop(plain);
    let within = TestServer::start_tls(&certificate, "", &["--shards", "1"]);
    within.deploy("my-agent", &my_agent());
    check(&within, &MANNERS[0]);
    check(&within, &MANNERS[3]);
}
