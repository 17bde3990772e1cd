//! Server-Sent Events: a live query for those who only listen.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::{agent, record};

const QUERY: &str = "/v1/subscribe?query=SELECT+content+FROM+agent_state+WHERE+session_id+=+$1&params=%5B%22s%22%5D";

/// A stream of events.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(address: SocketAddr, path: &str, token: &str, fields: &str) -> Stream {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{fields}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut stream = Stream(BufReader::new(stream));
        let head = stream.block("\r\n");
        assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
        assert!(head.iter().any(|line| line == "Content-Type: text/event-stream"), "{head:?}");
        stream
    }

    /// The lines before an empty one.
    fn block(&mut self, ending: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 || line == ending {
                return lines;
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    /// The next event: its id, its name and its data. Comments are passed over.
    fn next(&mut self) -> Option<(u64, String, Value)> {
        let mut lines = self.block("\n");
        while lines.first().is_some_and(|line| line.starts_with(':')) {
            lines = self.block("\n");
        }
        let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
        let data = serde_json::from_str(field("data: ")?).unwrap();
        let id = field("id: ").map_or(0, |id| id.parse().unwrap());
        Some((id, field("event: ").unwrap().to_owned(), data))
    }
}

#[test]
fn a_query_is_followed_and_gone_on_with_from_the_last_event() {
    // It ends with its token, not with the next sign of life.
    let (server, mut ada) = agent("websocket.ping_interval = \"10m\"\n", 2);
    record(&mut ada, "s", "one");
    let token = ada.token().unwrap().to_owned();
    let mut stream = Stream::open(server.address(), QUERY, &token, "");
    let (_, event, data) = stream.next().unwrap();
    assert_eq!((&*event, &data["rows"]), ("subscribed", &json!([["one"]])));
    assert_eq!((&data["columns"], data.get("key")), (&json!(["content"]), None));
    record(&mut ada, "other", "unheard");
    let tx_id = record(&mut ada, "s", "two");
    let update = json!({"tx_id": tx_id, "changes": [[["two"]], []]});
    assert_eq!(stream.next().unwrap(), (tx_id, "update".to_owned(), update));
    drop(stream);
    record(&mut ada, "s", "three");
    let last = format!("Last-Event-ID: {tx_id}\r\n");
    let mut stream = Stream::open(server.address(), QUERY, &token, &last);
    let (id, event, data) = stream.next().unwrap();
    assert_eq!((id, &*event, &data["resumed"]), (tx_id, "subscribed", &json!(true)));
    assert_eq!(stream.next().unwrap().2["changes"], json!([[["three"]], []]));
    assert_eq!(ada.post("/v1/auth/sign-out", "").status, 204);
    let (_, event, data) = stream.next().unwrap();
    assert_eq!((&*event, &data["code"]), ("error", &json!("unauthenticated")));
    assert_eq!(stream.next(), None);
}

#[test]
fn the_first_event_says_what_tells_the_rows_apart() {
    let (server, ada) = agent("", 1);
    let path = "/v1/subscribe?query=SELECT+content,+id+FROM+agent_state";
    let mut stream = Stream::open(server.address(), path, ada.token().unwrap(), "");
    assert_eq!(stream.next().unwrap().2["key"], json!([1]));
}

#[test]
fn what_cannot_be_followed_is_refused_like_any_other_request() {
    let (server, mut ada) = agent("", 1);
    let mut refused = |path: &str| {
        let answer = ada.get(path);
        (answer.status, answer.code())
    };
    let invalid = (400, "invalid_request".to_owned());
    assert_eq!(refused("/v1/subscribe"), invalid);
    assert_eq!(refused("/v1/subscribe?query=SELECT"), invalid);
    assert_eq!(refused("/v1/subscribe?query=SELECT+1&params=x"), invalid);
    assert_eq!(refused("/v1/subscribe?query=EXPLAIN+SELECT+1"), invalid);
    let answer = server.client().get("/v1/subscribe?query=SELECT+1");
    assert_eq!(answer.status, 401);
}
