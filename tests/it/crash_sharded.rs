//! Kills a server whose tables are spread over two or four shards at random moments: a transfer that was answered is there
//! once and whole, on whichever shards its accounts are; one that was not is whole or absent, and asked again by its key it
//! happens once.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use cosmictron_tests::{TestAnswer, TestClient};
use serde_json::json;

use crate::bank::{Bank, owner, sum};
use crate::crash::{WRITERS, end_under_load, is_told_to_go, random, rounds};

/// Much more than is ever moved away.
const RICH: i64 = 1_000_000_000_000;
/// Amounts that one writer may use in a round: no others have used them, so the entries of an amount are one transfer's.
/// And more than accounts are opened with.
const AMOUNTS: i64 = 10_000;

/// A transfer that was asked for.
#[derive(Clone, Debug)]
struct Transfer {
    from: usize,
    to: usize,
    amount: i64,
    is_by_owner: bool,
}

#[derive(Default)]
struct Written {
    /// By their amounts, with their transactions.
    answered: BTreeMap<i64, (Transfer, u64)>,
    /// Sent, and the connection ended before an answer came.
    unknown: Vec<Transfer>,
}

#[test]
fn every_answered_transfer_survives_a_kill_whole_on_two_shards() {
    check(2);
}

#[test]
fn every_answered_transfer_survives_a_kill_whole_on_four_shards() {
    check(4);
}

fn check(shards: u16) {
    let mut bank = Bank::open(shards);
    for account in bank.accounts.clone() {
        transfer_answer(bank.client().call("deposit", &json!([account, RICH]).to_string()));
    }
    let total = sum(&mut bank.client(), "balance) FROM account");
    let mut answered = BTreeMap::new();
    for round in 0..rounds() {
        let writer = |writer| {
            let (client, accounts) = (bank.client(), bank.accounts.clone());
            let first = AMOUNTS + AMOUNTS * (i64::from(round) * WRITERS as i64 + writer as i64);
            move |killed: &AtomicBool| move_until_cut(client, &accounts, first, killed)
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        let (server, written) = end_under_load(bank.server, round, writers);
        bank.server = server;
        let mut unknown = Vec::new();
        for mut written in written {
            answered.append(&mut written.answered);
            unknown.append(&mut written.unknown);
        }
        let mut client = bank.client();
        compare(&mut client, &bank.accounts, &answered, &unknown);
        for transfer in unknown {
            let answer = transfer.ask(&mut client, &bank.accounts).expect("the server stays");
            let tx = transfer_answer(answer);
            answered.insert(transfer.amount, (transfer, tx));
        }
        compare(&mut client, &bank.accounts, &answered, &[]);
        assert_eq!(sum(&mut client, "balance) FROM account"), total);
    }
    assert!(answered.len() > WRITERS, "{} transfers were answered: no load", answered.len());
}

impl Transfer {
    fn draw(amount: i64, accounts: usize) -> Transfer {
        let from = usize::from(random()) % accounts;
        let to = (from + 1 + usize::from(random()) % (accounts - 1)) % accounts;
        Transfer { from, to, amount, is_by_owner: random().is_multiple_of(5) }
    }

    /// Always with its own key. `None` when the connection ended before the answer.
    fn ask(&self, client: &mut TestClient, accounts: &[u64]) -> Option<TestAnswer> {
        let (reducer, arguments) = match self.is_by_owner {
            true => ("transfer_by_owner", json!([owner(self.from), owner(self.to), self.amount])),
            false => ("transfer", json!([accounts[self.from], accounts[self.to], self.amount])),
        };
        let key = format!("transfer-{}", self.amount);
        let path = format!("/v1/reducers/{reducer}");
        let body = arguments.to_string();
        client.try_request("POST", &path, &[("Idempotency-Key", &key)], body.as_bytes())
    }
}

/// The transaction of a call that was done.
#[track_caller]
fn transfer_answer(answer: TestAnswer) -> u64 {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["tx_id"].as_u64().unwrap()
}

/// Transfers one after the other until the connection ends.
fn move_until_cut(
    mut client: TestClient,
    accounts: &[u64],
    first: i64,
    killed: &AtomicBool,
) -> Written {
    let mut written = Written::default();
    for amount in first..first + AMOUNTS {
        let transfer = Transfer::draw(amount, accounts.len());
        match transfer.ask(&mut client, accounts) {
            Some(answer) if is_told_to_go(&answer, killed) => return written,
            Some(answer) => {
                written.answered.insert(amount, (transfer, transfer_answer(answer)));
            }
            None => {
                written.unknown.push(transfer);
                return written;
            }
        }
    }
    written
}

/// Holds what is there to what was answered and what may have been done.
fn compare(
    client: &mut TestClient,
    accounts: &[u64],
    answered: &BTreeMap<i64, (Transfer, u64)>,
    unknown: &[Transfer],
) {
    let rows = client.sql(&format!(
        "SELECT account, amount, tx FROM entry WHERE abs(amount) >= {AMOUNTS} AND amount <> {RICH}"
    ));
    let mut booked: BTreeMap<i64, Vec<(u64, i64, u64)>> = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        let amount = row[1].as_i64().unwrap();
        let entry = (row[0].as_u64().unwrap(), amount, row[2].as_u64().unwrap());
        booked.entry(amount.abs()).or_default().push(entry);
    }
    let mut expected: BTreeMap<u64, i64> =
        accounts.iter().map(|account| (*account, crate::bank::BALANCE + RICH)).collect();
    let mut take = |transfer: &Transfer, tx: Option<u64>| {
        let Transfer { from, to, amount, .. } = *transfer;
        let Some(mut entries) = booked.remove(&amount) else { return false };
        entries.sort_unstable_by_key(|entry| entry.1);
        let tx = tx.unwrap_or(entries[0].2);
        let (from, to) = (accounts[from], accounts[to]);
        assert_eq!(entries, [(from, -amount, tx), (to, amount, tx)], "{transfer:?}");
        *expected.get_mut(&from).unwrap() -= amount;
        *expected.get_mut(&to).unwrap() += amount;
        true
    };
    for (transfer, tx) in answered.values() {
        assert!(take(transfer, Some(*tx)), "{transfer:?} was answered as {tx}");
    }
    for transfer in unknown {
        take(transfer, None);
    }
    assert!(booked.is_empty(), "nobody has asked for {booked:?}");
    let rows = client.sql("SELECT id, balance FROM account");
    let held = rows.as_array().unwrap().iter();
    let held = held.map(|row| (row[0].as_u64().unwrap(), row[1].as_i64().unwrap()));
    assert_eq!(held.collect::<BTreeMap<u64, i64>>(), expected);
}
