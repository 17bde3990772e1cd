//! The client of `docs/protocol.md` works as it stands there.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{agent, record};

/// The one program in the document.
fn program() -> &'static str {
    let document = include_str!("../../../docs/protocol.md");
    let (_, rest) = document.split_once("```python\n").expect("the document has a program");
    rest.split_once("```").expect("the program ends").0
}

#[test]
fn the_client_of_the_document_follows_a_query() {
    let (server, mut ada) = agent("", 2);
    record(&mut ada, "s", "one");
    let address = server.address();
    let client = Command::new("python3")
        .args(["-u", "-c", program(), &address.ip().to_string(), &address.port().to_string()])
        .arg("SELECT content FROM agent_state")
        .env("COSMICTRON_TOKEN", ada.token().unwrap())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut client) = client else { return eprintln!("skipped: there is no python3 here") };
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()[1], json!([["one"]]));
    let tx_id = record(&mut ada, "s", "two");
    assert_eq!(next(), json!([tx_id, [["one"], ["two"]]]));
    client.kill().unwrap();
    client.wait().unwrap();
}
