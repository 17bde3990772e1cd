//! A disk that fails, is slow, or forgets: what was answered is there, nothing is half there, and the server says what it
//! is worth.
//!
//! The disk is a [`FaultyDisk`]. Where this process may not mount one, the tests say so and end. Whenever a server was
//! killed, the disk loses what was not synced: what is found again had been on the device.

mod module;
mod recovery;
mod segment;
mod slow;
mod sync;
mod write;

use std::collections::BTreeMap;
use std::thread;

use cosmictron_tests::{
    FaultyDisk, Operation, TestAnswer, TestClient, TestServer, bank, configure,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The log's files as they are written; those that are being prepared are called otherwise.
const LOG: &str = "log/*.wal";
/// Connections that call at once.
const WRITERS: u64 = 4;
/// Of each connection, far more than any fault is away: a thousand fill a segment.
const TRANSFERS_MAX: usize = 5_000;

const SMALL: &str = "\
[storage]
segment_bytes = \"1MiB\"
[modules]
transaction_bytes_max = \"64KiB\"
";

/// A server with a bank on a disk of its own, and what its clients know.
struct Site<'d> {
    disk: &'d FaultyDisk,
    server: TestServer,
    token: String,
    ledger: Ledger,
}

/// The marks of transfers, each of which writes five rows of three tables.
#[derive(Default)]
struct Ledger {
    answered: Vec<u64>,
    /// Told that the outcome is not known.
    unknown: Vec<u64>,
    /// Every mark is used once.
    last: u64,
}

