//! `examples/bank`, whose tables are spread, on servers of one, two and four shards: what holds on one holds on all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cosmictron_storage::IndexDef;
use cosmictron_tests::{TestAnswer, TestClient, TestServer, bank_example};
use cosmictron_types::{ColumnIndex, RowLayout, ShardCount, Type};
use serde_json::{Value, json};

const SHARDS: [u16; 3] = [1, 2, 4];
const ACCOUNTS: usize = 12;
pub const BALANCE: i64 = 1_000;
const TOTAL: i64 = BALANCE * ACCOUNTS as i64;

/// An account that there is not.
const NOBODY: u64 = 999_999_999;

pub struct Bank {
    pub server: TestServer,
    pub token: String,
    pub shards: u16,
    /// Of `owner-0` and so on.
    pub accounts: Vec<u64>,
}

impl Bank {
    /// A server with accounts that hold [`BALANCE`] each.
    pub fn open(shards: u16) -> Bank {
        let server = TestServer::start(&["--shards", &shards.to_string()]);
        server.deploy("bank", &bank_example());
        let mut ada = server.sign_up("ada@example.com");
        let open = |number| {
            let answer = ada.call("open", &json!([owner(number), BALANCE]).to_string());
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.json()["result"].as_u64().unwrap()
        };
        let accounts = (0..ACCOUNTS).map(open).collect();
        Bank { token: ada.token().unwrap().to_owned(), server, shards, accounts }
    }

    pub fn client(&self) -> TestClient {
        self.server.client_of(&self.token)
    }

    pub fn killed(self) -> Bank {
        Bank { server: self.server.kill_and_restart(), ..self }
    }

    fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        let all = self.accounts.iter();
        all.flat_map(|from| self.accounts.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| from != to)
    }

    /// Two accounts on two shards, if there are two.
    fn crossing(&self) -> (u64, u64) {
        let crosses = |(from, to): &(u64, u64)| {
            shard_of(*from, self.shards) != shard_of(*to, self.shards) || self.shards == 1
        };
        self.pairs().find(crosses).expect("accounts are on more than one shard")
    }
}

pub fn owner(number: usize) -> String {
    format!("owner-{number}")
}

/// Where an account is.
pub fn shard_of(account: u64, shards: u16) -> u16 {
    let layout = RowLayout::new([Type::U64]);
    let id = IndexDef::of_column(ColumnIndex::new(0), &layout);
    let partition = id.partition_of(&layout, &account.to_le_bytes());
    ShardCount::new(shards).unwrap().owner_of(partition).get()
}

#[track_caller]
fn call(client: &mut TestClient, reducer: &str, arguments: Value) -> Value {
    let answer = client.call(reducer, &arguments.to_string());
    assert_eq!(answer.status, 200, "{reducer}: {}", answer.body);
    answer.json()
}

/// What a reducer refuses with.
#[track_caller]
fn refusal(client: &mut TestClient, reducer: &str, arguments: Value) -> String {
    let answer = client.call(reducer, &arguments.to_string());
    assert_eq!((answer.status, &*answer.code()), (422, "reducer_failed"), "{}", answer.body);
    answer.json()["detail"].as_str().unwrap().to_owned()
}

/// A number that may be a numeric, which is text.
pub fn number(value: &Value) -> i64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().unwrap_or_else(|error| panic!("{error}: {value}"))
}

#[track_caller]
pub fn sum(client: &mut TestClient, of: &str) -> i64 {
    number(&client.sql(&format!("SELECT sum({of}"))[0][0])
}

fn balances(client: &mut TestClient) -> Vec<(u64, i64)> {
    let rows = client.sql("SELECT id, balance FROM account ORDER BY id");
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| (row[0].as_u64().unwrap(), row[1].as_i64().unwrap())).collect()
}

#[test]
fn accounts_are_on_every_shard_and_an_owner_is_unique_on_all_of_them() {
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let on: std::collections::BTreeSet<u16> =
            bank.accounts.iter().map(|account| shard_of(*account, shards)).collect();
        assert_eq!(on.len(), usize::from(shards), "{:?}", bank.accounts);
        let mut ids = bank.accounts.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ACCOUNTS, "an id was given out twice");
        for number in 0..ACCOUNTS {
            // Each connection is some shard's.
            let refused = refusal(&mut bank.client(), "open", json!([owner(number), 5]));
            assert!(refused.contains("owner"), "{refused}");
        }
        let mut ada = bank.client();
        assert_eq!(ada.sql("SELECT count(*), count(owner) FROM account"), json!([[12, 12]]));
        assert_eq!(ada.sql("SELECT count(*) FROM entry"), json!([[12]]));
        let found = ada.sql("SELECT id FROM account WHERE owner = 'owner-7'");
        assert_eq!(found, json!([[bank.accounts[7]]]));
    }
}

