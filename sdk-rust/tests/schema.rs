//! What tables say of themselves, as the server reads it.

use cosmictron_sdk::prelude::*;
use cosmictron_sdk::{__private, Table};
use cosmictron_types::schema::{ModuleSchema, TableSchema};

#[table(name = "accounts", public, shard_by = id)]
#[rls(read = "owner = $identity OR \"is public\" = true")]
#[rls(write = "owner = $identity", force)]
pub struct Account {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub owner: Identity,
    #[pii]
    pub email: Option<String>,
    #[pii(key_context = "owner")]
    pub phone: Option<String>,
}

#[index(name = newest, unique, btree(columns = [account, at]))]
#[table(event, name = "bookings")]
#[index(btree(columns = [at, r#type]))]
pub struct Booking {
    #[fk(accounts.id)]
    pub account: Option<u64>,
    pub at: Timestamp,
    pub r#type: u8,
}

#[derive(Column)]
pub struct Total {
    pub account: u64,
    pub amount: f64,
}

#[view]
pub fn accounts_of_today() -> impl Iterator<Item = Account> {
    Account::iter()
}

#[view(definer)]
pub fn totals() -> Vec<Total> {
    Vec::new()
}

/// What it yields borrows from its context.
#[view]
pub fn mine(ctx: &ViewContext) -> impl Iterator<Item = Account> {
    Account::filter_by_owner(&ctx.sender).filter(|account| account.owner == ctx.sender())
}

fn parse() -> ModuleSchema {
    let mut items = [const { String::new() }; 5];
    Account::description().describe(&mut items[0]);
    Booking::description().describe(&mut items[1]);
    __private::describe_view(&mut items[2], "accounts_of_today", "", |_| accounts_of_today());
    __private::describe_view(&mut items[3], "totals", ",\"definer\":true", |_| totals());
    __private::describe_view(&mut items[4], "mine", ",\"caller\":true", mine);
    ModuleSchema::parse_items(items.iter().map(String::as_str)).expect("a schema")
}

#[track_caller]
fn check(table: &TableSchema, expected: &str) {
    assert_eq!(table, &serde_json::from_str::<TableSchema>(expected).expect("a table"));
}

#[test]
fn every_attribute_is_in_the_schema() {
    let schema = parse();
    check(
        schema.table(Account::NAME).expect("accounts"),
        r#"{
            "name": "accounts", "public": true, "shard_by": "id",
            "columns": [
                {"name": "id", "type": "u64", "auto_inc": true},
                {"name": "owner", "type": "identity"},
                {"name": "email", "type": {"option": "string"}, "pii": {}},
                {"name": "phone", "type": {"option": "string"}, "pii": {"key_context": "owner"}}
            ],
            "indexes": [
                {"name": "id", "columns": ["id"], "unique": true, "primary": true},
                {"name": "owner", "columns": ["owner"]}
            ],
            "policies": [
                {"read": "owner = $identity OR \"is public\" = true"},
                {"write": "owner = $identity"}
            ],
            "force_policies": true
        }"#,
    );
    check(
        schema.table(Booking::NAME).expect("bookings"),
        r#"{
            "name": "bookings", "event": true,
            "columns": [
                {"name": "account", "type": {"option": "u64"},
                 "foreign_key": {"table": "accounts", "column": "id"}},
                {"name": "at", "type": "timestamp"},
                {"name": "type", "type": "u8"}
            ],
            "indexes": [
                {"name": "newest", "columns": ["account", "at"], "unique": true},
                {"name": "at_and_type", "columns": ["at", "type"]}
            ]
        }"#,
    );
}

#[test]
fn a_view_has_the_columns_of_what_it_yields() {
    let columns = |name: &str| -> Vec<String> {
        let schema = parse();
        let view = schema.views.iter().find(|view| view.name == name).expect("a view");
        view.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect()
    };
    assert_eq!(
        columns("accounts_of_today"),
        ["id u64", "owner identity", "email option<string>", "phone option<string>"]
    );
    assert_eq!(columns("totals"), ["account u64", "amount f64"]);
}

#[test]
fn a_view_says_whether_it_is_told_who_asks_and_whose_rows_it_sees() {
    let said = |name: &str| {
        let schema = parse();
        let view = schema.view(name).expect("a view");
        (view.caller, view.definer)
    };
    assert_eq!(said("accounts_of_today"), (false, false));
    assert_eq!(said("totals"), (false, true));
    assert_eq!(said("mine"), (true, false));
}

#[test]
fn a_row_of_a_view_is_encoded_as_one_of_a_table_would_be() {
    use cosmictron_sdk::ViewRow as _;
    let total = Total { account: 7, amount: 0.5 };
    let mut row = Vec::new();
    total.encode_columns(&mut row);
    assert_eq!(row, [&7u64.to_le_bytes()[..], &0.5f64.to_le_bytes()].concat());
}

#[test]
fn a_view_can_be_called_in_a_modules_own_tests() {
    assert_eq!(mine(&cosmictron_sdk::testing::view_context()).count(), 0);
}

#[test]
fn a_result_is_described_when_there_is_one() {
    fn result<R: cosmictron_sdk::ReducerReturn<Kind>, Kind>() -> String {
        let mut out = String::new();
        __private::describe_result::<R, Kind>(&mut out);
        out
    }
    assert_eq!(result::<(), _>(), "");
    assert_eq!(result::<Result<(), String>, _>(), "");
    assert_eq!(result::<u64, _>(), r#","result":"u64""#);
    assert_eq!(result::<Option<String>, _>(), r#","result":{"option":"string"}"#);
    assert_eq!(result::<Result<Vec<u8>, InsertError>, _>(), r#","result":"bytes""#);
}