impl<'d> Site<'d> {
    fn start(disk: &'d FaultyDisk, flags: &[&str]) -> Site<'d> {
        Site::start_in(disk.server_folder(), disk, flags)
    }

    /// With the smallest segments that there are: a few hundred calls fill one.
    fn start_small(disk: &'d FaultyDisk, flags: &[&str]) -> Site<'d> {
        let folder = disk.server_folder();
        configure(folder.path(), SMALL);
        Site::start_in(folder, disk, flags)
    }

    fn start_in(folder: TempDir, disk: &'d FaultyDisk, flags: &[&str]) -> Site<'d> {
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        let server = TestServer::start_in(folder, flags).unwrap();
        server.deploy("bank", &bank());
        let token = server.sign_up("ada@example.com").token().unwrap().to_owned();
        Site { disk, server, token, ledger: Ledger::default() }
    }

    /// Further banks, so many that no shard is without one.
    fn deploy_more(&self) {
        (0..8).for_each(|number| self.server.deploy(&format!("bank-{number}"), &bank()));
    }

    fn client(&self) -> TestClient {
        self.server.client_of(&self.token)
    }

    /// One transfer, whatever becomes of it.
    fn transfer(&mut self) -> TestAnswer {
        self.ledger.last += 1;
        let mark = self.ledger.last;
        let answer = transfer(&mut self.client(), mark);
        self.ledger.note(mark, &answer);
        answer
    }

    /// Transfers on several connections until each is refused.
    fn transfer_until_refused(&mut self) {
        let first = self.ledger.last + 1;
        let written = thread::scope(|scope| {
            let write = |writer| {
                let client = self.client();
                scope.spawn(move || transfers((first + writer..).step_by(WRITERS as usize), client))
            };
            let writers: Vec<_> = (0..WRITERS).map(write).collect();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
        });
        for (mark, answer) in written {
            self.ledger.note(mark, &answer);
        }
    }

    /// The log has failed with its last write: it is lost, and left alone.
    fn check_abandoned(&mut self) {
        let disk = self.disk;
        let asked =
            || [Operation::Write, Operation::Sync].map(|operation| disk.count(operation, LOG));
        let before = asked();
        self.check_lost();
        assert_eq!(asked(), before, "nothing is tried again");
    }

    /// The log has failed: it takes nothing, shows nothing and says so, whatever the disk does by now.
    fn check_lost(&mut self) {
        check_unavailable(&self.transfer());
        let query = json!({ "query": "SELECT count(*) FROM entry" }).to_string();
        check_unavailable(&self.client().post("/v1/sql", &query));
        let sign_up = json!({ "email": "bob@example.com", "password": "secret" }).to_string();
        check_unavailable(&self.client().post("/v1/auth/sign-up", &sign_up));
        check_unavailable(&self.server.try_deploy("other", &bank()));
        let ready = self.client().get("/v1/health/ready");
        assert_eq!((ready.status, ready.code().as_str()), (503, "unavailable"), "{}", ready.body);
        assert!(ready.body.contains("the write-ahead log of shard 0 has failed"), "{}", ready.body);
        assert_eq!(self.client().get("/v1/health").status, 200, "it lives");
        assert!(self.log_state().starts_with("Poisoned"), "{}", self.log_state());
    }

    fn log_state(&self) -> String {
        let diagnostics = self.server.admin().get("/v1/health/diagnostics").json();
        diagnostics["shards"][0]["log"]["state"].as_str().unwrap().to_owned()
    }

    /// Ends the server, loses what was not synced, starts again, and checks every transfer.
    fn restart(self, signal: Signal) -> Site<'d> {
        let (_, (folder, flags)) = self.server.end(signal);
        self.disk.lose_unsynced();
        let server = TestServer::start_in(folder, flags)
            .unwrap_or_else(|log| panic!("the server does not start again:\n{}", log.join("\n")));
        let mut site = Site { server, ..self };
        site.check();
        site
    }

    /// Every transfer is there as it must be, and another can be made.
    fn check(&mut self) {
        let unknown = std::mem::take(&mut self.ledger.unknown);
        let mut client = self.client();
        let mut entries = counts(&client.sql("SELECT mark, count(*) FROM entry GROUP BY mark"));
        let mut receipts = counts(&client.sql("SELECT mark, count(*) FROM receipt GROUP BY mark"));
        for mark in &self.ledger.answered {
            let found = (entries.remove(mark), receipts.remove(mark));
            assert_eq!(found, (Some(2), Some(1)), "transfer {mark} was answered");
        }
        for mark in unknown {
            let found = (entries.remove(&mark), receipts.remove(&mark));
            assert!(matches!(found, (None, None) | (Some(2), Some(1))), "{mark}: {found:?}");
            // Which of the two has come to pass is settled now.
            if found.0.is_some() {
                self.ledger.answered.push(mark);
            }
        }
        assert!(entries.is_empty() && receipts.is_empty(), "nobody made {entries:?}, {receipts:?}");
        check_balances(&mut client);
        let answer = self.transfer();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

impl Ledger {
    fn note(&mut self, mark: u64, answer: &TestAnswer) {
        self.last = self.last.max(mark);
        if answer.status == 200 {
            self.answered.push(mark);
        } else {
            check_unavailable(answer);
            self.unknown.push(mark);
        }
    }
}

/// Makes transfers until one is refused.
fn transfers(marks: impl Iterator<Item = u64>, mut client: TestClient) -> Vec<(u64, TestAnswer)> {
    let mut written = Vec::new();
    for mark in marks.take(TRANSFERS_MAX) {
        let answer = transfer(&mut client, mark);
        let is_refused = answer.status != 200;
        written.push((mark, answer));
        if is_refused {
            return written;
        }
    }
    panic!("{TRANSFERS_MAX} calls are taken by a log that has failed");
}

/// From one of the eight accounts to the next; there and back again, so that none runs dry.
fn transfer(client: &mut TestClient, mark: u64) -> TestAnswer {
    client.call("bank/transfer", &transfer_arguments(mark))
}

fn transfer_arguments(mark: u64) -> String {
    json!([mark, 1 + mark % 8, 1 + (mark + 1) % 8, 1]).to_string()
}

/// A bank of its own on a server with two shards, on that one.
fn module_on(server: &TestServer, shard: u64) -> String {
    let modules = server.admin().get("/v1/health/diagnostics").json()["modules"].clone();
    let is_there = |module: &&Value| module["shard"] == shard;
    let found = modules.as_array().unwrap().iter().find(is_there);
    found.expect("nine modules are not all on one shard")["name"].as_str().unwrap().to_owned()
}

/// As the documents say it: try again later, and the outcome is not known before the next start.
fn check_unavailable(answer: &TestAnswer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.code(), "unavailable", "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.header("retry-after").is_some());
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("the outcome of calls in flight is unknown until"), "{detail}");
}

/// How many rows there are of each mark.
fn counts(rows: &Value) -> BTreeMap<u64, u64> {
    let row = |row: &Value| (row[0].as_u64().unwrap(), row[1].as_u64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

/// Each balance is what the entries say.
fn check_balances(client: &mut TestClient) {
    let moved = client.sql("SELECT account, sum(amount) FROM entry GROUP BY account");
    let number =
        |value: &Value| value.as_str().map_or_else(|| value.as_i64(), |text| text.parse().ok());
    let pairs = |rows: &Value| -> BTreeMap<i64, i64> {
        let row = |row: &Value| (number(&row[0]).unwrap(), number(&row[1]).unwrap());
        rows.as_array().unwrap().iter().map(row).collect()
    };
    let moved = pairs(&moved);
    let balances = pairs(&client.sql("SELECT id, balance FROM account"));
    assert_eq!(balances.len(), 8);
    for (account, balance) in balances {
        assert_eq!(balance, 1000 + moved.get(&account).copied().unwrap_or(0), "account {account}");
    }
}