#[test]
fn tables_that_are_spread_are_joined_as_one() {
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let mut ada = bank.client();
        let (from, to) = bank.crossing();
        call(&mut ada, "transfer", json!([from, to, 30]));
        call(&mut ada, "transfer", json!([to, from, 5]));
        let books = "SELECT count(*) FROM account a JOIN entry e ON e.account = a.id";
        assert_eq!(ada.sql(books), json!([[ACCOUNTS + 4]]));
        let wrong = "SELECT a.id FROM account a \
            WHERE balance <> (SELECT sum(amount) FROM entry e WHERE e.account = a.id)";
        assert_eq!(ada.sql(wrong), json!([]));
        let moved = "SELECT a.owner FROM account a WHERE EXISTS \
            (SELECT 1 FROM entry e WHERE e.account = a.id AND e.amount < 0) ORDER BY 1";
        assert_eq!(ada.sql(moved).as_array().unwrap().len(), 2);
        // Both entries of a transfer have its number, on whatever shards they are.
        let pairs = "SELECT DISTINCT e.tx, f.account FROM entry e JOIN entry f USING (tx) \
            WHERE e.account <> f.account AND e.amount < 0 AND f.amount > 0 ORDER BY 1";
        let found = ada.sql(pairs);
        let accounts: Vec<&Value> = found.as_array().unwrap().iter().map(|row| &row[1]).collect();
        assert_eq!(accounts, [&json!(to), &json!(from)]);
        let of_one = format!(
            "SELECT a.owner, e.amount FROM account a JOIN entry e ON e.account = a.id \
             WHERE a.id = {from} ORDER BY e.amount"
        );
        let amounts = ada.sql(&of_one);
        assert_eq!(amounts.as_array().unwrap().len(), 3, "{amounts}");
        let recent = "SELECT count(*) FROM entry WHERE booked_at > now() - INTERVAL '1 hour'";
        assert_eq!(ada.sql(recent), json!([[ACCOUNTS + 4]]));
    }
}

#[test]
fn a_transfer_is_whole_on_one_shard_and_across_two() {
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let mut ada = bank.client();
        let mut expected: Vec<(u64, i64)> =
            bank.accounts.iter().map(|account| (*account, BALANCE)).collect();
        expected.sort_unstable();
        let mut txs = Vec::new();
        for (number, (from, to)) in bank.pairs().enumerate() {
            let amount = 1 + number as i64 % 7;
            txs.push((call(&mut ada, "transfer", json!([from, to, amount])), from, to, amount));
            for (account, balance) in &mut expected {
                *balance += amount * (i64::from(*account == to) - i64::from(*account == from));
            }
        }
        assert_eq!(balances(&mut ada), expected);
        for (answer, from, to, amount) in txs {
            let query = "SELECT account, amount FROM entry WHERE tx = $1 ORDER BY amount";
            let body = json!({ "query": query, "params": [answer["tx_id"]] }).to_string();
            let rows = ada.post("/v1/sql", &body).json()["rows"].clone();
            assert_eq!(rows, json!([[from, -amount], [to, amount]]));
        }
        assert_eq!(call(&mut ada, "audit", json!([]))["result"], TOTAL);
    }
}

#[test]
fn a_call_that_names_no_shard_touches_rows_on_all_of_them() {
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let mut ada = bank.client();
        for from in 0..ACCOUNTS {
            let to = (from + 1) % ACCOUNTS;
            call(&mut ada, "transfer_by_owner", json!([owner(from), owner(to), 10 + from]));
        }
        let rows = ada.sql("SELECT owner, balance FROM account");
        for row in rows.as_array().unwrap() {
            let expected = if row[0] == "owner-0" { BALANCE + 11 } else { BALANCE - 1 };
            assert_eq!(row[1], expected, "{row}");
        }
        let refused = refusal(&mut ada, "transfer_by_owner", json!(["owner-3", "eve", 1]));
        assert_eq!(refused, "eve has no account");
        assert_eq!(call(&mut ada, "audit", json!([]))["result"], TOTAL);
    }
}

#[test]
fn what_is_refused_leaves_nothing_on_any_shard() {
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let mut ada = bank.client();
        let before = balances(&mut ada);
        for (from, to) in bank.pairs().take(3 * ACCOUNTS) {
            // The entry of the one that pays is written before the other is looked at.
            let poor = refusal(&mut ada, "transfer", json!([from, to, BALANCE + 1]));
            assert_eq!(poor, format!("account {from} holds only {BALANCE}"));
            let nobody = refusal(&mut ada, "transfer", json!([from, NOBODY, 1]));
            assert_eq!(nobody, format!("there is no account {NOBODY}"));
            let too_much = refusal(&mut ada, "deposit", json!([to, i64::MAX]));
            assert_eq!(too_much, format!("account {to} cannot hold so much"));
            let order = refusal(&mut ada, "order", json!([from, NOBODY, 1, 1_000_000, 1]));
            assert!(order.contains("target"), "a foreign key across shards: {order}");
        }
        assert_eq!(balances(&mut ada), before);
        assert_eq!(ada.sql("SELECT count(*) FROM entry"), json!([[12]]));
        assert_eq!(ada.sql("SELECT count(*) FROM standing_order"), json!([[0]]));
    }
}

