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

/// What is said in rooms: what the scenario `live` subscribes to.
#[table(name = "messages", public)]
pub struct Message {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub room: u64,
    pub text: String,
}

/// Says something in a room.
#[reducer]
pub fn say(_ctx: &ReducerContext, room: u64, text: String) -> Result<(), String> {
    Message::insert(Message { id: 0, room, text }).map_err(|error| error.to_string())?;
    Ok(())
}

/// Who buys: one side of the dashboard's joins.
#[table(name = "customers", public)]
pub struct Customer {
    #[primary_key]
    pub id: u64,
    pub region: u32,
}

/// What is bought: the other side.
#[table(name = "products", public)]
pub struct Product {
    #[primary_key]
    pub id: u64,
    pub category: u32,
}

/// Purchases: the large table between them.
#[table(name = "orders", public)]
pub struct Order {
    #[primary_key]
    pub id: u64,
    pub customer: u64,
    pub product: u64,
    pub amount: u64,
}

/// Customers and products from 0 on.
#[reducer]
pub fn open_shop(_ctx: &ReducerContext, customers: u64, products: u64) -> Result<(), String> {
    for id in 0..customers {
        let customer = Customer { id, region: (id % 50) as u32 };
        Customer::insert(customer).map_err(|error| error.to_string())?;
    }
    for id in 0..products {
        let product = Product { id, category: (id % 20) as u32 };
        Product::insert(product).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The orders `first` to `first + count`, spread over customers and products.
#[reducer]
pub fn place_orders(
    _ctx: &ReducerContext,
    first: u64,
    count: u64,
    customers: u64,
    products: u64,
) -> Result<(), String> {
    for id in first..first.saturating_add(count) {
        // Fibonacci hashing, so that hardly two orders are alike.
        let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (customer, product) = ((mixed >> 40) % customers.max(1), (mixed >> 24) % products.max(1));
        let order = Order { id, customer, product, amount: (mixed >> 8) % 1000 };
        Order::insert(order).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Another amount for an order.
#[reducer]
pub fn change_order(_ctx: &ReducerContext, id: u64, amount: u64) -> Result<(), String> {
    let order = Order::filter_by_id(&id).ok_or_else(|| format!("there is no order {id}"))?;
    Order::update(Order { amount, ..order }).map_err(|error| error.to_string())?;
    Ok(())
}
