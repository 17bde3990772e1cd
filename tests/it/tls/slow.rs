//! Handshakes that never end, and many at once.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use cosmictron_tests::{TestClient, TestStream};
use rustix::process::Signal;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::Site;

/// Handshakes that stop at each of their stages.
const STALLED: usize = 200;

/// The first thing that a client says.
fn hello(site: &Site) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(site.certificate.client(), name).unwrap();
    let mut records = Vec::new();
    client.write_tls(&mut records).unwrap();
    records
}

/// Whether the server ends the connection.
fn is_ended(mut stream: TcpStream) -> bool {
    use std::io::Read;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut rest = [0; 4096];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn handshakes_that_stop_are_ended_and_others_served_meanwhile() {
    let site = Site::start("tls.handshake_timeout = \"1s\"\n");
    let mut ada = site.ada();
    let hello = hello(&site);
    let sent = [0, 1, 5, hello.len() / 2, hello.len()];
    let stalled: Vec<TcpStream> = (0..STALLED)
        .map(|number| {
            let mut stream = TcpStream::connect(site.server.address()).unwrap();
            stream.write_all(&hello[..sent[number % sent.len()]]).unwrap();
            stream
        })
        .collect();
    for number in 1..=50 {
        let mut fresh = ada.again();
        assert_eq!(fresh.get("/v1/health").status, 200);
        let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
        assert_eq!(answer.json()["result"], number);
    }
    assert!(stalled.into_iter().all(is_ended));
}

#[test]
fn a_byte_now_and_then_gains_no_time() {
    let site = Site::start("tls.handshake_timeout = \"500ms\"\n");
    let hello = hello(&site);
    let mut stream = TcpStream::connect(site.server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    // Longer than it is given, were it not ended.
    let is_ended = hello.iter().any(|byte| {
        let is_written = stream.write_all(&[*byte]).is_ok();
        !is_written || stream.peek(&mut [0]).is_ok()
    });
    assert!(is_ended, "all {} bytes were taken", hello.len());
}

#[test]
fn a_shutdown_does_not_wait_for_those_who_say_nothing() {
    let site = Site::start("tls.handshake_timeout = \"10m\"\nshutdown_timeout = \"10m\"\n");
    let mut stalled: Vec<_> =
        (0..10).map(|_| TcpStream::connect(site.server.address()).unwrap()).collect();
    assert_eq!(site.server.client().get("/v1/health").status, 200);
    let Site { server, .. } = site;
    let (status, _) = server.end(Signal::TERM);
    assert!(status.success(), "{status}");
    stalled.retain_mut(|stream| stream.write_all(b"\x16").is_err());
}

#[test]
fn more_handshakes_than_may_wait_are_ended_and_the_rest_goes_on() {
    let site = Site::start("tls.handshakes_max = 1\n");
    let mut ada = site.ada();
    let config = site.certificate.client();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (config, address) = (Arc::clone(&config), site.server.address());
            scope.spawn(move || {
                for _ in 0..30 {
                    let mut stream = TestStream::connect(address, &Some(Arc::clone(&config)));
                    // It comes to something, or the connection ends.
                    let _ = stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n");
                }
            });
        }
        for number in 1..=20 {
            let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
            assert_eq!(answer.json()["result"], number);
        }
    });
    let mut client = TestClient::connect_by(site.server.address(), Some(config), None);
    assert_eq!(client.get("/v1/health").status, 200);
}