#[test]
fn an_account_that_others_pay_into_is_not_closed() {
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let mut ada = bank.client();
        let (source, target) = bank.crossing();
        call(&mut ada, "order", json!([source, target, 1, 3_600_000_000u64, 1]));
        call(&mut ada, "transfer", json!([target, source, BALANCE]));
        let referenced = refusal(&mut ada, "close", json!([target]));
        assert!(referenced.contains("standing_order"), "{referenced}");
        let of_target = format!("SELECT count(*) FROM entry WHERE account = {target}");
        assert_eq!(ada.sql(&of_target), json!([[2]]), "its entries are back");
        // Closing the account that pays takes the order along.
        call(&mut ada, "transfer", json!([source, bank.accounts[5], 2 * BALANCE]));
        call(&mut ada, "close", json!([source]));
        call(&mut ada, "close", json!([target]));
        assert_eq!(ada.sql("SELECT count(*) FROM account"), json!([[ACCOUNTS - 2]]));
        assert_eq!(ada.sql("SELECT count(*) FROM standing_order"), json!([[0]]));
        // Its owner may come back.
        let number = bank.accounts.iter().position(|account| *account == target).unwrap();
        call(&mut ada, "open", json!([owner(number), 0]));
    }
}

#[test]
fn money_is_conserved_at_every_moment_under_load() {
    const WRITERS: usize = 5;
    const CALLS: usize = 120;
    for shards in SHARDS {
        let bank = Bank::open(shards);
        let done = AtomicBool::new(false);
        let mut txs: Vec<u64> = thread::scope(|scope| {
            let (accounts, done) = (&bank.accounts, &done);
            let write = |writer| {
                let client = bank.client();
                scope.spawn(move || move_about(client, accounts, writer, CALLS))
            };
            let writers: Vec<_> = (0..WRITERS).map(write).collect();
            let mut client = bank.client();
            let reader = scope.spawn(move || {
                let mut is_last = false;
                while !is_last {
                    is_last = done.load(Ordering::Relaxed);
                    assert_eq!(sum(&mut client, "balance) FROM account"), TOTAL);
                    assert_eq!(sum(&mut client, "amount) FROM entry"), TOTAL);
                    assert_eq!(call(&mut client, "audit", json!([]))["result"], TOTAL);
                }
            });
            let txs = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap();
            txs
        });
        assert!(txs.len() > WRITERS * CALLS / 2, "{} transfers are no load", txs.len());
        let mut ada = bank.client();
        let entries = |client: &mut TestClient, moment: &str| {
            number(&client.sql(&format!("SELECT count(*) FROM entry{moment}"))[0][0])
        };
        assert_eq!(entries(&mut ada, ""), (ACCOUNTS + 2 * txs.len()) as i64);
        txs.sort_unstable();
        let kept = bank.killed();
        let mut ada = kept.client();
        for (number, tx) in txs.iter().enumerate().step_by(7) {
            let moment = format!(" AS OF TX {tx}");
            assert_eq!(sum(&mut ada, &format!("balance) FROM account{moment}")), TOTAL, "{tx}");
            // Just what was done up to it, on every shard.
            assert_eq!(entries(&mut ada, &moment), (ACCOUNTS + 2 * (number + 1)) as i64, "{tx}");
        }
    }
}

/// Transfers by each of the ways; the transactions of those that were not refused.
fn move_about(mut client: TestClient, accounts: &[u64], writer: usize, calls: usize) -> Vec<u64> {
    let mut txs = Vec::new();
    for call in 0..calls {
        let (from, to) = ((writer * 5 + call * 7) % ACCOUNTS, (writer * 3 + call * 11) % ACCOUNTS);
        let amount = (call * 13) % 400;
        let (reducer, arguments) = match call % 4 {
            0 => ("transfer_by_owner", json!([owner(from), owner(to), amount])),
            _ => ("transfer", json!([accounts[from], accounts[to], amount])),
        };
        let answer = client.call(reducer, &arguments.to_string());
        match answer.status {
            200 => txs.push(answer.json()["tx_id"].as_u64().unwrap()),
            _ => assert_eq!(answer.status, 422, "{}", answer.body),
        }
    }
    txs
}

