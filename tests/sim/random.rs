//! Queries at random over a bank's tables, made as the histories of `sql/tests/it/random.rs` make theirs.

#![allow(
    dead_code,
    reason = "of what makes schemas and transactions, too, only queries are wanted"
)]

#[path = "../../sql/tests/it/random/aggregate.rs"]
mod aggregate;
#[path = "../../sql/tests/it/random/answer.rs"]
pub(crate) mod answer;
#[path = "../../sql/tests/it/random/choice.rs"]
mod choice;
#[path = "../../sql/tests/it/random/expression.rs"]
mod expression;
#[path = "../../sql/tests/it/random/from.rs"]
mod from;
#[path = "../../sql/tests/it/random/function.rs"]
mod function;
#[path = "../../sql/tests/it/random/param.rs"]
mod param;
#[path = "../../sql/tests/it/random/predicate.rs"]
mod predicate;
#[path = "../../sql/tests/it/random/query.rs"]
mod query;
#[path = "../../sql/tests/it/random/schema.rs"]
mod schema;
#[path = "../../sql/tests/it/random/scope.rs"]
mod scope;
#[path = "../../sql/tests/it/random/subquery.rs"]
mod subquery;
#[path = "../../sql/tests/it/random/value.rs"]
mod value;

use cosmictron_tests::binary::Batch;

use crate::dice::Dice;
use choice::Choices;
use query::Query;
use schema::{Column, Index, Schema, Table};
use scope::Bounds;
use value::{Family, Kind};

/// Numbers of a tape; one that needs more goes on with its simplest choices.
const TAPE: u64 = 200;

/// Banks have hundreds of rows, and queries stand without parameters.
const BOUNDS: Bounds =
    Bounds { sources_max: 3, params_max: 0, has_products: false, dares_once_in: None };

static ID: Kind = number("u64", r#""u64""#, &["1", "2", "3", "5", "8", "40"]);
static MARK: Kind = number("u64", r#""u64""#, &["3", "10", "20", "40", "80"]);
static AMOUNT: Kind = number("i64", r#""i64""#, &["0", "1", "-100", "100", "250"]);
static BALANCE: Kind = number("i64", r#""i64""#, &["1000", "0", "900", "1100", "1500"]);

const fn number(name: &'static str, json: &'static str, values: &'static [&'static str]) -> Kind {
    Kind { family: Family::Int, json, name: Some(name), values, bits: 64 }
}

/// A query over the tables of the module `bank`.
pub fn query(dice: &mut Dice) -> String {
    let draw = |_| u16::try_from(dice.roll(1 << 16)).expect("it is below the bound");
    let tape: Vec<u16> = (0..TAPE).map(draw).collect();
    let tables = vec![
        table("account", &[("id", &ID), ("balance", &BALANCE)]),
        table("entry", &[("id", &ID), ("mark", &MARK), ("account", &ID), ("amount", &AMOUNT)]),
        table("receipt", &[("id", &ID), ("mark", &MARK), ("entry", &ID)]),
    ];
    Query::random(&Schema { tables }, &mut Choices::new(&tape), BOUNDS).text
}

fn table(name: &str, columns: &[(&str, &'static Kind)]) -> Table {
    let column = |(name, kind): &(&str, &'static Kind)| Column {
        name: (*name).to_owned(),
        kind,
        is_optional: false,
        is_auto_inc: false,
    };
    let primary = Index { columns: vec![0], is_unique: true, is_primary: true };
    Table {
        name: format!("bank.{name}"),
        columns: columns.iter().map(column).collect(),
        indexes: vec![primary],
        shard_by: None,
        is_event: false,
        policies: Vec::new(),
    }
}
