//! Accounts that send money to each other: what the scenario `transfer` calls.

use cosmictron_sdk::prelude::*;

#[table(name = "accounts", public)]
pub struct Account {
    #[primary_key]
    pub id: u64,
    pub balance: u64,
}

/// Opens the accounts `first` to `first + count`.
#[reducer]
pub fn open_accounts(
    _ctx: &ReducerContext,
    first: u64,
    count: u64,
    balance: u64,
) -> Result<(), String> {
    for id in first..first.saturating_add(count) {
        Account::insert(Account { id, balance }).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Two rows are read and two are changed, or none.
#[reducer]
pub fn transfer(_ctx: &ReducerContext, from: u64, to: u64, amount: u64) -> Result<(), String> {
    let (mut payer, mut payee) = (account(from)?, account(to)?);
    payer.balance = payer.balance.checked_sub(amount).ok_or("the balance is too small")?;
    payee.balance = payee.balance.checked_add(amount).ok_or("the balance is too large")?;
    Account::update(payer).map_err(|error| error.to_string())?;
    Account::update(payee).map_err(|error| error.to_string())?;
    Ok(())
}

fn account(id: u64) -> Result<Account, String> {
    Account::filter_by_id(&id).ok_or_else(|| format!("there is no account {id}"))
}

/// As [`Account`], spread over the shards.
#[table(name = "spread_accounts", public, shard_by = id)]
pub struct SpreadAccount {
    #[primary_key]
    pub id: u64,
    pub balance: u64,
}

/// Opens the spread accounts `first` to `first + count`.
#[reducer]
pub fn open_spread(
    _ctx: &ReducerContext,
    first: u64,
    count: u64,
    balance: u64,
) -> Result<(), String> {
    for id in first..first.saturating_add(count) {
        SpreadAccount::insert(SpreadAccount { id, balance }).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// As [`transfer`], where the two rows are.
#[reducer(shard_by = [from, to])]
pub fn transfer_spread(
    _ctx: &ReducerContext,
    from: u64,
    to: u64,
    amount: u64,
) -> Result<(), String> {
    let (mut payer, mut payee) = (spread_account(from)?, spread_account(to)?);
    payer.balance = payer.balance.checked_sub(amount).ok_or("the balance is too small")?;
    payee.balance = payee.balance.checked_add(amount).ok_or("the balance is too large")?;
    SpreadAccount::update(payer).map_err(|error| error.to_string())?;
    SpreadAccount::update(payee).map_err(|error| error.to_string())?;
    Ok(())
}

fn spread_account(id: u64) -> Result<SpreadAccount, String> {
    SpreadAccount::filter_by_id(&id).ok_or_else(|| format!("there is no account {id}"))
}
