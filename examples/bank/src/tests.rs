//! Runs the reducers natively, on tables in memory.

use cosmictron_sdk::testing;

use super::*;

const INTERVAL: Duration = Duration::from_secs(60);

/// Accounts 1 and 2, of Ada, who has 100, and Bob.
fn bank() -> ReducerContext {
    let ctx = testing::context();
    assert_eq!(open(&ctx, "ada".into(), 100).unwrap(), 1);
    assert_eq!(open(&ctx, "bob".into(), 0).unwrap(), 2);
    ctx
}

fn balances() -> Vec<i64> {
    Account::iter().map(|account| account.balance).collect()
}

/// What a reducer refuses with. Nothing may have changed.
fn refusal<T: std::fmt::Debug>(reducer: impl FnOnce() -> Outcome<T>) -> String {
    let tables = || {
        let entries: Vec<Entry> = Entry::iter().collect();
        (Account::iter().collect::<Vec<_>>(), entries, StandingOrder::iter().collect::<Vec<_>>())
    };
    let before = tables();
    let error = testing::call(reducer).unwrap_err();
    assert_eq!(tables(), before);
    error.to_string()
}

#[test]
fn money_moves_and_leaves_two_entries() {
    let ctx = bank();
    transfer(&ctx, 1, 2, 30).unwrap();
    transfer_by_owner(&ctx, "bob".into(), "ada".into(), 10).unwrap();
    assert_eq!(deposit(&ctx, 2, 5).unwrap(), 25);
    assert_eq!(balances(), [80, 25]);
    let booked = |account: u64| -> Vec<i64> {
        Entry::filter_by_account(&account).map(|entry| entry.amount).collect()
    };
    assert_eq!((booked(1), booked(2)), (vec![100, -30, 10], vec![30, -10, 5]));
    assert_eq!(audit().unwrap(), 105);
}

#[test]
fn what_cannot_be_changes_nothing() {
    let ctx = bank();
    assert_eq!(refusal(|| transfer(&ctx, 1, 2, 101)), "account 1 holds only 100");
    assert_eq!(refusal(|| transfer(&ctx, 1, 3, 1)), "there is no account 3");
    assert_eq!(refusal(|| transfer(&ctx, 1, 1, 1)), "a transfer goes to another account");
    assert_eq!(refusal(|| transfer(&ctx, 2, 1, -5)), "an amount is more than 0");
    assert_eq!(refusal(|| deposit(&ctx, 1, i64::MAX)), "account 1 cannot hold so much");
    assert_eq!(refusal(|| open(&ctx, String::new(), 0)), "an account has an owner");
    assert_eq!(refusal(|| open(&ctx, "eve".into(), -1)), "account 3 holds only 0");
    assert!(refusal(|| open(&ctx, "ada".into(), 0)).contains("owner"));
    let unknown = || transfer_by_owner(&ctx, "ada".into(), "eve".into(), 1);
    assert_eq!(refusal(unknown), "eve has no account");
}

#[test]
fn an_account_is_closed_when_it_is_empty_and_nobody_pays_into_it() {
    let ctx = bank();
    assert_eq!(refusal(|| close(1)), "account 1 still holds 100");
    let order = order(&ctx, 1, 2, 10, INTERVAL, 2).unwrap();
    assert!(refusal(|| close(2)).contains("standing_order.target"));
    transfer(&ctx, 1, 2, 100).unwrap();
    // With its history and what it would have paid.
    close(1).unwrap();
    assert_eq!(balances(), [100]);
    assert_eq!((Entry::count(), StandingOrder::count()), (1, 0));
    pay(&system(&ctx), order, 1, 2).unwrap();
    assert_eq!(balances(), [100]);
}

fn system(ctx: &ReducerContext) -> ReducerContext {
    let mut system = testing::context();
    (system.sender, system.timestamp) = (Identity::SYSTEM, ctx.timestamp);
    system
}

#[test]
fn an_order_is_paid_as_often_as_it_says() {
    let ctx = bank();
    assert!(refusal(|| order(&ctx, 1, 2, 60, Duration::ZERO, 1)).contains("once at least"));
    assert!(refusal(|| order(&ctx, 1, 3, 60, INTERVAL, 1)).contains("standing_order.target"));
    let order = order(&ctx, 1, 2, 60, INTERVAL, 3).unwrap();
    assert_eq!(refusal(|| pay(&ctx, order, 1, 2)), "orders are paid by the bank itself");
    let system = system(&ctx);
    let pay = || {
        assert_eq!(testing::scheduled().len(), 1, "it is due");
        pay(&system, order, 1, 2).unwrap();
        balances()
    };
    assert_eq!(pay(), [40, 60]);
    assert_eq!(pay(), [40, 60], "there is not enough");
    deposit(&ctx, 1, 20).unwrap();
    assert_eq!(pay(), [0, 120]);
    assert!(testing::scheduled().is_empty());
    assert_eq!(StandingOrder::count(), 0);
}