#[test]
fn a_query_is_cut_in_parts_where_rows_are_spread() {
    let explain = |client: &mut TestClient, query: &str| {
        let rows = client.sql(&format!("EXPLAIN {query}"));
        let lines = rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned());
        lines.collect::<Vec<String>>().join("\n")
    };
    let bank = Bank::open(4);
    let mut ada = bank.client();
    let plan = explain(&mut ada, "SELECT sum(balance) FROM account");
    for part in ["combine sum(balance)", "on each shard", "aggregate partially sum(balance)"] {
        assert!(plan.contains(part), "{part} is not in\n{plan}");
    }
    let plan = explain(&mut ada, "SELECT id, balance FROM account ORDER BY balance DESC LIMIT 3");
    assert!(plan.contains("gather by") && plan.contains("on each shard"), "{plan}");
    let sorted = ada.sql("SELECT owner FROM account ORDER BY owner DESC LIMIT 2 OFFSET 1");
    assert_eq!(sorted, json!([["owner-8"], ["owner-7"]]));
    let groups = "SELECT account, count(*) FROM entry GROUP BY account ORDER BY account LIMIT 1";
    assert_eq!(ada.sql(groups), json!([[bank.accounts.iter().min(), 1]]));
}

fn call_with_key(client: &mut TestClient, key: &str, reducer: &str, args: &Value) -> TestAnswer {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    let path = format!("/v1/reducers/{reducer}");
    client.request("POST", &path, &headers, args.to_string().as_bytes())
}

#[test]
fn a_repeated_key_is_answered_as_at_first_wherever_the_rows_are() {
    for shards in SHARDS {
        let mut bank = Bank::open(shards);
        let (from, to) = bank.crossing();
        let calls = [
            ("pay", "transfer", json!([from, to, 10])),
            ("back", "transfer", json!([to, from, 3])),
            ("name", "transfer_by_owner", json!(["owner-0", "owner-9", 1])),
            ("in", "deposit", json!([to, 5])),
            ("new", "open", json!(["zoe", 50])),
            ("poor", "transfer", json!([from, to, 1_000_000])),
        ];
        let ask = |bank: &Bank| {
            let answers = calls.iter().map(|(key, reducer, args)| {
                let answer = call_with_key(&mut bank.client(), key, reducer, args);
                let body = answer.json();
                (
                    answer.status,
                    body["tx_id"].clone(),
                    body["result"].clone(),
                    body["detail"].clone(),
                )
            });
            answers.collect::<Vec<_>>()
        };
        let first = ask(&bank);
        assert!(first[..5].iter().all(|answer| answer.0 == 200), "{first:?}");
        assert_eq!(first[5].0, 422);
        let held = balances(&mut bank.client());
        for _ in 0..2 {
            assert_eq!(ask(&bank), first);
            bank = bank.killed();
        }
        assert_eq!(ask(&bank), first);
        let reused = call_with_key(&mut bank.client(), "pay", "transfer", &json!([from, to, 11]));
        assert_eq!(reused.code(), "conflict", "{}", reused.body);
        assert_eq!(balances(&mut bank.client()), held);
        assert_eq!(call(&mut bank.client(), "audit", json!([]))["result"], TOTAL + 55);
    }
}

#[test]
fn standing_orders_between_shards_are_paid_exactly_once_over_kills() {
    const TIMES: i64 = 12;
    const INTERVAL: Duration = Duration::from_millis(25);
    for shards in SHARDS {
        let mut bank = Bank::open(shards);
        let mut ada = bank.client();
        let mut expected: Vec<i64> = vec![BALANCE; ACCOUNTS];
        for from in 0..ACCOUNTS {
            let (to, amount) = ((from + 5) % ACCOUNTS, 1 + from as i64);
            let interval = u64::try_from(INTERVAL.as_micros()).unwrap();
            let [source, target] = [from, to].map(|number| bank.accounts[number]);
            call(&mut ada, "order", json!([source, target, amount, interval, TIMES]));
            expected[from] -= amount * TIMES;
            expected[to] += amount * TIMES;
        }
        // Some are paid by now, others on their way to another shard, others not due.
        for _ in 0..3 {
            thread::sleep(INTERVAL);
            bank = bank.killed();
        }
        let mut ada = bank.client();
        ada.wait_for_rows("SELECT count(*) FROM standing_order", &json!([[0]]));
        let found = |account: &u64| {
            let query = format!("SELECT balance FROM account WHERE id = {account}");
            ada.sql(&query)[0][0].as_i64().unwrap()
        };
        assert_eq!(bank.accounts.iter().map(found).collect::<Vec<i64>>(), expected);
        let mut ada = bank.client();
        let count = json!([[ACCOUNTS as i64 * (1 + 2 * TIMES)]]);
        assert_eq!(ada.sql("SELECT count(*) FROM entry"), count);
        assert_eq!(call(&mut ada, "audit", json!([]))["result"], TOTAL);
    }
}
