//! Runs the example server as a black box: tungstenite, plain HTTP, and rubbish over loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cosmictron_net::ws::{
    self, CloseCode, Closing, Deflater, Encoder, Inflater, JSON_V1, MaskKey, Opening, Received,
    Role,
};
use cosmictron_net::{Limits, Method, ResponseDecoder};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Longer than anything takes; nothing is measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// The example, running.
struct Echo {
    process: Child,
    address: SocketAddr,
}

impl Echo {
    fn start() -> Echo {
        let mut process =
            Command::new(executable()).arg("0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        Echo { process, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn open(&self) -> WebSocket<TcpStream> {
        let limit = Some(32 << 20);
        let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
        let request = format!("ws://{}/", self.address).into_client_request().unwrap();
        tungstenite::client::client_with_config(request, self.connect(), Some(config)).unwrap().0
    }

    /// Sends `bytes`, ends the sending side, and reads to the end.
    fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // It may have ended the connection before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The example stands beside the tests. Whoever builds the tests alone gets it built here.
fn executable() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(|folder| folder.parent()).unwrap();
    let executable = folder.join("examples/echo");
    if !executable.exists() {
        let mut build = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        build.args(["build", "--package", "cosmictron-net", "--example", "echo"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    executable
}

#[test]
fn messages_come_back() {
    let echo = Echo::start();
    let mut client = echo.open();
    let long = "κόσμε ".repeat(20_000);
    for message in [
        Message::text(""),
        Message::text("hello"),
        Message::text(long),
        Message::binary(vec![0, 255]),
        Message::binary(vec![7; 16 << 20]),
    ] {
        client.send(message.clone()).unwrap();
        assert!(client.read().unwrap() == message);
    }
    client.send(Message::Ping(vec![1, 2, 3].into())).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong(vec![1, 2, 3].into()));
    let close = CloseFrame { code: 4000.into(), reason: "bye".into() };
    client.close(Some(close)).unwrap();
    let Message::Close(Some(answer)) = client.read().unwrap() else { panic!("no close frame") };
    assert_eq!(u16::from(answer.code), 4000);
    assert!(matches!(client.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn a_message_beyond_the_limit_is_refused_with_1009() {
    let echo = Echo::start();
    let mut client = echo.open();
    // The server may end the connection while it is being sent.
    let _ = client.send(Message::binary(vec![7; (16 << 20) + 1]));
    let Message::Close(Some(answer)) = client.read().unwrap() else { panic!("no close frame") };
    assert_eq!(u16::from(answer.code), 1009);
}

/// Our own client, with compression and a subprotocol.
#[test]
fn both_ends_of_this_crate_understand_each_other() {
    let echo = Echo::start();
    let mut stream = echo.connect();
    let mut out = Vec::new();
    let opening = Opening::new([3; 16], &[JSON_V1]);
    opening.write("/", "localhost", None, &mut out);
    stream.write_all(&out).unwrap();
    let mut responses = ResponseDecoder::new(Limits::default(), 1000);
    let agreement = loop {
        read(&stream, responses.input());
        if let Some(answer) = responses.next(Method::Get).unwrap() {
            break opening.check(&answer).unwrap();
        }
    };
    assert_eq!((agreement.protocol, agreement.receives_deflate), (Some(JSON_V1), true));
    let encoder = Encoder::new(agreement.sends).masked(MaskKey::new([9, 8, 7, 6]));
    let mut decoder =
        ws::Decoder::new(Role::Client, agreement.receives_deflate, ws::Limits::default());
    decoder.input().extend_from_slice(&responses.take_unread());
    let (mut inflater, mut closing) = (Inflater::new(), Closing::default());
    let long = "{\"a\":[1,2,3]}".repeat(10_000);
    out.clear();
    for text in [&long, "short"] {
        encoder.text(text, &mut Deflater::new(), &mut out);
    }
    closing.start(CloseCode::NORMAL, "", &encoder, &mut out);
    assert!(out.len() < long.len() / 10, "{} bytes were not compressed", out.len());
    stream.write_all(&out).unwrap();
    let mut received = Vec::new();
    while closing != Closing::Done {
        read(&stream, decoder.input());
        loop {
            match decoder.next(&mut inflater).unwrap() {
                Received::NeedMore | Received::Closed => break,
                Received::Text(text) => received.push(text.to_owned()),
                Received::Close(close) => closing.receive(close, &encoder, &mut out),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(received == [long, "short".to_owned()]);
}

fn read(mut stream: &TcpStream, input: &mut Vec<u8>) {
    let mut piece = [0; 10_000];
    let bytes = stream.read(&mut piece).unwrap();
    assert!(bytes > 0, "the server has gone");
    input.extend_from_slice(&piece[..bytes]);
}

#[test]
fn plain_requests_are_answered_with_method_and_body_length() {
    let echo = Echo::start();
    let answer = echo.ask(
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\
          POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n\
          PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd",
    );
    let answer = String::from_utf8(answer).unwrap();
    let bodies: Vec<&str> =
        answer.lines().filter(|line| line.split(' ').count() == 2 && !line.contains(':')).collect();
    assert_eq!(bodies, ["GET 0", "POST 5", "PUT 4"], "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 3);
}

#[test]
fn a_wrong_version_is_told_the_right_one() {
    let echo = Echo::start();
    let answer = echo.ask(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
    );
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{answer}");
}

#[test]
fn rubbish_ends_its_own_connection_only() {
    let echo = Echo::start();
    let mut friend = echo.open();
    let handshake = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    for seed in 0..100_u32 {
        let rubbish: Vec<u8> = (0..2000_u32)
            .map(|at| {
                (at + seed).wrapping_mul(2_654_435_761).rotate_left(seed % 31).to_le_bytes()[1]
            })
            .collect();
        let answer = echo.ask(&rubbish);
        assert!(answer.starts_with(b"HTTP/1.1 4") || answer.is_empty(), "{seed}");
        let answer = echo.ask(&[&handshake[..], &rubbish].concat());
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{seed}");
    }
    friend.send(Message::text("still there?")).unwrap();
    assert_eq!(friend.read().unwrap(), Message::text("still there?"));
}
