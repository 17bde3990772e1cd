//! Moves money between accounts that are spread over all cores.
//!
//! Two words make the difference to a module that lives on one core. `shard_by = id` on a table spreads its rows by the
//! hash of that column. `shard_by = [from, to]` on a reducer says which arguments name the rows that a call needs, so that
//! it starts where they are. Neither changes what a reducer may do: it sees every row of every table, and is one
//! transaction, on however many cores.
//!
//! What always holds, whatever fails: an account's balance is the sum of its entries, no balance is below 0, and the two
//! entries of a transfer are both there or both not.

use std::error::Error;

use cosmictron_sdk::prelude::*;

/// What a reducer makes, or why it does not: then all that it has done is undone.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Standing orders are not paid more often than this.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Where somebody's money is. The server picks an `id` that places the account on the core where it is opened.
#[table(name = "account", public, shard_by = id)]
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    /// Unique on all cores: its index is spread as well, by the owner.
    #[unique]
    pub owner: String,
    pub balance: i64,
}

/// One booking. It lies beside its account, so writing both needs one core.
#[table(name = "entry", public, shard_by = account)]
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    #[fk(account.id)]
    pub account: u64,
    pub amount: i64,
    /// The transaction that booked it. Both entries of a transfer have the same.
    pub tx: u64,
    pub booked_at: Timestamp,
}

/// A transfer that the server repeats. It lies beside the account that pays.
#[table(name = "standing_order", public, shard_by = source)]
#[derive(Clone, Debug, PartialEq)]
pub struct StandingOrder {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    #[fk(account.id)]
    pub source: u64,
    /// On whatever core it is: a foreign key holds across them.
    #[index]
    #[fk(account.id)]
    pub target: u64,
    pub amount: i64,
    pub interval: Duration,
    /// How many more times it is due.
    pub left: u32,
}

/// Opens an account; returns its id. Starting by `owner`, it is where that owner's place in the unique index is, and
/// owners are spread evenly, so accounts are too.
#[reducer(shard_by = owner)]
pub fn open(ctx: &ReducerContext, owner: String, balance: i64) -> Outcome<u64> {
    if owner.is_empty() {
        return Err("an account has an owner".into());
    }
    let account = Account::insert(Account { id: 0, owner, balance: 0 })?;
    let id = account.id;
    if balance != 0 {
        book(ctx, account, balance)?;
    }
    Ok(id)
}

/// Pays money in; returns the balance.
#[reducer(shard_by = account)]
pub fn deposit(ctx: &ReducerContext, account: u64, amount: i64) -> Outcome<i64> {
    check(amount)?;
    book(ctx, find(account)?, amount)
}

/// Moves money. Both accounts may be on one core or on two: the call starts with what it needs.
#[reducer(shard_by = [from, to])]
pub fn transfer(ctx: &ReducerContext, from: u64, to: u64, amount: i64) -> Outcome<()> {
    move_money(ctx, find(from)?, find(to)?, amount)
}

/// Moves money between owners. Where their accounts are is only known once the index has been asked, so no argument can
/// say it: the call starts at the module's home and goes on where the rows are.
#[reducer]
pub fn transfer_by_owner(
    ctx: &ReducerContext,
    from_owner: String,
    to_owner: String,
    amount: i64,
) -> Outcome<()> {
    let find = |owner: &str| {
        Account::filter_by_owner(owner).ok_or_else(|| format!("{owner} has no account"))
    };
    move_money(ctx, find(&from_owner)?, find(&to_owner)?, amount)
}

/// Closes an account that holds nothing, with its history and the orders that it pays. One that orders of others pay into is
/// not closed: the foreign key refuses it.
#[reducer(shard_by = account)]
pub fn close(account: u64) -> Outcome<()> {
    match find(account)?.balance {
        0 => {}
        balance => return Err(format!("account {account} still holds {balance}").into()),
    }
    Entry::delete_by_account(&account)?;
    StandingOrder::delete_by_source(&account)?;
    Account::delete(&account)?;
    Ok(())
}

/// Has the server move money so many times, the first time after one interval; returns the order's id.
#[reducer(shard_by = source)]
pub fn order(
    ctx: &ReducerContext,
    source: u64,
    target: u64,
    amount: i64,
    interval: Duration,
    times: u32,
) -> Outcome<u64> {
    check(amount)?;
    if source == target {
        return Err("an order pays to another account".into());
    }
    if interval < INTERVAL_MIN || times == 0 {
        return Err(format!("an order is paid every {INTERVAL_MIN} at most, once at least").into());
    }
    let order = StandingOrder { id: 0, source, target, amount, interval, left: times };
    let order = StandingOrder::insert(order)?;
    ctx.schedule(order.interval, pay::args(order.id, source, target))?;
    Ok(order.id)
}

/// Pays a standing order and has itself called again. The server calls it once for each time that is due: the call that it asks
/// for is part of the transaction that moves the money. An account that cannot pay is passed over this time.
#[reducer(shard_by = [source, target])]
pub fn pay(ctx: &ReducerContext, order: u64, source: u64, target: u64) -> Outcome<()> {
    if ctx.sender != Identity::SYSTEM {
        return Err("orders are paid by the bank itself".into());
    }
    let Some(mut order) = StandingOrder::filter_by_id(&order) else {
        return Ok(()); // Its account was closed meanwhile.
    };
    let account = find(source)?;
    if order.amount <= account.balance {
        move_money(ctx, account, find(target)?, order.amount)?;
    }
    order.left -= 1;
    if order.left == 0 {
        StandingOrder::delete(&order.id)?;
        return Ok(());
    }
    ctx.schedule(order.interval, pay::args(order.id, source, target))?;
    StandingOrder::update(order)?;
    Ok(())
}

/// Reads every account and every entry, on all cores, as of one moment; returns what the bank holds.
#[reducer]
pub fn audit() -> Outcome<i64> {
    let held: i64 = Account::iter().map(|account| account.balance).sum();
    let booked: i64 = Entry::iter().map(|entry| entry.amount).sum();
    if held != booked {
        return Err(format!("accounts hold {held}, and {booked} was booked").into());
    }
    Ok(held)
}

fn move_money(ctx: &ReducerContext, from: Account, to: Account, amount: i64) -> Outcome<()> {
    check(amount)?;
    if from.id == to.id {
        return Err("a transfer goes to another account".into());
    }
    book(ctx, from, -amount)?;
    book(ctx, to, amount)?;
    Ok(())
}

/// Changes a balance and notes why; returns the new one.
fn book(ctx: &ReducerContext, mut account: Account, amount: i64) -> Outcome<i64> {
    let Account { id, balance, .. } = account;
    account.balance = match balance.checked_add(amount) {
        Some(balance) if balance >= 0 => balance,
        Some(_) => return Err(format!("account {id} holds only {balance}").into()),
        None => return Err(format!("account {id} cannot hold so much").into()),
    };
    let balance = Account::update(account)?.balance;
    let (tx, booked_at) = (ctx.tx_id.get(), ctx.timestamp);
    Entry::insert(Entry { id: 0, account: id, amount, tx, booked_at })?;
    Ok(balance)
}

fn find(account: u64) -> Outcome<Account> {
    Account::filter_by_id(&account).ok_or_else(|| format!("there is no account {account}").into())
}

fn check(amount: i64) -> Outcome<()> {
    if amount <= 0 {
        return Err("an amount is more than 0".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
