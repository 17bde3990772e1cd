//! What the bank of `tests/modules/wat/bank.wat` is asked, and what its tables hold.

use std::collections::BTreeMap;

use cosmictron::directory::Place;
use cosmictron::shard::{Call, IdempotencyKey, Request};
use cosmictron_types::{ConnectionId, Identity, ShardId, TxId};

use crate::server::{Past, Server, past_rows, rows};

/// Accounts that a bank has from its `init` on: 1 to this.
pub const ACCOUNTS: u64 = 8;
/// On each, to begin with.
pub const BALANCE: i64 = 1_000;

/// A call of a bank's reducer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Transfer {
        source: u64,
        target: u64,
        amount: i64,
    },
    /// A transfer of nothing, by the server itself, after so many microseconds.
    Later {
        source: u64,
        target: u64,
        after: i64,
    },
    /// The number of a receipt that is gone again when the call ends.
    Draw,
}

impl Order {
    /// Whether the bank refuses it whatever the balances are.
    pub fn is_doomed(&self) -> bool {
        match *self {
            Order::Transfer { source, target, .. } => {
                source == target || source > ACCOUNTS || target > ACCOUNTS
            }
            Order::Later { .. } | Order::Draw => false,
        }
    }

    pub fn is_later(&self) -> bool {
        matches!(self, Order::Later { .. })
    }

    /// What its entries say: account and amount.
    pub fn entries(&self) -> Vec<(i64, i64)> {
        let (source, target, amount) = match *self {
            Order::Transfer { source, target, amount } => (source, target, amount),
            Order::Later { source, target, .. } => (source, target, 0),
            Order::Draw => return Vec::new(),
        };
        vec![(source.cast_signed(), -amount), (target.cast_signed(), amount)]
    }

    /// As a request, by the module as `shard` knows it, that also wants the stores of other shards.
    pub fn request(
        &self,
        server: &Server,
        shard: ShardId,
        bank: &str,
        mark: u64,
        has_key: bool,
        also: Vec<ShardId>,
    ) -> Request {
        let (reducer, numbers) = match *self {
            Order::Transfer { source, target, amount } => {
                ("transfer", vec![mark, source, target, amount.cast_unsigned()])
            }
            Order::Later { source, target, after } => {
                ("transfer_later", vec![mark, source, target, after.cast_unsigned()])
            }
            Order::Draw => ("draw", Vec::new()),
        };
        let key = has_key.then(|| key(mark));
        call(server, shard, bank, reducer, &numbers, key, also)
    }
}

/// A request to remove a receipt.
pub fn erase(server: &Server, shard: ShardId, bank: &str, receipt: u64) -> Request {
    call(server, shard, bank, "erase", &[receipt], None, Vec::new())
}

/// The idempotency key of whoever asks for this mark.
pub fn key(mark: u64) -> IdempotencyKey {
    IdempotencyKey { key: identity(mark, 1), fingerprint: identity(mark, 2) }
}

/// A call of a module's reducer, by the module as `shard` knows it, that also wants the stores of other shards.
pub fn call(
    server: &Server,
    shard: ShardId,
    bank: &str,
    reducer: &str,
    numbers: &[u64],
    idempotency: Option<IdempotencyKey>,
    also: Vec<ShardId>,
) -> Request {
    let found = server.directory(shard).reducer(Some(bank), reducer);
    let Place { module, index } = found.unwrap_or_else(|error| panic!("{bank}: {error:?}"));
    // A row of numbers of eight bytes is just those.
    let args: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let now = Some(server.world.now());
    let mut destination = module.destination(index, &args, now, server.shards());
    destination.also.extend(also);
    Request::Call(Call {
        module,
        reducer: index,
        args,
        sender: identity(7, 3),
        connection: ConnectionId::NONE,
        idempotency,
        destination,
    })
}

fn identity(number: u64, of: u8) -> Identity {
    let mut bytes = [of; Identity::BYTES];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Identity::from_bytes(bytes)
}

/// All rows of a bank.
#[derive(Debug, PartialEq, Eq)]
pub struct Books {
    /// Balances by account.
    pub accounts: BTreeMap<i64, i64>,
    /// By id.
    pub entries: BTreeMap<i64, Entry>,
    /// By id.
    pub receipts: BTreeMap<i64, Receipt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub mark: u64,
    pub account: i64,
    pub amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub mark: u64,
    /// The first entry's id.
    pub entry: i64,
}

impl Books {
    /// Reads a bank's tables as of one transaction, asking on `shard`, and tells which it was; `None` when its home's log has
    /// failed.
    pub fn read(server: &mut Server, shard: ShardId, bank: &str) -> Option<(TxId, Books)> {
        loop {
            let mut table = |columns: &str, table: &str| {
                let text = format!("SELECT {columns} FROM \"{bank}\".{table}");
                let query = server.query(shard, &text);
                let asked = server.ask(shard, query);
                rows(server.wait(asked))
            };
            let (first, accounts) = table("id, balance", "account")?;
            let (_, entries) = table("id, mark, account, amount", "entry")?;
            let (last, receipts) = table("id, mark, entry", "receipt")?;
            // A transfer that was put off may have come in between; there are only so many.
            if first == last {
                return Some((first, Books::of(&accounts, &entries, &receipts)));
            }
        }
    }

    /// Reads a bank's tables as of a past transaction.
    pub fn read_past(server: &mut Server, shard: ShardId, bank: &str, tx: TxId) -> Past<Books> {
        let mut table = |columns: &str, table: &str| {
            let text = format!("SELECT {columns} FROM \"{bank}\".{table} AS OF TX {tx}");
            let query = server.query(shard, &text);
            let asked = server.ask(shard, query);
            past_rows(server.wait(asked), tx)
        };
        let accounts = table("id, balance", "account");
        let entries = table("id, mark, account, amount", "entry");
        let receipts = table("id, mark, entry", "receipt");
        match (accounts, entries, receipts) {
            (Past::Kept(accounts), Past::Kept(entries), Past::Kept(receipts)) => {
                Past::Kept(Books::of(&accounts, &entries, &receipts))
            }
            (Past::Lost, ..) | (_, Past::Lost, _) | (.., Past::Lost) => Past::Lost,
            _ => Past::Forgotten,
        }
    }

    fn of(accounts: &[Vec<i64>], entries: &[Vec<i64>], receipts: &[Vec<i64>]) -> Books {
        let books = Books {
            accounts: accounts.iter().map(|row| (row[0], row[1])).collect(),
            entries: entries.iter().map(|row| (row[0], Entry::of(row))).collect(),
            receipts: receipts.iter().map(|row| (row[0], Receipt::of(row))).collect(),
        };
        let found = [books.accounts.len(), books.entries.len(), books.receipts.len()];
        assert_eq!(found, [accounts.len(), entries.len(), receipts.len()], "ids are told twice");
        books
    }
}

impl Entry {
    fn of(row: &[i64]) -> Self {
        Self { mark: row[1].cast_unsigned(), account: row[2], amount: row[3] }
    }
}

impl Receipt {
    fn of(row: &[i64]) -> Self {
        Self { mark: row[1].cast_unsigned(), entry: row[2] }
    }
}
