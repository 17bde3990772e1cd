//! Measures queries in slices: `cargo run --release -p cosmictron-sql --example measure_slices [ROWS]`.
//!
//! For each query: what it takes in one piece, in slices and their merge, how many they are, and what the longest one
//! takes: that is how long it keeps everything else on its shard waiting. The best of several runs each.

#![expect(clippy::disallowed_types, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cosmictron_sql::{
    Catalog, ExecutionLimits, NameError, Params, Plan, PlanLimits, SLICE_ROWS, Step, plan,
};
use cosmictron_storage::{Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::Field;
use cosmictron_types::{TableId, TxId, json};

const ACCOUNT: &str = r#"{"table": {"name": "account", "public": true,
    "columns": [
        {"name": "id", "type": "u64"},
        {"name": "owner", "type": "string"},
        {"name": "balance", "type": "i64"},
        {"name": "branch", "type": "u32"}],
    "indexes": [
        {"name": "id", "columns": ["id"], "primary": true},
        {"name": "by_branch", "columns": ["branch"]}]}}"#;
const ACCOUNTS: TableId = TableId::new(1);
const RUNS: usize = 5;
const LIMITS: ExecutionLimits = ExecutionLimits {
    rows_max: 1_000_000,
    bytes_max: 1 << 30,
    scanned_max: 10_000_000,
    memory_bytes_max: 1 << 30,
};

struct Bank(Store);

impl Catalog for Bank {
    fn table(&self, _: Option<&str>, _: &str) -> Result<Arc<TableDef>, NameError> {
        Ok(self.0.table(ACCOUNTS).ok_or(NameError::Unknown)?.def().clone())
    }
}

fn main() {
    let rows = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let mut bank = Bank(filled(rows));
    println!("{rows} rows, slices of {SLICE_ROWS}");
    println!(
        "{:<28} {:>10} {:>10} {:>7} {:>10}",
        "", "whole ms", "slices ms", "slices", "longest ms"
    );
    for (name, sql) in [
        ("filter", "SELECT id FROM account WHERE balance = -1"),
        ("filter by an index", "SELECT id FROM account WHERE branch < 50 AND balance = -1"),
        ("sum", "SELECT sum(balance), max(id) FROM account"),
        ("100 groups", "SELECT branch, count(*), sum(balance) FROM account GROUP BY branch"),
        (
            "100,000 groups",
            "SELECT balance, count(*) FROM account WHERE branch = 7 OR branch < 10 GROUP BY 1 ORDER BY 2, 1 LIMIT 10",
        ),
        ("distinct, all", "SELECT DISTINCT owner FROM account LIMIT 1 OFFSET 400000"),
        ("first 10 by order", "SELECT id FROM account ORDER BY balance DESC LIMIT 10"),
        ("first 10,000 by order", "SELECT id FROM account ORDER BY balance DESC LIMIT 10000"),
        ("100,000 sorted", "SELECT id FROM account WHERE id < 100000 ORDER BY balance, owner"),
        ("100,000 rows", "SELECT * FROM account LIMIT 100000"),
    ] {
        measure(&mut bank, name, sql);
    }
}

fn measure(bank: &mut Bank, name: &str, sql: &str) {
    let plan = Arc::new(plan(sql, bank, &PlanLimits::default()).expect(sql));
    let params = Arc::new(plan.bind_params(&[]).expect("no parameters"));
    let whole = (0..RUNS).map(|_| {
        let started = Instant::now();
        black_box(plan.execute(&bank.0, &params, &LIMITS).expect(sql).len());
        started.elapsed()
    });
    let whole = whole.min().unwrap_or_default();
    let runs: Vec<_> = (0..RUNS).map(|_| in_slices(&mut bank.0, &plan, &params)).collect();
    let (sliced, steps, _) = runs.iter().copied().min().unwrap_or_default();
    let longest = runs.iter().map(|(_, _, longest)| *longest).min().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<28} {:>10.2} {:>10.2} {steps:>7} {:>10.2}",
        ms(whole),
        ms(sliced),
        ms(longest)
    );
}

/// All slices and the merge, how many slices, the longest of them.
fn in_slices(
    store: &mut Store,
    plan: &Arc<Plan>,
    params: &Arc<Params>,
) -> (Duration, u32, Duration) {
    let mut run = plan.begin_part(params.clone(), &LIMITS, store.committed());
    let (mut sum, mut steps, mut longest) = (Duration::ZERO, 0, Duration::ZERO);
    loop {
        let started = Instant::now();
        let step = run.step(store, SLICE_ROWS).expect("a slice");
        let took = started.elapsed();
        (sum, steps, longest) = (sum + took, steps + 1, longest.max(took));
        if let Step::Done(part) = step {
            let (started, parts) = (Instant::now(), [part]);
            black_box(plan.merge(&parts, params, &LIMITS).expect("an answer").len());
            return (sum + started.elapsed(), steps, longest);
        }
    }
}

fn filled(rows: u64) -> Store {
    let schema = ModuleSchema::parse_items([ACCOUNT]).expect("a valid schema");
    let table = Arc::new(schema.tables.into_iter().next().expect("one table"));
    let mut store = Store::new(StoreLimits::default());
    store.create_table(ACCOUNTS, table.clone(), &|_| None).expect("a new table");
    let fields = table.columns.iter();
    let fields: Vec<Field> =
        fields.map(|column| Field { name: column.name.clone(), ty: column.ty.clone() }).collect();
    let def = store.table(ACCOUNTS).expect("the table was created").def().clone();
    store.begin(TransactionLimits::UNBOUNDED);
    let (mut scratch, mut row) = (json::Scratch::default(), Vec::new());
    for id in 0..rows {
        let balance = id * 7_919 % 1_000_003;
        let text = format!(r#"[{id}, "owner {id}", {balance}, {}]"#, id % 100);
        let limits = json::Limits { row_bytes_max: 1 << 20 };
        row.clear();
        let text = text.as_bytes();
        json::decode_arguments(&fields, &def.layout, text, limits, &mut scratch, &mut row)
            .expect("a valid row");
        store.insert(def.id, &mut row).expect("a new key");
    }
    store.commit(TxId::new(1));
    store
}
