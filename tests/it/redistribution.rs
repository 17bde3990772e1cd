//! Starts a data directory with another number of shards: everything is as it was, and may be killed on the way.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use cosmictron_tests::{TestClient, TestServer, bank_example, binary, my_agent};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Accounts of the bank.
const ACCOUNTS: usize = 24;

fn flags(shards: u16) -> Vec<String> {
    vec!["--shards".to_owned(), shards.to_string()]
}

/// Ends the server in order and starts it with so many shards.
pub(super) fn start_with(server: TestServer, shards: u16) -> TestServer {
    let (_, (folder, _)) = server.end(Signal::TERM);
    TestServer::start_in(folder, flags(shards)).unwrap_or_else(|log| panic!("{log:#?}"))
}

/// All rows that anybody can see, in an order that does not depend on where they are.
fn rows(client: &mut TestClient) -> Vec<Value> {
    let queries = [
        "SELECT id, owner, balance FROM account ORDER BY id",
        "SELECT id, account, amount FROM entry ORDER BY id",
        "SELECT * FROM agent_state ORDER BY 1",
    ];
    queries.iter().map(|query| client.sql(query)).collect()
}

fn open_accounts(client: &mut TestClient, first: usize) {
    for number in first..first + ACCOUNTS {
        let opened = client.call("open", &json!([format!("owner {number}"), 100]).to_string());
        assert_eq!(opened.status, 200, "{}", opened.json());
    }
}

fn transfer(client: &mut TestClient) {
    let accounts = client.sql("SELECT id FROM account ORDER BY id");
    let ids: Vec<u64> =
        accounts.as_array().unwrap().iter().map(|row| row[0].as_u64().unwrap()).collect();
    for pair in ids.windows(2) {
        let moved = client.call("transfer", &json!([pair[0], pair[1], 1]).to_string());
        assert_eq!(moved.status, 200, "{}", moved.json());
    }
}

#[test]
fn rows_ids_and_the_past_stay_whatever_the_number_of_shards() {
    let mut server = TestServer::start(&["--shards", "1"]);
    server.deploy("bank", &bank_example());
    server.deploy("my-agent", &my_agent());
    let token = server.sign_up("ada@example.com").token().unwrap().to_owned();
    let mut client = server.client_of(&token);
    open_accounts(&mut client, 0);
    assert_eq!(client.call("record_agent_message", r#"["s","user","hello"]"#).status, 200);
    let first_account = client.sql("SELECT min(id) FROM account")[0][0].as_u64().unwrap();
    let deposit = json!([first_account, 7]).to_string();
    let keyed = |client: &mut TestClient| {
        let headers = [("Idempotency-Key", "once"), ("Content-Type", "application/json")];
        let answer = client.request("POST", "/v1/reducers/deposit", &headers, deposit.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["tx_id"].clone()
    };
    let deposited = keyed(&mut client);
    let before = rows(&mut client);
    let tx = client.post("/v1/sql", r#"{"query":"SELECT 1 FROM account LIMIT 1"}"#).json();
    let tx = tx["tx_id"].as_u64().unwrap();
    let total_then =
        client.sql(&format!("SELECT sum(balance), count(*) FROM account AS OF TX {tx}"));
    transfer(&mut client);
    let mut now = rows(&mut client);
    for (round, shards) in [2, 4, 3, 1].into_iter().enumerate() {
        server = start_with(server, shards);
        let mut client = server.client_of(&token);
        assert_eq!(rows(&mut client), now, "on {shards} shards");
        assert_ne!(now, before);
        let past = client.sql(&format!("SELECT sum(balance), count(*) FROM account AS OF TX {tx}"));
        assert_eq!(past, total_then, "on {shards} shards, as of {tx}");
        assert_eq!(keyed(&mut client), deposited, "on {shards} shards");
        // New keys are new, and names stay taken.
        open_accounts(&mut client, ACCOUNTS * (round + 1));
        let taken = client.call("open", r#"["owner 3",1]"#);
        assert_eq!(taken.code(), "reducer_failed");
        transfer(&mut client);
        now = rows(&mut client);
        let logs = fs::read_dir(server.data_dir()).unwrap().flatten();
        let logs = logs.filter(|entry| entry.file_name().to_string_lossy().starts_with("log"));
        assert_eq!(logs.count(), 1, "old logs are gone");
    }
}

#[test]
fn a_redistribution_can_be_killed_at_any_moment() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("bank", &bank_example());
    let token = server.sign_up("ada@example.com").token().unwrap().to_owned();
    let mut client = server.client_of(&token);
    open_accounts(&mut client, 0);
    (0..20).for_each(|_| transfer(&mut client));
    let expected = [
        client.sql("SELECT id, owner, balance FROM account ORDER BY id"),
        client.sql("SELECT count(*), sum(amount) FROM entry"),
    ];
    let (_, (mut folder, _)) = server.end(Signal::KILL);
    for round in 0..24_u64 {
        let shards = 1 + u16::try_from(round % 4).unwrap();
        folder = start_and_kill(folder, shards, Duration::from_millis(2 + 3 * round));
    }
    let server = TestServer::start_in(folder, flags(2)).unwrap_or_else(|log| panic!("{log:#?}"));
    let mut client = server.client_of(&token);
    let found = [
        client.sql("SELECT id, owner, balance FROM account ORDER BY id"),
        client.sql("SELECT count(*), sum(amount) FROM entry"),
    ];
    assert_eq!(found, expected);
}

/// Starts the server and kills it after a while, wherever it is then.
fn start_and_kill(folder: TempDir, shards: u16, after: Duration) -> TempDir {
    let mut server = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .arg("--config")
        .arg(folder.path().join("test.toml"))
        .args(flags(shards))
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    server.kill().unwrap();
    server.wait().unwrap();
    folder
}
